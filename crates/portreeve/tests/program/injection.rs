//! Texts that would write lines of their own into a log, or move the cursor of whoever reads it: a log keeps its lines, and a
//! terminal is sent no control characters, whatever files, flags and clients say.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use serde_json::{Value, json};

use super::support::{ADMIN_PASSWORD, Client, Ended, Place, Server, WATCHDOG, login, program, run};

/// Clears the screen, names the window, goes to the beginning of the line, and begins another one.
const CONTROLS: &str = "\u{1b}[2J\u{1b}]0;title\u{7}\r\u{9b}31m\u{202e}\nportreeve: injected";

/// Says it in every way that a client has.
fn say_it(server: &Server) {
    let client = Client::new(&server.url);
    let admin = server.admin();
    for provider in ["local", CONTROLS] {
        for name in ["admin", CONTROLS] {
            let mut body = login(provider, name, CONTROLS);
            client.post("/login", &body);
            body["deviceId"] = json!(CONTROLS);
            client.post("/login", &body);
        }
    }
    for path in ["/local-users", "/service-users", "/policies", "/user-scripts", "/tags", "/administrative-roles"] {
        for field in ["id", "name", "notes", "firstName", "email", "expression", "type", CONTROLS] {
            let mut body = json!({ "name": "a", "firstName": "a", "lastName": "b", "expression": "return false;" });
            body[field] = json!(CONTROLS);
            admin.post(path, &body);
        }
    }
    let throws = json!({ "name": "throws", "type": "Admin", "expression": format!("throw {CONTROLS:?}") });
    admin.post("/policies", &throws);
    client.post("/login", &login("local", "admin", ADMIN_PASSWORD)).ok();
    admin.get("/local-users?query=%1b%5b2J%0aportreeve&%1b%0a=x&orderBy=%0a%1b");
    admin.get("/local-users/%1b%5b2J%0aportreeve");
    admin.post("/local-users/import", &json!({ "name": CONTROLS }));
    for bytes in [
        "GET /\u{1b}[2J HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: \u{1b}[2J\r\n\r\n",
        "\u{1b}[2J / HTTP/1.1\r\n\r\n",
        "POST /login HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: \u{9b}31m\r\nContent-Length: 9\r\n\r\n\u{1b}\n\u{1b}",
    ] {
        let mut stream = TcpStream::connect(server.address()).expect("connects");
        stream.set_read_timeout(Some(WATCHDOG)).expect("can be set");
        drop(stream.write_all(bytes.as_bytes()).and_then(|()| stream.shutdown(Shutdown::Write)));
        drop(stream.read_to_end(&mut Vec::new()));
    }
}

