//! The file of a backup, as a database: written once, in order, by one who is alone with it, and only read afterwards. Its
//! tables are put away as those of a store that is not the directory, so that nobody serves it by mistake.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    Changes, Door, Reader, TABLES, Table,
    marks::{self, About, Mark},
    write::apply,
};
use crate::{
    error::{Error, Failure, Result},
    store::{Inner, Store, Tx, migrations, sqlite::failure},
    time::Timestamp,
};

/// What says in an SQLite database's head whose file it is: `PTRV`.
pub(crate) const APPLICATION: [u8; 4] = *b"PTRV";
/// Nothing is kept for a crash, after which the file is of no use, and nobody is let in between: no other file comes into
/// being beside it, and what only network file systems lack is not needed.
const ALONE: &str = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
    PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768; PRAGMA trusted_schema = OFF";

/// One state of a directory, to write a file of, and which version its tables have; 0 if there are none.
pub(crate) async fn source(store: &Store) -> Result<(Reader, i64)> {
    let mut reader = Reader::begin(store, Door::Open).await?;
    let version = migrations::version(store.is_shared(), reader.tx()).await?;
    if version > 0 {
        marks::check_open(reader.tx()).await?;
    }
    Ok((reader, version))
}

/// A file that is being written.
pub(crate) struct NewFile(Tx);

impl NewFile {
    /// Makes the tables, in a file that is empty.
    pub(crate) async fn begin(path: &Path) -> Result<Self> {
        let connection = alone(path)?;
        // What triggers note is of use to one store alone.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).map_err(failure)?;
        let mut tx = transaction(connection);
        tx.batch(&format!("PRAGMA application_id = {}; BEGIN", i32::from_be_bytes(APPLICATION))).await?;
        migrations::run_in(&mut tx).await?;
        marks::rename(&mut tx, TABLES.iter().map(|table| table.name), Door::Open, Door::Closed).await?;
        Ok(Self(tx))
    }

    /// Writes rows that are not there yet.
    pub(crate) async fn put(&mut self, table: &Table, rows: &Changes) -> Result<(), Failure> {
        apply(&mut self.0, table, rows, false).await
    }

    /// Writes what it is. The bytes are with the system afterwards, and not yet on the disk.
    pub(crate) async fn end(mut self, about: About) -> Result<(), Failure> {
        marks::set(&mut self.0, &Mark::Backup(about)).await?;
        self.0.batch("COMMIT").await
    }
}

fn alone(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failure)?;
    connection.execute_batch(ALONE).map_err(failure)?;
    Ok(connection)
}

/// No statement here asks for the time.
fn transaction(connection: Connection) -> Tx {
    Tx { inner: Inner::Sqlite(connection), now: Timestamp::from_micros(0) }
}

/// Reads a file that nobody writes. No lock is taken, and nothing is looked for beside it.
pub(crate) fn read(path: &Path, door: Door) -> Result<Reader, Failure> {
    let unreadable = |cause: String| Failure::Unavailable(format!("{} cannot be read: {cause}", path.display()));
    let absolute = std::path::absolute(path).map_err(|cause| unreadable(cause.to_string()))?;
    let mut url = url::Url::from_file_path(absolute).map_err(|()| unreadable("it is no path of a file".into()))?;
    url.set_query(Some("immutable=1"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(url.as_str(), flags).map_err(failure)?;
    let careful = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY";
    connection.execute_batch(careful).map_err(failure)?;
    Ok(Reader::of(transaction(connection), door))
}

/// What a file says of itself; nothing if it says nothing.
pub(crate) async fn about(reader: &mut Reader) -> Result<Option<About>> {
    let Some(text) = marks::text(reader.tx()).await? else { return Ok(None) };
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let Some(about) = value.get("backup") else { return Ok(None) };
    // Looked at first: of another form nothing else is known.
    match about.get("format").and_then(serde_json::Value::as_u64) {
        Some(About::FORMAT) => Ok(serde_json::from_value(about.clone()).ok()),
        Some(other) => Err(Error::Conflict(format!(
            "its form is number {other}, and this portreeve knows number {}: use the one that made it, or a newer one",
            About::FORMAT
        ))),
        None => Ok(None),
    }
}

/// Brings a copy of a backup of an older version to the tables of this one, where they are open.
pub(crate) async fn upgrade(path: &Path) -> Result<()> {
    let mut tx = transaction(alone(path)?);
    tx.batch("BEGIN").await?;
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table'";
    let there = tx.query(sql, &[], |row| row.text(0)).await?;
    let closed = TABLES.iter().map(|table| table.name).filter(|name| there.contains(&Door::Closed.name(name)));
    marks::rename(&mut tx, closed, Door::Closed, Door::Open).await?;
    marks::forget(&mut tx).await?;
    migrations::run_in(&mut tx).await?;
    Ok(tx.batch("COMMIT").await?)
}
