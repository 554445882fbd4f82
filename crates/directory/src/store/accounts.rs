//! Accounts: the statements.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use uuid::Uuid;

use super::{Row, Tx, Value, json, many::Many};
use crate::{
    entity::{fold, search_text},
    error::{Failure, Result},
    kind::AccountKind,
    time::Timestamp,
};

/// What `from_row` reads, in its order.
pub(crate) const COLUMNS: &str = "id, kind, name, notes, tags, first_name, last_name, email, phone, labels, disabled, \
     failed_attempts, failures_since_reset, lock_start, created, updated, version, profile_version, used, \
     password_hash <> ''";

/// The value of `lock_start` in an account that is not locked.
pub(crate) const NEVER: Timestamp = Timestamp::from_micros(i64::MIN);

/// An account as it is stored, less its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    pub(crate) kind: AccountKind,
    pub(crate) profile: Profile,
    pub(crate) failed_attempts: i64,
    pub(crate) failures_since_reset: i64,
    pub(crate) lock_start: Timestamp,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) version: i64,
    /// Raised by every change of what policies see of it.
    pub(crate) profile_version: i64,
    /// Whether anybody ever logged in to it.
    pub(crate) used: bool,
    pub(crate) has_password: bool,
}

/// What a client says of an account and nothing else changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) notes: String,
    pub(crate) tags: Vec<String>,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) disabled: bool,
}

impl Profile {
    pub(crate) fn name_key(&self) -> String {
        fold(&self.name)
    }

    /// The order is the one in which the list table numbers the fields.
    pub(crate) fn search(&self) -> String {
        let fields =
            [&self.name, &self.notes, &self.first_name, &self.last_name, &self.email, &self.phone].map(String::as_str);
        let labels = self.labels.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]).collect();
        search_text(&fields, &[self.tags.iter().map(String::as_str).collect(), labels])
    }
}

impl Account {
    /// When the lock began, if one was ever set.
    pub(crate) fn locked_at(&self) -> Option<Timestamp> {
        (self.lock_start != NEVER).then_some(self.lock_start)
    }
}

/// What the gate needs to know of an account.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    pub(crate) id: Uuid,
    pub(crate) kind: AccountKind,
    pub(crate) name: String,
    pub(crate) name_key: String,
    pub(crate) email: String,
    pub(crate) password_hash: String,
    pub(crate) credential_version: i64,
    pub(crate) failed_attempts: i64,
    pub(crate) threshold: i64,
    pub(crate) lock_duration: Duration,
}

pub(crate) fn from_row(row: &Row<'_>) -> Result<Account, Failure> {
    Ok(Account {
        id: row.uuid(0)?,
        kind: AccountKind::from_text(&row.text(1)?)?,
        profile: Profile {
            name: row.text(2)?,
            notes: row.text(3)?,
            tags: row.json(4)?,
            first_name: row.text(5)?,
            last_name: row.text(6)?,
            email: row.text(7)?,
            phone: row.text(8)?,
            labels: row.json(9)?,
            disabled: row.bool(10)?,
        },
        failed_attempts: row.int(11)?,
        failures_since_reset: row.int(12)?,
        lock_start: row.time(13)?,
        created: row.time(14)?,
        updated: row.time(15)?,
        version: row.int(16)?,
        profile_version: row.int(17)?,
        used: row.bool(18)?,
        has_password: row.bool(19)?,
    })
}

/// How many decoys there are.
pub(crate) const DECOYS: u128 = 64;

/// The credential version of every decoy.
pub(crate) const DECOY_VERSION: i64 = 0;

/// The id of a decoy.
pub(crate) fn decoy(number: u128) -> Uuid {
    Uuid::from_u128(number % DECOYS)
}

/// Adds the decoys: rows like any other, of a kind that no list, login or caller ever asks for.
pub(crate) async fn insert_decoys(tx: &mut Tx) -> Result<(), Failure> {
    let sql =
        "INSERT INTO accounts (id, kind, name, name_key, notes, tags, first_name, last_name, email, phone, labels,
           search, disabled, password_hash, credential_version, failed_attempts, failures_since_reset,
           attempts_in_flight, lock_start, created, updated, version)
         VALUES ($1, 'decoy', $2, $2, '', '[]', '', '', '', '', '{}', $2, FALSE, $3, $4, 0, 0, 0, $5, $6, $6, 0)
         ON CONFLICT DO NOTHING";
    // As long as a stored hash.
    let (hash, now) = ("-".repeat(97), tx.now());
    for number in 0..DECOYS {
        let (id, name) = (decoy(number), format!("decoy {number}"));
        let values = [(&id).into(), (&name).into(), (&hash).into(), DECOY_VERSION.into(), NEVER.into(), now.into()];
        tx.execute(sql, &values).await?;
    }
    Ok(())
}

