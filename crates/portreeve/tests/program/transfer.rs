//! Import and export at the command line, with the server running and without.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use super::support::{Client, Ended, Place, Server, program, run, wait_for};

/// What Django and libxcrypt made of `pässwörd with € 42`.
const PASSWORD: &str = "pässwörd with € 42";
const BCRYPT: &str = "bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuiDPK54b9EB9BMmUDZKEI6izDW6dERh2";
const YESCRYPT: &str = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$cAsd8HXsUZXqt8Oi.QOViHbrHlZc2cuG7Lunfc4Jjq9";

fn command(place: &Place, act: &str, kind: &str, file: &str, more: &[&str]) -> Command {
    let mut command = program();
    command.args([act, "--kind", kind, file]).args(place.arguments()).args(more);
    command
}

fn import(place: &Place, kind: &str, name: &str, text: &str, more: &[&str]) -> Ended {
    let file = place.path().join(name);
    std::fs::write(&file, text).expect("is written");
    run(&mut command(place, "import", kind, &file.display().to_string(), more))
}

fn export(place: &Place, kind: &str, file: &str, more: &[&str]) -> Ended {
    run(&mut command(place, "export", kind, file, more))
}

/// With a server that has run, so that there is a directory.
fn begun() -> Place {
    let place = Place::new();
    Server::start(&place).stop();
    place
}

