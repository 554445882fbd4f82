//! Whether the disk is a good judge: it keeps what was synced, loses what was not, fails when told to, and fills up.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use rusqlite::Connection;

use super::{Act, Disk, For, Left};
use crate::course::{figure, seeded, size};

/// Commits before a loss of power.
const COMMITS: i64 = 200;

fn sync(path: &Path) {
    File::open(path).expect("is there").sync_all().expect("is synced");
}

fn written(disk: &Disk, name: &str, bytes: &[u8]) -> File {
    let mut file = File::create(disk.path().join(name)).expect("is made");
    file.write_all(bytes).expect("is written");
    file
}

fn lose_power(disk: &mut Disk) {
    disk.cut_power();
    disk.restore_power(Left::Nothing);
}

#[test]
fn what_was_not_synced_is_lost() {
    let Some(mut disk) = Disk::new() else { return };
    let path = |disk: &Disk, name: &str| disk.path().join(name);
    written(&disk, "kept", b"synced").sync_all().expect("is synced");
    written(&disk, "nameless", b"synced, but its name was not").sync_all().expect("is synced");
    fs::rename(path(&disk, "nameless"), path(&disk, "known")).expect("is renamed");
    sync(disk.path());
    let changed = OpenOptions::new().write(true).open(path(&disk, "kept")).expect("is there");
    changed.write_all_at(b"SYNCED and longer", 0).expect("is written");
    fs::rename(path(&disk, "known"), path(&disk, "other")).expect("is renamed");
    written(&disk, "new", b"synced, but its name was not").sync_all().expect("is synced");
    assert_eq!(fs::read(path(&disk, "kept")).expect("is read"), b"SYNCED and longer");
    drop(changed);

    lose_power(&mut disk);
    let names: Vec<_> =
        fs::read_dir(disk.path()).expect("is read").map(|name| name.expect("a name").file_name()).collect();
    assert_eq!(names, ["kept", "known"]);
    assert_eq!(fs::read(path(&disk, "kept")).expect("is read"), b"synced");
    assert_eq!(fs::read(path(&disk, "known")).expect("is read"), b"synced, but its name was not");
}

#[test]
fn of_what_was_not_synced_each_sector_is_lost_or_not() {
    let mut chance = seeded("disk");
    let (mut seen, mut torn) = ([false; 3], false);
    for _ in 0..32 {
        let Some(mut disk) = Disk::new() else { return };
        let file = written(&disk, "file", &[0; 4_096]);
        file.sync_all().expect("is synced");
        sync(disk.path());
        for version in [1, 2] {
            file.write_all_at(&[version; 4_096], 0).expect("is written");
        }
        drop(file);
        disk.cut_power();
        disk.restore_power(Left::Some(&mut chance));
        let bytes = fs::read(disk.path().join("file")).expect("is read");
        assert!(bytes.chunks(512).all(|sector| sector.iter().all(|byte| *byte == sector[0])), "a sector is whole");
        bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
        torn |= bytes.iter().any(|byte| *byte != bytes[0]);
    }
    assert!(torn && seen == [true; 3], "{seen:?}");
}

#[test]
fn what_a_failed_sync_has_given_up_no_later_one_brings() {
    let Some(mut disk) = Disk::new() else { return };
    let file = written(&disk, "file", &[0; 1_024]);
    file.sync_all().expect("is synced");
    sync(disk.path());
    file.write_all_at(&[1; 1_024], 0).expect("is written");
    disk.fail(Act::Sync, 1, For::Once);
    assert_eq!(file.sync_all().map_err(|fault| fault.raw_os_error()), Err(Some(5)), "EIO");
    assert_eq!(disk.heal(), 1);
    // Written once more, the second half is on its way again.
    file.write_all_at(&[1; 512], 512).expect("is written");
    file.sync_all().expect("is synced");
    assert_eq!(fs::read(disk.path().join("file")).expect("is read"), [1; 1_024]);
    drop(file);
    lose_power(&mut disk);
    let bytes = fs::read(disk.path().join("file")).expect("is read");
    assert_eq!((&bytes[..512], &bytes[512..]), (&[0; 512][..], &[1; 512][..]));
}

