//! Rows read from NDJSON or CSV, each with its line, in constant memory whatever the file holds.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read},
};

use memchr::memchr_iter;
use serde_json::{Map, Value};

use super::{Format, PASSWORD, fields, is_known};
use crate::{error::Fault, json, kind::AccountKind};

/// The longest row, in bytes: as long as a body of the API.
const MAX_ROW: u64 = 1024 * 1024;
/// Rows that are taken together are at most so many bytes and one row, whatever their number.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// And of those with a password in clear at most so many, as each is hashed: a few seconds' work.
const MOST_PASSWORDS: usize = 200;
/// What a reader may have read ahead.
const READ_AHEAD: u64 = 64 * 1024;

/// A row as it was read. It may hold a password, so it does not print.
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its fields, or what is wrong with it as a whole.
    pub(super) fields: Result<Map<String, Value>, Fault>,
}

impl Row {
    /// A row of NDJSON.
    pub fn from_json(line: u64, text: &[u8]) -> Self {
        let fields = json::parse(text);
        Self { line, fields: fields.map_err(|wrong| whole(format!("the row is not a JSON object: {wrong}"))) }
    }

    /// What was read.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn into_fields(self) -> Result<Map<String, Value>, Fault> {
        self.fields
    }

    fn has_password(&self) -> bool {
        self.fields.as_ref().is_ok_and(|fields| fields.contains_key(PASSWORD))
    }
}

fn whole(message: String) -> Fault {
    Fault { field: String::new(), message }
}

/// The rows of a file or a stream.
pub struct Rows<R: Read> {
    kind: AccountKind,
    input: Input<R>,
}

enum Input<R: Read> {
    Ndjson { input: BufReader<Bounded<R>>, line: u64 },
    Csv { input: Box<csv::Reader<Lines<R>>>, columns: Vec<&'static str> },
}

impl<R: Read> Rows<R> {
    /// Reads what stands before the rows. Fails if columns have names that are no fields.
    pub fn new(input: R, format: Format, kind: AccountKind) -> io::Result<Self> {
        let input = Bounded { input, read: 0, until: MAX_ROW };
        let input = match format {
            Format::Ndjson => Input::Ndjson { input: BufReader::new(input), line: 0 },
            Format::Csv => {
                let mut input = csv::ReaderBuilder::new().flexible(true).from_reader(Lines::of(input));
                let header = input.headers().map_err(readable)?.clone();
                let columns = header.iter().map(|name| column(kind, name)).collect::<io::Result<Vec<_>>>()?;
                if let Some(twice) = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name)) {
                    return Err(wrong(format!("the column {} is there twice", twice.1)));
                }
                Input::Csv { input: Box::new(input), columns }
            }
        };
        Ok(Self { kind, input })
    }

    /// The next rows, at most so many, and fewer where they are long or take long; none when there are no more.
    pub fn next_rows(&mut self, most: usize) -> io::Result<Vec<Row>> {
        let (mut rows, mut passwords) = (Vec::with_capacity(most), 0);
        let until = self.bytes_read() + MOST_BYTES;
        while rows.len() < most && passwords < MOST_PASSWORDS && self.bytes_read() < until {
            let Some(row) = self.next_row()? else { break };
            passwords += usize::from(row.has_password());
            rows.push(row);
        }
        Ok(rows)
    }

    fn next_row(&mut self) -> io::Result<Option<Row>> {
        loop {
            match &mut self.input {
                Input::Ndjson { input, line } => {
                    *line += 1;
                    match next_line(input, *line == 1)? {
                        None => return Ok(None),
                        Some(Err(fault)) => return Ok(Some(Row { line: *line, fields: Err(fault) })),
                        Some(Ok(text)) if text.trim_ascii().is_empty() => {}
                        Some(Ok(text)) => return Ok(Some(Row::from_json(*line, &text))),
                    }
                }
                Input::Csv { input, columns } => {
                    let bounded = &mut input.get_mut().input;
                    bounded.until = bounded.read + MAX_ROW + READ_AHEAD;
                    let mut record = csv::ByteRecord::new();
                    if !input.read_byte_record(&mut record).map_err(readable)? {
                        return Ok(None);
                    }
                    let end = input.position().byte();
                    let line = input.get_mut().line_of(&record, end);
                    return Ok(Some(Row { line, fields: from_cells(columns, &record) }));
                }
            }
        }
    }

    /// How many bytes have been read.
    pub fn bytes_read(&self) -> u64 {
        match &self.input {
            Input::Ndjson { input, .. } => input.get_ref().read,
            Input::Csv { input, .. } => input.get_ref().input.read,
        }
    }

    /// Whose rows they are.
    pub fn kind(&self) -> AccountKind {
        self.kind
    }
}

/// A reader that stops where a row would take too much memory.
struct Bounded<R> {
    input: R,
    read: u64,
    until: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read > self.until {
            return Err(wrong(format!("a row is longer than {MAX_ROW} bytes; a quotation mark may be missing")));
        }
        let count = self.input.read(into)?;
        self.read += count as u64;
        Ok(count)
    }
}

