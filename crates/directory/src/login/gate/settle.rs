//! The second half of an attempt: what the comparison came to is accounted for.

use uuid::Uuid;

use super::{
    Entrance, Knock, Verified,
    attempt::{Attempt, CountedOn},
    good::{self, Good},
    refusal::Refusal,
};
use crate::{
    Directory,
    audit::{self, Record},
    entity::is_control,
    error::{Error, Result},
    kind::AccountKind,
    store::{
        Tx,
        accounts::Credential,
        attempts::{self, Limits},
    },
};

/// Frees the slot of an attempt in which nothing was compared.
pub(super) async fn give_back(directory: &Directory, credential: Option<Credential>, attempt: &Attempt) -> Result<()> {
    directory
        .store
        .write((credential, attempt.clone()), |(credential, attempt), tx| {
            Box::pin(async move {
                let held = attempts::delete(tx, &attempt.id).await?;
                if let (true, CountedOn::Account, Some(account)) = (held, attempt.counted_on, credential) {
                    attempts::free_slots(tx, &account.id, 1).await?;
                }
                Ok(())
            })
        })
        .await
}

/// Puts away an attempt that comes to no end, because there is no turn for it or no hash. One of which it is known that it was
/// wrong has been compared, and counts: else whoever floods the node could compare any number.
pub(super) async fn abandon(
    directory: &Directory,
    knock: &Knock,
    credential: Option<Credential>,
    attempt: &Attempt,
) -> Result<()> {
    if !attempt.is_wrong {
        return give_back(directory, credential, attempt).await;
    }
    match refuse::<()>(directory, knock, credential, attempt).await {
        Err(Error::LoginRefused) => Ok(()),
        other => other,
    }
}

pub(super) async fn refuse<T>(
    directory: &Directory,
    knock: &Knock,
    credential: Option<Credential>,
    attempt: &Attempt,
) -> Result<T> {
    let audit_id = directory.random.uuid(directory.store.now());
    let locked = directory
        .store
        .write((knock.clone(), credential, attempt.clone(), audit_id), |(knock, credential, attempt, audit_id), tx| {
            Box::pin(async move {
                let held = attempts::delete(tx, &attempt.id).await?;
                let refusal = match (attempt.counted_on, credential) {
                    (CountedOn::Account, Some(account)) if held => {
                        if attempts::count_failures(tx, &account.id, 1, account.threshold).await? {
                            Refusal::WrongPasswordLocks
                        } else {
                            Refusal::WrongPassword
                        }
                    }
                    (CountedOn::Account, _) => Refusal::WrongPassword,
                    (CountedOn::Decoy(decoy, refusal), _) => {
                        attempts::count_failures(tx, &decoy, 1, Limits::NONE.threshold).await?;
                        refusal
                    }
                };
                record(tx, audit_id, knock, credential.as_ref(), refusal).await?;
                Ok(refusal == Refusal::WrongPasswordLocks)
            })
        })
        .await?;
    if locked {
        directory.metrics.lockouts.inc();
    }
    Err(Error::LoginRefused)
}

async fn record(
    tx: &mut Tx,
    id: &Uuid,
    knock: &Knock,
    credential: Option<&Credential>,
    refusal: Refusal,
) -> Result<()> {
    let shown = |c| if is_control(c) { char::REPLACEMENT_CHARACTER } else { c };
    let tried: String = knock.username.chars().take(255).map(shown).collect();
    let record = Record {
        actor: audit::NOBODY,
        act: knock.act,
        object_kind: knock.kind.map_or("", AccountKind::object_kind),
        object_id: credential.map(|account| account.id),
        object_name: credential.map_or(&tried, |account| &account.name),
        outcome: audit::REFUSED,
        reason: refusal.as_str(),
        origin: &knock.origin,
        changes: audit::NO_CHANGES,
    };
    audit::write(tx, id, &record).await
}

/// Refuses a good comparison whose account has gone before it could be accounted for.
pub(super) async fn lose<T>(directory: &Directory, attempt: Attempt, verified: Verified, good: Good) -> Result<T> {
    directory
        .store
        .write((attempt, verified, good), |(attempt, verified, good), tx| {
            Box::pin(async move {
                let held = attempts::delete(tx, &attempt.id).await?;
                good::lose(tx, held, verified, good).await
            })
        })
        .await?;
    Err(Error::LoginRefused)
}

pub(super) async fn accept<C, T>(
    directory: &Directory,
    attempt: Attempt,
    (verified, good, context): (Verified, Good, C),
    entrance: Entrance<C, T>,
) -> Result<T>
where
    C: Send + Sync + 'static,
    T: Send + 'static,
{
    let entered = directory
        .store
        .write((attempt, verified, good, context, entrance), |(attempt, verified, good, context, entrance), tx| {
            Box::pin(async move {
                let held = attempts::delete(tx, &attempt.id).await?;
                good::let_in(tx, held, verified, good, context, *entrance).await
            })
        })
        .await?;
    entered.ok_or(Error::LoginRefused)
}
