//! What is read of the database and of its log, and what is written to them: verified, and with checksums.

use std::ffi::c_int;

use rusqlite::ffi;

use crate::{
    Place,
    log::{FRAME, FRAME_HEAD, HEAD, Head, frame_at, hide, reveal, sums_of},
    pages,
};

/// A file as the system reads and writes it, in SQLite's codes.
pub(crate) trait Below {
    fn read(&self, buffer: &mut [u8], at: i64) -> c_int;
    fn write(&self, bytes: &[u8], at: i64) -> c_int;
    fn is_empty(&self) -> bool;
    /// Notes damage, and gives the code for it: `SQLITE_OK` if the file is read as it is.
    fn damaged(&self, place: Place) -> c_int;
}

/// Reads from the database: a page, or parts of its head.
pub(crate) fn read_page(below: &impl Below, buffer: &mut [u8], at: i64) -> c_int {
    let code = below.read(buffer, at);
    if at >= 0 && at + buffer.len() as i64 <= pages::HEAD {
        // Nothing of it is believed before the first page has been read whole.
        return code;
    }
    let place = Place::Page(number_of(at));
    match code {
        // Only of a database that is yet to be made.
        ffi::SQLITE_IOERR_SHORT_READ if below.is_empty() => code,
        ffi::SQLITE_OK => match <&[u8; pages::SIZE]>::try_from(&*buffer) {
            Ok(page) if is_place(at) && pages::is_right(number_of(at), page) => code,
            _ => below.damaged(place),
        },
        ffi::SQLITE_IOERR_SHORT_READ => match below.damaged(place) {
            ffi::SQLITE_OK => code,
            damaged => damaged,
        },
        _ => code,
    }
}

/// Writes a page to the database.
pub(crate) fn write_page(below: &impl Below, bytes: &[u8], at: i64) -> c_int {
    let Ok(mut page) = <[u8; pages::SIZE]>::try_from(bytes) else { return ffi::SQLITE_IOERR_WRITE };
    if !is_place(at) || at == 0 && page[pages::RESERVED_AT] != pages::RESERVED {
        // Where there is no room for a checksum, it would take the place of data.
        return ffi::SQLITE_IOERR_WRITE;
    }
    pages::seal(number_of(at), &mut page);
    below.write(&page, at)
}

/// The number of the page that begins here.
fn number_of(at: i64) -> u64 {
    u64::try_from(at).unwrap_or_default() / pages::SIZE as u64 + 1
}

fn is_place(at: i64) -> bool {
    at % pages::SIZE as i64 == 0
}

/// What is known of an open log.
pub(crate) struct Log {
    /// Its head when it was last needed.
    head: Option<Head>,
    /// Where the page of the frame is to be whose own head was written last.
    frame_begun: i64,
    /// Where the first page is that was written again in the same transaction. From here on the frames' checksums are not right
    /// until SQLite writes those heads again, before the commit.
    unsettled: i64,
}

const SETTLED: i64 = i64::MAX;
const NOWHERE: i64 = -1;

impl Default for Log {
    fn default() -> Self {
        Self { head: None, frame_begun: NOWHERE, unsettled: SETTLED }
    }
}

impl Log {
    /// Reads from the log: parts of its head, pages, and frames.
    pub(crate) fn read(&mut self, below: &impl Below, buffer: &mut [u8], at: i64) -> c_int {
        if let Ok(begin) = usize::try_from(at)
            && begin + buffer.len() <= HEAD
        {
            return read_head(below, buffer, begin);
        }
        let code = below.read(buffer, at);
        // A frame's head and page are read at once by what verifies them itself: the recovery.
        if code != ffi::SQLITE_OK || buffer.len() != pages::SIZE || at >= self.unsettled {
            return code;
        }
        let Some(number) = frame_at(at) else { return ffi::SQLITE_IOERR_READ };
        match self.is_as_written(below, number, at, buffer) {
            Ok(true) => code,
            Ok(false) => below.damaged(Place::Frame(number)),
            Err(code) => code,
        }
    }

    fn is_as_written(&mut self, below: &impl Below, number: u64, at: i64, page: &[u8]) -> Result<bool, c_int> {
        let own_at = at - FRAME_HEAD as i64;
        let own = read_array(below, own_at)?;
        let head = match self.head.filter(|head| head.is_current(&own)) {
            Some(head) => head,
            None => {
                self.head = Head::read(&read_array(below, 0)?);
                let Some(head) = self.head else { return Ok(false) };
                head
            }
        };
        let before = match number {
            1 => head.sums,
            _ => sums_of(&read_array(below, own_at - FRAME)?),
        };
        Ok(head.proves(before, &own, page))
    }

    /// Writes to the log: its head, heads of frames, and pages.
    pub(crate) fn write(&mut self, below: &impl Below, bytes: &[u8], at: i64) -> c_int {
        if let (0, Ok(mut head)) = (at, <[u8; HEAD]>::try_from(bytes)) {
            self.head = None;
            hide(&mut head);
            return below.write(&head, at);
        }
        let page_at = at + FRAME_HEAD as i64;
        if bytes.len() == FRAME_HEAD && frame_at(page_at).is_some() {
            self.frame_begun = page_at;
            if page_at <= self.unsettled {
                self.unsettled = SETTLED;
            }
        } else if self.frame_begun != at {
            self.unsettled = self.unsettled.min(at);
        } else {
            self.frame_begun = NOWHERE;
        }
        below.write(bytes, at)
    }
}

fn read_head(below: &impl Below, buffer: &mut [u8], begin: usize) -> c_int {
    let mut head = [0; HEAD];
    let code = below.read(&mut head, 0);
    let damaged = code == ffi::SQLITE_OK && head != [0; HEAD] && Head::read(&head).is_none();
    reveal(&mut head);
    buffer.copy_from_slice(&head[begin..begin + buffer.len()]);
    if damaged { below.damaged(Place::LogHead) } else { code }
}

fn read_array<const LENGTH: usize>(below: &impl Below, at: i64) -> Result<[u8; LENGTH], c_int> {
    let mut bytes = [0; LENGTH];
    match below.read(&mut bytes, at) {
        ffi::SQLITE_OK => Ok(bytes),
        code => Err(code),
    }
}