/// Counts lines while rows of CSV are read from them. The reader's own count is one behind where lines end in CR LF, and more after
/// empty ones.
struct Lines<R> {
    input: Bounded<R>,
    /// Where there are line feeds behind the last row.
    ends: VecDeque<u64>,
    /// How many there were before.
    passed: u64,
    /// Where the last row began.
    line: u64,
}

impl<R> Lines<R> {
    fn of(input: Bounded<R>) -> Self {
        Self { input, ends: VecDeque::new(), passed: 0, line: 1 }
    }

    /// The line on which the last row begins, which was read up to this byte.
    fn line_of(&mut self, row: &csv::ByteRecord, end: u64) -> u64 {
        // What ends a row may be a line feed, which is not yet the next line.
        let before = self.ends.partition_point(|at| at + 1 < end);
        self.ends.drain(..before);
        self.passed += before as u64;
        let within = memchr_iter(b'\n', row.as_slice()).count() as u64;
        // A quotation mark that is not closed at the end of the file has the last line feed within.
        self.line = self.line.max(1 + self.passed - within);
        self.line
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let from = self.input.read;
        let count = self.input.read(into)?;
        self.ends.extend(memchr_iter(b'\n', &into[..count]).map(|at| from + at as u64));
        Ok(count)
    }
}

fn wrong(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Not with the reader's own words for bytes that are not UTF-8, which name no line.
fn readable(fault: csv::Error) -> io::Error {
    match fault.into_kind() {
        csv::ErrorKind::Io(fault) => fault,
        csv::ErrorKind::Utf8 { .. } => wrong("the first line is not UTF-8".into()),
        _ => wrong("this is not CSV".into()),
    }
}

/// One line without its end. One that is too long is passed over, and is a fault of its own.
fn next_line<R: Read>(input: &mut BufReader<Bounded<R>>, first: bool) -> io::Result<Option<Result<Vec<u8>, Fault>>> {
    let (mut line, mut length) = (Vec::new(), 0_u64);
    loop {
        // It is bounded here, where the rest of a line can be passed over.
        input.get_mut().until = u64::MAX;
        let ready = match input.fill_buf() {
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
            ready => ready?,
        };
        if ready.is_empty() && length == 0 {
            return Ok(None);
        }
        let end = ready.iter().position(|byte| *byte == b'\n');
        let part = &ready[..end.unwrap_or(ready.len())];
        if length + part.len() as u64 <= MAX_ROW {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        length += used as u64;
        let done = end.is_some() || ready.is_empty();
        input.consume(used);
        if done {
            break;
        }
    }
    if length > MAX_ROW + 1 {
        return Ok(Some(Err(whole(format!("the row is longer than {MAX_ROW} bytes")))));
    }
    if first && line.starts_with(b"\xef\xbb\xbf") {
        line.drain(..3);
    }
    Ok(Some(Ok(line)))
}

fn column(kind: AccountKind, name: &str) -> io::Result<&'static str> {
    let name = name.trim();
    let known = || fields(kind).iter().copied().chain([PASSWORD, super::PASSWORD_HASH]);
    known().find(|field| field.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let known: Vec<&str> = known().filter(|field| is_known(kind, field)).collect();
        wrong(format!("a {} has no field {name:?}; the columns may be {}", kind.noun(), known.join(", ")))
    })
}

/// An empty cell is a field that was left out.
fn from_cells(columns: &[&str], record: &csv::ByteRecord) -> Result<Map<String, Value>, Fault> {
    if record.len() != columns.len() {
        return Err(whole(format!("the row has {} cells where the first line has {}", record.len(), columns.len())));
    }
    let mut row = Map::new();
    for (name, cell) in columns.iter().zip(record) {
        if cell.is_empty() {
            continue;
        }
        let fault = |message: &str| Fault { field: (*name).to_owned(), message: message.to_owned() };
        let cell = std::str::from_utf8(cell).map_err(|_| fault("is not UTF-8"))?;
        let value = match *name {
            "tags" if cell.starts_with('[') => {
                json::parse(cell.as_bytes()).map_err(|_| fault("begins like a JSON array and is none"))?
            }
            "tags" => cell.split(';').map(str::trim).filter(|tag| !tag.is_empty()).collect(),
            "labels" => json::parse(cell.as_bytes())
                .map_err(|_| fault("must be a JSON object, such as {\"team\": \"shop\"}"))?,
            "disabled" => match cell.to_ascii_lowercase().as_str() {
                "true" => true.into(),
                "false" => false.into(),
                _ => return Err(fault("must be true or false")),
            },
            "failedLoginAttempts" => cell.parse::<i64>().map_err(|_| fault("must be a whole number"))?.into(),
            _ => cell.into(),
        };
        row.insert((*name).to_owned(), value);
    }
    Ok(row)
}
