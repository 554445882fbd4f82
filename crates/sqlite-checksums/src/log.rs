//! The log's format ("The WAL File Format" of SQLite), and that its frames are the ones that were written.
//!
//! The log's head says a version that SQLite without us does not know. So no other program recovers the log after a crash:
//! it would write pages without checksums into the database, and does not open it instead.

use crate::{
    pages,
    sums::{Order, Sums, add, kept, number},
};

/// Bytes of the log's head.
pub(crate) const HEAD: usize = 32;
/// Bytes of a frame's own head, before its page.
pub(crate) const FRAME_HEAD: usize = 24;
/// Bytes of a frame with a page of [`pages::SIZE`].
pub(crate) const FRAME: i64 = (FRAME_HEAD + pages::SIZE) as i64;
/// Where the first frame's page is.
const FIRST_PAGE: i64 = (HEAD + FRAME_HEAD) as i64;

/// Without its last bit, which says in which order the numbers are that the checksums add.
const MAGIC: u32 = 0x377f_0682;
const VERSION_AT: usize = 4;
const SALTS_AT: usize = 16;
const SUMS_AT: usize = 24;
/// Where a frame says how many pages the database has with the transaction that ends here; 0 where none ends.
const MARK_AT: usize = 4;
/// The version of SQLite's logs.
const PLAIN: u32 = 3_007_000;
/// The version that ours say on the disk.
const OURS: u32 = 0x5052_0001;

/// What the log's head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) order: Order,
    pub(crate) page_size: usize,
    /// Others each time that the log is begun anew: frames that have others are of before.
    pub(crate) salts: [u8; 8],
    /// Of the head as SQLite knows it: where the frames' sums begin.
    pub(crate) sums: Sums,
}

impl Head {
    /// Reads the head as it is on the disk. Nothing if it is not one, or is not as it was written.
    pub(crate) fn read(bytes: &[u8; HEAD]) -> Option<Self> {
        let order = order_of(bytes)?;
        if kept(Order::Big, bytes, SUMS_AT) != add(order, (0, 0), &bytes[..SUMS_AT]) {
            return None;
        }
        let mut plain = *bytes;
        match number(Order::Big, bytes, VERSION_AT) {
            PLAIN => {}
            OURS => set_version(&mut plain, order, PLAIN),
            _ => return None,
        }
        let page_size = usize::try_from(number(Order::Big, bytes, 8)).ok()?;
        let salts = *bytes[SALTS_AT..].first_chunk()?;
        Some(Self { order, page_size, salts, sums: kept(Order::Big, &plain, SUMS_AT) })
    }

    /// Whether a frame is the one that was written behind a frame with these sums.
    pub(crate) fn proves(&self, before: Sums, frame: &[u8; FRAME_HEAD], page: &[u8]) -> bool {
        self.is_current(frame) && sums_of(frame) == self.sums_behind(before, frame, page)
    }

    /// What the sums of a frame come to behind one with these.
    pub(crate) fn sums_behind(&self, before: Sums, frame: &[u8; FRAME_HEAD], page: &[u8]) -> Sums {
        add(self.order, add(self.order, before, &frame[..8]), page)
    }

    /// Whether a frame that ends no transaction would be right if one byte of its mark were another: it ended one.
    pub(crate) fn lost_its_mark(&self, before: Sums, frame: &[u8; FRAME_HEAD], page: &[u8]) -> bool {
        let with = |at: usize, byte| {
            let mut marked = *frame;
            marked[MARK_AT + at] = byte;
            self.sums_behind(before, &marked, page) == sums_of(frame)
        };
        !is_commit(frame) && (0..4).any(|at| (1..=u8::MAX).any(|byte| with(at, byte)))
    }

    /// Whether a frame was written since the log was last begun anew.
    pub(crate) fn is_current(&self, frame: &[u8; FRAME_HEAD]) -> bool {
        frame[8..16] == self.salts
    }
}

/// The sums that a frame's head keeps, behind which those of the next go on.
pub(crate) fn sums_of(frame: &[u8; FRAME_HEAD]) -> Sums {
    kept(Order::Big, frame, 16)
}

/// Whether a transaction ends with the frame.
pub(crate) fn is_commit(frame: &[u8; FRAME_HEAD]) -> bool {
    number(Order::Big, frame, MARK_AT) != 0
}

fn order_of(head: &[u8; HEAD]) -> Option<Order> {
    match number(Order::Big, head, 0) {
        MAGIC => Some(Order::Little),
        magic if magic == MAGIC + 1 => Some(Order::Big),
        _ => None,
    }
}

fn set_version(head: &mut [u8; HEAD], order: Order, version: u32) {
    head[VERSION_AT..VERSION_AT + 4].copy_from_slice(&version.to_be_bytes());
    let (first, second) = add(order, (0, 0), &head[..SUMS_AT]);
    head[SUMS_AT..SUMS_AT + 4].copy_from_slice(&first.to_be_bytes());
    head[SUMS_AT + 4..].copy_from_slice(&second.to_be_bytes());
}

/// The head as it is to be on the disk. What is none stays as it is.
pub(crate) fn hide(head: &mut [u8; HEAD]) {
    if let Some(order) = order_of(head) {
        set_version(head, order, OURS);
    }
}

/// The head as SQLite knows it.
pub(crate) fn reveal(head: &mut [u8; HEAD]) {
    if let Some(order) = order_of(head).filter(|_| number(Order::Big, head, VERSION_AT) == OURS) {
        set_version(head, order, PLAIN);
    }
}

/// The number of the frame whose page begins here, counted from 1; nothing if none does.
pub(crate) fn frame_at(at: i64) -> Option<u64> {
    let behind = u64::try_from(at - FIRST_PAGE).ok()?;
    (behind % FRAME as u64 == 0).then_some(behind / FRAME as u64 + 1)
}