/// What would do something to a terminal.
fn moves_the_cursor(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
fn assert_harmless(text: &str) {
    let wrong = text.lines().find(|line| line.contains(moves_the_cursor) || line.starts_with("portreeve: injected"));
    assert!(wrong.is_none(), "{wrong:?}");
}

#[test]
fn a_log_keeps_its_lines() {
    let place = Place::new();
    let server = Server::start_with(&place, |command| command.args(["--log-level", "trace", "--log-format", "json"]));
    say_it(&server);
    let ended = server.stop();
    for line in ended.err.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|wrong| panic!("{wrong}: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
    assert_harmless(&ended.err);
    let server = Server::start_with(&place, |command| command.args(["--log-level", "trace", "--log-format", "human"]));
    say_it(&server);
    let ended = server.stop();
    assert!(ended.err.lines().count() > 50, "the log is empty");
    for line in ended.err.lines() {
        assert!(line.starts_with("20") && line.contains("Z "), "no line of ours: {line:?}");
    }
    assert_harmless(&ended.err);
}

/// Ends in an error that says something.
#[track_caller]
fn assert_refused(ended: &Ended) {
    assert!(ended.code.is_some_and(|code| code > 0) && ended.err.starts_with("portreeve: "), "{ended:?}");
    assert_harmless(&ended.err);
    assert_harmless(&ended.out);
}

#[test]
fn a_terminal_is_sent_no_control_characters() {
    let place = Place::new();
    Server::start(&place).stop();
    let json = |text: &str| json!(text).to_string();
    let quoted = format!("\"{CONTROLS}\"");
    let row = |name: &str, more: &str| format!("{{\"name\":{name},\"firstName\":\"a\",\"lastName\":\"b\"{more}}}\n");
    let files = [
        ("a.ndjson", row(&json(CONTROLS), "")),
        ("a.ndjson", row(&json("twice"), "") + &row(&json("twice"), "")),
        ("a.ndjson", row("\"a\"", &format!(",{}:1", json(CONTROLS)))),
        ("a.ndjson", row("\"a\"", &format!(",\"disabled\":{}", json(CONTROLS)))),
        ("a.ndjson", row("\"a\"", &format!(",\"id\":{}", json(CONTROLS)))),
        ("a.ndjson", row("\"a\"", &format!(",\"passwordHash\":{}", json(CONTROLS)))),
        ("a.ndjson", row("\"a\"", &format!(",\"tags\":[{}]", json(CONTROLS)))),
        ("a.ndjson", CONTROLS.to_owned()),
        ("a.csv", format!("name,firstName,lastName,{quoted}\na,b,c,d\n")),
        ("a.csv", format!("name,firstName,lastName,tags\n{quoted},{quoted},{quoted},{quoted}\n")),
        ("a.csv", format!("name,firstName,lastName,disabled\na,b,c,{quoted}\n")),
        ("a.csv", format!("name,firstName,lastName\na,b,c,{quoted}\n")),
        ("a\u{1b}[2J\n.csv", "name\n".to_owned()),
    ];
    for kind in ["local-users", "service-users"] {
        for (name, text) in &files {
            let file = place.path().join(name);
            std::fs::write(&file, text).expect("is written");
            let mut command = program();
            command.args(["import", "--kind", kind, "--dry-run"]).arg(&file).args(place.arguments());
            let ended = run(&mut command);
            assert_harmless(&ended.err);
            assert_harmless(&ended.out);
            assert!(
                name.contains('\u{1b}') || kind == "service-users" || ended.code == Some(3) || ended.code == Some(1),
                "{name} {text:?}: {ended:?}"
            );
        }
    }
    let config = place.path().join("portreeve.toml");
    for text in [
        format!("{quoted} = 1"),
        format!("listen = {}", json(CONTROLS)),
        format!("{} = 1", json(CONTROLS)),
        CONTROLS.to_owned(),
    ] {
        std::fs::write(&config, text).expect("is written");
        assert_refused(&run(program().arg("config").arg("--config").arg(&config)));
    }
    let nowhere = format!("/nowhere/{CONTROLS}");
    for arguments in [
        vec!["config", "--config", &nowhere],
        vec!["import", "--kind", "local-users", "--data", &nowhere, "a.csv"],
        vec!["export", "--kind", "local-users", "--data", &nowhere, "a.csv"],
        vec!["export", "--kind", "local-users", "--data", &place.path().display().to_string(), &nowhere],
        vec!["admin", "reset-password", CONTROLS, "--data", &place.path().display().to_string()],
        vec!["serve", "--listen", "127.0.0.1:0", "--database", CONTROLS],
        vec!["serve", "--listen", "127.0.0.1:0", "--log-level", CONTROLS],
        vec!["serve", "--listen", "127.0.0.1:0", "--tls-cert", CONTROLS, "--tls-key", CONTROLS],
        vec!["serve", "--listen", "127.0.0.1:0", "--otlp-endpoint", CONTROLS],
        vec!["migrate-store", "--from", &nowhere, "--to", &nowhere],
    ] {
        // In a folder of the test's own, where whatever is not named is made.
        let ended = run(program().args(&arguments).current_dir(place.path()));
        assert!(ended.code.is_some_and(|code| code > 0), "{arguments:?}: {ended:?}");
        assert_harmless(&ended.err);
        assert_harmless(&ended.out);
    }
}
