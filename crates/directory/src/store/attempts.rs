//! The gate's statements: slots of an account, each taken before a password is compared and accounted for afterwards.

use uuid::Uuid;

use super::{Tx, accounts::NEVER};
use crate::{
    error::{Failure, Result},
    time::Timestamp,
};

/// What a slot is taken under.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Consecutive failures that lock the account.
    pub(crate) threshold: i64,
    /// Consecutive failures, over any span, that block it until an administrator acts.
    pub(crate) block_at: i64,
    /// A lock that began at this moment or before it has run out.
    pub(crate) lock_cutoff: Timestamp,
}

impl Limits {
    /// None: those of a decoy, which takes every attempt and never locks.
    pub(crate) const NONE: Self =
        Self { threshold: i64::MAX, block_at: i64::MAX, lock_cutoff: Timestamp::from_micros(i64::MAX) };
}

/// Of which versions something is true that was found before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AsOf {
    /// The configuration's.
    pub(crate) configuration: i64,
    /// The account's profile's.
    pub(crate) profile: i64,
}

/// Where an account's counters stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) credential_version: i64,
    pub(crate) disabled: bool,
    pub(crate) blacklisted: bool,
    pub(crate) failures_since_reset: i64,
    pub(crate) lock_start: Timestamp,
    pub(crate) as_of: AsOf,
}

/// Takes a slot, if the account is open and has one. This one statement is what makes the lock-out exact.
pub(crate) async fn take_slot(
    tx: &mut Tx,
    account: &Uuid,
    credential_version: i64,
    limits: &Limits,
) -> Result<bool, Failure> {
    let sql = "UPDATE accounts SET attempts_in_flight = attempts_in_flight + 1
         WHERE id = $1 AND credential_version = $2 AND disabled = FALSE AND lock_start <= $3
           AND failures_since_reset + attempts_in_flight < $4
           AND (attempts_in_flight = 0 OR failed_attempts + attempts_in_flight < $5)";
    let values = [
        account.into(),
        credential_version.into(),
        limits.lock_cutoff.into(),
        limits.block_at.into(),
        limits.threshold.into(),
    ];
    Ok(tx.execute(sql, &values).await? == 1)
}

pub(crate) async fn standing(tx: &mut Tx, account: &Uuid) -> Result<Option<Standing>, Failure> {
    let sql = "SELECT credential_version, disabled, failures_since_reset, lock_start,
           EXISTS (SELECT 1 FROM blacklist b WHERE b.kind = accounts.kind AND b.name_key = accounts.name_key),
           (SELECT version FROM configuration WHERE id = 1), profile_version
         FROM accounts WHERE id = $1";
    tx.first(sql, &[account.into()], |row| {
        Ok(Standing {
            credential_version: row.int(0)?,
            disabled: row.bool(1)?,
            failures_since_reset: row.int(2)?,
            lock_start: row.time(3)?,
            blacklisted: row.bool(4)?,
            as_of: AsOf { configuration: row.int(5)?, profile: row.int(6)? },
        })
    })
    .await
}

/// Notes that a comparison is about to begin.
pub(crate) async fn insert(tx: &mut Tx, attempt: &Uuid, account: &Uuid) -> Result<(), Failure> {
    let now = tx.now();
    let sql = "INSERT INTO login_attempts (id, account_id, started) VALUES ($1, $2, $3)";
    tx.execute(sql, &[attempt.into(), account.into(), now.into()]).await.map(drop)
}

/// Removes the note. False if its lease had run out and it was already counted as a failure.
pub(crate) async fn delete(tx: &mut Tx, attempt: &Uuid) -> Result<bool, Failure> {
    Ok(tx.execute("DELETE FROM login_attempts WHERE id = $1", &[attempt.into()]).await? == 1)
}

