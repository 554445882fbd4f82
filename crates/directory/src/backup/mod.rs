//! Backups: one consistent state of a directory in one file, in one form for both databases; and what is restored of it.
//!
//! A backup is taken as a directory is brought into another store (`relocation`), table by table in the order of keys, in one
//! state of the source. The file is an SQLite database with the tables of the version that made it, so that it can be read
//! for years, by other programs too, and be brought to the tables of later versions as any directory is.

mod restore;
mod seal;

use std::path::Path;

pub use crate::store::relocation::marks::{About, Contents};
pub use restore::Restoration;

use crate::{
    error::{Error, Result},
    metrics::Metrics,
    relocation::{
        End,
        course::check_source,
        pass::{BATCH, STRIDE},
    },
    store::{
        Store, Use, migrations,
        relocation::{Changes, Cursor, Digest, Door, Reader, TABLES, Table, file},
    },
    time::Clock,
};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Rows are read and written.
    Copy,
    /// The file's bytes are read.
    Bytes,
    /// Rows are read and compared with what they should be.
    Compare,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct At {
    /// In what.
    pub stage: Stage,
    /// How many rows or bytes are behind it.
    pub done: u64,
    /// How many there are.
    pub whole: u64,
}

/// Whoever wants to know how far it is.
pub type Watch<'a> = dyn FnMut(At) + Send + 'a;

/// Writes a backup into a file, which is there and empty, and reads it again. Others go on working on the directory. When
/// this is done, the file is on the disk; until then it is none.
pub async fn take(from: &End, path: &Path, watch: &mut Watch<'_>) -> Result<About> {
    if !from.location.has_data() {
        return Err(Error::NotFound(format!("there is no directory in {}", from.shown)));
    }
    let store = Store::connect(&from.location, Use::Requests, Clock::system(), Metrics::default()).await?;
    // Before the state is: whatever was acknowledged by then is in it.
    let taken = store.now();
    let (mut source, version) = file::source(&store).await?;
    check_source(version, &from.shown)?;
    let mut whole = 0;
    for table in TABLES {
        whole += source.count(table).await?;
    }
    let accounts = source.accounts().await?;
    let (mut file, mut contents, mut before) = (file::NewFile::begin(path).await?, Vec::new(), 0);
    for table in TABLES {
        let mut on = |rows| watch(At { stage: Stage::Copy, done: before + rows, whole });
        contents.push(copy(&mut source, table, &mut file, &mut on).await?);
        before = contents.iter().map(|one| one.rows).sum();
    }
    // The state need not be kept for what follows.
    drop(source);
    let portreeve = env!("CARGO_PKG_VERSION").to_owned();
    let about = About { format: About::FORMAT, portreeve, tables: version, taken, accounts, contents };
    file.end(about.clone()).await?;
    seal::set(path, watch)?;
    if check(path, watch).await? != about {
        return Err(Error::Internal("what was read of the directory is not what is in the file".into()));
    }
    Ok(about)
}

/// Copies a table, and says what was read.
async fn copy(
    source: &mut Reader,
    table: &'static Table,
    file: &mut file::NewFile,
    watch: &mut (dyn FnMut(u64) + Send),
) -> Result<Contents> {
    let (mut cursor, mut digest) = (Cursor::open(source, table).await?, Digest::begin(table));
    let (mut rows, mut done) = (Changes::default(), 0_u64);
    while cursor.peek().await?.is_some() {
        let Some(row) = cursor.take() else { break };
        digest.add(&row);
        rows.put(row);
        done += 1;
        if done.is_multiple_of(STRIDE) {
            watch(done);
        }
        let (count, bytes) = rows.size();
        if count >= BATCH.0 || bytes >= BATCH.1 {
            file.put(table, &std::mem::take(&mut rows)).await?;
        }
    }
    file.put(table, &rows).await?;
    watch(done);
    cursor.close().await?;
    Ok(summed_up(table, digest))
}

fn summed_up(table: &Table, digest: Digest) -> Contents {
    let (rows, sha256) = digest.end();
    Contents { table: table.name.to_owned(), rows, sha256 }
}

/// Reads a whole backup, and refuses it if any of its bytes is not what it was, or its rows are not those that were read of
/// the directory. Rows of the tables of another version of the program are not looked at, as their columns are others.
pub async fn check(path: &Path, watch: &mut Watch<'_>) -> Result<About> {
    seal::check(path, watch)?;
    let shown = path.display();
    let mut reader = file::read(path, Door::Closed)?;
    let about = match file::about(&mut reader).await {
        Err(Error::Conflict(why)) => return Err(Error::Conflict(format!("{shown} cannot be read: {why}"))),
        about => about?.ok_or_else(|| Error::Conflict(format!("{shown} does not say that it is a backup")))?,
    };
    if about.tables != migrations::newest() {
        return Ok(about);
    }
    let (whole, mut done) = (about.rows(), 0);
    let mut found = Vec::new();
    for table in TABLES {
        let (mut cursor, mut digest) = (Cursor::open(&mut reader, table).await?, Digest::begin(table));
        while cursor.peek().await?.is_some() {
            let Some(row) = cursor.take() else { break };
            digest.add(&row);
            done += 1;
            if done % STRIDE == 0 {
                watch(At { stage: Stage::Compare, done, whole });
            }
        }
        cursor.close().await?;
        found.push(summed_up(table, digest));
    }
    watch(At { stage: Stage::Compare, done, whole });
    if found != about.contents {
        let wrong = found.iter().find(|one| !about.contents.contains(one)).map_or("", |one| &one.table);
        return Err(Error::Conflict(format!(
            "{shown} is damaged: the rows of {wrong} are not those that were written; use another backup"
        )));
    }
    Ok(about)
}
