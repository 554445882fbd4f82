//! What is read of a damaged database is what was written, or an error that says where.

use portreeve_sqlite_checksums::{
    Place, VFS,
    pages::{Page, SIZE, State, judge, state},
    take_damage,
};
use rusqlite::Connection;

use super::support::{beside, change, connect, database, flags, insert, rows};

fn judged(file: &std::path::Path) -> Vec<Page> {
    let bytes = std::fs::read(file).unwrap();
    let pages = bytes.chunks(SIZE).map(|page| page.try_into().unwrap());
    (1..).zip(pages).map(|(number, page)| judge(number, page)).collect()
}

#[test]
fn a_changed_byte_anywhere_is_found_and_never_read_as_true() {
    let (_folder, file) = database();
    let right = rows(&connect(&file).unwrap()).unwrap();
    assert_eq!(state(&file).unwrap(), State::Checked);
    let pages = judged(&file);
    assert!(pages.len() > 200 && pages.iter().all(|page| *page != Page::Wrong), "{pages:?}");
    let mut chance = fastrand::Rng::with_seed(1);
    let length = (pages.len() * SIZE) as u64;
    let (mut found, mut unused) = (0, 0);
    // The head, byte by byte, and then anywhere.
    for round in 0..400 {
        let at = if round < 100 { round } else { chance.u64(..length) };
        let (page, by) = (at / SIZE as u64 + 1, chance.u8(1..));
        if pages[usize::try_from(page - 1).unwrap()] == Page::Unwritten {
            continue;
        }
        change(&file, at, by);
        assert_eq!(judged(&file)[usize::try_from(page - 1).unwrap()], Page::Wrong, "byte {at}");
        match connect(&file).and_then(|connection| rows(&connection)) {
            Ok(read) => {
                assert!(page > 1 && read == right, "byte {at}");
                unused += 1;
            }
            Err(_) if page == 1 => found += 1,
            Err(fault) => {
                assert_eq!(fault.sqlite_error().unwrap().extended_code, rusqlite::ffi::SQLITE_IOERR_DATA, "{fault}");
                assert_eq!(take_damage().unwrap().place, Place::Page(page));
                found += 1;
            }
        }
        assert_ne!(state(&file).unwrap(), State::Unchecked, "byte {at}");
        change(&file, at, by);
    }
    assert!(found > 200 && unused > 10, "{found} found, {unused} in pages that are not used");
    assert_eq!(rows(&connect(&file).unwrap()).unwrap(), right);
}

#[test]
fn the_note_that_there_are_checksums_cannot_be_lost() {
    let (_folder, file) = database();
    for by in 1..=255 {
        change(&file, 20, by);
        assert!(matches!(state(&file).unwrap(), State::Damaged(_)), "by {by}");
        assert!(connect(&file).and_then(|connection| rows(&connection)).is_err(), "by {by}");
        change(&file, 20, by);
    }
}

#[test]
fn a_page_in_the_place_of_another_is_found_and_so_are_zeros() {
    let (_folder, file) = database();
    let whole = std::fs::read(&file).unwrap();
    let page = |number: usize| number * SIZE..(number + 1) * SIZE;
    for with in [whole[page(2)].to_vec(), vec![0; SIZE]] {
        let mut bytes = whole.clone();
        bytes[page(1)].copy_from_slice(&with);
        std::fs::write(&file, &bytes).unwrap();
        rows(&connect(&file).unwrap()).unwrap_err();
        assert_eq!(take_damage().unwrap().place, Place::Page(2));
    }
    // The end is missing, in the middle of a page or between two.
    for missing in [1, SIZE / 2, SIZE] {
        std::fs::write(&file, &whole[..whole.len() - missing]).unwrap();
        assert!(connect(&file).and_then(|connection| rows(&connection)).is_err(), "{missing}");
    }
}

#[test]
fn a_program_without_checksums_can_read_and_what_it_writes_is_found() {
    let (_folder, file) = database();
    let right = rows(&connect(&file).unwrap()).unwrap();
    let plain = Connection::open(&file).unwrap();
    assert_eq!(rows(&plain).unwrap(), right);
    plain.execute_batch("UPDATE notes SET note = 'x' WHERE id = 1").unwrap();
    drop(plain);
    assert_eq!(state(&file).unwrap(), State::Checked);
    assert!(rows(&connect(&file).unwrap()).is_err());
}

