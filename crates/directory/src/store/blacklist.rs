//! Accounts that may not log in, by provider and name: the statements.

use uuid::Uuid;

use super::{Row, Tx};
use crate::{
    dn::Account,
    entity::{fold, search_text},
    error::{Failure, Result},
    kind::AccountKind,
    time::Timestamp,
};

/// An entry as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: Uuid,
    pub(crate) account: Account,
    pub(crate) reason: String,
    pub(crate) blacklisted_at: Timestamp,
    pub(crate) version: i64,
}

/// What `from_row` reads, in its order.
pub(crate) const COLUMNS: &str = "id, kind, name, reason, blacklisted_at, version";

pub(crate) fn from_row(row: &Row<'_>) -> Result<Entry, Failure> {
    Ok(Entry {
        id: row.uuid(0)?,
        account: Account { kind: AccountKind::from_text(&row.text(1)?)?, name: row.text(2)? },
        reason: row.text(3)?,
        blacklisted_at: row.time(4)?,
        version: row.int(5)?,
    })
}

/// False if the account is listed already. The search text has the fields in the order in which the list table numbers
/// them.
pub(crate) async fn insert(tx: &mut Tx, entry: &Entry) -> Result<bool, Failure> {
    let sql = "INSERT INTO blacklist (id, kind, name, name_key, reason, search, blacklisted_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let Account { kind, name } = &entry.account;
    let (kind, name_key, dn) = (kind.as_str(), fold(name), entry.account.to_string());
    let search = search_text(&[name, kind, &entry.reason, &dn], &[]);
    let values = [
        (&entry.id).into(),
        kind.into(),
        name.into(),
        (&name_key).into(),
        (&entry.reason).into(),
        (&search).into(),
        entry.blacklisted_at.into(),
        entry.version.into(),
    ];
    Ok(tx.execute(sql, &values).await? == 1)
}

/// The id of the entry that lists an account, if one does.
pub(crate) async fn find(tx: &mut Tx, kind: AccountKind, name_key: &str) -> Result<Option<Uuid>, Failure> {
    let sql = "SELECT id FROM blacklist WHERE kind = $1 AND name_key = $2";
    tx.first(sql, &[kind.as_str().into(), name_key.into()], |row| row.uuid(0)).await
}

/// False if there is no such entry (any more).
pub(crate) async fn delete(tx: &mut Tx, id: &Uuid) -> Result<bool, Failure> {
    Ok(tx.execute("DELETE FROM blacklist WHERE id = $1", &[id.into()]).await? == 1)
}
