//! The only door. Every path that compares a password with a stored hash goes through [`enter`], and only what it hands out
//! opens a session. An attempt is counted in the database before the hash is computed and accounted for afterwards, so that
//! neither parallel requests, nor other nodes, nor a crash ever buy a guess more than the limit.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::governor::{Flow, Permit};
use crate::{
    Directory,
    accounts::AccountKind,
    audit::{self, Record},
    caller::Origin,
    entity::{fold, is_control},
    error::{Error, Result},
    passwords::{Password, hasher},
    store::{
        BoxFuture, Tx,
        accounts::{self, Credential},
        attempts::{self, Limits},
    },
    time::Timestamp,
};

/// Consecutive failures over any span that block a password until an administrator acts (NIST SP 800-63B-4, 3.2.2).
const BLOCK_AT: i64 = 100;
/// How long an attempt may be under way before other nodes take its node for dead and count it as a failure.
const LEASE: Duration = Duration::from_secs(10);
/// A login that did not get its turn by then is told to come back.
const DEADLINE: Duration = Duration::from_secs(25);
/// The pause before asking again for a slot that attempts elsewhere hold.
const SLOT_PAUSE: Duration = Duration::from_millis(8);
/// How many rows stand in for accounts that do not exist.
const DECOYS: u128 = 64;

/// Someone at the door.
#[derive(Debug, Clone)]
pub(crate) struct Knock {
    /// Nothing if the provider is not one of ours.
    pub(crate) kind: Option<AccountKind>,
    pub(crate) username: String,
    pub(crate) password: Password,
    pub(crate) origin: Origin,
    /// What the password is wanted for, as the audit log calls it.
    pub(crate) act: &'static str,
}

/// Proof that an account's password was compared and right, in the transaction that is open now.
#[derive(Debug)]
pub(crate) struct Verified {
    account: Credential,
    origin: Origin,
}

impl Verified {
    pub(crate) fn account(&self) -> &Credential {
        &self.account
    }
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// Why someone was not let in. For the audit log; the one at the door learns only that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    UnknownProvider,
    UnknownAccount,
    NoPassword,
    Disabled,
    Locked,
    Blocked,
    WrongPassword,
    WrongPasswordLocks,
    AccountChanged,
}

