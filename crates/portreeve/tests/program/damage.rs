//! What the program says and does when its files are not what was written; and how a database of before comes to be one in
//! which that is found.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use portreeve_sqlite_checksums::pages::{State, state};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::support::{ADMIN_PASSWORD, Client, Ended, Place, Server, place::open, program, run, wait_for};

const PASSWORD: &str = "a password for many";
const PAGE: u64 = 4_096;

fn file(place: &Place) -> PathBuf {
    place.path().join("portreeve.db")
}

/// Another byte in the place of one.
fn change(file: &Path, at: u64) {
    let open = File::options().read(true).write(true).open(file).expect("opens");
    let mut byte = [0];
    open.read_exact_at(&mut byte, at).expect("is there");
    open.write_all_at(&[byte[0] ^ 1], at).expect("is written");
}

fn check(place: &Place) -> Ended {
    run(program().arg("check").args(place.arguments()))
}

fn serve(place: &Place) -> Ended {
    run(program().arg("serve").args(place.arguments()).args(["--listen", "127.0.0.1:0"]))
}

/// The page that a table begins with.
fn root(place: &Place, table: &str) -> u64 {
    place
        .number(&format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'"))
        .try_into()
        .expect("is a number of a page")
}

/// Puts the database into the form in which the version before made it.
fn without_checksums(place: &Place) {
    let (new, old) = (place.path().join("old.db"), file(place));
    let from = open(&old);
    let schema = |condition: &str| -> String {
        let sql = format!("SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL AND {condition}");
        let mut statement = from.prepare(&sql).expect("is SQL");
        let texts = statement.query_map([], |row| row.get(0)).expect("runs");
        texts.collect::<Result<Vec<String>, _>>().expect("are texts").join("\n")
    };
    let tables = schema("type = 'table' AND name NOT LIKE 'sqlite_%'");
    let others = schema("type <> 'table'");
    let names: Vec<String> = {
        let mut statement = from.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").expect("is SQL");
        statement.query_map([], |row| row.get(0)).expect("runs").collect::<Result<_, _>>().expect("are names")
    };
    drop(from);
    let to = Connection::open(&new).expect("is made");
    to.execute_batch("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = OFF").expect("is set");
    to.execute_batch(&tables).expect("makes the tables");
    to.execute_batch(&format!("ATTACH '{}' AS other", old.display())).expect("is attached");
    for name in names {
        to.execute_batch(&format!("INSERT INTO main.{name} SELECT * FROM other.{name}")).expect(&name);
    }
    to.execute_batch(&others).expect("makes the rest");
    to.execute_batch(
        "UPDATE schema_version SET version = 4 WHERE id = 1; UPDATE schema_version SET version = 3 WHERE id = 2",
    )
    .expect("is set");
    drop(to);
    fs::rename(new, old).expect("is renamed");
    fs::set_permissions(file(place), Permissions::from_mode(0o640)).expect("is ours");
    assert_eq!(state(&file(place)).expect("is read"), State::Unchecked);
}

#[test]
fn a_database_of_before_gets_checksums_once() {
    let place = Place::folder();
    let server = Server::start(&place);
    let admin = server.admin();
    for number in 0..200 {
        admin.post("/local-users", &json!({"name": format!("user-{number}"), "firstName": "First", "lastName": "Last", "notes": "n".repeat(3_000)})).ok();
    }
    let id = admin.create_user("bobby", PASSWORD);
    let before = admin.get("/local-users?range=0-999").ok();
    assert!(server.stop().code == Some(0));
    assert_eq!(state(&file(&place)).expect("is read"), State::Checked);

    without_checksums(&place);
    let refused = check(&place);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("was made by an older portreeve, without checksums"), "{}", refused.err);

    // Not while another program may be writing to it.
    let other = Connection::open(file(&place)).expect("opens");
    other.query_row("SELECT COUNT(*) FROM accounts", [], |_| Ok(())).expect("is read");
    let refused = serve(&place);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("while another program has it open: stop that one"), "{}", refused.err);
    drop(other);
    assert_eq!(state(&file(&place)).expect("is read"), State::Unchecked);

    // What a start that was cut off has left is in nobody's way.
    fs::write(file(&place).with_extension("db-new"), "half of it").expect("is written");
    let server = Server::start(&place);
    assert!(server.log().contains("gets checksums, once"), "{}", server.log());
    assert_eq!(server.admin().get("/local-users?range=0-999").ok()["data"], before["data"]);
    assert_ne!(Client::log_in(&server.url, "local", "bobby", PASSWORD).get("/authorization").status, 401);
    assert_eq!(server.admin().get(&format!("/local-users/{id}")).status, 200);
    server.stop();
    assert_eq!(state(&file(&place)).expect("is read"), State::Checked);
    assert!(!file(&place).with_extension("db-new").exists());
    assert_eq!(fs::metadata(file(&place)).expect("is there").mode() & 0o777, 0o640);
    // Which the version before, which knows the tables up to 4, is told.
    assert_eq!(place.sql("SELECT version FROM schema_version WHERE id < 3 ORDER BY id"), [["5"], ["5"]]);
    assert_eq!(check(&place).code, Some(0));

    let server = Server::start(&place);
    assert!(!server.log().contains("gets checksums"), "{}", server.log());
}

