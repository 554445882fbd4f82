//! `backup` and `restore`: one file of the whole directory, and a directory made of it, on either database.

mod foreign;

use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use self::foreign::forged;
use super::{
    relocation::{furnish, refused},
    support::{ADMIN_PASSWORD, Client, Ended, Place, Server, program, run, wait_for},
};

const PASSWORD: &str = "a password for bobby";

fn backup(place: &Place, file: &Path, more: &[&str]) -> Ended {
    run(program().arg("backup").arg(file).args(place.arguments()).args(more))
}

fn restore(file: &Path, place: &Place) -> Ended {
    run(program().arg("restore").arg(file).args(place.arguments()))
}

fn check(file: &Path) -> Ended {
    run(program().args(["backup", "--check"]).arg(file))
}

#[track_caller]
fn done(ended: Ended) -> String {
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    ended.out
}

/// What there is in a folder beside the file of this name.
fn beside(folder: &Path, name: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("can be read");
    let names = entries.map(|entry| entry.expect("is there").file_name().to_string_lossy().into_owned());
    names.filter(|found| found != name).collect()
}

/// A backup of a directory with something in every room.
fn furnished() -> (Place, PathBuf, Client) {
    let place = Place::new();
    let server = Server::start(&place);
    let bobby = furnish(&server);
    let file = place.path().join("monday.portreeve");
    done(backup(&place, &file, &[]));
    server.stop();
    (place, file, bobby)
}

/// The rows of a table, in order.
fn rows(place: &Place, table: &str, columns: &str, except: &str) -> Vec<Vec<String>> {
    let mut rows = place.sql(&format!("SELECT {columns} FROM {table} WHERE {except}"));
    rows.sort();
    rows
}

/// What a restoration changes is not looked at.
#[track_caller]
fn same(one: &Place, other: &Place) {
    let hex = |place: &Place, column: &str| match place.is_shared() {
        true => format!("encode({column}, 'hex')"),
        false => format!("lower(hex({column}))"),
    };
    for (table, bytes, columns, except) in [
        (
            "accounts",
            "id",
            "name, kind, notes, tags, labels, search, password_hash, credential_version, failed_attempts, lock_start, created, updated",
            "TRUE",
        ),
        ("object_tags", "object_id", "kind, tag", "TRUE"),
        ("objects", "id", "name, kind, body, created", "TRUE"),
        ("tags", "id", "name, created", "TRUE"),
        ("blacklist", "id", "name, reason", "TRUE"),
        ("devices", "id", "on_boarded, last_seen", "TRUE"),
        ("audit_log", "id", "act, at, actor, changes, search", "act <> 'restore'"),
    ] {
        let of = |place: &Place| rows(place, table, &format!("{}, {columns}", hex(place, bytes)), except);
        let there = of(one);
        assert!(!there.is_empty(), "{table}");
        assert_eq!(there, of(other), "{table}");
    }
}