#[test]
fn writes_and_syncs_fail_when_they_are_told_to() {
    let Some(disk) = Disk::new() else { return };
    let file = written(&disk, "file", b"before");
    let write = || file.write_all_at(b"beyond", 0).is_ok();
    disk.fail(Act::Write, 2, For::Once);
    assert_eq!([write(), write(), write()], [true, false, true]);
    disk.fail(Act::Write, 2, For::Ever);
    assert_eq!([write(), write(), write()], [true, false, false]);
    assert!(file.sync_all().is_ok(), "what is written can be synced");
    assert_eq!(disk.heal(), 2);
    disk.fail(Act::Sync, 1, For::Ever);
    assert!(write() && file.sync_all().is_err() && File::open(disk.path()).expect("is there").sync_all().is_err());
    disk.heal();
    assert!(write() && file.sync_all().is_ok());
}

#[test]
fn a_full_disk_takes_no_more_until_there_is_room() {
    let Some(disk) = Disk::new() else { return };
    let mut file = written(&disk, "file", &[1; 4_096]);
    disk.limit(Some(disk.used() + 4_096));
    let full = file.write_all(&[2; 10_000]).expect_err("does not fit");
    assert_eq!(full.kind(), ErrorKind::StorageFull);
    assert_eq!(fs::read(disk.path().join("file")).expect("is read").len(), 8_192, "what there was room for");
    assert!(file.write_all_at(&[3; 8_192], 0).is_ok(), "what it has already");
    assert!(File::create(disk.path().join("other")).is_err());
    disk.limit(None);
    file.write_all(&[4; 10_000]).expect("fits");
    fs::remove_file(disk.path().join("file")).expect("is removed");
    assert_eq!(disk.used(), 0);
}

/// Commits rows one by one, as the server does, and loses the power after the last. Gives how many are there afterwards.
fn rows_left(mut disk: Disk, synchronous: &str, left: Left<'_>) -> i64 {
    let open = |disk: &Disk| {
        let connection = Connection::open(disk.path().join("judge.db")).expect("opens");
        let setting = format!(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
             PRAGMA wal_autocheckpoint = 70; CREATE TABLE IF NOT EXISTS rows (number INTEGER NOT NULL UNIQUE)"
        );
        connection.execute_batch(&setting).expect("is set");
        connection
    };
    let connection = open(&disk);
    for number in 0..COMMITS {
        connection.execute("INSERT INTO rows VALUES (?1)", [number]).expect("is committed");
    }
    disk.cut_power();
    drop(connection);
    disk.restore_power(left);
    let connection = open(&disk);
    let ask = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).expect("is answered");
    assert_eq!(ask("PRAGMA integrity_check"), "ok");
    ask("SELECT CAST(COUNT(*) AS TEXT) FROM rows").parse().expect("a number")
}

#[test]
fn answered_commits_outlive_a_loss_of_power_only_where_each_is_synced() {
    let mut chance = seeded("disk");
    let Some(disk) = Disk::new() else { return };
    let lost = COMMITS - rows_left(disk, "NORMAL", Left::Nothing);
    assert!(lost > 0, "a commit that nobody synced is there");
    let another = || Disk::new().expect("there was one");
    assert_eq!(rows_left(another(), "FULL", Left::Nothing), COMMITS);
    let (mut losses, rounds) = (0, size(10, 100));
    for _ in 0..rounds {
        losses += u32::from(rows_left(another(), "NORMAL", Left::Some(&mut chance)) < COMMITS);
        assert_eq!(rows_left(another(), "FULL", Left::Some(&mut chance)), COMMITS);
    }
    assert!(losses > 0, "a disk that keeps some for later lost nothing in {rounds} rounds");
    figure(
        "disk",
        &format!(
            "of {COMMITS} commits without a sync of each (synchronous=NORMAL), {lost} lost, and some in {losses} of {rounds} \
             losses of power by chance; with a sync of each (FULL) none"
        ),
    );
}
