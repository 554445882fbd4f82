//! Where a test's data lives, and a way to look at it past the program.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use portreeve_directory::store::Location;
use tempfile::TempDir;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::Wire;

/// A place for data, removed when it is dropped.
pub struct Place {
    folder: PathBuf,
    _temporary: Option<TempDir>,
    schema: Option<Schema>,
    /// How SQL is asked of the embedded database in the folder.
    ask: Ask,
}

/// Runs SQL on the embedded database in a file and gives the rows as text.
pub type Ask = fn(&Path, &str) -> Vec<Vec<String>>;

struct Schema {
    /// What the program is given: each connection begins in the schema.
    url: String,
    /// The database as it was named to us, if it is for us to remove the schema.
    database: Option<String>,
    name: String,
}

/// The PostgreSQL that is under test, if it is not the embedded database.
pub fn tested_database() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())
}

impl Place {
    /// On the database under test.
    pub fn new() -> Self {
        Self::shared().unwrap_or_else(Self::folder)
    }

    /// On the embedded database, whatever is under test.
    pub fn folder() -> Self {
        Self::temporary(None)
    }

    /// On the embedded database, in a folder that need not be there yet, and that stays.
    pub fn at(folder: &Path, ask: Ask) -> Self {
        Self { folder: folder.to_owned(), _temporary: None, schema: None, ask }
    }

    fn temporary(schema: Option<Schema>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self { folder: folder.path().to_owned(), _temporary: Some(folder), schema, ask: sqlite }
    }

    /// On a database that several nodes can share, if there is one to test with.
    pub fn shared() -> Option<Self> {
        Some(Self::on(&tested_database()?))
    }

    /// On a PostgreSQL, in a schema of its own.
    pub fn on(database: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("program_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        postgres(database, &format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}"));
        let joint = if database.contains('?') { '&' } else { '?' };
        let url = format!("{database}{joint}options=-csearch_path%3D{name}");
        Self::temporary(Some(Schema { url, database: Some(database.to_owned()), name }))
    }

    /// Whether several nodes can share it.
    pub fn is_shared(&self) -> bool {
        self.schema.is_some()
    }

    /// The data folder, which a server on a shared database uses for little.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The flags that name this place.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--data".to_owned(), self.path().display().to_string()];
        if let Some(schema) = &self.schema {
            arguments.extend(["--database".to_owned(), schema.url.clone()]);
        }
        arguments
    }

    /// `host:port` of the database.
    pub fn address(&self) -> String {
        let parsed = url::Url::parse(&self.name()).expect("is a URL");
        let host = parsed.host_str().expect("has a host");
        format!("{host}:{}", parsed.port().unwrap_or(5432))
    }

    /// The same place, reached by a way on which everything is counted.
    pub fn by_wire(mut self) -> (Self, Wire) {
        let address = self.address();
        let wire = Wire::to(&address);
        if let Some(schema) = &mut self.schema {
            schema.url = schema.url.replacen(&address, &format!("127.0.0.1:{}", wire.port()), 1);
        }
        (self, wire)
    }

    /// The same place, named among several hosts of which the first is another.
    pub fn among_hosts(mut self, first: &str) -> Self {
        let address = self.address();
        if let Some(schema) = &mut self.schema {
            let several = schema.url.replacen(&address, &format!("{first},{address}"), 1);
            schema.url = format!("{several}&target_session_attrs=read-write");
        }
        self
    }

    /// The same place, reached by another way. It goes with the first.
    pub fn by(&self, way: impl Fn(&str) -> String) -> Self {
        let other = |schema: &Schema| Schema { url: way(&schema.url), database: None, name: schema.name.clone() };
        Self::temporary(self.schema.as_ref().map(other))
    }

    /// Where it is, for what is done in the test's own process.
    pub fn location(&self) -> Location {
        match &self.schema {
            Some(schema) => Location::Postgres { url: schema.url.clone(), connections: 4 },
            None => Location::Folder(self.path().to_owned()),
        }
    }

    /// What `migrate-store` knows it by.
    pub fn name(&self) -> String {
        match &self.schema {
            Some(schema) => schema.url.clone(),
            None => self.path().display().to_string(),
        }
    }

    /// How the program calls it.
    pub fn shown(&self) -> String {
        match &self.schema {
            // A password would be masked; the rest is as it was given.
            Some(schema) => schema.url.split('@').next_back().unwrap_or_default().to_owned(),
            None => self.path().display().to_string(),
        }
    }

    /// Runs SQL and gives the rows as text.
    pub fn sql(&self, sql: &str) -> Vec<Vec<String>> {
        match &self.schema {
            Some(schema) => postgres(&schema.url, sql),
            None => (self.ask)(&self.path().join("portreeve.db"), sql),
        }
    }

    /// Runs SQL that may fail, past the embedded database.
    pub fn try_sql(&self, sql: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
        try_postgres(&self.schema.as_ref().expect("is shared").url, sql)
    }

    /// Begins a transaction with some SQL, on a database that nodes can share.
    pub fn transaction(&self, sql: &str) -> Transaction {
        let url = &self.schema.as_ref().expect("is shared").url;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let connected = runtime.block_on(tokio_postgres::connect(url, NoTls));
        let (client, connection) = connected.expect("the database can be reached");
        runtime.spawn(connection);
        runtime.block_on(client.batch_execute(&format!("BEGIN; {sql}"))).expect("the statement runs");
        Transaction { client, runtime }
    }

    /// Runs SQL that gives one number.
    pub fn number(&self, sql: &str) -> i64 {
        self.sql(sql)[0][0].parse().expect("a number")
    }
}

/// A transaction that is under way.
pub struct Transaction {
    client: tokio_postgres::Client,
    runtime: tokio::runtime::Runtime,
}

impl Transaction {
    pub fn commit(self) {
        self.runtime.block_on(self.client.batch_execute("COMMIT")).expect("is committed");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(Schema { database: Some(database), name, .. }) = &self.schema {
            // A server of the test's own may be gone, and its data with it.
            drop(try_postgres(database, &format!("DROP SCHEMA IF EXISTS {name} CASCADE")));
        }
    }
}

/// A connection to the embedded database, as the program has them: what another writes has no checksums.
pub fn open(file: &Path) -> rusqlite::Connection {
    portreeve_sqlite_checksums::open(file, rusqlite::OpenFlags::default()).expect("the database opens")
}

/// Asks in this process.
pub fn sqlite(file: &Path, sql: &str) -> Vec<Vec<String>> {
    let connection = open(file);
    connection.busy_timeout(super::WATCHDOG).expect("it waits");
    let mut statement = connection.prepare(sql).expect("is SQL");
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let text = |column| match row.get_ref(column)? {
            rusqlite::types::ValueRef::Integer(number) => Ok(number.to_string()),
            other => Ok(String::from_utf8_lossy(other.as_bytes().unwrap_or_default()).into_owned()),
        };
        (0..columns).map(text).collect()
    });
    rows.expect("runs").collect::<Result<_, _>>().expect("gives rows")
}

fn postgres(url: &str, sql: &str) -> Vec<Vec<String>> {
    try_postgres(url, sql).expect("the statement runs")
}

pub fn try_postgres(url: &str, sql: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
    let run = async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let connection = tokio::spawn(connection);
        let messages = client.simple_query(sql).await;
        drop(client);
        connection.await.expect("ran")?;
        messages
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let rows = runtime.block_on(run)?.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|column| row.get(column).unwrap_or_default().to_owned()).collect())
        }
        _ => None,
    });
    Ok(rows.collect())
}
