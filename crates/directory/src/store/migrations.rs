//! Brings the tables to this program's version. Programs that start at once wait for each other on one locked row; programs
//! of an older version go on serving meanwhile, and start, as long as the migrations say that they can.
//!
//! A migration is a file of SQL. Among its first lines it says `-- serves: N`: programs that know the tables up to version N
//! can work with what it makes; where that is another one on SQLite, `-- serves on SQLite: N`. Behind a line `-- concurrently` stand indexes that are built, on PostgreSQL, one by one
//! and outside of the transaction, so that nobody who writes has to wait for them.

use std::{sync::Arc, time::Duration};

use super::{Inner, Location, Store, Tx, Use, relocation::marks};
use crate::{
    error::{Error, Failure, Result},
    metrics::Metrics,
    time::Clock,
};

/// In order; what a migration that has been released does is never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_directory.sql"),
    include_str!("../../migrations/0002_authority.sql"),
    include_str!("../../migrations/0003_console.sql"),
    include_str!("../../migrations/0004_changes.sql"),
    include_str!("../../migrations/0005_checksums.sql"),
];

/// The rows of `schema_version`: the version of the tables, the oldest version whose programs work with them, and the version
/// up to which the indexes behind `-- concurrently` are built.
const VERSION: i64 = 1;
const SERVES: i64 = 2;
const INDEXED: i64 = 3;
/// The pause before looking again whether another program has built the indexes.
const PAUSE: Duration = Duration::from_millis(200);
/// How often an index is begun anew that could not be built because of others.
const TRIES: u32 = 5;

/// What one file says.
struct Migration {
    serves: i64,
    serves_on_sqlite: i64,
    /// What is done in the transaction.
    sql: String,
    /// Behind `CREATE INDEX `, one each: `name ON table (columns)`.
    indexes: Vec<String>,
}

impl Migration {
    fn read(text: &str) -> Result<Self, Failure> {
        let said = |begin| text.lines().find_map(|line| line.strip_prefix(begin)?.trim().parse().ok());
        let serves =
            said("-- serves: ").ok_or_else(|| Failure::Broken("a migration does not say whom it serves".into()))?;
        let (sql, behind) = text.split_once("\n-- concurrently\n").unwrap_or((text, ""));
        let indexes = statements(behind).map(|statement| match statement.strip_prefix("CREATE INDEX ") {
            Some(index) => Ok(index.to_owned()),
            None => Err(Failure::Broken(format!("only CREATE INDEX can be done concurrently, not {statement}"))),
        });
        let serves_on_sqlite = said("-- serves on SQLite: ").unwrap_or(serves);
        Ok(Self { serves, serves_on_sqlite, sql: sql.to_owned(), indexes: indexes.collect::<Result<_, _>>()? })
    }
}

/// The statements of a text, without comments.
fn statements(text: &str) -> impl Iterator<Item = String> {
    let bare: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap_or_default().trim()).collect();
    let all: Vec<String> = bare.join(" ").split(';').map(|statement| statement.trim().to_owned()).collect();
    all.into_iter().filter(|statement| !statement.is_empty())
}

/// The version that this program's tables have.
pub(crate) fn newest() -> i64 {
    number(MIGRATIONS.len())
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
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
    Ok(noted(tx, VERSION).await?.unwrap_or(0))
}

async fn noted(tx: &mut Tx, row: i64) -> Result<Option<i64>, Failure> {
    tx.first("SELECT version FROM schema_version WHERE id = $1", &[row.into()], |row| row.int(0)).await
}

async fn note(tx: &mut Tx, row: i64, version: i64) -> Result<(), Failure> {
    let sql = "INSERT INTO schema_version (id, version) VALUES ($1, $2)
         ON CONFLICT (id) DO UPDATE SET version = excluded.version";
    tx.execute(sql, &[row.into(), version.into()]).await.map(drop)
}

pub(super) async fn run(store: &Store) -> Result<()> {
    apply(store, MIGRATIONS).await
}

/// Brings an SQLite database that nobody else works on to this program's version, in a transaction of the caller's.
pub(super) async fn run_in(tx: &mut Tx) -> Result<()> {
    let migrations: Vec<Migration> = MIGRATIONS.iter().map(|text| Migration::read(text)).collect::<Result<_, _>>()?;
    prepare(tx).await?;
    migrate(&migrations, tx).await.map(drop)
}

/// Brings tables to a version that this program does not know, as a later one would, by more migrations than it has. For
/// tests of what it does then.
pub async fn run_with(location: &Location, more: &[&str]) -> Result<()> {
    let store = Store::connect(location, Use::Requests, Clock::system(), Metrics::default()).await?;
    apply(&store, &[MIGRATIONS, more].concat()).await
}

