//! An SQLite database whose damage is found: no byte that SQLite reads of it is taken for true unless it is the one that was
//! written.
//!
//! - **Pages** of the database keep a checksum in their last 8 bytes, which SQLite leaves free for that ("reserved space" of
//!   its file format). It is made when a page is written and verified whenever one is read from the file. It depends on the
//!   page's number, so that a page in the place of another is found too.
//! - **The log** (`-wal`) has checksums of SQLite's own, which SQLite looks at only after a crash. Here they are verified
//!   whenever a page is read from it, and before it is recovered: see [`recovery`].
//!
//! SQLite calls what reads and writes its files a VFS. Ours ([`VFS`]) is the operating system's with other functions to read and
//! write. SQLite's own extension for this (`cksumvfs`) knows nothing of the log, and is switched off by one damaged byte of
//! the database's head.

mod files;
mod log;
pub mod pages;
pub mod recovery;
mod sums;
mod vfs;

use std::{
    cell::RefCell,
    fmt,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, ffi};

pub use vfs::VFS;

/// Something in a file that is not what was written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// Where in it.
    pub place: Place,
}

/// Where a file is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A page of the database, counted from 1 as SQLite does.
    Page(u64),
    /// The head of the log.
    LogHead,
    /// A frame of the log, which holds one page; counted from 1.
    Frame(u64),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.place {
            Place::Page(number) => write!(f, "page {number} of {file} is not as it was written"),
            Place::LogHead => write!(f, "the head of {file} is not as it was written"),
            Place::Frame(number) => write!(f, "frame {number} of {file} is not as it was written"),
        }
    }
}

thread_local! {
    static FOUND: RefCell<Option<Damage>> = const { RefCell::new(None) };
}

/// The damage that was last found on this thread, once. SQLite itself says no more than `SQLITE_IOERR_DATA`.
pub fn take_damage() -> Option<Damage> {
    FOUND.with_borrow_mut(Option::take)
}

fn note(damage: Damage) {
    FOUND.set(Some(damage));
}

/// Opens a database that has checksums, or makes one.
pub fn open(file: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    open_by(VFS, file, flags)
}

/// As [`open`], and takes pages as they are: for whoever looks at what is damaged. Pages that are written get right checksums.
pub fn open_unverified(file: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    open_by(vfs::UNVERIFIED, file, flags)
}

fn open_by(vfs: &str, file: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    vfs::register()?;
    let connection = Connection::open_with_flags_and_vfs(file, flags, vfs)?;
    connection.execute_batch(&format!("PRAGMA page_size = {}", pages::SIZE))?;
    reserve(&connection)?;
    Ok(connection)
}

/// Lets the connection's database, if it has no page yet or is made anew by `VACUUM`, have room for checksums. Written by
/// [`VFS`], it then has them.
pub fn reserve(connection: &Connection) -> rusqlite::Result<()> {
    vfs::register()?;
    match vfs::reserve(connection, i32::from(pages::RESERVED)) {
        ffi::SQLITE_OK => Ok(()),
        code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)),
    }
}
