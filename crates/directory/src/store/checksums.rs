//! The embedded database's damage: that none of it is taken for true, before the database is opened and while it is read; and
//! how databases that were made without checksums come to have them.

use std::{
    fs::File,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use portreeve_sqlite_checksums::{
    Damage, VFS,
    pages::{self, State},
    recovery::{self, Finding},
    reserve, take_damage,
};
use rusqlite::{
    Connection, ErrorCode, OpenFlags,
    ffi::{Error, SQLITE_BUSY, SQLITE_IOERR_DATA},
};

use super::folder::{keep_names, make_private_file};
use crate::error::Failure;

/// What to do about damage.
const REMEDY: &str = "stop the server, let portreeve check look at all of it, and restore a backup";
/// How long to wait for another process that has the database open.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often to begin with a database that another process has just given its checksums.
const TRIES: u32 = 3;

/// What is damaged, and what to do.
pub(super) fn damaged(what: &dyn std::fmt::Display) -> Failure {
    Failure::Damaged(format!("{what}; {REMEDY}"))
}

/// What SQLite says of a file that is not as it was written.
pub(super) fn damage(cause: &rusqlite::Error) -> Option<Failure> {
    let error = cause.sqlite_error()?;
    if error.extended_code == SQLITE_IOERR_DATA {
        return Some(take_damage().map_or_else(|| damaged(cause), |found| damaged(&found)));
    }
    matches!(error.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase).then(|| damaged(cause))
}

/// Logs damage that SQLite kept to itself: when it moves the log into the database after a commit, and finds a frame that is not
/// right, it leaves it where it is. Said once for each place.
pub(super) fn tell_of_log(told: &mut Option<Damage>) {
    let found = take_damage();
    if let Some(found) = found.filter(|found| told.as_ref() != Some(found)) {
        tracing::error!("the log is not moved into the database: {found}; {REMEDY}");
        *told = Some(found);
    }
}

/// The databases that this process has open. Their files must not be opened in another way meanwhile: closed again, they would
/// take the locks of SQLite with them.
static OPEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Notes that a database is open, for as long as it is there.
pub(super) struct Opened(PathBuf);

impl Opened {
    /// Makes sure that the database can be opened, if it is not open already: `first` is run, then its log and its head are
    /// looked at, and it gets checksums if it has none.
    pub(super) fn prepare(file: &Path, first: impl FnOnce() -> Result<(), Failure>) -> Result<Self, Failure> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let known = file.canonicalize().is_ok_and(|file| open.contains(&file));
        if !known {
            first()?;
            look(file)?;
        }
        let file = file.canonicalize().map_err(|cause| unreadable(file, &cause))?;
        open.push(file.clone());
        Ok(Self(file))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().position(|file| *file == self.0) {
            open.swap_remove(at);
        }
    }
}

fn unreadable(file: &Path, cause: &std::io::Error) -> Failure {
    Failure::Unavailable(format!("{} cannot be read: {cause}", file.display()))
}

fn look(file: &Path) -> Result<(), Failure> {
    for _ in 0..TRIES {
        match recovery::check(file).map_err(|cause| unreadable(file, &cause))? {
            Finding::Whole => {}
            Finding::Torn(frame) => tracing::warn!(
                frame,
                "the end of {}-wal is not whole: a write that failed, or was cut off by a loss of power before it was answered, \
                 or, if there was none, damage; it is left out",
                file.display()
            ),
            Finding::Damaged(found) => return Err(lost(&found)),
        }
        match pages::state(file).map_err(|cause| unreadable(file, &cause))? {
            State::Empty | State::Checked => return Ok(()),
            State::Damaged(found) => return Err(damaged(&found)),
            State::Unchecked => convert(file)?,
        }
    }
    Err(Failure::Unavailable(format!("{} is being replaced again and again", file.display())))
}

/// SQLite would go on without what is behind the damage.
fn lost(found: &Damage) -> Failure {
    damaged(&format!("{found}, and without it the newest writes would be lost"))
}