#[test]
fn a_damaged_page_is_named_and_everything_else_goes_on() {
    let place = Place::folder();
    let server = Server::start(&place);
    let admin = server.admin();
    let token = admin.token().to_owned();
    server.stop();
    let sound = check(&place);
    assert_eq!(sound.code, Some(0), "{sound:?}");
    assert!(sound.out.contains("is sound: ") && sound.out.contains(" pages"), "{}", sound.out);

    let page = root(&place, "blacklist");
    change(&file(&place), (page - 1) * PAGE + 3_000);
    let mut server = Server::start(&place);
    let admin = admin.at(&server.url).with_token(&token);
    let answer = admin.get("/blacklist");
    assert_eq!(answer.status, 500, "{answer:?}");
    let id = answer.header("x-request-id").expect("an id");
    assert_eq!(answer.json()["message"], *id);
    let line = wait_for("the line of the fault", || {
        let log = server.log();
        let line = log.lines().find(|line| line.contains(id) && line.contains("ERROR"))?;
        serde_json::from_str::<Value>(line).ok()
    });
    let named = format!("page {page} of {} is not as it was written", file(&place).display());
    let line = line.to_string();
    assert!(line.contains(&named) && line.contains("portreeve check") && line.contains("restore a backup"), "{line}");
    // What needs nothing of that page.
    assert_eq!(admin.get("/administrative-roles").status, 200);
    assert!(server.is_running());
    for damaged in [check(&place), {
        server.stop();
        check(&place)
    }] {
        assert_eq!(damaged.code, Some(1), "{damaged:?}");
        let named = format!("page {page} (blacklist) of {} is not as it was written", file(&place).display());
        assert!(damaged.err.contains(&named) && damaged.err.contains("is damaged: stop the server"), "{}", damaged.err);
    }
    change(&file(&place), (page - 1) * PAGE + 3_000);
    assert_eq!(check(&place).code, Some(0));
}

#[test]
fn nothing_that_was_answered_is_left_out_with_a_damaged_log() {
    let place = Place::folder();
    let server = Server::start(&place);
    let admin = server.admin();
    admin.create_user("bobby", PASSWORD);
    let bobby = Client::log_in(&server.url, "local", "bobby", PASSWORD);
    assert_ne!(bobby.get("/authorization").status, 401);
    assert_eq!(bobby.request(Method::POST, "/authentication/logout", |request| request).status, 204);
    assert_eq!(bobby.get("/authorization").status, 401);
    server.crash();
    let log = place.path().join("portreeve.db-wal");
    // In the last page of the last of them: without it, the session that was ended would be open.
    let at = fs::metadata(&log).expect("is there").len() - 1_000;
    change(&log, at);
    for refused in [
        serve(&place),
        check(&place),
        run(program().args(["admin", "reset-password", "bobby"]).args(place.arguments())),
    ] {
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.contains("portreeve.db-wal is not as it was written"), "{}", refused.err);
        assert!(refused.err.contains("the newest writes would be lost"), "{}", refused.err);
    }
    change(&log, at);
    assert_eq!(check(&place).code, Some(0));
    let server = Server::start(&place);
    assert_eq!(bobby.at(&server.url).get("/authorization").status, 401);
    assert_eq!(Client::new(&server.url).try_login("local", "admin", ADMIN_PASSWORD).status, 200);
}

#[test]
fn a_damaged_head_is_named_at_the_start() {
    let place = Place::folder();
    Server::start(&place).stop();
    // Its name, its version, and the note that there are checksums.
    for at in [3, 18, 20, 100] {
        change(&file(&place), at);
        for refused in [serve(&place), check(&place)] {
            assert_eq!(refused.code, Some(1), "{at}: {refused:?}");
            let named = format!("page 1 of {} is not as it was written", file(&place).display());
            assert!(refused.err.contains(&named) || refused.err.contains("page 1 ("), "{at}: {}", refused.err);
        }
        change(&file(&place), at);
    }
    assert_eq!(check(&place).code, Some(0));
}

#[test]
fn everything_on_postgresql_is_looked_at() {
    let Some(place) = Place::shared() else { return };
    let empty = check(&place);
    assert_eq!(empty.code, Some(1), "{empty:?}");
    assert!(empty.err.contains("there is no directory in it"), "{}", empty.err);
    let server = Server::start(&place);
    server.admin().create_user("bobby", PASSWORD);
    let sound = check(&place);
    assert_eq!(sound.code, Some(0), "{sound:?}");
    assert!(sound.out.contains("of 15 tables, their indexes, what refers to what"), "{}", sound.out);
    // As this server was started.
    for missed in ["data_checksums", "fsync", "full_page_writes", "synchronous_commit"] {
        let told = format!("({missed} is off)");
        assert!(sound.err.contains(&told) && server.log().contains(&told), "{missed}: {}", sound.err);
    }
    // What foreign keys keep from happening.
    place.sql("SET session_replication_role = replica; DELETE FROM accounts WHERE name = 'admin'");
    let damaged = check(&place);
    assert_eq!(damaged.code, Some(1), "{damaged:?}");
    assert!(damaged.err.contains("rows of sessions that refer to accounts that is not there: 1"), "{}", damaged.err);
}
