//! What is read of a damaged log is what was written, or an error that says where; and nothing that was committed is left out when
//! it is recovered.

use std::{fs, path::Path};

use portreeve_sqlite_checksums::{
    Damage, Place,
    recovery::{Finding, check},
    take_damage,
};
use rusqlite::Connection;

use super::support::{ROWS, beside, change, connect, database, insert, rows};

const HEAD: u64 = 32;
const FRAME: u64 = 24 + 4096;

/// A database of which a part is in the log, as a crash would leave it, and the rows that were committed. The log was begun
/// anew: behind its frames are frames of before.
fn crashed() -> (tempfile::TempDir, std::path::PathBuf, Vec<(u32, String)>) {
    let (folder, file) = database();
    let connection = connect(&file).unwrap();
    insert(&connection, ROWS..ROWS + 300);
    connection.execute_batch("PRAGMA wal_checkpoint(FULL)").unwrap();
    for id in 1..12 {
        connection.execute("UPDATE notes SET note = note || '!' WHERE id = ?1", [id]).unwrap();
    }
    let committed = rows(&connection).unwrap();
    let left = folder.path().join("left");
    fs::create_dir(&left).unwrap();
    for ending in ["", "-wal", "-shm"] {
        fs::copy(beside(&file, ending), left.join(format!("some.db{ending}"))).unwrap();
    }
    drop(connection);
    (folder, left.join("some.db"), committed)
}

/// How many frames were committed, and there are in all.
fn frames(file: &Path) -> (u64, u64) {
    let index = fs::read(beside(file, "-shm")).unwrap();
    let committed = u32::from_ne_bytes(index[16..20].try_into().unwrap());
    (committed.into(), (fs::metadata(beside(file, "-wal")).unwrap().len() - HEAD) / FRAME)
}

fn damaged(file: &Path, place: Place) -> Finding {
    Finding::Damaged(Damage { file: beside(file, "-wal"), place })
}

#[test]
fn a_changed_byte_is_found_before_the_log_is_recovered() {
    let (_folder, file, right) = crashed();
    let (committed, all) = frames(&file);
    assert!(committed > 20 && all > committed + 10, "{committed} of {all}");
    assert_eq!(check(&file).unwrap(), Finding::Whole);
    let log = beside(&file, "-wal");
    let mut chance = fastrand::Rng::with_seed(1);
    for round in 0..300 {
        let at = if round < HEAD { round } else { chance.u64(..HEAD + all * FRAME) };
        let by = chance.u8(1..);
        change(&log, at, by);
        let place = if at < HEAD { Place::LogHead } else { Place::Frame((at - HEAD) / FRAME + 1) };
        let expected = match place {
            Place::Frame(number) if number > committed => Finding::Whole,
            place => damaged(&file, place),
        };
        assert_eq!(check(&file).unwrap(), expected, "byte {at}");
        change(&log, at, by);
    }
    assert_eq!(rows(&connect(&file).unwrap()).unwrap(), right);
}

#[test]
fn without_the_index_only_the_last_commit_can_be_doubted() {
    let (_folder, file, _) = crashed();
    let (committed, _) = frames(&file);
    let log = beside(&file, "-wal");
    fs::remove_file(beside(&file, "-shm")).unwrap();
    assert_eq!(check(&file).unwrap(), Finding::Whole);
    let bytes = fs::read(&log).unwrap();
    let begins = |number: u64| HEAD + (number - 1) * FRAME;
    let ends: Vec<u64> = (1..=committed)
        .filter(|number| bytes[usize::try_from(begins(*number) + 4).unwrap()..][..4] != [0; 4])
        .collect();
    let last_begins = ends[ends.len() - 2] + 1;
    for number in 1..=committed {
        // In the page: all else of the frame is then as it was.
        change(&log, begins(number) + 2_000, 1);
        let expected = if number < last_begins { damaged(&file, Place::Frame(number)) } else { Finding::Torn(number) };
        assert_eq!(check(&file).unwrap(), expected, "frame {number} of {committed}");
        change(&log, begins(number) + 2_000, 1);
    }
    // A commit that a crash has cut off is none, and nothing to speak of.
    let cut = begins(last_begins) + FRAME;
    let short = fs::File::options().write(true).open(&log).unwrap();
    short.set_len(cut).unwrap();
    assert_eq!(check(&file).unwrap(), Finding::Whole);
    short.set_len(cut - 100).unwrap();
    assert_eq!(check(&file).unwrap(), Finding::Whole);
}

