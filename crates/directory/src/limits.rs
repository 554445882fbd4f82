//! Raw limits: what the database does on this machine with none of our rules around it. They are for the benchmark, which puts
//! every figure beside one of them; nothing that serves calls this.

use std::time::Duration;

use crate::{
    error::Result,
    metrics::Metrics,
    store::{Location, Store, limits},
    time::Clock,
};

pub use crate::store::limits::{CONNECTIONS, Write};

/// Makes the tables in an empty place, and as many accounts in them.
pub async fn prepare(location: &Location, accounts: u64) -> Result<()> {
    drop(Store::open(location, Clock::system(), Metrics::default()).await?);
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
