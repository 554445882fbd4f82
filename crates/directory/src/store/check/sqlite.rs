//! A look at every page of the embedded database and every frame of its log, at how they hang together, and at what refers to
//! what.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, ErrorKind, Read},
    os::unix::fs::FileExt,
    path::Path,
    time::Duration,
};

use portreeve_sqlite_checksums::{
    open, open_unverified,
    pages::{self, Page, State},
    recovery::{self, Finding},
};
use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{Progress, Report};
use crate::{error::Failure, store::sqlite::failure};

/// A page that a running server is just writing may be read half: it is read again.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);
/// How many damaged pages are named, and faults of structure.
const MOST: usize = 100;
/// How often progress is told, in pages.
const STEP: u64 = 4_096;

pub(super) fn check(file: &Path, report: &mut Report, progress: &mut Progress<'_>) -> Result<(), Failure> {
    let shown = file.display();
    let unreadable = |cause: std::io::Error| Failure::Unavailable(format!("{shown} cannot be read: {cause}"));
    let log = recovery::check(file).map_err(unreadable)?;
    match pages::state(file).map_err(unreadable)? {
        State::Empty => return Err(Failure::Unavailable(format!("there is no directory in {shown}"))),
        State::Unchecked => {
            return Err(Failure::Unavailable(format!(
                "{shown} was made by an older portreeve, without checksums: serve it once with this one"
            )));
        }
        State::Checked | State::Damaged(_) => {}
    }
    match &log {
        Finding::Whole => {}
        Finding::Torn(frame) => report.notes.push(format!(
            "the end of {shown}-wal, from frame {frame} on, is not whole: a write that failed, or was cut off by a loss of power \
             before it was answered, or, if there was none, damage; the next start leaves it out"
        )),
        Finding::Damaged(found) => {
            report.faults.push(format!("{found}, and without it the newest writes would be lost"));
        }
    }
    let damaged = look_at_pages(file, report, progress).map_err(unreadable)?;
    // SQLite would recover what is left of the log.
    if matches!(log, Finding::Damaged(_)) {
        report.faults.extend(damaged.iter().take(MOST).map(|number| said(file, *number, None)));
        return Ok(());
    }
    if damaged.is_empty() {
        return look_at_structure(file, report, progress);
    }
    let owners = owners(file, &damaged, progress);
    report.faults.extend(damaged.iter().take(MOST).map(|number| said(file, *number, owners.get(number))));
    if damaged.len() > MOST {
        report.faults.push(format!("and {} more pages", damaged.len() - MOST));
    }
    Ok(())
}

fn said(file: &Path, number: u64, owner: Option<&String>) -> String {
    let owner = owner.map(|owner| format!(" ({owner})")).unwrap_or_default();
    format!("page {number}{owner} of {} is not as it was written", file.display())
}

/// The numbers of the pages that are damaged. Before SQLite has opened the file: see [`pages::state`].
fn look_at_pages(file: &Path, report: &mut Report, progress: &mut Progress<'_>) -> std::io::Result<Vec<u64>> {
    let open = File::open(file)?;
    let whole = open.metadata()?.len() / pages::SIZE as u64;
    let mut reader = BufReader::with_capacity(1 << 18, open.try_clone()?);
    let (mut page, mut number, mut damaged) = ([0; pages::SIZE], 0, Vec::new());
    loop {
        match reader.read_exact(&mut page) {
            Ok(()) => number += 1,
            Err(cause) if cause.kind() == ErrorKind::UnexpectedEof => break,
            Err(cause) => return Err(cause),
        }
        if pages::judge(number, &page) == Page::Wrong && stays_wrong(&open, number)? {
            damaged.push(number);
        }
        if number % STEP == 0 {
            progress("pages", number, Some(whole));
        }
    }
    report.looked_at.push(format!("{number} pages"));
    Ok(damaged)
}

fn stays_wrong(file: &File, number: u64) -> std::io::Result<bool> {
    let mut page = [0; pages::SIZE];
    for _ in 0..TRIES {
        std::thread::sleep(PAUSE);
        file.read_exact_at(&mut page, (number - 1) * pages::SIZE as u64)?;
        if pages::judge(number, &page) != Page::Wrong {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Without what would move the log into the database at the end.
fn prepared(connection: rusqlite::Result<Connection>) -> Result<Connection, Failure> {
    let connection = connection.map_err(failure)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failure)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF").map_err(failure)?;
    Ok(connection)
}

fn look_at_structure(file: &Path, report: &mut Report, progress: &mut Progress<'_>) -> Result<(), Failure> {
    let mut looked = || {
        let connection = prepared(open(file, flags()))?;
        progress("structure", 0, None);
        let all = texts(&connection, &format!("PRAGMA integrity_check({MOST})"))?;
        let mut faults: Vec<String> =
            all.into_iter().filter(|said| said != "ok").map(|said| format!("{}: {said}", file.display())).collect();
        progress("references", 0, None);
        let orphans = texts(
            &connection,
            "SELECT \"table\" || ' that refers to ' || parent || ' that is not there: ' || COUNT(*)
             FROM pragma_foreign_key_check GROUP BY \"table\", parent",
        )?;
        faults.extend(orphans.into_iter().map(|said| format!("{}: rows of {said}", file.display())));
        Ok(faults)
    };
    match looked() {
        Ok(faults) => report.faults.extend(faults),
        Err(Failure::Damaged(what)) => report.faults.push(what),
        Err(other) => return Err(other),
    }
    report.looked_at.extend(["the log".to_owned(), "tables and indexes".into(), "what refers to what".into()]);
    Ok(())
}

fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn texts(connection: &Connection, sql: &str) -> Result<Vec<String>, Failure> {
    let mut statement = connection.prepare(sql).map_err(failure)?;
    let rows = statement.query_map([], |row| row.get(0)).map_err(failure)?;
    rows.collect::<Result<_, _>>().map_err(failure)
}

/// Which table or index the damaged pages are of, as far as that can still be read.
fn owners(file: &Path, damaged: &[u64], progress: &mut Progress<'_>) -> BTreeMap<u64, String> {
    progress("where the damaged pages are", 0, None);
    let mut owners = BTreeMap::new();
    let Ok(connection) = prepared(open_unverified(file, flags())) else { return owners };
    let Ok(mut trees) = texts(&connection, "SELECT name FROM sqlite_schema WHERE rootpage > 0") else { return owners };
    trees.push("sqlite_schema".into());
    for tree in trees {
        let pages = connection.prepare("SELECT pageno FROM dbstat WHERE name = ?1").and_then(|mut statement| {
            // Up to where it cannot be read any more.
            Ok(statement.query_map([&tree], |row| row.get::<_, i64>(0))?.map_while(Result::ok).collect::<Vec<_>>())
        });
        let pages = pages.unwrap_or_default().into_iter().filter_map(|page| u64::try_from(page).ok());
        owners.extend(pages.filter(|page| damaged.contains(page)).map(|page| (page, tree.clone())));
    }
    owners
}
