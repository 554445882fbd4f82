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
    /// answered, and what commits leave that have failed; damage to the last of the commits looks the same, where nothing says
    /// that there was one.
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
            tail = Some(Tail::behind(number, sums, &head, &frame, &page));
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
    /// What may prove the next frame: what the frame before says its sums are, and of the first what they come to, as it may be
    /// there that it is damaged.
    sums: [Sums; 2],
    /// Whether any frame of it was written since the log was last begun anew.
    current: bool,
    /// Whether a transaction has ended among the frames before, each of which was written behind the one before it.
    ended: bool,
}

impl Tail {
    fn behind(begin: u64, before: Sums, head: &Head, frame: &[u8; FRAME_HEAD], page: &[u8]) -> Self {
        let sums = [sums_of(frame), head.sums_behind(before, frame, page)];
        // Where the sums are right, nothing but what tells it from one of before is damaged.
        let current = head.is_current(frame) || sums[0] == sums[1];
        let ended = current && (is_commit(frame) || head.lost_its_mark(before, frame, page));
        Self { begin, sums, current, ended }
    }

    /// Whether a transaction was written behind another one, which had then been whole: a commit is on the disk before the next
    /// begins.
    ///
    /// Commits that fail all begin where the last good one ended, so that what a longer one has written is still there behind a
    /// shorter one. That was not written behind it, and does not go on with its sums.
    fn goes_on(&mut self, head: &Head, frame: &[u8; FRAME_HEAD], page: &[u8]) -> bool {
        let proven = self.sums.iter().any(|&before| head.proves(before, frame, page));
        let next = proven && self.ended;
        self.sums = [sums_of(frame); 2];
        self.current |= head.is_current(frame);
        self.ended = proven && (self.ended || is_commit(frame));
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

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::sums::add;

    const PAGE: usize = 512;
    const FRAME: usize = FRAME_HEAD + PAGE;

    /// A log as SQLite writes it.
    struct Log {
        head: [u8; HEAD],
        /// Of the head, and of each frame that was acknowledged.
        sums: Vec<Sums>,
        /// The last frame of each acknowledged transaction.
        ends: Vec<u64>,
        frames: Vec<u8>,
        chance: fastrand::Rng,
        folder: TempDir,
    }

    impl Log {
        fn new() -> Self {
            let (chance, folder) = (fastrand::Rng::with_seed(1), TempDir::new().unwrap());
            let mut log = Self { head: [0; HEAD], sums: vec![], ends: vec![], frames: vec![], chance, folder };
            log.begin_anew();
            log
        }

        fn begin_anew(&mut self) {
            let numbers = [0x377f_0682, 3_007_000, PAGE as u32, 1, self.chance.u32(..), self.chance.u32(..)];
            for (at, number) in numbers.into_iter().enumerate() {
                self.head[4 * at..][..4].copy_from_slice(&number.to_be_bytes());
            }
            let sums = add(Order::Little, (0, 0), &self.head[..24]);
            self.head[24..].copy_from_slice(&bytes(sums));
            (self.sums, self.ends) = (vec![sums], vec![]);
        }

        /// Writes a transaction behind those that were acknowledged, or its first so many bytes. It is not acknowledged.
        fn write(&mut self, length: u64, cut: Option<usize>) -> Vec<Sums> {
            let (mut all, mut written) = (self.sums.clone(), vec![]);
            for number in 1..=length {
                let mut head = [0; FRAME_HEAD];
                head[..4].copy_from_slice(&self.chance.u32(1..200).to_be_bytes());
                // As many as have one byte that says so.
                head[4..8].copy_from_slice(&(if number == length { 200_u32 } else { 0 }).to_be_bytes());
                head[8..16].copy_from_slice(&self.head[16..24]);
                let page: Vec<u8> = std::iter::repeat_with(|| self.chance.u8(..)).take(PAGE).collect();
                let sums = add(Order::Little, add(Order::Little, *all.last().unwrap(), &head[..8]), &page);
                head[16..].copy_from_slice(&bytes(sums));
                all.push(sums);
                written.extend(head.into_iter().chain(page));
            }
            written.truncate(cut.unwrap_or(written.len()));
            let begin = FRAME * (self.sums.len() - 1);
            self.frames.resize(self.frames.len().max(begin + written.len()), 0);
            self.frames[begin..begin + written.len()].copy_from_slice(&written);
            all
        }

        fn commit(&mut self, length: u64) {
            self.sums = self.write(length, None);
            self.ends.push(self.committed());
        }

        fn committed(&self) -> u64 {
            self.sums.len() as u64 - 1
        }

        /// What is found of it, and what is if the index tells how much was acknowledged.
        fn found(&self) -> [Finding; 2] {
            let file = self.folder.path().join("log");
            std::fs::write(&file, [&self.head[..], &self.frames].concat()).unwrap();
            let witness = Witness { salts: *self.head[16..].first_chunk().unwrap(), frames: self.committed() };
            [None, Some(witness)].map(|witness| scan(&file, witness).unwrap())
        }

        fn damaged(&self, number: u64) -> Finding {
            Finding::Damaged(Damage { file: self.folder.path().join("log"), place: Place::Frame(number) })
        }

        /// Changes a byte of each acknowledged frame: of its head each, of its page some.
        fn damage_all(&mut self) {
            let last_begins = self.ends[self.ends.len() - 2] + 1;
            assert!(self.found().iter().all(|found| !matches!(found, Finding::Damaged(_))), "{:?}", self.found());
            for number in 1..=self.committed() {
                let begin = FRAME * (number as usize - 1);
                for at in (0..FRAME_HEAD).chain([FRAME_HEAD, FRAME - 1]) {
                    // Zero is what most of a head is, and the worst that its mark can become.
                    for to in [0, self.frames[begin + at] ^ 1, self.frames[begin + at] ^ 0x80, self.chance.u8(..)] {
                        let was = std::mem::replace(&mut self.frames[begin + at], to);
                        if to != was {
                            let [alone, with_index] = self.found();
                            let told = format!("byte {at} of frame {number}, from {was} to {to}");
                            assert_eq!(with_index, self.damaged(number), "{told}");
                            // Of the last commit it may look like what was never finished.
                            let torn = number >= last_begins && alone == Finding::Torn(number);
                            assert!(torn || alone == self.damaged(number), "{alone:?}: {told}");
                        }
                        self.frames[begin + at] = was;
                    }
                }
            }
        }
    }

    fn bytes((first, second): Sums) -> [u8; 8] {
        *[first.to_be_bytes(), second.to_be_bytes()].concat().first_chunk().unwrap()
    }

    #[test]
    fn a_commit_that_was_cut_off_is_torn_or_nothing() {
        let mut log = Log::new();
        log.commit(3);
        log.commit(2);
        let before = log.frames.clone();
        for cut in 0..=4 * FRAME {
            log.frames.clone_from(&before);
            log.write(4, Some(cut));
            let [alone, with_index] = log.found();
            assert_eq!(alone, Finding::Whole, "nothing is behind it");
            assert_eq!(with_index, Finding::Whole);
            // As a loss of power leaves it: with a part that has not come to the disk.
            log.write(4, None);
            let frame = cut / FRAME;
            let lost = &mut log.frames[5 * FRAME..][frame * FRAME..cut];
            let changed = lost.iter().any(|&byte| byte != 0);
            lost.fill(0);
            let found = log.found();
            let torn = Finding::Torn(6 + frame as u64);
            let expected = if changed { torn } else { Finding::Whole };
            // Where it is the last frame that is no longer known to be of this log, there is nothing to speak of.
            let nothing = frame == 3 && found == [Finding::Whole, Finding::Whole];
            assert!(nothing || found == [expected.clone(), expected], "{found:?} without {frame} frames to {cut}");
        }
    }

    #[test]
    fn what_failed_commits_have_left_is_no_damage() {
        let mut chance = fastrand::Rng::with_seed(1);
        let mut torn = 0;
        for round in 0..3_000 {
            let mut log = Log::new();
            for _ in 0..chance.u32(..3) {
                log.commit(chance.u64(1..4));
            }
            for _ in 0..chance.u32(1..6) {
                let length = chance.u64(1..12);
                // A frame's head is written at once.
                let cut = chance.usize(..length as usize * FRAME);
                let cut = if cut % FRAME < FRAME_HEAD { cut / FRAME * FRAME } else { cut };
                let cut = chance.bool().then_some(cut);
                log.write(length, cut);
                if chance.u8(..8) == 0 {
                    log.commit(chance.u64(1..4));
                }
            }
            for found in log.found() {
                assert!(!matches!(found, Finding::Damaged(_)), "{found:?} in round {round}");
                torn += u32::from(found != Finding::Whole);
            }
        }
        assert!(torn > 1_000, "{torn}");
    }

    #[test]
    fn a_damaged_byte_of_what_was_acknowledged_is_found_before_what_failed_commits_have_left() {
        for leftovers in [&[][..], &[12, 9, 8], &[10, 11, 9]] {
            let mut log = Log::new();
            log.commit(2);
            leftovers.iter().for_each(|&length| drop(log.write(length, None)));
            log.commit(3);
            log.commit(1);
            log.commit(2);
            log.damage_all();
        }
    }

    #[test]
    fn frames_of_a_log_before_this_one_say_nothing() {
        let mut log = Log::new();
        [3, 1, 4, 2].into_iter().for_each(|length| log.commit(length));
        drop(log.write(6, None));
        drop(log.write(3, None));
        log.begin_anew();
        assert_eq!(log.found(), [Finding::Whole, Finding::Whole], "all of it is of before");
        log.commit(1);
        assert_eq!(log.found(), [Finding::Whole, Finding::Whole]);
        drop(log.write(5, None));
        log.commit(2);
        log.commit(1);
        assert_eq!(log.found(), [Finding::Torn(5), Finding::Torn(5)]);
        log.damage_all();
    }
}
