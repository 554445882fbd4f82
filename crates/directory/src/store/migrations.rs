//! Brings the tables to this program's version. Two nodes that start at once wait for each other on one locked row.

use super::{Store, Tx};
use crate::error::{Error, Failure, Result};

/// In order; a migration that has been released is never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_directory.sql"),
    include_str!("../../migrations/0002_authority.sql"),
    include_str!("../../migrations/0003_console.sql"),
    include_str!("../../migrations/0004_changes.sql"),
];

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
    for sql in &MIGRATIONS[done..] {
        let sql = spoken(sql, shared);
        if shared {
            tx.batch(&sql).await?;
        } else {
            // SQLite compares bytes by default and does not know the collation by PostgreSQL's name.
            let sql = sql.replace(" COLLATE \"C\"", "").replace("/* WITHOUT ROWID */", "WITHOUT ROWID");
            tx.batch(&sql).await?;
        }
    }
    let newest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    tx.execute("UPDATE schema_version SET version = $1 WHERE id = 1", &[newest.into()]).await?;
    Ok(())
}

/// What of a migration is for one of the databases: what each writes in its own way stands between lines that say whose it is.
fn spoken(sql: &str, shared: bool) -> String {
    let other = if shared { "-- only on SQLite" } else { "-- only on PostgreSQL" };
    let mut ours = true;
    let mut text = String::with_capacity(sql.len());
    for line in sql.lines() {
        if line.starts_with("-- only on ") || line == "-- on both" {
            ours = line != other;
        } else if ours {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}