async fn apply(store: &Store, texts: &[&str]) -> Result<()> {
    let migrations: Arc<[Migration]> = texts.iter().map(|text| Migration::read(text)).collect::<Result<_, _>>()?;
    match store.write((), |(), tx| Box::pin(async move { Ok(prepare(tx).await?) })).await {
        // Another node made the same table in the same moment; PostgreSQL says so in one of several ways.
        Err(Error::Store(Failure::Clash(_))) => {}
        other => other?,
    }
    let is_ours = store.write(migrations.clone(), |migrations, tx| Box::pin(migrate(migrations, tx))).await?;
    if store.is_shared() && is_ours { build_indexes(store, &migrations).await } else { Ok(()) }
}

async fn prepare(tx: &mut Tx) -> Result<(), Failure> {
    tx.batch("CREATE TABLE IF NOT EXISTS schema_version (id BIGINT PRIMARY KEY, version BIGINT NOT NULL)").await?;
    let sql = "INSERT INTO schema_version (id, version) VALUES (1, 0) ON CONFLICT DO NOTHING";
    tx.execute(sql, &[]).await.map(drop)
}

/// Says whether the tables are of this program's version now, and not of a later one that serves it too.
async fn migrate(migrations: &[Migration], tx: &mut Tx) -> Result<bool> {
    // The update, which changes nothing, holds the row until the commit.
    let version = tx
        .first("UPDATE schema_version SET version = version WHERE id = 1 RETURNING version", &[], |row| row.int(0))
        .await?
        .unwrap_or(0);
    if version > 0 {
        marks::check_open(tx).await?;
    }
    let (done, known) = (usize::try_from(version).unwrap_or(usize::MAX), number(migrations.len()));
    let Some(missing) = migrations.get(done..) else {
        let serves = noted(tx, SERVES).await?.unwrap_or(version);
        return if serves <= known { Ok(false) } else { Err(too_new(version, serves, known)) };
    };
    for migration in missing {
        if let Inner::Postgres(_) = tx.inner {
            tx.batch(&spoken(&migration.sql, "PostgreSQL")).await?;
        } else {
            // SQLite compares bytes by default and does not know the collation by PostgreSQL's name.
            let sql = spoken(&migration.sql, "SQLite")
                .replace(" COLLATE \"C\"", "")
                .replace("/* WITHOUT ROWID */", "WITHOUT ROWID");
            tx.batch(&sql).await?;
            for index in &migration.indexes {
                tx.batch(&format!("CREATE INDEX {index}")).await?;
            }
        }
    }
    if !missing.is_empty() || noted(tx, SERVES).await?.is_none() {
        note(tx, VERSION, known).await?;
        let on_sqlite = matches!(tx.inner, Inner::Sqlite(_));
        let serves = |one: &Migration| if on_sqlite { one.serves_on_sqlite } else { one.serves };
        // Each asks this of programs that came before it.
        note(tx, SERVES, migrations.iter().map(serves).max().unwrap_or(0)).await?;
    }
    Ok(true)
}

fn too_new(version: i64, serves: i64, known: i64) -> Error {
    Failure::Unavailable(format!(
        "its tables are at version {version}, made by a newer portreeve, and serve programs that know version {serves}; \
         this one knows versions up to {known}"
    ))
    .into()
}