/// Removes an account's notes that began before `before`: their node is gone. Says how many there were.
pub(crate) async fn delete_stale(tx: &mut Tx, account: &Uuid, before: Timestamp) -> Result<i64, Failure> {
    let sql = "DELETE FROM login_attempts WHERE account_id = $1 AND started < $2";
    let stale = tx.execute(sql, &[account.into(), before.into()]).await?;
    Ok(i64::try_from(stale).unwrap_or(i64::MAX))
}

/// The accounts that have attempts under way: which, how many, and how many failures lock them.
pub(crate) async fn accounts_in_flight(tx: &mut Tx) -> Result<Vec<(Uuid, i64, i64)>, Failure> {
    let sql = "SELECT a.id, a.attempts_in_flight, p.lockout_threshold FROM accounts a JOIN identity_providers p ON p.kind = a.kind
         WHERE a.id IN (SELECT account_id FROM login_attempts) AND a.attempts_in_flight > 0";
    tx.query(sql, &[], |row| Ok((row.uuid(0)?, row.int(1)?, row.int(2)?))).await
}

/// Removes every note.
pub(crate) async fn delete_all(tx: &mut Tx) -> Result<(), Failure> {
    // Without a condition SQLite empties the table by writing to it, also if nothing is in it: no start would succeed where
    // there is no room to write.
    tx.execute("DELETE FROM login_attempts WHERE TRUE", &[]).await.map(drop)
}

/// Removes the notes of attempts whose account is gone or was a decoy.
pub(crate) async fn delete_orphans(tx: &mut Tx, before: Timestamp) -> Result<(), Failure> {
    let sql = "DELETE FROM login_attempts WHERE started < $1
         AND NOT EXISTS
           (SELECT 1 FROM accounts WHERE accounts.id = login_attempts.account_id AND accounts.kind <> 'decoy')";
    tx.execute(sql, &[before.into()]).await.map(drop)
}

/// Counts failures, frees the slot of each, and locks the account once the threshold is reached. Says whether it is set now.
pub(crate) async fn count_failures(
    tx: &mut Tx,
    account: &Uuid,
    failures: i64,
    threshold: i64,
) -> Result<bool, Failure> {
    let now = tx.now();
    let sql = "UPDATE accounts SET failed_attempts = failed_attempts + $1,
           failures_since_reset = failures_since_reset + $1,
           attempts_in_flight = attempts_in_flight - $1, version = version + 1,
           lock_start = CASE WHEN failed_attempts + $1 >= $2 THEN $3 ELSE lock_start END
         WHERE id = $4 RETURNING lock_start";
    let values = [failures.into(), threshold.into(), now.into(), account.into()];
    Ok(tx.first(sql, &values, |row| row.time(0)).await? == Some(now))
}

/// Frees slots without counting anything.
pub(crate) async fn free_slots(tx: &mut Tx, account: &Uuid, slots: i64) -> Result<(), Failure> {
    let sql = "UPDATE accounts SET attempts_in_flight = attempts_in_flight - $1 WHERE id = $2";
    tx.execute(sql, &[slots.into(), account.into()]).await.map(drop)
}

/// A good login: the counters go back to nothing and the slot is freed. Gives the slots still in flight, or nothing if
/// the account is no longer the one whose password was right.
pub(crate) async fn count_success(
    tx: &mut Tx,
    account: &Uuid,
    credential_version: i64,
    slots: i64,
) -> Result<Option<i64>, Failure> {
    let sql = "UPDATE accounts SET attempts_in_flight = attempts_in_flight - $1,
           version = version + CASE WHEN failed_attempts = 0 AND lock_start = $2 THEN 0 ELSE 1 END,
           failed_attempts = 0, failures_since_reset = 0, lock_start = $2, used = TRUE
         WHERE id = $3 AND credential_version = $4 AND disabled = FALSE RETURNING attempts_in_flight";
    let values = [slots.into(), NEVER.into(), account.into(), credential_version.into()];
    tx.first(sql, &values, |row| row.int(0)).await
}