impl Refusal {
    fn as_str(self) -> &'static str {
        match self {
            Self::UnknownProvider => "unknown provider",
            Self::UnknownAccount => "unknown account",
            Self::NoPassword => "account without password",
            Self::Disabled => "account disabled",
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
struct Attempt {
    id: Uuid,
    counted_on: CountedOn,
}

#[derive(Debug, Clone, Copy)]
enum CountedOn {
    Account,
    /// There is nothing to compare with: the same work is done on a stand-in.
    Decoy(Uuid, Refusal),
}

enum Taken {
    Attempt(Attempt),
    /// All the slots are held by attempts under way, or the account has just been changed.
    NotNow,
}

/// What happens in the transaction in which a good login is accounted for.
pub(crate) type Entrance<C, T> = for<'a> fn(&'a Verified, &'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>>;

/// Compares the password, and if it is right runs `entrance` in the transaction that says so.
///
/// Goes on to its end even when the one who asked hangs up, so that no slot stays taken.
pub(crate) async fn enter<C, T>(directory: &Directory, knock: Knock, context: C, entrance: Entrance<C, T>) -> Result<T>
where
    C: Clone + Send + Sync + 'static,
    T: Send + 'static,
{
    let own = directory.clone();
    let run = tokio::spawn(async move { attempt(&own, knock, context, entrance).await });
    let result = run.await.map_err(|stopped| Error::Internal(stopped.to_string()))?;
    directory.metrics.login(match &result {
        Ok(_) => "ok",
        Err(Error::LoginRefused) => "refused",
        Err(_) => "unavailable",
    });
    result
}

async fn attempt<C, T>(directory: &Directory, knock: Knock, context: C, entrance: Entrance<C, T>) -> Result<T>
where
    C: Clone + Send + Sync + 'static,
    T: Send + 'static,
{
    let (permit, attempt, credential) = take(directory, &knock).await?;
    let checked = check(directory, &permit, &knock, credential.as_ref(), &attempt).await;
    let outcome = match checked {
        Ok(outcome) => outcome,
        Err(fault) => {
            give_back(directory, credential, &attempt).await?;
            return Err(fault);
        }
    };
    match (outcome, credential) {
        (Outcome::Right { rehashed }, Some(account)) => {
            let verified = Verified { account, origin: knock.origin.clone() };
            let settled = Settled { attempt, rehashed, act: knock.act, ids: directory.random.clone() };
            accept(directory, verified, settled, context, entrance).await
        }
        (_, credential) => refuse(directory, knock, credential, attempt).await,
    }
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
async fn take(directory: &Directory, knock: &Knock) -> Result<(Permit, Attempt, Option<Credential>)> {
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
    let decoy = Uuid::from_u128(directory.random.number() % DECOYS);
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
    attempts::take_decoy(tx, &decoy).await?;
    attempts::insert(tx, &id, &decoy).await?;
    let refusal = refusal.unwrap_or(Refusal::UnknownAccount);
    Ok(Taken::Attempt(Attempt { id, counted_on: CountedOn::Decoy(decoy, refusal) }))
}

/// Attempts whose lease has run out belonged to a node that is gone: whatever they were, they count as failures.
async fn count_the_dead(tx: &mut Tx, account: &Credential) -> Result<()> {
    let dead = attempts::delete_stale(tx, &account.id, tx.now().minus(LEASE)).await?;
    if dead > 0 {
        attempts::count_failures(tx, &account.id, dead, dead, account.threshold).await?;
    }
    Ok(())
}

enum Outcome {
    Right { rehashed: Option<String> },
    Wrong,
}

async fn check(
    directory: &Directory,
    permit: &Permit,
    knock: &Knock,
    credential: Option<&Credential>,
    attempt: &Attempt,
) -> Result<Outcome> {
    let stored = credential.map(|account| account.password_hash.clone()).unwrap_or_default();
    let compare = matches!(attempt.counted_on, CountedOn::Account);
    let (password, verifications) = (knock.password.clone(), directory.metrics.password_verifications.clone());
    let salt = directory.random.salt();
    let taken = Instant::now();
    permit
        .run(move |hasher| {
            // Others may take this node for dead before long: then there is nothing to compare any more.
            if taken.elapsed() > LEASE / 2 {
                return Err(Error::Overloaded { retry_after_seconds: 1 });
            }
            if !compare {
                hasher.decoy(&password, &stored)?;
                return Ok(Outcome::Wrong);
            }
            verifications.inc();
            if !hasher.verify(&password, &stored)? {
                return Ok(Outcome::Wrong);
            }
            let rehashed = hasher::is_outdated(&stored).then(|| hasher.hash(&password, &salt)).transpose()?;
            Ok(Outcome::Right { rehashed })
        })
        .await?
}

/// Frees the slot of an attempt in which nothing was compared.
async fn give_back(directory: &Directory, credential: Option<Credential>, attempt: &Attempt) -> Result<()> {
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

async fn refuse<T>(directory: &Directory, knock: Knock, credential: Option<Credential>, attempt: Attempt) -> Result<T> {
    let audit_id = directory.random.uuid(directory.store.now());
    let locked = directory
        .store
        .write((knock, credential, attempt, audit_id), |(knock, credential, attempt, audit_id), tx| {
            Box::pin(async move {
                let held = attempts::delete(tx, &attempt.id).await?;
                let refusal = match (attempt.counted_on, credential) {
                    (CountedOn::Account, Some(account)) if held => {
                        if attempts::count_failures(tx, &account.id, 1, 1, account.threshold).await? {
                            Refusal::WrongPasswordLocks
                        } else {
                            Refusal::WrongPassword
                        }
                    }
                    (CountedOn::Account, _) => Refusal::WrongPassword,
                    (CountedOn::Decoy(decoy, refusal), _) => {
                        attempts::count_decoy(tx, &decoy).await?;
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
        object_kind: knock.kind.map_or("", AccountKind::target),
        object_id: credential.map(|account| account.id),
        object_name: credential.map_or(&tried, |account| &account.name),
        outcome: audit::REFUSED,
        reason: refusal.as_str(),
        origin: &knock.origin,
        changes: audit::NO_CHANGES,
    };
    audit::write(tx, id, &record).await
}

#[derive(Clone)]
struct Settled {
    attempt: Attempt,
    rehashed: Option<String>,
    act: &'static str,
    ids: crate::random::Random,
}

async fn accept<C, T>(
    directory: &Directory,
    verified: Verified,
    settled: Settled,
    context: C,
    entrance: Entrance<C, T>,
) -> Result<T>
where
    C: Send + Sync + 'static,
    T: Send + 'static,
{
    let entered = directory
        .store
        .write((verified, settled, context, entrance), |(verified, settled, context, entrance), tx| {
            Box::pin(async move {
                let account = &verified.account;
                let held = attempts::delete(tx, &settled.attempt.id).await?;
                let in_flight =
                    attempts::count_success(tx, &account.id, account.credential_version, i64::from(held)).await?;
                let id = settled.ids.uuid(tx.now());
                let Some(in_flight) = in_flight else {
                    // The password was changed, or the account disabled or deleted, while it was being compared.
                    if held {
                        attempts::free_slots(tx, &account.id, 1).await?;
                    }
                    audit::write(tx, &id, &outcome(verified, settled.act, Some(Refusal::AccountChanged))).await?;
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
                let result = entrance(verified, context, tx).await?;
                audit::write(tx, &id, &outcome(verified, settled.act, None)).await?;
                Ok(Some(result))
            })
        })
        .await?;
    entered.ok_or(Error::LoginRefused)
}

fn outcome<'a>(verified: &'a Verified, act: &'static str, refusal: Option<Refusal>) -> Record<'a> {
    Record {
        actor: &verified.account.name,
        act,
        object_kind: verified.account.kind.target(),
        object_id: Some(verified.account.id),
        object_name: &verified.account.name,
        outcome: if refusal.is_some() { audit::REFUSED } else { audit::DONE },
        reason: refusal.map_or("", Refusal::as_str),
        origin: &verified.origin,
        changes: audit::NO_CHANGES,
    }
}

/// Counts what was under way when this node last stopped. Only where no other node can be at work on the same data.
pub(crate) async fn recover(directory: &Directory) -> Result<()> {
    directory
        .store
        .write((), |(), tx| {
            Box::pin(async move {
                for (account, in_flight, threshold) in attempts::accounts_in_flight(tx).await? {
                    attempts::count_failures(tx, &account, in_flight, in_flight, threshold).await?;
                }
                attempts::delete_before(tx, Timestamp::from_micros(i64::MAX)).await?;
                Ok(())
            })
        })
        .await
}

/// Removes the notes of decoys, and of accounts since deleted, that dead nodes left behind.
pub(crate) async fn tidy(tx: &mut Tx) -> Result<()> {
    let before = tx.now().minus(2 * LEASE);
    Ok(attempts::delete_orphans(tx, before).await?)
}
