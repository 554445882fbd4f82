//! The embedded database's log when it is opened: what it shows is brought to disk before anything is written behind it.

use std::{
    fs::OpenOptions,
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::sqlite::failure;
use crate::error::Failure;

/// What is read and written at once.
const PIECE: usize = 1 << 20;

/// Writes the log once more, and syncs it.
///
/// A sync that fails gives up what it was to bring to disk: the kernel goes on showing it, and no later sync says a word of it.
/// Whoever goes on writing after such a failure begins where the last good commit ended, and so writes it anew. But one that is
/// started afterwards takes what is shown for good commits, and would write behind them what a loss of power then takes along.
pub(super) fn bring_to_disk(connection: &Connection, database: &Path) -> Result<(), Failure> {
    let mut log = PathBuf::from(database).into_os_string();
    log.push("-wal");
    let log = PathBuf::from(log);
    // Nobody else writes to it meanwhile, nor begins it anew.
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failure)?;
    let rewritten = rewrite(&log);
    connection.execute_batch("ROLLBACK").map_err(failure)?;
    rewritten.map_err(|cause| Failure::Unavailable(format!("{} cannot be written: {cause}", log.display())))
}

fn rewrite(path: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(fault) if fault.kind() == ErrorKind::NotFound => return Ok(()),
        Err(fault) => return Err(fault),
    };
    let (mut piece, mut at) = (vec![0; PIECE], 0);
    loop {
        let length = file.read_at(&mut piece, at)?;
        if length == 0 {
            break;
        }
        file.write_all_at(&piece[..length], at)?;
        at += length as u64;
    }
    if at == 0 { Ok(()) } else { file.sync_all() }
}
