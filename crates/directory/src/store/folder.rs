//! The data folder: closed to everybody else on the machine, and made so that a loss of power leaves it its name.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, ErrorKind},
    path::Path,
};

#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

/// Bytes that a start takes at most, the first one aside.
const ENOUGH: u64 = 1 << 20;

/// Makes a folder, if it is not there, that nobody else on the machine can look into.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    let mut made: Vec<&Path> = folder.ancestors().take_while(|path| !path.exists()).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder)?;
    // One that is there may have been made by a start that was cut off before it came to this.
    if made.is_empty() {
        made.push(folder);
    }
    made.into_iter().rev().filter_map(Path::parent).try_for_each(keep_names)
}

/// Makes a file, if it is not there, that nobody else can read. SQLite gives the files that it puts beside the database the
/// same mode.
pub(super) fn make_private_file(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(file).map(drop)
}

/// Whether the disk that a folder is on, or would be on, has no room for anything worth mentioning.
pub(super) fn is_full(folder: &Path) -> bool {
    let is_there = |path: &&Path| path.exists();
    let disk = folder.ancestors().find(is_there).unwrap_or(Path::new("."));
    rustix::fs::statvfs(disk).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < ENOUGH)
}

/// Brings to disk which names are in a folder. SQLite does so too, and does not look whether it was done.
pub fn keep_names(folder: &Path) -> io::Result<()> {
    // What is relative begins in a folder that has no name here.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    match synced.as_ref().map_err(io::Error::kind) {
        // Not every folder may be read, nor does every file system sync folders.
        Err(ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        _ => synced,
    }
}
