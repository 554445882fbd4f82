//! The only door. Every path that compares a password with a stored hash goes through [`enter`], and only what it hands out
//! opens a session. An attempt is counted in the database before the hash is computed and accounted for afterwards, so that
//! neither parallel requests, nor other nodes, nor a crash ever buy a guess more than the limit.

mod attempt;
mod good;
mod refusal;
mod remembered;
mod settle;

use std::time::{Duration, Instant};

use super::governor::Permit;
use crate::{
    Directory,
    error::{Error, Result},
    kind::AccountKind,
    origin::Origin,
    passwords::{Password, hasher},
    store::{
        BoxFuture, Tx,
        accounts::Credential,
        attempts::{self, AsOf},
    },
};
pub use attempt::BLOCK_AT;
use attempt::{Attempt, Begun, CountedOn};
use good::Good;
pub(crate) use remembered::Remembered;

/// How long an attempt may be under way before other nodes take its node for dead and count it as a failure.
const LEASE: Duration = Duration::from_secs(10);
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
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    account: Credential,
    origin: Origin,
}

impl Verified {
    pub(crate) fn account(&self) -> &Credential {
        &self.account
    }
}

/// What happens between the comparison, if it was good, and the transaction that accounts for it.
pub(crate) type Prepare<W, C> = for<'a> fn(&'a Directory, &'a Credential, W) -> BoxFuture<'a, Result<C>>;

/// What `prepare` would come to, as far as this node knows without asking: nothing if it does not know, or if it would not be
/// let in, as what is refused has to take the time of a hash. The second part says of what that is true.
pub(crate) type Ready<W, C> = for<'a> fn(&'a Directory, &'a Credential, &'a W) -> Option<(C, AsOf)>;

/// What happens in the transaction in which a good login is accounted for.
pub(crate) type Entrance<C, T> = for<'a> fn(&'a Verified, &'a C, &'a mut Tx) -> BoxFuture<'a, Result<Entry<T>>>;

/// What the entrance comes to.
pub(crate) enum Entry<T> {
    /// Come in.
    Open(T),
    /// The password was right, and still: for this reason, which only the audit log learns.
    Refused(String),
}

/// What becomes of someone whose password is right.
pub(crate) struct Way<W, C, T> {
    /// Nothing where the hash is to be computed whatever is remembered.
    pub(crate) ready: Option<Ready<W, C>>,
    pub(crate) prepare: Prepare<W, C>,
    pub(crate) entrance: Entrance<C, T>,
}

/// Compares the password, and if it is right runs `prepare`, and `entrance` in the transaction that says so.
///
/// Goes on to its end even when the one who asked hangs up, so that no slot stays taken.
pub(crate) async fn enter<W, C, T>(directory: &Directory, knock: Knock, wish: W, way: Way<W, C, T>) -> Result<T>
where
    W: Send + Sync + 'static,
    C: Send + Sync + 'static,
    T: Send + 'static,
{
    let own = directory.clone();
    let run = tokio::spawn(async move { attempt(&own, knock, wish, &way).await });
    let result = run.await.map_err(|stopped| Error::Internal(stopped.to_string()))?;
    directory.metrics.login(match &result {
        Ok(_) => "ok",
        Err(Error::LoginRefused) => "refused",
        Err(_) => "unavailable",
    });
    result
}

async fn attempt<W, C, T>(directory: &Directory, knock: Knock, wish: W, way: &Way<W, C, T>) -> Result<T>
where
    W: Send + Sync + 'static,
    C: Send + Sync + 'static,
    T: Send + 'static,
{
    let (turn, attempt, credential) = match attempt::take(directory, &knock, &wish, way).await? {
        Begun::Over(entered) => return entered.ok_or(Error::LoginRefused),
        Begun::Attempt(permit, attempt, credential) => (Ok(permit), attempt, credential),
        Begun::Waiting(attempt, credential, flow, deadline) => {
            (directory.governor.admit(&flow, usize::MAX, None, deadline).await, attempt, credential)
        }
    };
    let checked = match turn {
        Ok(permit) => {
            check(directory, &permit, &knock, credential.as_ref(), &attempt).await.map(|outcome| (outcome, permit))
        }
        Err(fault) => Err(fault),
    };
    // Kept to the end: a turn is for all of the attempt.
    let (outcome, _permit) = match checked {
        Ok(checked) => checked,
        Err(fault) => {
            settle::abandon(directory, &knock, credential, &attempt).await?;
            return Err(fault);
        }
    };
    let verified_at = directory.remembered.now();
    match (outcome, credential) {
        (Outcome::Right { rehashed }, Some(account)) => {
            let context = match (way.prepare)(directory, &account, wish).await {
                Ok(context) => context,
                Err(fault) => {
                    settle::give_back(directory, Some(account), &attempt).await?;
                    return Err(fault);
                }
            };
            let verified = Verified { account, origin: knock.origin.clone() };
            let good = Good { rehashed, act: knock.act, ids: directory.random.clone() };
            let context = (verified.clone(), good.clone(), context);
            let entered = settle::accept(directory, attempt, context, way.entrance).await?;
            if way.ready.is_some() {
                let hash = good.rehashed.as_ref().unwrap_or(&verified.account.password_hash);
                directory.remembered.remember(&verified.account, hash, &knock.password, verified_at);
            }
            Ok(entered)
        }
        (_, credential) => settle::refuse(directory, &knock, credential, &attempt).await,
    }
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
    let (compare, is_wrong) = (matches!(attempt.counted_on, CountedOn::Account), attempt.is_wrong);
    let (password, verifications) = (knock.password.clone(), directory.metrics.password_verifications.clone());
    let salt = directory.random.salt();
    let taken = Instant::now();
    permit
        .run(move |hasher| {
            // Others may take this node for dead before long: then there is nothing to compare any more. Of what is known to
            // be wrong nothing more is learned.
            if taken.elapsed() > LEASE / 2 && !is_wrong {
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

/// Counts what was under way when this node last stopped. Only where no other node can be at work on the same data.
pub(crate) async fn recover(directory: &Directory) -> Result<()> {
    directory.store.write((), |(), tx| Box::pin(count_interrupted(tx))).await
}

/// Counts every attempt that is under way as a failure, where it is known that none comes to its end.
pub(crate) async fn count_interrupted(tx: &mut Tx) -> Result<()> {
    for (account, in_flight, threshold) in attempts::accounts_in_flight(tx).await? {
        attempts::count_failures(tx, &account, in_flight, threshold).await?;
    }
    Ok(attempts::delete_all(tx).await?)
}

/// Removes the notes of decoys, and of accounts since deleted, that dead nodes left behind.
pub(crate) async fn tidy(tx: &mut Tx) -> Result<()> {
    let before = tx.now().minus(2 * LEASE);
    Ok(attempts::delete_orphans(tx, before).await?)
}

#[cfg(test)]
mod tests;
