//! What the server says of its work: one line a request, and traces when somebody wants them.

use std::net::TcpListener;

use reqwest::Method;
use serde_json::Value;

use super::support::{Answer, Client, Place, Server, WATCHDOG, collector, wait_for};

/// The lines of a log, each of which must be a JSON object.
fn parsed(log: &str) -> Vec<Value> {
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|wrong| panic!("{wrong}: {line}"))).collect()
}

/// The one line of the log that a request has.
fn line_of(server: &Server, answer: &Answer) -> Value {
    let id = answer.header("x-request-id").expect("an id").to_owned();
    let lines = wait_for("the line of a request", || {
        let lines: Vec<Value> = parsed(&server.log()).into_iter().filter(|line| line["request_id"] == *id).collect();
        (!lines.is_empty()).then_some(lines)
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[test]
fn every_request_is_one_line_of_json() {
    let place = Place::new();
    let server = Server::start(&place);
    let (admin, client) = (server.admin(), Client::new(&server.url));
    let own = admin.get("/local-users?name=admin").ok()["data"][0]["id"].clone();
    let id = admin.create_user("bobby", "a password for bobby");
    let carols = Value::from(admin.create_user("carol", "a password for carol"));
    let carol = Client::log_in(&server.url, "local", "carol", "a password for carol");
    let any = |method: &str, path: &str| {
        client.request(Method::from_bytes(method.as_bytes()).expect("a method"), path, |request| request)
    };
    for (answer, method, route, status, caller) in [
        (admin.get("/local-users?query=x"), "GET", "/local-users", 200, Some(&own)),
        (admin.get(&format!("/admin/local-users/{id}")), "GET", "/local-users/{id}", 200, Some(&own)),
        (admin.delete(&format!("/local-users/{id}")), "DELETE", "/local-users/{id}", 204, Some(&own)),
        (admin.post("/local-users", &serde_json::json!({})), "POST", "/local-users", 422, Some(&own)),
        // Who was refused for want of a privilege can be found.
        (carol.get("/local-users"), "GET", "/local-users", 403, Some(&carols)),
        (client.get("/local-users"), "GET", "/local-users", 401, None),
        (client.get("/administrative-roles"), "GET", "/administrative-roles", 401, None),
        (client.get("/admin/administrative-roles"), "GET", "/administrative-roles", 401, None),
        (client.try_login("local", "admin", "wrong"), "POST", "/login", 401, None),
        (client.get("/nowhere/at/all?with=words"), "GET", "(none)", 404, None),
        (any("PATCH", "/local-users"), "PATCH", "/local-users", 405, None),
        (any("SURPRISE", "/version"), "other", "/version", 405, None),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        let line = line_of(&server, &answer);
        assert_eq!((line["method"].as_str(), line["route"].as_str()), (Some(method), Some(route)), "{line}");
        assert_eq!(line["status"], status, "{line}");
        assert!(line["duration_us"].as_u64().is_some_and(|took| took > 0), "{line}");
        assert_eq!(line.get("caller"), caller, "{line}");
        assert!(line["timestamp"].is_string() && line["level"] == "INFO", "{line}");
    }
    for line in parsed(&server.stop().err) {
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
}

#[test]
fn people_can_ask_for_lines_of_their_own() {
    let place = Place::new();
    let server = Server::start_with(&place, |command| command.args(["--log-format", "human", "--log-level", "info"]));
    Client::new(&server.url).get("/version");
    let log = server.stop().err;
    assert!(log.lines().any(|line| line.contains("/version") && !line.starts_with('{')), "{log}");
    assert!(!log.contains('\u{1b}'), "colours where no terminal is: {log}");
    let server = Server::start_with(&place, |command| command.args(["--log-level", "off"]));
    Client::new(&server.url).get("/version");
    assert_eq!(server.stop().err, "");
}

#[test]
fn traces_are_sent_where_they_are_wanted() {
    let (endpoint, hear) = collector("200 OK\r\nContent-Type: application/x-protobuf".to_owned());
    let place = Place::new();
    let endpoint = endpoint.replace("://", "://portreeve:pass%20word@");
    let server = Server::start_with(&place, |command| command.args(["--otlp-endpoint", &endpoint]));
    let admin = server.admin();
    let answer = admin.get("/local-users");
    let id = answer.header("x-request-id").expect("an id").to_owned();
    // Stopping sends what has been gathered.
    assert_eq!(server.stop().code, Some(0));
    let mut all = Vec::new();
    while !contains(&all, id.as_bytes()) {
        let (head, body) = hear.recv_timeout(WATCHDOG).expect("traces");
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\nauthorization: Basic cG9ydHJlZXZlOnBhc3Mgd29yZA==\r\n"), "{head}");
        all.extend(body);
    }
    for word in ["portreeve", "GET /local-users", "POST /login", "http.response.status_code"] {
        assert!(contains(&all, word.as_bytes()), "no {word} in the traces");
    }
    for secret in [admin.token(), super::support::ADMIN_PASSWORD] {
        assert!(!contains(&all, secret.as_bytes()), "a secret is in the traces");
    }
}

#[test]
fn traces_are_sent_nowhere_else() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("listens");
    elsewhere.set_nonblocking(true).expect("can be set");
    let other = elsewhere.local_addr().expect("has an address");
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let (endpoint, hear) = collector(format!("{status}\r\nLocation: http://{other}/v1/traces"));
        let place = Place::new();
        let server = Server::start_with(&place, |command| command.args(["--otlp-endpoint", &endpoint]));
        Client::new(&server.url).get("/version");
        // Stopping sends what has been gathered, and waits for what comes of it.
        assert_eq!(server.stop().code, Some(0));
        hear.recv_timeout(WATCHDOG).expect("traces");
        assert!(elsewhere.accept().is_err(), "{status} was followed");
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
