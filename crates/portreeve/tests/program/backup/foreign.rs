//! Backups that are damaged, or come from elsewhere: from another version, or from somebody who knows how they are made.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    super::support::{Client, Place, Server},
    PASSWORD, beside, check, done, furnished, refused, restore, same,
};

/// With the end of the line before, as the file has it.
const SEAL: &str = "\nportreeve backup, whole if the SHA-256 of all before this line is ";

/// The file as somebody may have made it who knows how: changed by SQL, and sealed again.
pub fn forged(file: &Path, sql: &str) -> PathBuf {
    let forged = file.with_extension("forged");
    let bytes = std::fs::read(file).expect("is there");
    let at = bytes.len() - SEAL.len() - 65;
    assert!(bytes[at..].starts_with(SEAL.as_bytes()));
    std::fs::write(&forged, &bytes[..at]).expect("is written");
    let connection = rusqlite::Connection::open(&forged).expect("is a database");
    connection.execute_batch(sql).expect("is SQL");
    drop(connection);
    let digits: String =
        Sha256::digest(std::fs::read(&forged).expect("is there")).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut end = std::fs::File::options().append(true).open(&forged).expect("opens");
    end.write_all(format!("{SEAL}{digits}\n").as_bytes()).expect("is written");
    forged
}

/// What the file says of itself, changed.
fn claiming(file: &Path, field: &str, value: i64) -> PathBuf {
    let set =
        format!("UPDATE facts SET value = json_set(value, '$.backup.{field}', {value}) WHERE name = 'relocation'");
    forged(file, &set)
}

/// Nothing that refuses it puts anything into an empty place.
#[track_caller]
fn refused_everywhere(file: &Path, why: &str) {
    refused(&check(file), 1, why);
    let target = Place::folder();
    refused(&restore(file, &target), 1, why);
    assert_eq!(beside(target.path(), "portreeve.lock"), [""; 0]);
}

#[test]
fn damaged_and_foreign_files_are_refused() {
    let (_place, file, _) = furnished();
    let bytes = std::fs::read(&file).expect("is there");
    let changed = file.with_extension("changed");
    let cases =
        [(0, "is damaged"), (68, "is damaged"), (bytes.len() / 2, "is damaged"), (bytes.len() - 2, "is damaged")];
    for (at, why) in cases.into_iter().chain([(bytes.len() - 100, "its end is missing or damaged")]) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        std::fs::write(&changed, damaged).expect("is written");
        refused_everywhere(&changed, why);
    }
    for (length, why) in [(0, "is no backup"), (5_000, "its end is missing"), (bytes.len() - 1, "its end is missing")] {
        std::fs::write(&changed, &bytes[..length]).expect("is written");
        refused_everywhere(&changed, why);
    }
    std::fs::write(&changed, "a letter to my aunt\n".repeat(100)).expect("is written");
    refused_everywhere(&changed, "is no backup made by portreeve backup");
    refused_everywhere(&file.with_extension("gone"), "No such file");
    refused_everywhere(file.parent().expect("a folder"), "is a folder");

    // What no accident does: only the rows' own digests tell.
    refused_everywhere(
        &forged(&file, "UPDATE closed_accounts SET notes = 'changed'"),
        "the rows of accounts are not those",
    );
    refused_everywhere(&forged(&file, "DELETE FROM closed_audit_log"), "the rows of audit_log are not those");
    refused_everywhere(
        &forged(&file, "DELETE FROM facts WHERE name = 'relocation'"),
        "does not say that it is a backup",
    );
}

#[test]
fn backups_of_other_versions_are_brought_up_or_refused_by_name() {
    let (place, file, _) = furnished();
    let newer = claiming(&file, "tables", 99);
    assert!(done(check(&newer)).contains("tables of version 99"));
    refused(&restore(&newer, &Place::folder()), 1, "was made by portreeve 0.1.0, with tables of version 99");
    refused_everywhere(&claiming(&file, "format", 2), "its form is number 2");
    // As a program of tables of version 2 would have made it.
    let older = forged(
        &file,
        "DROP TRIGGER account_made; DROP TRIGGER account_changed; DROP TRIGGER account_gone; DROP TABLE account_changes;
         DROP INDEX accounts_disabled; DROP INDEX accounts_unused; DROP INDEX accounts_locked; DROP INDEX accounts_blocked;
         DROP INDEX audit_log_object; ALTER TABLE closed_accounts DROP COLUMN used;
         ALTER TABLE closed_sessions DROP COLUMN idle_limit; ALTER TABLE closed_sessions DROP COLUMN last_used;
         UPDATE schema_version SET version = 2 WHERE id IN (1, 2);
         UPDATE facts SET value = json_set(value, '$.backup.tables', 2) WHERE name = 'relocation'",
    );
    assert!(done(check(&older)).contains("tables of version 2"));
    for target in [Place::folder(), Place::new()] {
        done(restore(&older, &target));
        same(&place, &target);
        // What a migration finds out of what is there.
        assert_eq!(target.sql("SELECT name FROM accounts WHERE used = TRUE AND name = 'bobby'"), [["bobby"]]);
        let server = Server::start(&target);
        assert_eq!(Client::new(&server.url).try_login("local", "bobby", PASSWORD).status, 200);
    }
}
