//! Raw limits: what the database does on this machine with none of our rules around it. They are for the benchmark, which puts
//! every figure beside one of them; nothing that serves calls this.

use std::time::Duration;

use crate::{
    error::Result,
    metrics::Metrics,
    store::{Location, Store, Use, limits},
    time::Clock,
};

pub use crate::store::limits::{CONNECTIONS, Write};

/// Makes the tables in an empty place, and as many accounts in them.
pub async fn prepare(location: &Location, accounts: u64) -> Result<()> {
    drop(Store::open(location, Use::Requests, Clock::system(), Metrics::default()).await?);
    limits::insert_in_bulk(location, 0, accounts).await
}

/// Rows of accounts that are written a second, each answered once its commit is on the disk, by as many writers who wait for
/// each: on SQLite in commits that they share, on PostgreSQL one transaction a row and a connection a writer, at most
/// [`CONNECTIONS`].
pub async fn commit_rate(location: &Location, writers: usize, write: Write, time: Duration) -> Result<f64> {
    limits::commit_rate(location, writers, write, time).await
}

/// Writes rows of accounts the fastest way there is: on SQLite in transactions of thousands, on PostgreSQL by `COPY`. `first` is
/// how many there are already.
pub async fn insert_in_bulk(location: &Location, first: u64, accounts: u64) -> Result<()> {
    limits::insert_in_bulk(location, first, accounts).await
}

/// Makes a schema in a PostgreSQL, so that a measurement has tables of its own.
pub async fn make_schema(url: &str, name: &str) -> Result<()> {
    limits::run(url, &[format!("CREATE SCHEMA {name}")]).await
}

/// Drops such schemas with all that is in them.
pub async fn drop_schemas(url: &str, names: &[String]) -> Result<()> {
    let drops: Vec<String> = names.iter().map(|name| format!("DROP SCHEMA IF EXISTS {name} CASCADE")).collect();
    limits::run(url, &drops).await
}

/// Does at once what PostgreSQL does by itself some time after many rows were written, so that it does not fall into a
/// measurement. Nothing on SQLite, which has no such thing.
pub async fn settle(location: &Location) -> Result<()> {
    match location {
        Location::Folder(_) => Ok(()),
        Location::Postgres { url, .. } => {
            limits::run(url, &["SET statement_timeout = 0".into(), "VACUUM (ANALYZE)".into()]).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty place on the database under test; the URL and the schema, if it is one.
    async fn place(folder: &tempfile::TempDir) -> (Location, Option<(String, String)>) {
        let Ok(url) = std::env::var("TEST_DATABASE_URL") else {
            return (Location::Folder(folder.path().to_owned()), None);
        };
        let schema = format!("limits_{}", Clock::system().now().micros());
        make_schema(&url, &schema).await.expect("is made");
        let joint = if url.contains('?') { '&' } else { '?' };
        let own = format!("{url}{joint}options=-csearch_path%3D{schema}");
        (Location::Postgres { url: own, connections: 2 }, Some((url, schema)))
    }

    /// How many accounts there are whose notes begin so.
    async fn count(location: &Location, notes: &str) -> i64 {
        let store = Store::open(location, Use::Requests, Clock::system(), Metrics::default()).await.expect("opens");
        let counted = store.read(format!("{notes}%"), |notes, tx| {
            Box::pin(async move {
                let sql = "SELECT COUNT(*) FROM accounts WHERE kind = 'local' AND notes LIKE $1";
                Ok(tx.first(sql, &[notes.into()], |row| row.int(0)).await?.unwrap_or(0))
            })
        });
        counted.await.expect("is counted")
    }

    #[tokio::test]
    async fn the_limits_write_what_they_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let (location, schema) = place(&folder).await;
        prepare(&location, 10).await.expect("is prepared");
        insert_in_bulk(&location, 10, 5_001).await.expect("is written");
        assert_eq!(count(&location, "").await, 5_011);
        settle(&location).await.expect("is settled");
        let time = Duration::from_millis(100);
        let writers = 3;
        let rate = commit_rate(&location, writers, Write::Insert(1 << 32), time).await.expect("is measured");
        let written = count(&location, "").await - 5_011;
        assert!(written >= 1 && rate <= written as f64 / time.as_secs_f64(), "{written} rows, {rate} a second");
        let rate = commit_rate(&location, writers, Write::Update(5_011), time).await.expect("is measured");
        let changed = count(&location, "changed").await;
        assert!(rate > 0.0 && (1..=5_011).contains(&changed), "{changed} rows, {rate} a second");
        assert_eq!(count(&location, "").await, 5_011 + written, "changes made accounts");
        let taken = commit_rate(&location, writers, Write::Insert(0), time).await;
        assert!(taken.is_err(), "an account was made twice: {taken:?}");
        if let Some((url, schema)) = schema {
            drop_schemas(&url, &[schema]).await.expect("is dropped");
        }
    }
}
