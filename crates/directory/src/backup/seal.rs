//! The last line of a backup's file: the SHA-256 of all bytes before it, by which one damaged byte is found, wherever it is.
//! SQLite looks at whole pages and does not see the line.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use sha2::{Digest, Sha256};

use super::{At, Stage, Watch};
use crate::{
    error::{Error, Result},
    store::relocation::file::APPLICATION,
};

const BEFORE: &str = "\nportreeve backup, whole if the SHA-256 of all before this line is ";
const AFTER: &str = "\n";
/// How long the line is, with the end of the one before.
const LENGTH: u64 = (BEFORE.len() + 64 + AFTER.len()) as u64;
/// Bytes read at a time.
const PIECE: usize = 1 << 20;
/// How an SQLite database begins, and where in its head it says whose it is.
const SQLITE: &[u8] = b"SQLite format 3\0";
const APPLICATION_AT: usize = 68;

fn line(digest: &[u8]) -> String {
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{BEFORE}{digits}{AFTER}")
}

fn fault(path: &Path) -> impl Fn(io::Error) -> Error {
    move |cause| Error::Conflict(format!("{}: {cause}", path.display()))
}

/// What so many bytes of a file come to, from its beginning.
fn digest(mut file: &File, length: u64, watch: &mut Watch<'_>) -> io::Result<Vec<u8>> {
    let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE]);
    let mut done = 0;
    file.seek(SeekFrom::Start(0))?;
    while done < length {
        let most = piece.len().min(usize::try_from(length - done).unwrap_or(usize::MAX));
        let count = file.read(&mut piece[..most])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hash.update(&piece[..count]);
        done += count as u64;
        watch(At { stage: Stage::Bytes, done, whole: length });
    }
    Ok(hash.finalize().to_vec())
}

/// Seals a file that is written. It is on the disk afterwards.
pub(super) fn set(path: &Path, watch: &mut Watch<'_>) -> Result<()> {
    let fault = fault(path);
    let mut file = File::options().read(true).write(true).open(path).map_err(&fault)?;
    let length = file.metadata().map_err(&fault)?.len();
    let digest = digest(&file, length, watch).map_err(&fault)?;
    file.seek(SeekFrom::End(0)).and_then(|_| file.write_all(line(&digest).as_bytes())).map_err(&fault)?;
    file.sync_all().map_err(&fault)
}

/// Refuses a file of which a byte is not what it was when it was sealed. Gives how many bytes there are before the seal.
pub(super) fn check(path: &Path, watch: &mut Watch<'_>) -> Result<u64> {
    let (fault, shown) = (fault(path), path.display());
    let mut file = File::open(path).map_err(&fault)?;
    let facts = file.metadata().map_err(&fault)?;
    if facts.is_dir() {
        return Err(Error::Conflict(format!("{shown} is a folder; name the file of a backup")));
    }
    let length = facts.len().saturating_sub(LENGTH);
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(length)).and_then(|_| file.read_to_end(&mut end)).map_err(&fault)?;
    if !end.starts_with(BEFORE.as_bytes()) {
        return Err(Error::Conflict(if is_ours(&file).map_err(&fault)? {
            format!("{shown} is not whole: its end is missing or damaged; use another backup")
        } else {
            format!("{shown} is no backup made by portreeve backup, or damaged from the first byte to the last")
        }));
    }
    if line(&digest(&file, length, watch).map_err(&fault)?).as_bytes() != end {
        return Err(Error::Conflict(format!(
            "{shown} is damaged: its bytes are not those that were written; use another backup"
        )));
    }
    Ok(length)
}

/// Whether it begins as a backup does.
fn is_ours(mut file: &File) -> io::Result<bool> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(100).read_to_end(&mut head)?;
    Ok(head.starts_with(SQLITE) && head.get(APPLICATION_AT..APPLICATION_AT + 4) == Some(&APPLICATION))
}