#[test]
fn people_come_with_their_hashes_while_the_server_runs_and_get_ours_when_they_log_in() {
    let place = Place::new();
    let server = Server::start(&place);
    let csv = format!(
        "name,firstName,lastName,tags,passwordHash\nada,Ada,Lovelace,a;b,{BCRYPT}\nbob,Bob,B,,{YESCRYPT}\neve,,E,,geheim-123\n"
    );
    let dry = import(&place, "local-users", "people.csv", &csv, &["--dry-run"]);
    assert_eq!(dry.code, Some(3), "{dry:?}");
    assert!(
        dry.out.starts_with("Nothing was written. It would be: 2 made, 0 changed, 0 unchanged, 1 refused"),
        "{dry:?}"
    );
    assert_eq!(place.number("SELECT COUNT(*) FROM accounts WHERE kind = 'local'"), 1, "a dry run wrote");

    let ended = import(&place, "local-users", "people.csv", &csv, &[]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.out.starts_with("2 made, 0 changed, 0 unchanged, 1 refused, in "), "{ended:?}");
    assert!(ended.err.contains("people.csv:4: firstName may not be null"), "{ended:?}");
    assert!(ended.err.contains("people.csv:4: passwordHash is no hash"), "{ended:?}");
    assert!(!ended.err.contains("geheim"), "{ended:?}");

    let client = Client::new(&server.url);
    for name in ["ada", "bob"] {
        let hash = format!("SELECT password_hash FROM accounts WHERE name = '{name}'");
        assert_eq!(client.try_login("local", name, "not the password").status, 401);
        assert_eq!(place.sql(&hash), [[if name == "ada" { BCRYPT } else { YESCRYPT }]]);
        for _ in 0..2 {
            assert_eq!(client.try_login("local", name, PASSWORD).status, 200, "{name}");
            assert!(place.sql(&hash)[0][0].starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{name}");
        }
        assert_eq!(client.try_login("local", name, "not the password").status, 401);
    }
    // What is not given as a secret is not shown as one.
    assert!(!server.log().contains("abcdefghijklmnop"), "{}", server.log());
    assert!(!format!("{:?}", place.sql("SELECT changes, reason FROM audit_log")).contains("2b$05"));
}

#[test]
fn what_one_installation_exports_another_imports() {
    let (one, other) = (begun(), begun());
    let rows = format!(
        "{}\n{}\n",
        serde_json::json!({"name": "loom", "labels": {"a,b": "c\"d"}, "tags": ["x;y"], "passwordHash": YESCRYPT}),
        serde_json::json!({"name": "mill", "notes": "=1+1\nand more", "password": "a password of its own"})
    );
    let made = import(&one, "service-users", "machines.ndjson", &rows, &[]);
    assert_eq!((made.code, made.err.as_str()), (Some(0), ""), "{made:?}");
    let file = one.path().join("out.csv");
    let shown = file.display().to_string();
    let ended = export(&one, "service-users", &shown, &[]);
    assert!(ended.code == Some(0) && ended.out.starts_with("2 written, in "), "{ended:?}");
    assert!(!std::fs::read_to_string(&file).expect("is there").contains("$y$"));

    let ended = export(&one, "service-users", &shown, &["--with-hashes"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("is there").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let taken = run(&mut command(&other, "import", "service-users", &shown, &[]));
    assert_eq!(taken.code, Some(0), "{taken:?}");
    let server = Server::start(&other);
    let client = Client::new(&server.url);
    assert_eq!(client.try_login("service", "loom", PASSWORD).status, 200);
    assert_eq!(client.try_login("service", "mill", "a password of its own").status, 200);
    let whole = |place: &Place| {
        let ended = export(place, "service-users", "-", &["--format", "ndjson"]);
        let rows = ended.out.lines().map(|line| {
            let mut row: serde_json::Value = serde_json::from_str(line).expect("is JSON");
            for field in ["created", "updated"] {
                row.as_object_mut().expect("is an object").remove(field);
            }
            row
        });
        rows.collect::<Vec<_>>()
    };
    assert_eq!(whole(&one), whole(&other));
    assert_eq!(whole(&one).len(), 2);
}

/// The row on a line.
fn numbered(line: usize) -> String {
    format!("{{\"name\": \"u{line}\", \"firstName\": \"F\", \"lastName\": \"L\", \"tags\": [\"t\"]}}\n")
}

/// How many of these rows are accounts.
fn taken(place: &Place) -> i64 {
    place.number("SELECT COUNT(*) FROM accounts WHERE name LIKE 'u%'")
}

/// Starts an import that is fed with rows. Interrupts it once the other says so, and gives what it said.
fn interrupt(place: &Place, rows: std::ops::RangeInclusive<usize>, once: impl Fn() -> bool) -> String {
    let mut command = command(place, "import", "local-users", "-", &["--format", "ndjson"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("starts");
    let mut input = child.stdin.take().expect("is piped");
    // It may end before it has read all. The input stays open: it ends for the signal, and for nothing else.
    let feeding = std::thread::spawn(move || {
        let fed = rows.map(numbered).try_for_each(|row| input.write_all(row.as_bytes()));
        (fed, input)
    });
    wait_for("what is to be interrupted", || once().then_some(()));
    let pid = Pid::from_raw(child.id().try_into().expect("is a process id")).expect("is not 0");
    kill_process(pid, Signal::INT).expect("is there to be told");
    let ended = child.wait_with_output().expect("ends");
    drop(feeding.join().expect("feeds"));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    said
}

#[test]
fn an_import_that_is_interrupted_says_how_to_go_on() {
    let place = begun();
    // Two batches are whole; the third waits for more.
    let said = interrupt(&place, 1..=5_000, || taken(&place) == 4_000);
    assert!(said.contains("stopped after line 4000: 4000 made and 0 changed; go on with --from-line 4001"), "{said}");

    let whole: String = (1..=4_500).map(numbered).collect();
    let rest = import(&place, "local-users", "all.ndjson", &whole, &["--from-line", "4001"]);
    assert!(rest.code == Some(0) && rest.out.starts_with("500 made, 0 changed, 0 unchanged, 0 refused"), "{rest:?}");
    let again = import(&place, "local-users", "all.ndjson", &whole, &["--upsert"]);
    assert!(again.code == Some(0) && again.out.starts_with("0 made, 0 changed, 4500 unchanged"), "{again:?}");
    assert_eq!(taken(&place), 4_500);
}

#[test]
fn an_import_that_is_interrupted_while_it_writes_has_every_row_once_when_it_has_gone_on() {
    let place = begun();
    let said = interrupt(&place, 1..=1_000_000, || taken(&place) > 0);
    let line = said.split("stopped after line ").nth(1).and_then(|rest| rest.split(':').next());
    let line: i64 = line.and_then(|line| line.parse().ok()).expect("says how far it came");
    assert!(said.contains(&format!("{line} made and 0 changed; go on with --from-line {}", line + 1)), "{said}");
    // Also what was being written when the signal came is told of, and nothing was written behind it.
    assert_eq!(taken(&place), line, "{said}");

    let whole: String = (1..=usize::try_from(line).expect("fits") + 2_500).map(numbered).collect();
    let rest = import(&place, "local-users", "all.ndjson", &whole, &["--from-line", &(line + 1).to_string()]);
    assert!(rest.code == Some(0) && rest.out.starts_with("2500 made, 0 changed, 0 unchanged, 0 refused"), "{rest:?}");
    assert_eq!(taken(&place), line + 2_500);
    let records = "SELECT COUNT(DISTINCT object_id) FROM audit_log WHERE act = 'import' AND object_name LIKE 'u%'";
    assert_eq!(place.number(records), line + 2_500);
    assert_eq!(place.number("SELECT COUNT(*) FROM object_tags WHERE tag = 't'"), line + 2_500);
}

#[test]
fn what_cannot_be_imported_is_said() {
    let place = begun();
    let rows = "{\"name\": \"a\", \"firstName\": \"F\", \"lastName\": \"L\"}\n{}\n{\"name\": \"b\", \"firstName\": \"F\", \"lastName\": \"L\"}\n";
    let stopped = import(&place, "local-users", "rows.ndjson", rows, &["--stop-on-fault"]);
    assert_eq!(stopped.code, Some(3), "{stopped:?}");
    assert_eq!(place.number("SELECT COUNT(*) FROM accounts WHERE name IN ('a', 'b')"), 1);
    assert_eq!(import(&place, "local-users", "rows.txt", rows, &[]).code, Some(2));
    assert_eq!(import(&place, "people", "rows.ndjson", rows, &[]).code, Some(2));
    let columns = import(&place, "local-users", "rows.csv", "name,colour\n", &[]);
    assert!(columns.code == Some(1) && columns.err.contains("has no field \"colour\""), "{columns:?}");
    // Nobody is left who could mend it: an import is no way around that.
    let admin = "name,disabled\nadmin,true\n";
    let refused = import(&place, "local-users", "admin.csv", admin, &["--upsert"]);
    assert!(refused.code == Some(3) && refused.err.contains("admin.csv:2: "), "{refused:?}");
    for act in ["import", "export"] {
        let folder = place.path().join("mistyped").display().to_string();
        let file = place.path().join("rows.ndjson").display().to_string();
        let ended = run(program().args([act, "--kind", "local-users", &file, "--data", &folder]));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(!place.path().join("mistyped").exists(), "a folder was made");
    }
    assert_eq!(std::fs::read_to_string(place.path().join("rows.ndjson")).expect("is there"), rows);
}