#[test]
fn what_is_restored_is_the_directory_without_its_sessions_on_either_database() {
    let place = Place::new();
    let server = Server::start(&place);
    let bobby = furnish(&server);
    let (admin, reader) = (server.admin(), Client::new(&server.url));
    admin.set_lockout(2, 60);
    let id = admin.create_user("locked", PASSWORD);
    for _ in 0..2 {
        assert_eq!(reader.try_login("local", "locked", "wrong").status, 401);
    }
    let tag = admin.get(&format!("/local-users/{id}")).header("etag").expect("a tag").to_owned();
    let file = place.path().join("monday.portreeve");
    let said = done(backup(&place, &file, &[]));
    assert!(said.contains("is whole: the directory as of 20") && said.contains("; 4 accounts, "), "{said}");
    assert!(done(check(&file)).contains("; 4 accounts, "));
    assert_eq!(bobby.get("/local-users").status, 200, "the server was hurt");
    for target in [Place::folder(), Place::new()] {
        let said = done(restore(&file, &target));
        assert!(said.contains("; 4 accounts, "), "{said}");
        same(&place, &target);
        assert_eq!(target.number("SELECT COUNT(*) FROM sessions"), 0);
        assert_eq!(target.number("SELECT COUNT(*) FROM tokens"), 0);
        // A node that is still there, and has kept something in memory, knows that it is of no use any more.
        let version = "SELECT version FROM configuration";
        assert!(target.number(version) > place.number(version) + 1_000_000_000);
        assert_eq!(target.number("SELECT COUNT(*) FROM account_changes"), 0);
        assert_eq!(target.number("SELECT COUNT(*) FROM facts WHERE name = 'account changes forgotten'"), 1);
        let restored = Server::start(&target);
        assert_eq!(bobby.at(&restored.url).get("/local-users").status, 401);
        let bobby = Client::log_in(&restored.url, "local", "bobby", PASSWORD);
        assert_eq!(bobby.get("/local-users?query=bobby").ok()["data"][0]["tags"][0], "staff");
        assert_eq!(Client::new(&restored.url).try_login("local", "locked", PASSWORD).status, 401, "the lock is gone");
        let admin = restored.admin();
        let locked = admin.get(&format!("/local-users/{id}"));
        assert_eq!(locked.ok()["failedLoginAttempts"], 2);
        // What somebody saw of the other directory is not taken for what is here.
        let conditional = admin.request(reqwest::Method::GET, &format!("/local-users/{id}"), |request| {
            request.header("If-None-Match", &tag)
        });
        assert_eq!(conditional.status, 200, "{conditional:?}");
        let record = &admin.get("/audit-logs?filterBy[act]=restore").ok()["data"][0];
        assert_eq!((&record["actor"], &record["outcome"]), (&json!("(operator)"), &json!("done")), "{record}");
        assert!(record["reason"].as_str().expect("a reason").starts_with("from a backup of 20"), "{record}");
    }
}

#[test]
fn attempts_under_way_when_a_backup_is_taken_count_as_failures_where_it_is_restored() {
    let place = Place::new();
    let server = Server::start(&place);
    server.admin().set_lockout(3, 60);
    server.admin().create_user("bobby", PASSWORD);
    server.stop();
    let id = "(SELECT id FROM accounts WHERE name = 'bobby')";
    let bytes = if place.is_shared() { "decode('00', 'hex')" } else { "x'00'" };
    place.sql(&format!("INSERT INTO login_attempts (id, account_id, started) VALUES ({bytes}, {id}, 1)"));
    place.sql("UPDATE accounts SET attempts_in_flight = 1, failed_attempts = 2 WHERE name = 'bobby'");
    let file = place.path().join("b");
    done(backup(&place, &file, &[]));
    let target = Place::new();
    done(restore(&file, &target));
    assert_eq!(target.number("SELECT COUNT(*) FROM login_attempts"), 0);
    let counters = "SELECT failed_attempts, attempts_in_flight FROM accounts WHERE name = 'bobby' AND lock_start > 0";
    assert_eq!(target.sql(counters), [["3", "0"]]);
    let server = Server::start(&target);
    assert_eq!(Client::new(&server.url).try_login("local", "bobby", PASSWORD).status, 401);
}

