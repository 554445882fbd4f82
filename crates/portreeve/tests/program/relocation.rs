//! `migrate-store`: a directory brought into another store, and back. What is compared is compared by SQL, past the program.

use std::{
    path::Path,
    process::Child,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::support::{ADMIN_PASSWORD, Client, Ended, Place, Server, Stop, place::open, program, run, wait_for};

const PASSWORD: &str = "a password for bobby";

fn command(from: &Place, to: &Place, more: &[&str]) -> std::process::Command {
    let mut command = program();
    command.args(["migrate-store", "--from", &from.name()]).args(more);
    // As somebody does whose URL has a password.
    command.env("PORTREEVE_MIGRATE_TO", to.name());
    command
}

fn migrate(from: &Place, to: &Place, more: &[&str]) -> Ended {
    run(&mut command(from, to, more))
}

#[track_caller]
fn migrated(from: &Place, to: &Place, more: &[&str]) -> Ended {
    let ended = migrate(from, to, more);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    ended
}

#[track_caller]
pub fn refused(ended: &Ended, code: i32, why: &str) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(ended.err.contains(why), "{why}: {ended:?}");
}

fn serve(place: &Place) -> Ended {
    run(program().arg("serve").args(place.arguments()).args(["--listen", "127.0.0.1:0"]))
}

/// A directory with something in every room: gives a client with a session of bobby, who reads by a role and a policy.
pub fn furnish(server: &Server) -> Client {
    let admin = server.admin();
    let id = admin.create_user("bobby", PASSWORD);
    let mut bobby = admin.get(&format!("/local-users/{id}")).ok();
    bobby["tags"] = json!(["staff", "größer", "Zebra", "apple", "a;b"]);
    bobby["notes"] = json!("line one\nline two 😀 'quoted' \\ \"twice\"");
    admin.put(&format!("/local-users/{id}"), &bobby).ok();
    let machine = json!({"name": "loom", "labels": {"site": "Lyon"}, "password": "punched cards all day"});
    admin.post("/service-users", &machine).ok();
    let view = json!([{"type": "View", "target": "LocalUser", "scope": {"all": true}}]);
    let role = admin.post("/administrative-roles", &json!({"name": "readers", "privileges": view})).ok();
    let expression = "return claims.user.tags.indexOf('staff') >= 0;";
    let policy = json!({"name": "staff", "expression": expression, "administrativeRoles": [role["id"]]});
    admin.post("/policies", &policy).ok();
    admin.post("/blacklist", &json!({"userDistinguishedName": "CN=mallory,OU=local", "reason": "left"})).ok();
    assert_eq!(Client::new(&server.url).try_login("local", "bobby", "wrong").status, 401);
    Client::log_in(&server.url, "local", "bobby", PASSWORD)
}

fn database(place: &Place) -> String {
    place.path().join("portreeve.db").display().to_string()
}

/// Compares a folder that was left with one that holds the directory now, row by row. Gives how many rows they have.
#[track_caller]
fn equal(left: &Place, now: &Path) -> i64 {
    let other = format!("ATTACH DATABASE '{}' AS other", now.join("portreeve.db").display());
    let connection = open(&left.path().join("portreeve.db"));
    connection.execute_batch(&other).expect("is attached");
    let names = "SELECT name FROM other.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
        AND name NOT IN ('schema_version', 'account_changes')";
    let mut statement = connection.prepare(names).expect("is SQL");
    let names: Vec<String> =
        statement.query_map([], |row| row.get(0)).expect("runs").collect::<Result<_, _>>().expect("names");
    assert!(names.len() >= 13, "{names:?}");
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect(sql);
    let mut all = 0;
    for name in names {
        let (one, other) = match name.as_str() {
            "facts" => {
                ("SELECT * FROM main.facts WHERE name <> 'relocation'".to_owned(), "SELECT * FROM other.facts".into())
            }
            _ => (format!("SELECT * FROM main.closed_{name}"), format!("SELECT * FROM other.{name}")),
        };
        for (ours, theirs) in [(&one, &other), (&other, &one)] {
            let missing = number(&format!("SELECT COUNT(*) FROM ({ours} EXCEPT {theirs})"));
            assert_eq!(missing, 0, "{name}");
        }
        let count = number(&format!("SELECT COUNT(*) FROM ({one})"));
        assert_eq!(count, number(&format!("SELECT COUNT(*) FROM ({other})")), "{name}");
        all += count;
    }
    all
}

