//! The first half of an attempt: a turn, and a slot that is counted before anything is compared.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{Knock, LEASE};
use crate::{
    Directory,
    entity::fold,
    error::{Error, Result},
    kind::AccountKind,
    login::governor::{Flow, Permit},
    store::{
        Tx,
        accounts::{self, Credential},
        attempts::{self, Limits},
    },
};

/// Consecutive failures over any span that block a password until an administrator acts (NIST SP 800-63B-4, 3.2.2).
pub const BLOCK_AT: i64 = 100;
/// A login that did not get its turn by then is told to come back.
const DEADLINE: Duration = Duration::from_secs(25);
/// The pause before asking again for a slot that attempts elsewhere hold.
const SLOT_PAUSE: Duration = Duration::from_millis(8);

/// Why someone was not let in. For the audit log; the one at the door learns only that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownProvider,
    UnknownAccount,
    NoPassword,
    Disabled,
    Blacklisted,
    Locked,
    Blocked,
    WrongPassword,
    WrongPasswordLocks,
    AccountChanged,
}

impl Refusal {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownProvider => "unknown provider",
            Self::UnknownAccount => "unknown account",
            Self::NoPassword => "account without password",
            Self::Disabled => "account disabled",
            Self::Blacklisted => "account blacklisted",
            Self::Locked => "account locked",
            Self::Blocked => "account blocked after 100 failures",
            Self::WrongPassword => "wrong password",
            Self::WrongPasswordLocks => "wrong password, account locked",
            Self::AccountChanged => "account changed during the login",
        }
    }
}

/// An attempt that has been let in, and what it is counted on.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) id: Uuid,
    pub(super) counted_on: CountedOn,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum CountedOn {
    Account,
    /// There is nothing to compare with: the same work is done on a stand-in.
    Decoy(Uuid, Refusal),
}

enum Taken {
    Attempt(Attempt),
    /// All the slots are held by attempts under way, or the account has just been changed.
    NotNow,
}

async fn find(directory: &Directory, knock: &Knock) -> Result<Option<Credential>> {
    let Some(kind) = knock.kind else { return Ok(None) };
    // No name has one, and PostgreSQL takes no text that does.
    if knock.username.contains('\0') {
        return Ok(None);
    }
    directory
        .store
        .read((kind, fold(&knock.username)), |(kind, name_key), tx| {
            Box::pin(async move { Ok(accounts::credential(tx, *kind, name_key).await?) })
        })
        .await
}

/// Waits for a turn and takes a slot. Surplus attempts wait for those under way: they are not refused.
pub(super) async fn take(directory: &Directory, knock: &Knock) -> Result<(Permit, Attempt, Option<Credential>)> {
    let deadline = Instant::now() + DEADLINE;
    let key = format!("{}/{}", knock.kind.map_or("", AccountKind::as_str), fold(&knock.username));
    let flow = Flow::new(knock.origin.source, key);
    let mut ticket = None;
    loop {
        let credential = find(directory, knock).await?;
        // One that others are ahead of asks by itself; else as many as there are slots.
        let slots = credential.as_ref().map_or(i64::MAX, |account| account.threshold - account.failed_attempts);
        let lanes = if ticket.is_some() { 1 } else { usize::try_from(slots).unwrap_or(1).max(1) };
        let permit = directory.governor.admit(&flow, lanes, ticket, deadline).await?;
        match take_slot(directory, knock, credential.as_ref()).await? {
            Taken::Attempt(attempt) => return Ok((permit, attempt, credential)),
            // The governor may give a turn for ever to one who then finds no slot.
            Taken::NotNow if Instant::now() >= deadline => return Err(Error::Overloaded { retry_after_seconds: 1 }),
            Taken::NotNow => {
                ticket = Some(permit.ticket());
                drop(permit);
                tokio::time::sleep(SLOT_PAUSE).await;
            }
        }
    }
}

async fn take_slot(directory: &Directory, knock: &Knock, credential: Option<&Credential>) -> Result<Taken> {
    let id = directory.random.uuid(directory.store.now());
    let decoy = accounts::decoy(directory.random.number());
    let refusal = match (knock.kind, credential) {
        (None, _) => Some(Refusal::UnknownProvider),
        (_, None) => Some(Refusal::UnknownAccount),
        (_, Some(account)) if account.password_hash.is_empty() => Some(Refusal::NoPassword),
        _ => None,
    };
    let context = (id, decoy, credential.cloned(), refusal);
    directory
        .store
        .write(context, |(id, decoy, credential, refusal), tx| {
            Box::pin(take_in(tx, *id, *decoy, credential.as_ref(), *refusal))
        })
        .await
}

async fn take_in(
    tx: &mut Tx,
    id: Uuid,
    decoy: Uuid,
    credential: Option<&Credential>,
    mut refusal: Option<Refusal>,
) -> Result<Taken> {
    // Asked for even where there is no account: every attempt costs the same statements.
    let account_id = credential.map_or(decoy, |account| account.id);
    let standing = attempts::standing(tx, &account_id).await?;
    if let (None, Some(account)) = (refusal, credential) {
        let cutoff = tx.now().minus(account.lock_duration);
        refusal = match standing {
            None => return Ok(Taken::NotNow),
            Some(now) if now.disabled => Some(Refusal::Disabled),
            Some(now) if now.blacklisted => Some(Refusal::Blacklisted),
            Some(now) if now.credential_version != account.credential_version => return Ok(Taken::NotNow),
            Some(now) if now.failures_since_reset >= BLOCK_AT => Some(Refusal::Blocked),
            Some(now) if now.lock_start > cutoff => Some(Refusal::Locked),
            Some(_) => None,
        };
        if refusal.is_none() {
            let limits = Limits { threshold: account.threshold, block_at: BLOCK_AT, lock_cutoff: cutoff };
            if !attempts::take_slot(tx, &account.id, account.credential_version, &limits).await? {
                count_the_dead(tx, account).await?;
                return Ok(Taken::NotNow);
            }
            attempts::insert(tx, &id, &account.id).await?;
            return Ok(Taken::Attempt(Attempt { id, counted_on: CountedOn::Account }));
        }
    }
    attempts::take_slot(tx, &decoy, accounts::DECOY_VERSION, &Limits::NONE).await?;
    attempts::insert(tx, &id, &decoy).await?;
    let refusal = refusal.unwrap_or(Refusal::UnknownAccount);
    Ok(Taken::Attempt(Attempt { id, counted_on: CountedOn::Decoy(decoy, refusal) }))
}

/// Attempts whose lease has run out belonged to a node that is gone: whatever they were, they count as failures.
async fn count_the_dead(tx: &mut Tx, account: &Credential) -> Result<()> {
    let dead = attempts::delete_stale(tx, &account.id, tx.now().minus(LEASE)).await?;
    if dead > 0 {
        attempts::count_failures(tx, &account.id, dead, account.threshold).await?;
    }
    Ok(())
}