#[test]
fn a_file_is_written_whole_or_not_at_all_and_only_for_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let (place, elsewhere) = (Place::new(), Place::folder());
    Server::start(&place).stop();
    let folder = elsewhere.path();
    let file = folder.join("b.portreeve");
    std::fs::write(&file, "mine").expect("is written");
    refused(&backup(&place, &file, &[]), 1, "is there already; name another file, or add --force");
    assert_eq!(std::fs::read_to_string(&file).expect("is there"), "mine");
    done(backup(&place, &file, &["--force"]));
    assert_eq!(std::fs::metadata(&file).expect("is there").permissions().mode() & 0o777, 0o600);
    done(check(&file));
    assert!(beside(folder, "b.portreeve").is_empty(), "{:?}", beside(folder, "b.portreeve"));

    refused(&backup(&place, folder, &[]), 1, "is a folder");
    refused(&backup(&place, Path::new("-"), &[]), 2, "name a file");
    refused(&backup(&place, &folder.join("nowhere/b"), &[]), 1, "nowhere/b: No such file");
    refused(&backup(&Place::folder(), &folder.join("none"), &[]), 1, "there is no directory in");
    if !place.is_shared() {
        for name in ["portreeve.db", "portreeve.db-wal"] {
            let ended = backup(&place, &place.path().join(name), &["--force"]);
            refused(&ended, 1, "would be taken for a part of the directory itself");
        }
    }
    let both = run(program().args(["backup", "--check", "--force"]).arg(&file));
    refused(&both, 2, "cannot be used with");
    assert!(beside(folder, "b.portreeve").is_empty());
}

#[test]
fn interrupted_it_leaves_nothing_behind() {
    let (place, elsewhere) = (Place::new(), Place::folder());
    Server::start(&place).stop();
    let id = if place.is_shared() { "decode(md5(n::text), 'hex')" } else { "randomblob(16)" };
    place.sql(&format!(
        "INSERT INTO audit_log (id, at, actor, act, object_kind, object_id, object_name, outcome, reason, source, request_id,
           changes, search) WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
         SELECT {id}, n, 'actor', 'act', 'kind', 'id', 'name', 'ok', '', '', 'r', '{{}}', '' FROM n"
    ));
    for signal in [Signal::INT, Signal::TERM] {
        let mut command = program();
        command.arg("backup").arg(elsewhere.path().join("b")).args(place.arguments());
        let child = command.spawn().expect("starts");
        wait_for("a file", || (!beside(elsewhere.path(), "b").is_empty()).then_some(()));
        let pid = Pid::from_raw(child.id().try_into().expect("is a process id")).expect("is not 0");
        kill_process(pid, signal).expect("is there");
        let ended = child.wait_with_output().expect("ends");
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains("interrupted; no backup was made"), "{ended:?}");
        assert!(beside(elsewhere.path(), "").is_empty(), "{:?}", beside(elsewhere.path(), ""));
    }
}

#[test]
fn of_a_damaged_directory_no_backup_is_made() {
    let (place, elsewhere) = (Place::folder(), Place::folder());
    Server::start(&place).stop();
    let database = place.path().join("portreeve.db");
    let page = place.number("SELECT rootpage FROM sqlite_schema WHERE name = 'accounts'");
    let mut bytes = std::fs::read(&database).expect("is there");
    bytes[usize::try_from(page).expect("is a page") * 4_096 - 2_000] ^= 1;
    std::fs::write(&database, bytes).expect("is written");
    let file = elsewhere.path().join("b");
    refused(&backup(&place, &file, &[]), 1, "no backup was made");
    refused(&backup(&place, &file, &[]), 1, "is not as it was written");
    assert!(beside(elsewhere.path(), "").is_empty(), "{:?}", beside(elsewhere.path(), ""));
}