#[test]
fn a_database_without_checksums_is_known_and_not_written_to() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("some.db");
    assert_eq!(state(&file).unwrap(), State::Empty);
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE notes (note TEXT)").unwrap();
    assert_eq!(state(&file).unwrap(), State::Unchecked);
    let before = std::fs::read(&file).unwrap();
    assert!(connect(&file).and_then(|connection| connection.execute_batch("DROP TABLE notes")).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), before);
    // Nor is one made without room for them.
    let other = folder.path().join("other.db");
    let without_room = Connection::open_with_flags_and_vfs(&other, flags(), VFS).unwrap();
    assert!(without_room.execute_batch("CREATE TABLE notes (note TEXT)").is_err());
    std::fs::write(&file, "no database, and longer than the head of one".repeat(10)).unwrap();
    assert!(matches!(state(&file).unwrap(), State::Damaged(_)));
}

#[test]
fn a_transaction_larger_than_memory_reads_what_it_has_written() {
    let (_folder, file) = database();
    let connection = connect(&file).unwrap();
    connection.execute_batch("PRAGMA cache_size = 20; PRAGMA wal_autocheckpoint = 50").unwrap();
    let model = Connection::open_in_memory().unwrap();
    model
        .execute_batch(
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT NOT NULL); CREATE INDEX by_note ON notes (note)",
        )
        .unwrap();
    for (id, note) in rows(&connection).unwrap() {
        model.execute("INSERT INTO notes (id, note) VALUES (?1, ?2)", (id, note)).unwrap();
    }
    let mut chance = fastrand::Rng::with_seed(1);
    let mut next = 10_000;
    for _ in 0..40 {
        let both = |sql: &str| {
            model.execute_batch(sql).unwrap();
            connection.execute_batch(sql).unwrap();
        };
        both("BEGIN IMMEDIATE");
        for _ in 0..chance.u32(1..12) {
            match chance.u8(..6) {
                0 => both("SAVEPOINT one"),
                // There may be none.
                1 => assert_eq!(
                    model.execute_batch("ROLLBACK TO one").is_ok(),
                    connection.execute_batch("ROLLBACK TO one").is_ok()
                ),
                2 => {
                    let from = chance.u32(..ROWS_TO);
                    both(&format!("UPDATE notes SET note = note || 'x' WHERE id BETWEEN {from} AND {}", from + 300));
                }
                3 => both(&format!("DELETE FROM notes WHERE id % 50 = {}", chance.u8(..50))),
                _ => {
                    let more = next..next + chance.u32(1..200);
                    next = more.end;
                    for id in more {
                        both(&format!("INSERT INTO notes VALUES ({id}, hex(zeroblob({})))", chance.u32(1..400)));
                    }
                }
            }
            assert_eq!(rows(&connection).unwrap(), rows(&model).unwrap());
        }
        both(if chance.u8(..3) == 0 { "ROLLBACK" } else { "COMMIT" });
        let other = connect(&file).unwrap();
        assert_eq!(rows(&other).unwrap(), rows(&model).unwrap());
    }
    assert_eq!(take_damage(), None);
    insert(&connection, 100_000..100_010);
    // Once committed, its frames are looked at like all others, also by whoever has written them.
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA wal_autocheckpoint = 0; BEGIN").unwrap();
    for id in 0..50 {
        connection.execute("UPDATE notes SET note = note || 'y' WHERE id % 50 = ?1", [id]).unwrap();
    }
    connection.execute_batch("COMMIT; PRAGMA shrink_memory").unwrap();
    let log = beside(&file, "-wal");
    for at in (32 + 24..std::fs::metadata(&log).unwrap().len()).step_by(24 + SIZE) {
        change(&log, at, 1);
    }
    rows(&connection).unwrap_err();
    assert!(matches!(take_damage().unwrap().place, Place::Frame(_)));
    drop(connection);
    assert!(judged(&file).iter().all(|page| *page != Page::Wrong));
}

const ROWS_TO: u32 = 12_000;
