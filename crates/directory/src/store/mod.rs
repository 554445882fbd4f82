//! The store: the only place that knows there are two databases. Rules hand it closures over a [`Tx`]; the SQL text in
//! them is one text for both, with the placeholders `$1`, `$2`, … first appearing in that order.

pub(crate) mod accounts;
pub(crate) mod attempts;
pub(crate) mod audit;
#[cfg(test)]
mod behaviours;
pub(crate) mod blacklist;
pub(crate) mod changes;
pub mod check;
mod checksums;
pub(crate) mod configuration;
pub(crate) mod devices;
pub(crate) mod facts;
pub mod folder;
pub(crate) mod identity_providers;
pub(crate) mod limits;
pub(crate) mod list;
mod location;
mod many;
pub mod migrations;
pub(crate) mod new_accounts;
pub(crate) mod objects;
mod postgres;
pub(crate) mod relocation;
pub(crate) mod retagging;
pub(crate) mod scope;
pub(crate) mod sessions;
#[cfg(test)]
pub(crate) mod simulated;
mod sqlite;
pub(crate) mod table;
pub(crate) mod tags;
mod values;
mod write_ahead;

use std::{pin::Pin, time::Instant};

pub use location::Location;

use crate::{
    error::{Error, Failure, Result},
    metrics::{Metrics, StoreLabels},
    time::{Clock, Timestamp},
};
use values::json;
pub(crate) use values::{Row, Value};

/// Whether the address of a database can be read.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_address(url: &str) -> Result<()> {
    postgres::read(url).map(drop)
}

/// A boxed future, which is what a store closure returns.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Behind what a database says of a table that is not there.
const GONE: &str = "; has the directory been moved elsewhere?";

/// What the data is mostly opened for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Use {
    /// Many who read and write a little each.
    #[default]
    Requests,
    /// One who writes much: the embedded database's writer keeps more of it in memory, so that pages that are changed again and
    /// again are written less often.
    Bulk,
}

/// What a closure works on: a transaction when writing, a connection when reading.
pub(crate) struct Tx {
    inner: Inner,
    now: Timestamp,
}

enum Inner {
    Sqlite(rusqlite::Connection),
    Postgres(postgres::Connection),
    #[cfg(test)]
    Simulated(simulated::Connection),
}

impl Tx {
    /// The time by the database's clock: taken when the transaction began, or for a read close to it.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether the database is PostgreSQL.
    fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }

    /// A query whose rows keep their keys until the transaction ends. SQLite, which has one writer, needs no word for that.
    pub(crate) fn keeping(&self, query: &str) -> String {
        if self.is_postgres() { format!("{query} FOR KEY SHARE") } else { query.to_owned() }
    }

    /// From here to the end of the transaction a statement may take as long as it does.
    async fn take_long(&mut self) -> Result<(), Failure> {
        if let Inner::Postgres(connection) = &mut self.inner {
            connection.be_patient();
            connection.batch("SET LOCAL statement_timeout = 0").await?;
        }
        Ok(())
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, Failure> {
        debug_assert!(placeholders_in_order(sql), "SQLite numbers placeholders by first appearance: {sql}");
        match &mut self.inner {
            Inner::Sqlite(connection) => sqlite::execute(connection, sql, values),
            Inner::Postgres(connection) => connection.execute(sql, values).await,
            #[cfg(test)]
            Inner::Simulated(connection) => connection.execute(sql, values).await,
        }
    }

    /// Runs a query and maps every row.
    pub(crate) async fn query<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, Failure> + Send,
    ) -> Result<Vec<T>, Failure> {
        debug_assert!(placeholders_in_order(sql), "SQLite numbers placeholders by first appearance: {sql}");
        match &mut self.inner {
            Inner::Sqlite(connection) => sqlite::query(connection, sql, values, map),
            Inner::Postgres(connection) => connection.query(sql, values, map).await,
            #[cfg(test)]
            Inner::Simulated(connection) => connection.query(sql, values, map).await,
        }
    }

    /// Runs a query and maps its first row, if there is one.
    pub(crate) async fn first<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, Failure> + Send,
    ) -> Result<Option<T>, Failure> {
        if let Inner::Sqlite(connection) = &mut self.inner {
            debug_assert!(placeholders_in_order(sql), "SQLite numbers placeholders by first appearance: {sql}");
            return sqlite::first(connection, sql, values, map);
        }
        Ok(self.query(sql, values, map).await?.into_iter().next())
    }

    /// Runs statements that take no values and give no rows.
    async fn batch(&mut self, sql: &str) -> Result<(), Failure> {
        match &mut self.inner {
            Inner::Sqlite(connection) => connection.execute_batch(sql).map_err(sqlite::failure),
            Inner::Postgres(connection) => connection.batch(sql).await,
            #[cfg(test)]
            Inner::Simulated(connection) => connection.batch(sql),
        }
    }
}

fn placeholders_in_order(sql: &str) -> bool {
    let numbers = sql.split('$').skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse::<usize>().unwrap_or(0)
    });
    let mut highest = 0;
    for number in numbers {
        if number == 0 || number > highest + 1 {
            return false;
        }
        highest = highest.max(number);
    }
    true
}

/// The database, whichever it is.
pub(crate) struct Store {
    backend: Backend,
    metrics: Metrics,
}

enum Backend {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
    #[cfg(test)]
    Simulated(simulated::Simulated),
}

