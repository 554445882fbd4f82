//! Things that are true of the installation once and for all.

use super::Tx;
use crate::error::{Failure, Result};

/// Notes a fact. False if it was already there.
pub(crate) async fn insert(tx: &mut Tx, name: &str, value: &str) -> Result<bool, Failure> {
    let sql = "INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, &[name.into(), value.into()]).await? == 1)
}

pub(crate) async fn find(tx: &mut Tx, name: &str) -> Result<Option<String>, Failure> {
    tx.first("SELECT value FROM facts WHERE name = $1", &[name.into()], |row| row.text(0)).await
}

/// Notes what is true from now on.
pub(crate) async fn set(tx: &mut Tx, name: &str, value: &str) -> Result<(), Failure> {
    let sql = "INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    tx.execute(sql, &[name.into(), value.into()]).await.map(drop)
}

/// Forgets a fact, if it is there.
pub(crate) async fn delete(tx: &mut Tx, name: &str) -> Result<(), Failure> {
    tx.execute("DELETE FROM facts WHERE name = $1", &[name.into()]).await.map(drop)
}
