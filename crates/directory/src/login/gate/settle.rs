//! The second half of an attempt: what the comparison came to is accounted for, and who was right is let in.

use uuid::Uuid;

use super::{
    Entrance, Entry, Knock, LEASE, Verified,
    attempt::{Attempt, CountedOn, Refusal},
};
use crate::{
    Directory,
    audit::{self, Record},
    entity::is_control,
    error::{Error, Result},
    kind::AccountKind,
    random::Random,
    store::{
        Tx,
        accounts::{self, Credential},
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

/// What a good comparison brings into its transaction.
#[derive(Clone)]
pub(super) struct Settled {
    /// The password's hash by today's costs, if the stored one is of others.
    pub(super) rehashed: Option<String>,
    pub(super) act: &'static str,
    pub(super) ids: Random,
}

pub(super) async fn accept<C, T>(
    directory: &Directory,
    attempt: Attempt,
    (verified, settled, context): (Verified, Settled, C),
    entrance: Entrance<C, T>,
) -> Result<T>
where
    C: Send + Sync + 'static,
    T: Send + 'static,
{
    let entered = directory
        .store
        .write(
            (attempt, verified, settled, context, entrance),
            |(attempt, verified, settled, context, entrance), tx| {
                Box::pin(async move {
                    let held = attempts::delete(tx, &attempt.id).await?;
                    let_in(tx, held, verified, settled, context, *entrance).await
                })
            },
        )
        .await?;
    entered.ok_or(Error::LoginRefused)
}

/// Counts a good comparison, and lets in. `held` is whether its slot is still taken. Nothing if the account is no longer the
/// one whose password was right, or the entrance refuses.
pub(super) async fn let_in<C, T>(
    tx: &mut Tx,
    held: bool,
    verified: &Verified,
    settled: &Settled,
    context: &C,
    entrance: Entrance<C, T>,
) -> Result<Option<T>> {
    let account = &verified.account;
    let in_flight = attempts::count_success(tx, &account.id, account.credential_version, i64::from(held)).await?;
    let id = settled.ids.uuid(tx.now());
    let Some(in_flight) = in_flight else {
        // The password was changed, or the account disabled or deleted, while it was being compared.
        if held {
            attempts::free_slots(tx, &account.id, 1).await?;
        }
        let changed = Refusal::AccountChanged.as_str();
        audit::write(tx, &id, &outcome(verified, settled.act, Some(changed))).await?;
        return Ok(None);
    };
    if in_flight > 0 {
        // What died before a good login is no failure after it.
        let dead = attempts::delete_stale(tx, &account.id, tx.now().minus(LEASE)).await?;
        attempts::free_slots(tx, &account.id, dead).await?;
    }
    if let Some(hash) = &settled.rehashed {
        accounts::set_password_hash(tx, &account.id, hash).await?;
    }
    let (result, refused) = match entrance(verified, context, tx).await? {
        Entry::Open(result) => (Some(result), None),
        Entry::Refused(reason) => (None, Some(reason)),
    };
    audit::write(tx, &id, &outcome(verified, settled.act, refused.as_deref())).await?;
    Ok(result)
}

fn outcome<'a>(verified: &'a Verified, act: &'static str, refusal: Option<&'a str>) -> Record<'a> {
    Record {
        actor: &verified.account.name,
        act,
        object_kind: verified.account.kind.object_kind(),
        object_id: Some(verified.account.id),
        object_name: &verified.account.name,
        outcome: if refusal.is_some() { audit::REFUSED } else { audit::DONE },
        reason: refusal.unwrap_or_default(),
        origin: &verified.origin,
        changes: audit::NO_CHANGES,
    }
}