/// Gives checksums to the pages of a database that was made without: all of it is written into another file, which takes its
/// place when it is whole. Until then it is as it was.
fn convert(file: &Path) -> Result<(), Failure> {
    let identity = |file: &Path| file.metadata().map(|of| (of.dev(), of.ino(), of.size()));
    let (device, number, size) = identity(file).map_err(|cause| unreadable(file, &cause))?;
    tracing::info!(
        file = %file.display(),
        megabytes = size >> 20,
        "the database gets checksums, once; that takes a while, and as much free space as the database has"
    );
    let old = hold(file).map_err(|cause| refused(file, size, &cause))?;
    // Another process may have been faster; then what is held here is a file without a name.
    let (now, same, _) = identity(file).map_err(|cause| unreadable(file, &cause))?;
    if (now, same) != (device, number) {
        return Ok(());
    }
    let new = file.with_extension("db-new");
    let replaced = write_anew(&old, file, &new).and_then(|()| {
        replace(file, &new).map_err(|cause| Failure::Unavailable(format!("{}: {cause}", new.display())))
    });
    if replaced.is_err() {
        // What is left of it is in nobody's way but the disk's.
        drop(std::fs::remove_file(&new));
    }
    replaced
}

/// Opens a database so that no other process can, with nothing of it in a log.
fn hold(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let old = Connection::open_with_flags(file, flags)?;
    old.busy_timeout(PATIENCE)?;
    old.execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL")?;
    // Which takes the log away.
    let mode: String = old.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    if mode != "delete" {
        return Err(rusqlite::Error::SqliteFailure(Error::new(SQLITE_BUSY), None));
    }
    old.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
    Ok(old)
}

fn write_anew(old: &Connection, file: &Path, new: &Path) -> Result<(), Failure> {
    let size = file.metadata().map_or(0, |of| of.size());
    let failed = |cause: &std::io::Error| Failure::Unavailable(format!("{} cannot be made: {cause}", new.display()));
    if let Err(cause) = std::fs::remove_file(new)
        && cause.kind() != std::io::ErrorKind::NotFound
    {
        return Err(failed(&cause));
    }
    make_private_file(new).map_err(|cause| failed(&cause))?;
    let written = || {
        old.execute_batch(&format!("PRAGMA page_size = {}", pages::SIZE))?;
        reserve(old)?;
        old.execute("VACUUM INTO ?1", [format!("file:{}?vfs={VFS}", encoded(new))])
    };
    written().map(drop).map_err(|cause| refused(file, size, &cause))
}

fn replace(file: &Path, new: &Path) -> std::io::Result<()> {
    let was = file.metadata()?;
    let made = File::open(new)?;
    // It may not be the server who does this.
    if (made.metadata()?.uid(), made.metadata()?.gid()) != (was.uid(), was.gid()) {
        chown(new, Some(was.uid()), Some(was.gid()))?;
    }
    made.set_permissions(was.permissions())?;
    made.sync_all()?;
    std::fs::rename(new, file)?;
    keep_names(file.parent().unwrap_or(Path::new(".")))
}

/// Why a database got no checksums.
fn refused(file: &Path, size: u64, cause: &rusqlite::Error) -> Failure {
    let shown = file.display();
    if let Some(failure) = damage(cause) {
        return failure;
    }
    if cause.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        return Failure::Full(format!(
            "{shown} gets checksums of its pages, for which its folder needs {} MiB of free space: make room, and start again; \
             nothing has been changed",
            size.div_ceil(1 << 20)
        ));
    }
    Failure::Unavailable(match cause.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => format!(
            "{shown} has no checksums of its pages yet, and cannot get them while another program has it open: stop that one"
        ),
        _ => format!("{shown} cannot be given checksums of its pages: {cause}"),
    })
}

/// A file's name within a URI.
fn encoded(file: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(byte);
    let one = |byte: &u8| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    file.as_os_str().as_bytes().iter().map(one).collect()
}
