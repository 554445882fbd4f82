//! Secrets that were sent in every place where one may come, and that must turn up in none.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::json;

use super::support::{Client, Place, Server, broken_bodies, login, program, run};

/// Passwords, tokens and the like, each told from the others.
#[derive(Default)]
struct Canaries(Vec<String>);

impl Canaries {
    fn invent(&mut self, what: &str) -> String {
        let canary = format!("canary {} {what} Zq9", self.0.len());
        self.0.push(canary.clone());
        canary
    }

    /// Notes a secret that somebody else made.
    fn note(&mut self, secret: &str) {
        assert!(secret.len() >= 10, "{secret:?} would be found by chance");
        self.0.push(secret.to_owned());
    }

    fn assert_absent(&self, place: &str, bytes: &[u8]) {
        for canary in &self.0 {
            let mut windows = bytes.windows(canary.len());
            assert!(!windows.any(|window| window == canary.as_bytes()), "{canary:?} is in {place}");
        }
    }
}

/// Does everything that takes a secret, rightly and wrongly.
fn keep_busy(server: &Server, admin: &Client, canaries: &mut Canaries) {
    canaries.note(admin.token());
    let client = Client::new(&server.url);
    for (path, provider) in [("/local-users", "local"), ("/service-users", "service")] {
        let (first, second) = (canaries.invent("created"), canaries.invent("edited"));
        let user = json!({"name": "bobby", "firstName": "B", "lastName": "T", "password": first});
        let mut user = admin.post(path, &user).ok();
        let session = Client::log_in(&server.url, provider, "bobby", &first);
        canaries.note(session.token());
        user["password"] = json!(second);
        let own = format!("{path}/{}", user["id"].as_str().expect("an id"));
        assert!(!admin.put(&own, &user).ok().to_string().contains("canary"));
        assert_eq!(client.try_login(provider, "bobby", &canaries.invent("wrong")).status, 401);
        assert_eq!(client.try_login(provider, "nobody", &canaries.invent("of nobody")).status, 401);
        assert_eq!(client.try_login(&canaries.invent("provider"), "bobby", &second).status, 401);
        let session = Client::log_in(&server.url, provider, "bobby", &second);
        canaries.note(session.token());
        let third = canaries.invent("chosen");
        let wrong = json!({"oldPassword": canaries.invent("old"), "password": third});
        assert_eq!(session.put("/account/password", &wrong).status, 403);
        let right = json!({"oldPassword": second, "password": third});
        assert_eq!(session.put("/account/password", &right).status, 204);
        let weak = json!({"name": "weak", "firstName": "B", "lastName": "T", "password": "qwertyuiop"});
        assert_eq!(admin.post(path, &weak).status, 422);
        let clash = json!({"name": "bobby", "firstName": "B", "lastName": "T", "password": canaries.invent("clash")});
        assert_eq!(admin.post(path, &clash).status, 409);
    }
    let exchanged = client.post("/authentication", &login("local", "admin", super::support::ADMIN_PASSWORD)).ok();
    let exchanged = exchanged["token"].as_str().expect("a token");
    canaries.note(exchanged);
    let work = client.with_token(exchanged).get("/authorization").ok();
    canaries.note(work["token"].as_str().expect("a token"));
    say_it_wrongly(&client, admin, canaries);
}

fn say_it_wrongly(client: &Client, admin: &Client, canaries: &mut Canaries) {
    for path in ["/login", "/authentication", "/local-users", "/service-users", "/nowhere"] {
        for body in broken_bodies(&canaries.invent("broken")) {
            for sender in [client, admin] {
                let answer = sender.request(Method::POST, path, |request| request.body(body.clone()));
                assert!((400..500).contains(&answer.status), "{answer:?}");
            }
        }
    }
    for body in broken_bodies(&canaries.invent("broken change")) {
        admin.request(Method::PUT, "/account/password", |request| request.body(body));
    }
    let mut odd = canaries.invent("in the address");
    odd = odd.replace(' ', "-");
    canaries.note(&odd);
    client.get(&format!("/{odd}"));
    client.get(&format!("/local-users/{odd}?password={odd}&filterBy[{odd}]={odd}"));
    admin.get(&format!("/local-users/{odd}?password={odd}"));
    admin.get(&format!("/local-users?password={odd}&filterBy[{odd}]={odd}&orderBy={odd}&range={odd}"));
    client.request(Method::from_bytes(odd.as_bytes()).expect("a method"), "/version", |request| request);
    client.request(Method::GET, "/local-users", |request| request.basic_auth("admin", Some(&odd)));
    client.with_token(&odd).get("/local-users");
    let headers =
        ["Accept", "Cookie", "Expect", "If-Match", "If-None-Match", "Content-Type", "X-Forwarded-For", "X-Odd"];
    for name in headers {
        admin.request(Method::PUT, &format!("/local-users/{odd}"), |request| request.header(name, &odd));
        client.request(Method::GET, "/local-users", |request| request.header(name, &odd));
    }
}

#[test]
fn no_secret_is_said_counted_or_stored() {
    let place = Place::new();
    let mut canaries = Canaries::default();
    // Everything that any part of the program has to say.
    let server = Server::start_with(&place, |command| command.args(["--log-level", "trace"]));
    keep_busy(&server, &server.admin(), &mut canaries);
    let reset =
        run(program().args(["admin", "reset-password", "admin", "--log-level", "trace"]).args(place.arguments()));
    assert_eq!(reset.code, Some(0), "{reset:?}");
    canaries.note(reset.out.trim().rsplit(' ').next().expect("a password"));
    canaries.note(super::support::ADMIN_PASSWORD);
    canaries.assert_absent("the errors of reset-password", reset.err.as_bytes());
    canaries.assert_absent("the metrics", server.metrics().as_bytes());
    let hashes: Vec<_> =
        place.sql("SELECT password_hash FROM accounts WHERE kind <> 'decoy' AND password_hash <> ''").concat();
    assert_eq!(hashes.len(), 3);
    let stored = stored(&place);
    let ended = server.stop();
    assert!(ended.err.contains("/account/password"), "the log is empty");
    canaries.assert_absent("the data", &stored);
    if !place.is_shared() {
        canaries.assert_absent("the data after the end", &files(&place));
    }
    canaries.assert_absent("standard output", ended.out.as_bytes());
    canaries.assert_absent("the log", ended.err.as_bytes());
    for hash in hashes {
        assert!(!ended.err.contains(&hash) && !ended.out.contains(&hash), "a hash is in the log");
    }
    assert!(!ended.err.contains("$argon2"), "a hash is in the log");
}

/// Every byte of the data: the files as they are, or each row of each table.
fn stored(place: &Place) -> Vec<u8> {
    if !place.is_shared() {
        return files(place);
    }
    let mut text = String::new();
    let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()";
    for table in place.sql(tables).concat() {
        for row in place.sql(&format!("SELECT row_to_json({table})::text FROM {table}")) {
            let _ = writeln!(text, "{}", row[0]);
        }
    }
    assert!(text.contains("password_hash") && text.contains("\"act\":\"login\""), "{text}");
    text.into_bytes()
}

fn files(place: &Place) -> Vec<u8> {
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(place.path()).expect("is a folder") {
        bytes.extend(std::fs::read(file.expect("is there").path()).expect("can be read"));
    }
    assert!(bytes.starts_with(b"SQLite") || bytes.windows(6).any(|window| window == b"SQLite"));
    bytes
}
