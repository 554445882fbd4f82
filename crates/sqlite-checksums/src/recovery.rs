//! Whether the log holds all that was committed to it, before SQLite recovers it after a crash: SQLite goes as far as the
//! checksums are right and takes the rest for something that was never finished.

use std::{
    ffi::OsString,
    fs::File,
    io::{BufReader, ErrorKind, Read, Result},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Damage, Place,
    log::{FRAME_HEAD, HEAD, Head, is_commit, sums_of},
    sums::{Order, Sums, add, kept, number},
};

/// Somebody who writes may begin the log anew while it is looked at; then it is looked at again.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// What a log is found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It holds all that was committed to it.
    Whole,
    /// Its last transaction is not whole, from this frame on. That is what a loss of power leaves of a commit that had not been
    /// answered; damage to the last of the commits looks the same, where nothing says that there was one.
    Torn(u64),
    /// It does not.
    Damaged(Damage),
}

/// Looks at a database's log. To be called before this process has opened the database: a file that is closed loses the locks
/// that the process has on it.
pub fn check(database: &Path) -> Result<Finding> {
    let (mut tried, mut last) = (1, None);
    loop {
        // First what was committed, then where it should be, as both may grow.
        let witness = Witness::read(&beside(database, "-shm"))?;
        let finding = scan(&beside(database, "-wal"), witness)?;
        // What is just being written looks torn; a moment later it does not, or not in the same place.
        let same = last.replace(finding.clone()) == Some(finding.clone());
        if tried == TRIES || finding == Finding::Whole || same && matches!(finding, Finding::Torn(_)) {
            return Ok(finding);
        }
        tried += 1;
        std::thread::sleep(PAUSE);
    }
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(ending);
    name.into()
}

/// How far the log has been committed, as the index of it (`-shm`) says. SQLite notes that behind each commit, once the log is on
/// the disk. After a loss of power it may be what it was a while before: then it says less than there is, or speaks of an
/// earlier log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Witness {
    salts: [u8; 8],
    frames: u64,
}

/// Bytes of the index's head, of which there are two copies.
const INDEX_HEAD: usize = 48;

impl Witness {
    fn read(file: &Path) -> Result<Option<Self>> {
        let mut bytes = [0; 2 * INDEX_HEAD];
        match File::open(file).and_then(|mut file| file.read_exact(&mut bytes)) {
            Ok(()) => {}
            Err(fault) if matches!(fault.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => return Ok(None),
            Err(fault) => return Err(fault),
        }
        let (head, copy) = bytes.split_at(INDEX_HEAD);
        // Whether it is in use, at 12, is 1.
        let right = kept(Order::NATIVE, head, 40) == add(Order::NATIVE, (0, 0), &head[..40]);
        if head != copy || !right || head[12] != 1 {
            return Ok(None);
        }
        let salts = head[32..].first_chunk().copied().unwrap_or_default();
        Ok(Some(Self { salts, frames: number(Order::NATIVE, head, 16).into() }))
    }
}

/// Goes through the frames as the recovery does, and then on.
fn scan(file: &Path, witness: Option<Witness>) -> Result<Finding> {
    let open = match File::open(file) {
        Ok(open) => open,
        Err(fault) if fault.kind() == ErrorKind::NotFound => return Ok(Finding::Whole),
        Err(fault) => return Err(fault),
    };
    let damaged = |place| Ok(Finding::Damaged(Damage { file: file.into(), place }));
    let mut reader = BufReader::with_capacity(1 << 18, open);
    let mut head = [0; HEAD];
    // Begun, and nothing was written to it.
    if !fill(&mut reader, &mut head)? || head == [0; HEAD] {
        return Ok(Finding::Whole);
    }
    let Some(head) = Head::read(&head).filter(|head| (512..=65_536).contains(&head.page_size)) else {
        return damaged(Place::LogHead);
    };
    let (mut frame, mut page) = ([0; FRAME_HEAD], vec![0; head.page_size]);
    let (mut number, mut committed, mut sums) = (0, 0, head.sums);
    let mut tail = None;
    while fill(&mut reader, &mut frame)? && fill(&mut reader, &mut page)? {
        number += 1;
        if let Some(tail) = &mut tail {
            if Tail::goes_on(tail, &head, &frame, &page) {
                return damaged(Place::Frame(tail.begin));
            }
        } else if head.proves(sums, &frame, &page) {
            sums = sums_of(&frame);
            committed = if is_commit(&frame) { number } else { committed };
        } else {
            tail = Some(Tail::behind(number, &head, &frame));
        }
    }
    let first_bad = tail.as_ref().map_or(number + 1, |tail| tail.begin);
    if witness.is_some_and(|witness| witness.salts == head.salts && witness.frames > committed) {
        return damaged(Place::Frame(first_bad));
    }
    Ok(tail.filter(|tail| tail.current).map_or(Finding::Whole, |tail| Finding::Torn(tail.begin)))
}

/// What follows the first frame that is not right.
struct Tail {
    begin: u64,
    /// What the frame before says its sums are.
    sums: Sums,
    /// Whether any frame of it was written since the log was last begun anew.
    current: bool,
    /// Whether a transaction has ended in it.
    ended: bool,
}

impl Tail {
    fn behind(begin: u64, head: &Head, frame: &[u8; FRAME_HEAD]) -> Self {
        let current = head.is_current(frame);
        Self { begin, sums: sums_of(frame), current, ended: current && is_commit(frame) }
    }

    /// Whether a transaction was written behind another one, which had then been whole: a commit is on the disk before the next
    /// begins.
    fn goes_on(&mut self, head: &Head, frame: &[u8; FRAME_HEAD], page: &[u8]) -> bool {
        let proven = head.proves(self.sums, frame, page);
        self.sums = sums_of(frame);
        if !proven {
            self.current |= head.is_current(frame);
            return false;
        }
        let next = self.ended;
        (self.current, self.ended) = (true, self.ended || is_commit(frame));
        next
    }
}

/// Whether there was enough to fill the buffer.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(fault) if fault.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(fault) => Err(fault),
    }
}
