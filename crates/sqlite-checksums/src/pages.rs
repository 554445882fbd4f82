//! Pages of the database: their checksums, and whether a file is one whose pages have them.

use std::{fs::File, io::Read, path::Path};

use crate::{
    Damage, Place,
    sums::{Order, Sums, add, kept},
};

/// Bytes of a page.
pub const SIZE: usize = 4096;
/// Bytes at the end of each page that are the checksum's.
pub const RESERVED: u8 = 8;
/// Bytes of the database's head, at the beginning of its first page.
pub(crate) const HEAD: i64 = 100;
/// How a database begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Where in the head it says how many bytes of each page are left free.
pub(crate) const RESERVED_AT: usize = 20;
/// SQLite locks bytes in this page and never writes it.
const LOCK_PAGE: u64 = 0x4000_0000 / SIZE as u64 + 1;

/// What is found of one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// It is the one that was written.
    Right,
    /// It is not.
    Wrong,
    /// It has never been written: SQLite makes a file longer before it needs all of it.
    Unwritten,
}

fn sum(number: u64, page: &[u8; SIZE]) -> Sums {
    // The number fits: SQLite has no more pages. As it is not 0, a page of zeros is not right.
    let begin = u32::try_from(number).unwrap_or(u32::MAX);
    add(Order::Little, (begin, 0), &page[..SIZE - usize::from(RESERVED)])
}

/// Whether a page is the one that was written under this number.
pub(crate) fn is_right(number: u64, page: &[u8; SIZE]) -> bool {
    kept(Order::Little, page, SIZE - usize::from(RESERVED)) == sum(number, page)
}

/// Gives a page its checksum.
pub(crate) fn seal(number: u64, page: &mut [u8; SIZE]) {
    let (first, second) = sum(number, page);
    let at = SIZE - usize::from(RESERVED);
    page[at..at + 4].copy_from_slice(&first.to_le_bytes());
    page[at + 4..].copy_from_slice(&second.to_le_bytes());
}

/// What is to be thought of a page as it stands in the file, whether SQLite uses it or not.
pub fn judge(number: u64, page: &[u8; SIZE]) -> Page {
    if number == LOCK_PAGE || page.iter().all(|byte| *byte == 0) {
        Page::Unwritten
    } else if is_right(number, page) {
        Page::Right
    } else {
        Page::Wrong
    }
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There is nothing in it yet, or it is not there.
    Empty,
    /// A database whose pages have checksums.
    Checked,
    /// A database whose pages have none.
    Unchecked,
    /// Neither, by its first page.
    Damaged(Damage),
}

/// Looks at the head of a database. To be called before this process has opened it: a file that is closed loses the locks that
/// the process has on it.
pub fn state(file: &Path) -> std::io::Result<State> {
    let mut first = Vec::with_capacity(SIZE);
    match File::open(file) {
        Ok(open) => open.take(SIZE as u64).read_to_end(&mut first)?,
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(State::Empty),
        Err(fault) => return Err(fault),
    };
    let damaged = State::Damaged(Damage { file: file.into(), place: Place::Page(1) });
    if first.iter().all(|byte| *byte == 0) {
        // SQLite takes back what a crash left of the first write.
        return Ok(State::Empty);
    }
    if first.len() < SIZE || first[..MAGIC.len()] != *MAGIC {
        return Ok(damaged);
    }
    Ok(match first[RESERVED_AT] {
        RESERVED => State::Checked,
        0 if !would_be_right(&first) => State::Unchecked,
        _ => damaged,
    })
}

/// Whether nothing but the note that there are checksums is missing.
fn would_be_right(first: &[u8]) -> bool {
    <[u8; SIZE]>::try_from(first).is_ok_and(|mut page| {
        page[RESERVED_AT] = RESERVED;
        is_right(1, &page)
    })
}