#[test]
fn a_directory_that_goes_there_and_back_is_the_same_and_its_sessions_go_on() {
    let (first, second, third) = (Place::folder(), Place::new(), Place::folder());
    let server = Server::start(&first);
    let bobby = furnish(&server);
    server.stop();
    if second.is_shared() {
        // A database that does not sort by bytes, as most do not.
        migrated(&first, &second, &[]);
        second.sql("ALTER TABLE closed_object_tags ALTER COLUMN tag TYPE TEXT COLLATE \"und-x-icu\"");
    }
    let said = migrated(&first, &second, &["--finish"]).out;
    assert!(said.contains("once more, as proof: 0 of "), "{said}");
    assert!(said.contains("The directory is in"), "{said}");
    refused(&serve(&first), 1, "was moved to");
    migrated(&second, &third, &["--finish"]);
    refused(&serve(&second), 1, "was moved to");
    assert!(equal(&first, third.path()) > 100);

    let server = Server::start(&third);
    let there = bobby.at(&server.url);
    assert_eq!(
        there.get("/local-users?query=bobby").ok()["data"][0]["tags"],
        json!(["staff", "größer", "Zebra", "apple", "a;b"])
    );
    assert_eq!(Client::new(&server.url).try_login("service", "loom", "punched cards all day").status, 200);
    server.stop();
    // The way that it came, with what has been written meanwhile.
    migrated(&third, &second, &["--finish"]);
    let server = Server::start(&second);
    assert_eq!(bobby.at(&server.url).get("/local-users").status, 200);
    assert_eq!(server.admin().get("/policies?name=staff").ok()["data"][0]["name"], "staff");
    assert!(server.admin().get("/audit-logs?range=0-0").ok()["totalCount"].as_i64() > Some(10));
}

/// Makes accounts until told to stop, and gives the ids of those that were answered.
fn make_accounts(admin: &Client, stop: &AtomicBool) -> Vec<String> {
    let mut made = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let body = json!({"name": format!("made-{number}"), "firstName": "F", "lastName": "L", "tags": ["made"]});
        let answer = admin.post("/local-users", &body);
        if answer.status != 200 {
            assert_eq!(answer.status, 503, "{answer:?}");
            break;
        }
        made.push(answer.json()["id"].as_str().expect("an id").to_owned());
    }
    made
}

fn rename(admin: &Client, id: &str, name: &str) {
    let path = format!("/local-users/{id}");
    let mut user = admin.get(&path).ok();
    user["name"] = json!(name);
    admin.put(&path, &user).ok();
}

#[test]
fn what_is_written_during_the_passes_is_there_too() {
    let (first, second, third) = (Place::folder(), Place::new(), Place::folder());
    let server = Server::start(&first);
    let admin = server.admin();
    let ids: Vec<String> = (0..3).map(|number| admin.create_user(&format!("u{number}"), PASSWORD)).collect();
    let stop = AtomicBool::new(false);
    let made = std::thread::scope(|scope| {
        let making = scope.spawn(|| make_accounts(&admin, &stop));
        let stopping = Stop(&stop);
        let said = migrated(&first, &second, &[]).out;
        assert!(said.contains("run this again with --finish"), "{said}");
        refused(&serve(&second), 1, "has not ended yet");
        // Names that change hands, in both directions of the order of keys; and one of somebody who is gone.
        rename(&admin, &ids[0], "x");
        rename(&admin, &ids[1], "u0");
        rename(&admin, &ids[0], "u1");
        assert_eq!(admin.delete(&format!("/local-users/{}", ids[2])).status, 204);
        admin.create_user("u2", PASSWORD);
        migrated(&first, &second, &[]);
        drop(stopping);
        making.join().expect("made accounts")
    });
    assert!(made.len() > 5, "{made:?}");
    refused(&migrate(&first, &second, &["--finish"]), 1, "stop the server");
    assert_eq!(admin.get("/local-users").status, 200, "the server was hurt");
    server.stop();
    migrated(&first, &second, &["--finish"]);
    migrated(&second, &third, &["--finish"]);
    equal(&first, third.path());
    let server = Server::start(&third);
    assert_eq!(server.admin().get("/local-users?query=made-&range=0-0").ok()["range"], format!("0-0/{}", made.len()));
}