#[test]
fn an_index_of_an_earlier_log_says_nothing_of_this_one() {
    let (_folder, file, _) = crashed();
    let index = beside(&file, "-shm");
    let old = fs::read(&index).unwrap();
    drop(connect(&file).unwrap());
    let connection = connect(&file).unwrap();
    insert(&connection, 50_000..50_010);
    fs::write(beside(&file, "-shm.old"), &old).unwrap();
    let left = file.with_file_name("again");
    fs::create_dir(&left).unwrap();
    for ending in ["", "-wal"] {
        fs::copy(beside(&file, ending), left.join(format!("some.db{ending}"))).unwrap();
    }
    fs::write(left.join("some.db-shm"), &old).unwrap();
    assert_eq!(check(&left.join("some.db")).unwrap(), Finding::Whole);
}

#[test]
fn a_changed_byte_is_found_while_others_write() {
    let (_folder, file) = database();
    let connection = connect(&file).unwrap();
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0").unwrap();
    insert(&connection, ROWS..ROWS + 300);
    let right = rows(&connection).unwrap();
    let log = beside(&file, "-wal");
    let (committed, _) = frames(&file);
    let mut chance = fastrand::Rng::with_seed(1);
    let mut found = 0;
    for _ in 0..200 {
        let number = chance.u64(1..=committed);
        let at = HEAD + (number - 1) * FRAME + chance.u64(..FRAME);
        let by = chance.u8(1..);
        change(&log, at, by);
        // By one that has nothing in its memory.
        match connect(&file).and_then(|other| rows(&other)) {
            Ok(read) => assert_eq!(read, right),
            Err(fault) => {
                assert_eq!(fault.sqlite_error().unwrap().extended_code, rusqlite::ffi::SQLITE_IOERR_DATA, "{fault}");
                let place = take_damage().unwrap().place;
                // The sums of a frame go on from those of the one before.
                assert!(place == Place::Frame(number) || place == Place::Frame(number + 1), "{place:?} for {number}");
                found += 1;
            }
        }
        change(&log, at, by);
    }
    assert!(found > 100, "{found}");
    // Nor does it become right by being moved into the database. The last version of a page is the one that is moved.
    let last = HEAD + (committed - 1) * FRAME;
    change(&log, last + 1_000, 1);
    let moving = connect(&file).unwrap();
    moving.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap_err();
    assert_eq!(take_damage().unwrap().place, Place::Frame(committed));
    change(&log, last + 1_000, 1);
    moving.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
    assert_eq!(rows(&moving).unwrap(), right);
}

#[test]
fn no_other_program_recovers_the_log() {
    let (_folder, file, right) = crashed();
    let all = || ["", "-wal"].map(|ending| fs::read(beside(&file, ending)).unwrap());
    let before = all();
    let refused =
        Connection::open(&file).and_then(|plain| plain.query_row("SELECT COUNT(*) FROM notes", [], |_| Ok(())));
    let code = refused.unwrap_err().sqlite_error().unwrap().code;
    assert_eq!(code, rusqlite::ErrorCode::CannotOpen);
    assert_eq!(all(), before);
    assert_eq!(rows(&connect(&file).unwrap()).unwrap(), right);
}

#[test]
fn another_program_may_ask_and_write_beside_one_that_moves_the_log() {
    let (_folder, file) = database();
    let connection = connect(&file).unwrap();
    insert(&connection, ROWS..ROWS + 10);
    let plain = Connection::open(&file).unwrap();
    plain.execute_batch("PRAGMA wal_autocheckpoint = 0").unwrap();
    assert_eq!(rows(&plain).unwrap(), rows(&connection).unwrap());
    plain.execute_batch("UPDATE notes SET note = 'x' WHERE id < 100").unwrap();
    drop(plain);
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(connection);
    let read = rows(&connect(&file).unwrap()).unwrap();
    assert_eq!(read.iter().filter(|(_, note)| note == "x").count(), 100);
}
