//! Bad input of every sort, and faults of our own.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, Place, Server, credentials, sqlite};

/// A body with an unknown field in which so many arrays lie in each other.
fn deep(arrays: usize) -> String {
    let nested = format!("{}{}", "[".repeat(arrays), "]".repeat(arrays));
    format!(r#"{{"name":"deep {arrays}","firstName":"a","lastName":"b","unknown":{nested}}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_must_be_one_piece_of_unambiguous_json() {
    let server = Server::start().await;
    let id = server.person("bobby").await;
    let object = format!("/local-users/{id}");
    let (huge, too_deep) = (deep(100_000), deep(64));
    let bodies: [&[u8]; 22] = [
        b"",
        b" ",
        b"{",
        b"nul",
        b"null",
        b"[]",
        b"7",
        b"\"x\"",
        b"{}{}",
        b"{} x",
        b"{\"name\":\"a\",}",
        b"{name:\"a\"}",
        b"{'name':'a'}",
        b"{\"name\":\"a\",\"name\":\"a\"}",
        b"{\"name\":\"a\",\"x\":{\"k\":1,\"\\u006b\":1}}",
        b"{\"name\":\"\xff\"}",
        b"{\"name\":\"\\ud800\"}",
        b"{\"name\":\"\x01\"}",
        b"\xef\xbb\xbf{}",
        b"{\"x\":1e999}",
        huge.as_bytes(),
        too_deep.as_bytes(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        for (method, path) in [
            ("POST", "/local-users"),
            ("POST", "/service-users"),
            ("PUT", object.as_str()),
            ("PUT", "/account/password"),
        ] {
            let answer = server.call(method, path).body(body).send().await;
            assert_eq!(answer.status, 400, "{method} {path} {shown}");
        }
        for path in ["/login", "/authentication"] {
            let answer = server.call("POST", path).anonymous().body(body).send().await;
            assert_eq!(answer.status, 400, "{path} {shown}");
        }
    }
    // The object around them is the 64th.
    server.call("POST", "/local-users").body(deep(63)).send().await.expect(200);
    let wrong = server.call("POST", "/login").anonymous().body(r#"{"password":"geheim"#).send().await.expect(400);
    assert!(!wrong.json.to_string().contains("geheim"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_type_is_a_bad_request() {
    let server = Server::start().await;
    for (field, value) in [
        ("name", json!(7)),
        ("name", json!(["a"])),
        ("firstName", json!({})),
        ("tags", json!("a")),
        ("tags", json!([7])),
        ("tags", json!([null])),
        ("disabled", json!("false")),
        ("disabled", json!(0)),
        ("failedLoginAttempts", json!("0")),
        ("lockStart", json!(0)),
        ("password", json!(12_345_678)),
        ("id", json!(1)),
    ] {
        let mut body = json!({ "name": "a", "firstName": "a", "lastName": "a" });
        body[field] = value.clone();
        let answer = server.post("/local-users", body).await.expect(400);
        assert!(answer.json["message"].as_str().unwrap().contains(field), "{}", answer.json);
        assert!(!answer.json.to_string().contains("12345678"));
    }
    for labels in [json!([]), json!("a"), json!({ "a": 7 }), json!({ "a": null }), json!({ "a": {} })] {
        server.post("/service-users", json!({ "name": "a", "labels": labels })).await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_have_a_mebibyte_and_no_more() {
    let server = Server::start().await;
    let body = |length: usize| {
        let start = format!(r#"{{"name":"user {length}","firstName":"a","lastName":"b","unknown":""#);
        format!("{start}{}\"}}", "x".repeat(length - start.len() - 2))
    };
    let limit = 1024 * 1024;
    server.call("POST", "/local-users").body(body(limit)).send().await.expect(200);
    server.call("POST", "/local-users").body(body(limit + 1)).send().await.expect(413);
    server.call("POST", "/login").anonymous().body(body(64 * limit)).send().await.expect(413);
    // Who may not send a short one is not told that a long one is too long.
    server.call("POST", "/local-users").anonymous().body(body(2 * limit)).send().await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_makes_no_sense_is_no_fault_of_ours() {
    let server = Server::start().await;
    for (name, value) in [
        ("authorization", &b"\xff"[..]),
        ("authorization", b"Bearer \xff"),
        ("authorization", b"Bearer"),
        ("authorization", b"Bearer Bearer"),
        ("authorization", b"Bearer Bearer Bearer"),
    ] {
        server.call("GET", "/local-users").anonymous().header(name, value).send().await.expect(401);
    }
    for (name, value) in [
        ("if-none-match", &b"\xff"[..]),
        ("content-length", b"x"),
        ("content-type", b"\xff"),
        ("x-forwarded-for", b"1.2.3.4, x"),
        ("accept-language", b"\xff"),
    ] {
        server.call("GET", "/local-users").header(name, value).send().await.expect(200);
    }
    let id = server.person("bobby").await;
    let call = server.call("DELETE", &format!("/local-users/{id}")).header("if-match", b"\xff");
    call.send().await.expect(412);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_names_what_is_missing() {
    let server = Server::start().await;
    let token = {
        server.person("bobby").await;
        server.token_of("local", "bobby", PASSWORD).await
    };
    let anybody = "4c07bc67-57ea-42dd-b702-c2d6c45419fc";
    for (method, path, said) in [
        ("POST", "/local-users".to_owned(), ["Create", "LocalUser"]),
        ("PUT", format!("/service-users/{anybody}"), ["Edit", "ServiceUser"]),
        ("DELETE", format!("/service-users/{anybody}"), ["Delete", "ServiceUser"]),
        ("PUT", format!("/identity-providers/{anybody}"), ["Edit", "IdentityProvider"]),
    ] {
        let refused = server.call(method, &path).token(&token).body("{}").send().await.expect(403);
        let message = refused.json["message"].as_str().unwrap().to_owned();
        assert!(said.iter().all(|word| message.contains(word)), "{message}");
    }
    let refused = server.get(&format!("/local-users/{anybody}")).await.expect(404);
    assert_eq!(
        refused.json,
        json!({ "id": "not found", "message": format!("there is no Local User with the id {anybody}") })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_ours_says_nothing_but_the_id_of_the_request() {
    let server = Server::start().await;
    server.execute("ALTER TABLE object_tags RENAME COLUMN tag TO label").await;
    let body = json!({ "name": "a", "firstName": "b", "lastName": "c", "tags": ["t"] });
    let answer = server.post("/local-users", body).await.expect(500);
    let id = answer.header("x-request-id").to_owned();
    assert!(id.len() == 16);
    assert_eq!(answer.json, json!({ "id": "internal server error", "message": id }));
    let log = crate::harness::logged();
    assert!(log.lines().any(|line| line.contains(&id) && line.contains("object_tags")), "the log has the cause");
    // Half of it was not done.
    assert_eq!(server.get("/local-users").await.names(), ["admin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_database_is_busy_the_client_is_told_to_come_back() {
    let server = Server::start().await;
    let Place::Sqlite(folder) = server.place() else { return };
    let other = sqlite(folder);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let body = json!({ "name": "a", "firstName": "b", "lastName": "c" });
    let (create, login) = tokio::join!(
        server.post("/local-users", body.clone()),
        server.call("POST", "/login").json(credentials("local", "admin", "x")).send()
    );
    for refused in [create, login] {
        let refused = refused.expect(503);
        assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
        assert_eq!(refused.json["id"], "service unavailable");
    }
    server.get("/local-users").await.expect(200);
    other.execute_batch("ROLLBACK").unwrap();
    server.post("/local-users", body).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_finds_no_slot_is_told_to_come_back() {
    let server = Server::start().await;
    server.person("bobby").await;
    server.execute("UPDATE accounts SET attempts_in_flight = 5 WHERE name = 'bobby'").await;
    let compared = server.compared();
    let login = server.login("local", "bobby", PASSWORD);
    let refused = tokio::time::timeout(std::time::Duration::from_secs(40), login).await.unwrap().expect(503);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    assert_eq!(server.compared(), compared);
    let bobby = server.get("/local-users?name=bobby").await.json["data"][0].clone();
    assert_eq!(bobby["failedLoginAttempts"], 0, "what was not compared is no failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_without_a_token() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        let answer = server.call("GET", path).anonymous().send().await.expect(200);
        assert_eq!(answer.json, json!({ "status": "ok" }));
    }
    server.execute("DROP TABLE facts").await;
    server.call("GET", "/healthz").anonymous().send().await.expect(200);
    let unready = server.call("GET", "/readyz").anonymous().send().await.expect(503);
    assert_ne!(unready.json, Value::Null);
    assert!(unready.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
}