/// Builds what indexes are missing. Of several programs one does it, and the others wait for it.
async fn build_indexes(store: &Store, migrations: &[Migration]) -> Result<()> {
    let known = number(migrations.len());
    loop {
        // What is set on this connection, the lock above all, goes with it.
        let mut tx = store.connection().await?;
        if noted(&mut tx, INDEXED).await? >= Some(known) {
            return Ok(());
        }
        // Tried, and not waited for: whoever waits in a statement is waited for by the building of an index.
        let lock = "SELECT pg_try_advisory_lock('schema_version'::regclass::oid::int4, 1)";
        if tx.first(lock, &[], |row| row.bool(0)).await? == Some(true) {
            tx.batch("SET statement_timeout = 0; SET lock_timeout = 0").await?;
            // Another may have come to its end in between.
            let done = usize::try_from(noted(&mut tx, INDEXED).await?.unwrap_or(0)).unwrap_or(usize::MAX);
            for migration in migrations.iter().skip(done) {
                for index in &migration.indexes {
                    build(&mut tx, index).await?;
                }
            }
            if done < migrations.len() {
                note(&mut tx, INDEXED, known).await?;
            }
            return Ok(());
        }
        drop(tx);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn build(tx: &mut Tx, index: &str) -> Result<(), Failure> {
    let name = index.split_whitespace().next().unwrap_or_default();
    let mut tried = 1;
    loop {
        // Of an attempt that was interrupted there is an index that is of no use, but has the name.
        let broken = "SELECT COUNT(*) > 0 FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid";
        if tx.first(broken, &[name.into()], |row| row.bool(0)).await? == Some(true) {
            tx.batch(&format!("DROP INDEX CONCURRENTLY {name}")).await?;
        }
        tracing::info!(index = name, "an index is being built, while everything goes on");
        match tx.batch(&format!("CREATE INDEX CONCURRENTLY IF NOT EXISTS {index}")).await {
            Err(Failure::Contention(cause)) if tried < TRIES => {
                tracing::debug!(cause, tried, "an index is begun anew");
                tried += 1;
            }
            other => return other,
        }
    }
}

/// What of a migration is for one of the databases: what each writes in its own way stands behind a line that says whose it
/// is, up to `-- on both`.
fn spoken(sql: &str, database: &str) -> String {
    let mut ours = true;
    let mut text = String::with_capacity(sql.len());
    for line in sql.lines() {
        if let Some(other) = line.strip_prefix("-- only on ") {
            ours = other == database;
        } else if line == "-- on both" {
            ours = true;
        } else if ours {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{MIGRATIONS, Migration, number, spoken, statements};

    /// What is wrong with a statement that programs of before are to work with.
    fn fault(statement: &str) -> Option<&'static str> {
        if statement.starts_with("CREATE TABLE ") || statement.starts_with("CREATE INDEX ") {
            return None;
        }
        let Some(columns) = statement.strip_prefix("ALTER TABLE ").and_then(|rest| rest.split_once(' ')) else {
            return Some("is neither CREATE TABLE, ALTER TABLE … ADD COLUMN nor CREATE INDEX");
        };
        let faulty = |part: &str| {
            let part = part.trim();
            !part.starts_with("ADD COLUMN ") || part.contains(" NOT NULL") && !part.contains(" DEFAULT ")
        };
        columns.1.split(',').any(faulty).then_some("does not only add columns that have a default")
    }

    #[test]
    fn a_migration_that_serves_programs_of_before_only_adds() {
        for (index, text) in MIGRATIONS.iter().enumerate() {
            let (own, migration) = (number(index + 1), Migration::read(text).expect("can be read"));
            for serves in [migration.serves, migration.serves_on_sqlite] {
                assert!((1..=own).contains(&serves), "migration {own} serves {serves}");
            }
            assert!(text.lines().take(5).any(|line| line.starts_with("-- serves: ")), "migration {own}: too far down");
            // What stands apart for each of the databases (triggers, which older programs need not know of) was read by people.
            for statement in statements(&spoken(&migration.sql, "both")).filter(|_| migration.serves < own) {
                assert_eq!(fault(&statement), None, "migration {own}: {statement}");
            }
        }
    }

    #[test]
    fn what_takes_something_away_is_found() {
        for statement in [
            "DROP INDEX a",
            "ALTER TABLE a RENAME TO b",
            "ALTER TABLE a RENAME COLUMN b TO c",
            "ALTER TABLE a DROP COLUMN b",
            "ALTER TABLE a ADD COLUMN b BIGINT NOT NULL",
            "ALTER TABLE a ADD COLUMN b BIGINT NOT NULL DEFAULT 0, DROP COLUMN c",
            "ALTER TABLE a ALTER COLUMN b SET NOT NULL",
            "CREATE UNIQUE INDEX a ON b (c)",
            "UPDATE a SET b = 1",
        ] {
            assert!(fault(statement).is_some(), "{statement}");
        }
        for statement in [
            "CREATE TABLE a (b BIGINT NOT NULL)",
            "CREATE INDEX a ON b (c)",
            "ALTER TABLE a ADD COLUMN b BIGINT NOT NULL DEFAULT 0, ADD COLUMN c TEXT",
        ] {
            assert_eq!(fault(statement), None, "{statement}");
        }
    }

    #[test]
    fn a_migration_says_whom_it_serves_and_builds_nothing_but_indexes_concurrently() {
        let read =
            Migration::read("-- x\n-- serves: 2\nA;\n-- concurrently\n-- why\nCREATE INDEX a ON b\n  (c); -- d\n");
        let read = read.expect("can be read");
        assert_eq!((read.serves, read.serves_on_sqlite, read.indexes), (2, 2, vec!["a ON b (c)".to_owned()]));
        assert_eq!(statements(&read.sql).collect::<Vec<_>>(), ["A"]);
        let apart = Migration::read("-- serves: 2\n-- serves on SQLite: 3\n").expect("can be read");
        assert_eq!((apart.serves, apart.serves_on_sqlite), (2, 3));
        for wrong in [
            "CREATE TABLE a (b TEXT);",
            "-- serves: everybody\n",
            "-- serves: 1\n-- concurrently\nCREATE UNIQUE INDEX a ON b (c);",
            "-- serves: 1\n-- concurrently\nDROP INDEX a;",
        ] {
            assert!(Migration::read(wrong).is_err(), "{wrong}");
        }
    }
}
