//! Brings the tables to this program's version. Two nodes that start at once wait for each other on one locked row.

use super::{Store, Tx, relocation::marks};
use crate::error::{Error, Failure, Result};

/// In order; a migration that has been released is never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_directory.sql"),
    include_str!("../../migrations/0002_authority.sql"),
    include_str!("../../migrations/0003_console.sql"),
];

/// The version that this program's tables have.
pub(crate) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The version of the tables that are there; 0 if there are none.
pub(super) async fn version(shared: bool, tx: &mut Tx) -> Result<i64, Failure> {
    let there = if shared {
        "SELECT to_regclass('schema_version') IS NOT NULL"
    } else {
        "SELECT COUNT(*) > 0 FROM sqlite_master WHERE name = 'schema_version'"
    };
    if tx.first(there, &[], |row| row.bool(0)).await? != Some(true) {
        return Ok(0);
    }
    let version = tx.first("SELECT version FROM schema_version WHERE id = 1", &[], |row| row.int(0)).await?;
    Ok(version.unwrap_or(0))
}

pub(super) async fn run(store: &Store) -> Result<()> {
    let prepared = store
        .write((), |(), tx| {
            Box::pin(async move {
                tx.batch("CREATE TABLE IF NOT EXISTS schema_version (id BIGINT PRIMARY KEY, version BIGINT NOT NULL)")
                    .await?;
                tx.execute("INSERT INTO schema_version (id, version) VALUES (1, 0) ON CONFLICT DO NOTHING", &[])
                    .await?;
                Ok(())
            })
        })
        .await;
    match prepared {
        // Another node made the same table in the same moment; PostgreSQL says so in one of several ways.
        Err(Error::Store(Failure::Clash(_))) => {}
        other => other?,
    }
    let shared = store.is_shared();
    store.write(shared, |shared, tx| Box::pin(migrate(*shared, tx))).await
}

async fn migrate(shared: bool, tx: &mut Tx) -> Result<()> {
    // The update, which changes nothing, holds the row until the commit.
    let version = tx
        .first("UPDATE schema_version SET version = version WHERE id = 1 RETURNING version", &[], |row| row.int(0))
        .await?
        .unwrap_or(0);
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() {
        let known = MIGRATIONS.len();
        return Err(Failure::Unavailable(format!(
            "its tables are at version {version}, made by a newer portreeve; this one knows versions up to {known}"
        ))
        .into());
    }
    if done > 0 {
        marks::check_open(tx).await?;
    }
    for sql in &MIGRATIONS[done..] {
        if shared {
            tx.batch(sql).await?;
        } else {
            // SQLite compares bytes by default and does not know the collation by PostgreSQL's name.
            let sql = sql.replace(" COLLATE \"C\"", "").replace("/* WITHOUT ROWID */", "WITHOUT ROWID");
            tx.batch(&sql).await?;
        }
    }
    tx.execute("UPDATE schema_version SET version = $1 WHERE id = 1", &[newest().into()]).await?;
    Ok(())
}