impl Store {
    /// Opens the database and brings its tables to this program's version.
    pub(crate) async fn open(location: &Location, usage: Use, clock: Clock, metrics: Metrics) -> Result<Self> {
        let opened = async {
            let store = Self::connect(location, usage, clock, metrics).await?;
            migrations::run(&store).await?;
            Ok(store)
        };
        match (opened.await, location) {
            // SQLite needs room for its files, and says only that they cannot be written.
            (Err(Error::Store(Failure::Unavailable(cause))), Location::Folder(folder)) if folder::is_full(folder) => {
                Err(Failure::Full(cause).into())
            }
            (opened, _) => opened,
        }
    }

    /// Opens the database as it is: with tables of any version, or without.
    pub(crate) async fn connect(location: &Location, usage: Use, clock: Clock, metrics: Metrics) -> Result<Self> {
        let backend = match location {
            Location::Folder(folder) => Backend::Sqlite(sqlite::Sqlite::open(folder, usage, clock, metrics.clone())?),
            Location::Postgres { url, connections } => {
                Backend::Postgres(postgres::Postgres::open(url, *connections).await?)
            }
        };
        Ok(Self { backend, metrics })
    }

    /// Whether other processes may serve the same data. Not so for the embedded database.
    pub(crate) fn is_shared(&self) -> bool {
        match &self.backend {
            Backend::Sqlite(_) => false,
            Backend::Postgres(_) => true,
            #[cfg(test)]
            Backend::Simulated(simulated) => simulated.is_shared(),
        }
    }

    /// The time by the database's clock, as well as this node knows it without asking.
    pub(crate) fn now(&self) -> Timestamp {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.now(),
            Backend::Postgres(postgres) => postgres.now(),
            #[cfg(test)]
            Backend::Simulated(simulated) => simulated.now(),
        }
    }

    /// Runs a short read. On SQLite it runs in place, on the thread that asks: point reads and small ranges only.
    pub(crate) async fn read<C, T, F>(&self, context: C, closure: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        let began = Instant::now();
        let result = match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.read(&context, closure),
            Backend::Postgres(postgres) => postgres.read(&context, closure).await,
            #[cfg(test)]
            Backend::Simulated(simulated) => simulated.read(&context, closure).await,
        };
        self.observe("read", began);
        result
    }

    /// Runs a read that may take long; never on a thread that serves requests.
    pub(crate) async fn scan<C, T, F>(&self, context: C, closure: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        let began = Instant::now();
        let result = match &self.backend {
            Backend::Sqlite(sqlite) => {
                let sqlite = sqlite.clone();
                tokio::task::spawn_blocking(move || sqlite.read(&context, closure))
                    .await
                    .map_err(|stopped| Error::Internal(stopped.to_string()))?
            }
            Backend::Postgres(postgres) => postgres.read(&context, closure).await,
            #[cfg(test)]
            Backend::Simulated(simulated) => simulated.read(&context, closure).await,
        };
        self.observe("read", began);
        result
    }

    /// Runs a closure in a transaction and returns after the commit. The closure may run more than once.
    pub(crate) async fn write<C, T, F>(&self, context: C, closure: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        let began = Instant::now();
        let result = match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.write(context, closure).await,
            Backend::Postgres(postgres) => postgres.write(&context, closure).await,
            #[cfg(test)]
            Backend::Simulated(simulated) => simulated.write(&context, closure).await,
        };
        self.observe("write", began);
        result
    }

    fn observe(&self, act: &'static str, began: Instant) {
        self.metrics.store_latency.get_or_create(&StoreLabels { act }).observe(began.elapsed().as_secs_f64());
    }

    /// Leaves the embedded database in one file, for whoever copies it while the server is stopped.
    pub(crate) fn checkpoint(&self) -> Result<(), Failure> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.checkpoint(),
            Backend::Postgres(_) => Ok(()),
            #[cfg(test)]
            Backend::Simulated(_) => Ok(()),
        }
    }

    /// Whether the database answers, and is the directory's.
    pub(crate) async fn ping(&self) -> Result<()> {
        self.read((), |(), tx| Box::pin(relocation::marks::check_open(tx))).await
    }

    /// A connection of its own for what may take long, which ends with what is done on it.
    async fn connection(&self) -> Result<Tx, Failure> {
        let inner = match &self.backend {
            Backend::Sqlite(sqlite) => Inner::Sqlite(sqlite.connect()?),
            Backend::Postgres(postgres) => Inner::Postgres(postgres.connect_for_long().await?),
            #[cfg(test)]
            Backend::Simulated(simulated) => Inner::Simulated(simulated.connection()),
        };
        Ok(Tx { inner, now: self.now() })
    }

    /// Makes the tables, if there are none.
    pub(crate) async fn make_tables(&self) -> Result<()> {
        if self.tables_version().await? == 0 { migrations::run(self).await } else { Ok(()) }
    }

    /// Which version its tables have; 0 if there are none.
    pub(crate) async fn tables_version(&self) -> Result<i64> {
        let shared = self.is_shared();
        self.read(shared, |shared, tx| Box::pin(async move { Ok(migrations::version(*shared, tx).await?) })).await
    }
}

#[cfg(test)]
mod tests {
    use super::placeholders_in_order;

    #[test]
    fn placeholders_out_of_order_are_found() {
        assert!(placeholders_in_order("UPDATE t SET a = $1, b = $2 WHERE c = $1"));
        assert!(!placeholders_in_order("UPDATE t SET a = $2 WHERE c = $1"));
        assert!(!placeholders_in_order("SELECT $1, $3"));
    }
}
