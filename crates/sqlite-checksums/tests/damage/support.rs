//! A database to damage.

use std::path::{Path, PathBuf};

use portreeve_sqlite_checksums::open;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

pub const ROWS: u32 = 2_000;

pub fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// As Portreeve opens it.
pub fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let connection = open(file, flags())?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")?;
    Ok(connection)
}

/// A database with rows, an index, long texts and free pages; nothing of it in the log.
pub fn database() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("some.db");
    let connection = connect(&file).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT NOT NULL); CREATE INDEX by_note ON notes (note)",
        )
        .unwrap();
    insert(&connection, 0..ROWS);
    connection.execute("DELETE FROM notes WHERE id BETWEEN 500 AND 900", []).unwrap();
    drop(connection);
    (folder, file)
}

pub fn insert(connection: &Connection, ids: std::ops::Range<u32>) {
    connection.execute_batch("BEGIN").unwrap();
    for id in ids {
        let note = format!("{id}-").repeat(if id % 100 == 0 { 3_000 } else { 10 });
        connection.execute("INSERT INTO notes (id, note) VALUES (?1, ?2)", (id, note)).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
}

/// All rows, by way of the table and by way of the index.
pub fn rows(connection: &Connection) -> rusqlite::Result<Vec<(u32, String)>> {
    let ask = |sql: &str| {
        let mut statement = connection.prepare(sql)?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<Vec<_>, _>>()
    };
    let mut by_index = ask("SELECT id, note FROM notes INDEXED BY by_note ORDER BY note")?;
    by_index.sort();
    let by_table = ask("SELECT id, note FROM notes NOT INDEXED ORDER BY id")?;
    assert_eq!(by_index, by_table);
    Ok(by_table)
}

/// Another byte in the place of one.
pub fn change(file: &Path, at: u64, by: u8) {
    use std::os::unix::fs::FileExt;
    let open = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    open.read_exact_at(&mut byte, at).unwrap();
    open.write_all_at(&[byte[0] ^ by], at).unwrap();
}

pub fn beside(file: &Path, ending: &str) -> PathBuf {
    file.with_file_name(format!("some.db{ending}"))
}