fn kill(mut child: Child) {
    let pid = Pid::from_raw(child.id().try_into().expect("is a process id")).expect("is not 0");
    kill_process(pid, Signal::KILL).expect("is there to be killed");
    child.wait().expect("ends");
}

#[test]
fn killed_in_the_middle_it_is_run_again() {
    let (first, second, third) = (Place::folder(), Place::new(), Place::folder());
    let server = Server::start(&first);
    furnish(&server);
    server.stop();
    first.sql(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 150000)
         INSERT INTO audit_log SELECT randomblob(16), n, 'actor', 'act', 'kind', 'id', 'name', 'ok', '', '', 'r', '{}', ''
         FROM n RETURNING 1",
    );
    let tables = if second.is_shared() {
        "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'closed_audit_log'"
    } else {
        "SELECT COUNT(*) FROM sqlite_master WHERE name = 'closed_audit_log'"
    };
    let rows = || if second.number(tables) == 0 { 0 } else { second.number("SELECT COUNT(*) FROM closed_audit_log") };
    let mut before = 0;
    for more in [&[][..], &["--finish"]] {
        let child = command(&first, &second, more).spawn().expect("starts");
        before = wait_for("more rows", || Some(rows()).filter(|rows| *rows > before));
        kill(child);
    }
    assert!(before < 150_000, "{before}: it was too late");
    // Killed, it has not ended anything.
    Server::start(&first).stop();
    refused(&serve(&second), 1, "has not ended yet");
    migrated(&first, &second, &["--finish"]);
    let again = migrated(&first, &second, &["--finish"]);
    assert!(again.out.contains("was brought to"), "{again:?}");
    migrated(&second, &third, &["--finish"]);
    assert!(equal(&first, third.path()) > 150_000);
}

