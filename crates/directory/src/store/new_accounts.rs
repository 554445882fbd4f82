//! Accounts that are added: the statement.

use std::collections::HashSet;

use uuid::Uuid;

use super::{Tx, Value, accounts::Account, json, many::Many};
use crate::{
    error::{Failure, Result},
    time::Timestamp,
};

/// An account that is to be, with all that its row holds but the time.
#[derive(Debug)]
pub(crate) struct New {
    pub(crate) account: Account,
    name_key: String,
    tags: String,
    labels: String,
    search: String,
    /// Empty if it has no password.
    password_hash: String,
}

impl New {
    /// Computes the row, before a transaction in which others would wait for that.
    pub(crate) fn of(account: Account, password_hash: Option<String>) -> Result<Self, Failure> {
        let profile = &account.profile;
        let (name_key, search) = (profile.name_key(), profile.search());
        let (tags, labels) = (json(&profile.tags)?, json(&profile.labels)?);
        let password_hash = password_hash.unwrap_or_default();
        Ok(Self { name_key, tags, labels, search, password_hash, account })
    }

    /// Whether a password comes with it.
    pub(crate) fn has_hash(&self) -> bool {
        !self.password_hash.is_empty()
    }

    /// In the order of `INSERT`.
    fn values(&self, now: Timestamp) -> [Value<'_>; 23] {
        let Self { account, .. } = self;
        let profile = &account.profile;
        [
            (&account.id).into(),
            account.kind.as_str().into(),
            (&profile.name).into(),
            (&self.name_key).into(),
            (&profile.notes).into(),
            (&self.tags).into(),
            (&profile.first_name).into(),
            (&profile.last_name).into(),
            (&profile.email).into(),
            (&profile.phone).into(),
            (&self.labels).into(),
            (&self.search).into(),
            profile.disabled.into(),
            (&self.password_hash).into(),
            // As with the version: never one that an earlier account with this id may have had.
            now.into(),
            account.failed_attempts.into(),
            account.failures_since_reset.into(),
            Value::Int(0),
            account.lock_start.into(),
            now.into(),
            now.into(),
            now.into(),
            now.into(),
        ]
    }
}

static INSERT: Many = Many::rows(
    "INSERT INTO accounts (id, kind, name, name_key, notes, tags, first_name, last_name, email, phone, labels, search,
       disabled, password_hash, credential_version, failed_attempts, failures_since_reset, attempts_in_flight, lock_start,
       created, updated, version, profile_version)
     VALUES ",
    23,
    " ON CONFLICT DO NOTHING RETURNING id",
);

/// Adds accounts, made at the time of the transaction, and gives the ids of those that were added: the others' id or name
/// is taken. No two may have the same.
pub(crate) async fn insert(tx: &mut Tx, all: &[New]) -> Result<HashSet<Uuid>, Failure> {
    let (now, mut made) = (tx.now(), HashSet::with_capacity(all.len()));
    for (sql, piece) in INSERT.pieces(all) {
        let values: Vec<Value<'_>> = piece.iter().flat_map(|new| new.values(now)).collect();
        made.extend(tx.query(sql, &values, |row| row.uuid(0)).await?);
    }
    Ok(made)
}