#[test]
fn only_an_empty_place_is_restored_to_and_a_backup_is_served_by_nobody() {
    let (place, file, _) = furnished();
    let target = Place::new();
    let server = Server::start(&target);
    let id = server.admin().create_user("eve", PASSWORD);
    if !target.is_shared() {
        refused(&restore(&file, &target), 1, "another portreeve is serving the data folder");
    }
    server.stop();
    refused(&restore(&file, &target), 1, "holds a directory, which would be lost; name an empty place");
    refused(&restore(&file, &place), 1, "holds a directory, which would be lost");
    assert_eq!(target.number("SELECT COUNT(*) FROM accounts WHERE name = 'eve'"), 1, "{id}");

    // Where somebody took only the one file away, the newest of it may be in the other.
    let remnant = Place::folder();
    std::fs::write(remnant.path().join("portreeve.db-wal"), "newest").expect("is written");
    refused(&restore(&file, &remnant), 1, "portreeve.db-wal is part of a database that is not there");

    // As one puts back a copy of the database.
    let served = Place::folder();
    std::fs::copy(&file, served.path().join("portreeve.db")).expect("is copied");
    let serve = |place: &Place| run(program().arg("serve").args(place.arguments()).args(["--listen", "127.0.0.1:0"]));
    refused(&serve(&served), 1, "this is a backup of 20");
    refused(&backup(&served, &served.path().join("again"), &[]), 1, "this is a backup of 20");
    refused(&restore(&file, &served), 1, "holds a directory");
    let migrate = |from: &Place, to: &Place| {
        run(program().args(["migrate-store", "--from", &from.name(), "--to", &to.name(), "--finish"]))
    };
    refused(&migrate(&served, &Place::folder()), 1, "this is a backup of 20");
    refused(&migrate(&place, &served), 1, "holds a backup");
}

#[test]
fn what_is_restored_in_a_drill_is_not_the_directory_that_it_was_taken_of() {
    let (place, file, _) = furnished();
    let (drill, moved) = (Place::folder(), Place::folder());
    done(restore(&file, &drill));
    let migrate = |from: &Place, to: &Place| {
        run(program().args(["migrate-store", "--from", &from.name(), "--to", &to.name(), "--finish"]))
    };
    refused(&migrate(&place, &drill), 1, "holds another directory");
    done(migrate(&place, &moved));
    // It was moved elsewhere, and not there.
    refused(&migrate(&place, &drill), 1, "was moved to");
    refused(&migrate(&drill, &place), 1, "holds another directory");
    let server = Server::start(&drill);
    assert_eq!(Client::new(&server.url).try_login("local", "admin", ADMIN_PASSWORD).status, 200);
}

#[test]
fn a_clock_that_is_far_behind_is_said() {
    let (_place, file, _) = furnished();
    let now = "2100-01-01T00:00:00.000000Z";
    let set = format!("UPDATE facts SET value = json_set(value, '$.backup.taken', '{now}') WHERE name = 'relocation'");
    let later = forged(&file, &set);
    refused(&restore(&later, &Place::new()), 1, "set the clock first");
}

#[test]
fn a_restoration_that_was_killed_is_served_by_nobody_and_run_again() {
    let (place, file, _) = furnished();
    let target = Place::new();
    // As it stands in the middle: made, and marked, and half filled.
    done(restore(&file, &target));
    let mark = json!({"restoring": {"taken": "2026-11-22T10:00:00.000000Z"}});
    let tables = if target.is_shared() {
        "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    };
    for row in target.sql(tables) {
        if !["schema_version", "account_changes", "facts"].contains(&row[0].as_str()) {
            target.sql(&format!("ALTER TABLE {0} RENAME TO closed_{0}", row[0]));
        }
    }
    target.sql(&format!("INSERT INTO facts (name, value) VALUES ('relocation', '{mark}')"));
    target.sql("DELETE FROM closed_audit_log");
    let serve = run(program().arg("serve").args(target.arguments()).args(["--listen", "127.0.0.1:0"]));
    refused(&serve, 1, "is being restored here, which has not come to its end: run portreeve restore again");
    let reset = run(program().args(["admin", "reset-password", "admin"]).args(target.arguments()));
    refused(&reset, 1, "run portreeve restore again");
    let migrate = |from: &Place, to: &Place| {
        run(program().args(["migrate-store", "--from", &from.name(), "--to", &to.name(), "--finish"]))
    };
    refused(&migrate(&target, &Place::folder()), 1, "run portreeve restore again");
    refused(&migrate(&place, &target), 1, "holds a backup, or what has been restored of one");
    done(restore(&file, &target));
    same(&place, &target);
    Server::start(&target).stop();
}