#[test]
fn killed_before_its_last_step_it_only_makes_that() {
    let (first, second) = (Place::folder(), Place::folder());
    let server = Server::start(&first);
    let bobby = furnish(&server);
    server.stop();
    migrated(&first, &second, &["--finish"]);
    // Back to the moment in between: the source was left, the target is not open.
    let mark = first.sql("SELECT value FROM facts WHERE name = 'relocation'")[0][0].clone();
    let mark: Value = serde_json::from_str(&mark).expect("is JSON");
    let filling = json!({"filling": {"installation": "any", "copy": mark["moved"]["copy"]}});
    for row in first.sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'closed_%'") {
        let open = row[0].trim_start_matches("closed_");
        second.sql(&format!("ALTER TABLE {open} RENAME TO {}", row[0]));
    }
    second.sql(&format!("INSERT INTO facts (name, value) VALUES ('relocation', '{filling}') RETURNING 1"));

    refused(&serve(&first), 1, "was moved to");
    refused(&serve(&second), 1, "has not ended yet");
    refused(&migrate(&first, &second, &[]), 1, "add --finish");
    migrated(&first, &second, &["--finish"]);
    let server = Server::start(&second);
    assert_eq!(bobby.at(&server.url).get("/local-users").status, 200);
    equal(&first, second.path());
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let (first, foreign) = (Place::folder(), Place::new());
    let server = Server::start(&first);
    let elsewhere = Server::start(&foreign);
    let id = elsewhere.admin().create_user("eve", PASSWORD);
    let (before, elsewhere) = (first.sql("SELECT id FROM accounts"), (elsewhere.stop(), id).1);
    refused(&migrate(&first, &foreign, &[]), 1, "holds another directory");
    assert_eq!(foreign.number("SELECT COUNT(*) FROM accounts WHERE name = 'eve'"), 1, "{elsewhere}");

    let empty = Place::new();
    refused(&migrate(&empty, &Place::folder(), &[]), 1, "there is no directory in");
    // The target is nobody's to serve either.
    refused(&migrate(&foreign, &first, &[]), 1, "another portreeve is serving the data folder");
    refused(&migrate(&first, &first, &[]), 2, "the same place");
    migrated(&first, &empty, &[]);
    refused(&migrate(&empty, &Place::folder(), &[]), 1, "is itself being filled");
    // Whoever forgets a column would leave it behind.
    for (place, version, why) in
        [(&empty, 2, "made by an older"), (&empty, 99, "made by a newer"), (&first, 2, "made by an older")]
    {
        let set = |version: i64| {
            place.sql(&format!("UPDATE schema_version SET version = {version} WHERE id = 1 RETURNING 1"));
        };
        let own = place.number("SELECT version FROM schema_version WHERE id = 1");
        set(version);
        refused(&migrate(&first, &empty, &[]), 1, why);
        set(own);
    }
    server.stop();
    // A copy of the folder, as a backup is.
    let backup = Place::folder();
    std::fs::copy(database(&first), database(&backup)).expect("is copied");
    migrated(&first, &empty, &["--finish"]);
    refused(&migrate(&backup, &empty, &[]), 1, "holds this same directory, and it is in use there");
    refused(&migrate(&first, &Place::folder(), &[]), 1, "was moved to");
    let reset = run(program().args(["admin", "reset-password", "admin"]).args(first.arguments()));
    refused(&reset, 1, "was moved to");
    assert_eq!(first.sql("SELECT id FROM closed_accounts"), before);

    for wrong in ["postgre://u:geheim@h/d", "host=h password=geheim", ""] {
        let ended = run(program().args(["migrate-store", "--from", wrong, "--to", "elsewhere"]));
        refused(&ended, 2, "");
        assert!(!format!("{ended:?}").contains("geheim"), "{ended:?}");
    }
}

#[test]
fn nodes_that_still_run_write_nothing_that_is_left_behind_and_serve_nothing_afterwards() {
    let (Some(first), second) = (Place::shared(), Place::folder()) else { return };
    let nodes: Vec<Server> = (0..2).map(|_| Server::start(&first)).collect();
    let bobby = furnish(&nodes[0]);
    let admin = nodes[1].admin();
    let stop = AtomicBool::new(false);
    let made = std::thread::scope(|scope| {
        let making = scope.spawn(|| make_accounts(&admin, &stop));
        let _stop = Stop(&stop);
        wait_for("some accounts", || (first.number("SELECT COUNT(*) FROM accounts") > 20).then_some(()));
        migrated(&first, &second, &["--finish"]);
        // It ends by itself: it is answered 503.
        wait_for("the end of it", || making.is_finished().then_some(()));
        making.join().expect("made accounts")
    });
    let there = second.sql("SELECT lower(hex(id)) FROM accounts WHERE name LIKE 'made-%'");
    assert_eq!(there.len(), made.len());
    for node in &nodes {
        assert_eq!(Client::new(&node.url).get("/readyz").status, 503);
        assert_eq!(bobby.at(&node.url).get("/local-users").status, 503);
        assert_eq!(Client::new(&node.url).try_login("local", "admin", ADMIN_PASSWORD).status, 503);
    }
    assert!(nodes[0].log().contains("has the directory been moved"), "{}", nodes[0].log());
    refused(&serve(&first), 1, "was moved to");
    let server = Server::start(&second);
    assert_eq!(bobby.at(&server.url).get("/local-users").status, 200);
    server.stop();
    // Half filled, it is as closed; whole again, it is the directory for whoever still runs there.
    migrated(&second, &first, &[]);
    assert_eq!(bobby.at(&nodes[0].url).get("/local-users").status, 503);
    migrated(&second, &first, &["--finish"]);
    assert_eq!(Client::new(&nodes[0].url).get("/readyz").status, 200);
    assert_eq!(bobby.at(&nodes[0].url).get("/local-users").status, 200);
}