/// Writes the profile and the counters. The version was raised when the account was held.
pub(crate) async fn update(tx: &mut Tx, account: &Account) -> Result<(), Failure> {
    let sql = "UPDATE accounts SET name = $1, name_key = $2, notes = $3, tags = $4, first_name = $5, last_name = $6,
           email = $7, phone = $8, labels = $9, search = $10, disabled = $11, failed_attempts = $12,
           failures_since_reset = $13, lock_start = $14, updated = $15, profile_version = profile_version + 1
         WHERE id = $16";
    let profile = &account.profile;
    let (name_key, search) = (profile.name_key(), profile.search());
    let (tags, labels) = (json(&profile.tags)?, json(&profile.labels)?);
    let values = [
        (&profile.name).into(),
        (&name_key).into(),
        (&profile.notes).into(),
        (&tags).into(),
        (&profile.first_name).into(),
        (&profile.last_name).into(),
        (&profile.email).into(),
        (&profile.phone).into(),
        (&labels).into(),
        (&search).into(),
        profile.disabled.into(),
        account.failed_attempts.into(),
        account.failures_since_reset.into(),
        account.lock_start.into(),
        account.updated.into(),
        (&account.id).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub(crate) async fn find(tx: &mut Tx, kind: AccountKind, id: &Uuid) -> Result<Option<Account>, Failure> {
    let sql =
        "SELECT id, kind, name, notes, tags, first_name, last_name, email, phone, labels, disabled, failed_attempts,
           failures_since_reset, lock_start, created, updated, version, profile_version, used, password_hash <> ''
         FROM accounts WHERE id = $1 AND kind = $2";
    tx.first(sql, &[id.into(), kind.as_str().into()], from_row).await
}

static BY_IDS: Many = Many::each(
    "SELECT id, kind, name, notes, tags, first_name, last_name, email, phone, labels, disabled, failed_attempts,
       failures_since_reset, lock_start, created, updated, version, profile_version, used, password_hash <> ''
     FROM accounts WHERE kind = $1 AND id = ",
);

/// The accounts that have one of these ids, by it.
pub(crate) async fn find_by_ids(
    tx: &mut Tx,
    kind: AccountKind,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Account>, Failure> {
    let mut found = HashMap::new();
    for (sql, piece) in BY_IDS.pieces(ids) {
        let values: Vec<Value<'_>> =
            std::iter::once(kind.as_str().into()).chain(piece.iter().map(Value::from)).collect();
        found.extend(tx.query(sql, &values, |row| Ok((row.uuid(0)?, from_row(row)?))).await?);
    }
    Ok(found)
}

static BY_NAMES: Many = Many::each(
    "SELECT id, kind, name, notes, tags, first_name, last_name, email, phone, labels, disabled, failed_attempts,
       failures_since_reset, lock_start, created, updated, version, profile_version, used, password_hash <> '', name_key
     FROM accounts WHERE kind = $1 AND name_key = ",
);

/// The accounts that have one of these folded names, by it.
pub(crate) async fn find_by_names(
    tx: &mut Tx,
    kind: AccountKind,
    name_keys: &[&str],
) -> Result<HashMap<String, Account>, Failure> {
    let mut found = HashMap::new();
    for (sql, piece) in BY_NAMES.pieces(name_keys) {
        let values: Vec<Value<'_>> = [kind.as_str()].iter().chain(piece).map(|text| (*text).into()).collect();
        found.extend(tx.query(sql, &values, |row| Ok((row.text(20)?, from_row(row)?))).await?);
    }
    Ok(found)
}

static HASHES: Many = Many::each("SELECT id, password_hash FROM accounts WHERE id = ");

/// The stored hashes of accounts' passwords, empty where there is none, by the accounts' ids.
pub(crate) async fn password_hashes(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<Uuid, String>, Failure> {
    let mut found = HashMap::new();
    for (sql, piece) in HASHES.pieces(ids) {
        let values: Vec<Value<'_>> = piece.iter().map(Value::from).collect();
        found.extend(tx.query(sql, &values, |row| Ok((row.uuid(0)?, row.text(1)?))).await?);
    }
    Ok(found)
}

/// Raises the version, which holds the row until the transaction ends, and gives the account.
pub(crate) async fn hold(tx: &mut Tx, kind: AccountKind, id: &Uuid) -> Result<Option<Account>, Failure> {
    let sql = "UPDATE accounts SET version = version + 1 WHERE id = $1 AND kind = $2
         RETURNING id, kind, name, notes, tags, first_name, last_name, email, phone, labels, disabled, failed_attempts,
           failures_since_reset, lock_start, created, updated, version, profile_version, used, password_hash <> ''";
    tx.first(sql, &[id.into(), kind.as_str().into()], from_row).await
}

/// Whether an account of any kind has the id.
pub(crate) async fn find_any(tx: &mut Tx, id: &Uuid) -> Result<bool, Failure> {
    Ok(tx.first("SELECT version FROM accounts WHERE id = $1", &[id.into()], |row| row.int(0)).await?.is_some())
}

/// The id of an account and its name as it is stored.
pub(crate) async fn find_named(
    tx: &mut Tx,
    kind: AccountKind,
    name_key: &str,
) -> Result<Option<(Uuid, String)>, Failure> {
    let sql = "SELECT id, name FROM accounts WHERE kind = $1 AND name_key = $2";
    tx.first(sql, &[kind.as_str().into(), name_key.into()], |row| Ok((row.uuid(0)?, row.text(1)?))).await
}

pub(crate) async fn credential(tx: &mut Tx, kind: AccountKind, name_key: &str) -> Result<Option<Credential>, Failure> {
    let sql = "SELECT a.id, a.name, a.email, a.password_hash, a.credential_version, a.failed_attempts,
           p.lockout_threshold, p.lockout_minutes
         FROM accounts a JOIN identity_providers p ON p.kind = a.kind WHERE a.kind = $1 AND a.name_key = $2";
    let values = [kind.as_str().into(), name_key.into()];
    let row = tx.first(sql, &values, |row| {
        Ok(Credential {
            id: row.uuid(0)?,
            kind,
            name: row.text(1)?,
            name_key: name_key.to_owned(),
            email: row.text(2)?,
            password_hash: row.text(3)?,
            credential_version: row.int(4)?,
            failed_attempts: row.int(5)?,
            threshold: row.int(6)?,
            lock_duration: Duration::from_secs(60 * u64::try_from(row.int(7)?).unwrap_or(0)),
        })
    });
    row.await
}

pub(crate) async fn set_password_hash(tx: &mut Tx, id: &Uuid, hash: &str) -> Result<(), Failure> {
    tx.execute("UPDATE accounts SET password_hash = $1 WHERE id = $2", &[hash.into(), id.into()]).await.map(drop)
}

/// Makes every session and every login under way that was begun before now worthless.
pub(crate) async fn raise_credential_version(tx: &mut Tx, id: &Uuid) -> Result<(), Failure> {
    let sql = "UPDATE accounts SET credential_version = credential_version + 1 WHERE id = $1";
    tx.execute(sql, &[id.into()]).await.map(drop)
}

/// A new password of the account's own or of the operator: the counters begin anew.
pub(crate) async fn clear_failures(tx: &mut Tx, id: &Uuid, updated: Timestamp) -> Result<(), Failure> {
    let sql = "UPDATE accounts SET failed_attempts = 0, failures_since_reset = 0, lock_start = $1, updated = $2,
           version = version + 1 WHERE id = $3";
    tx.execute(sql, &[NEVER.into(), updated.into(), id.into()]).await.map(drop)
}

pub(crate) async fn set_enabled(tx: &mut Tx, id: &Uuid) -> Result<(), Failure> {
    tx.execute("UPDATE accounts SET disabled = FALSE WHERE id = $1", &[id.into()]).await.map(drop)
}

pub(crate) async fn delete(tx: &mut Tx, id: &Uuid) -> Result<(), Failure> {
    tx.execute("DELETE FROM accounts WHERE id = $1", &[id.into()]).await.map(drop)
}

/// The version of what policies see of an account.
pub(crate) async fn profile_version(tx: &mut Tx, id: &Uuid) -> Result<Option<i64>, Failure> {
    tx.first("SELECT profile_version FROM accounts WHERE id = $1", &[id.into()], |row| row.int(0)).await
}

/// Whether an account can log in and is still what it was when it was looked at.
pub(crate) async fn is_active(tx: &mut Tx, id: &Uuid, profile_version: i64) -> Result<bool, Failure> {
    let sql = "SELECT a.version FROM accounts a
         WHERE a.id = $1 AND a.profile_version = $2 AND a.disabled = FALSE AND a.password_hash <> ''
           AND NOT EXISTS (SELECT 1 FROM blacklist b WHERE b.kind = a.kind AND b.name_key = a.name_key)";
    Ok(tx.first(sql, &[id.into(), profile_version.into()], |row| row.int(0)).await?.is_some())
}

/// As `is_active`, and holds the account until the transaction ends.
pub(crate) async fn hold_active(tx: &mut Tx, id: &Uuid, profile_version: i64) -> Result<bool, Failure> {
    tx.execute("UPDATE accounts SET version = version WHERE id = $1", &[id.into()]).await?;
    is_active(tx, id, profile_version).await
}

/// An account, if it can log in.
pub(crate) async fn active(tx: &mut Tx, kind: AccountKind, id: &Uuid) -> Result<Option<Account>, Failure> {
    let Some(account) = find(tx, kind, id).await? else { return Ok(None) };
    Ok(is_active(tx, id, account.profile_version).await?.then_some(account))
}

/// Accounts looked at together.
const PAGE: i64 = 200;

/// Some of the accounts that can log in, those with ids behind this one.
pub(crate) async fn all_active(tx: &mut Tx, behind: &Uuid) -> Result<Vec<Account>, Failure> {
    let sql =
        "SELECT id, kind, name, notes, tags, first_name, last_name, email, phone, labels, disabled, failed_attempts,
           failures_since_reset, lock_start, created, updated, version, profile_version, used, password_hash <> ''
         FROM accounts a WHERE id > $1 AND kind <> 'decoy' AND disabled = FALSE AND password_hash <> ''
           AND NOT EXISTS (SELECT 1 FROM blacklist b WHERE b.kind = a.kind AND b.name_key = a.name_key)
         ORDER BY id LIMIT $2";
    tx.query(sql, &[behind.into(), PAGE.into()], from_row).await
}
