//! When an account is locked, for how long, and what opens it again.

use std::time::Duration;

use portreeve_directory::time::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::{
    accounts::{KINDS, with},
    client::is_time,
    harness::{LOCAL, PASSWORD, SERVICE, Server},
};

const MINUTE: Duration = Duration::from_secs(60);

/// Failed attempts and the lock's beginning.
async fn counters(server: &Server, object: &str) -> (i64, Value) {
    let json = server.get(object).await.expect(200).json;
    (json["failedLoginAttempts"].as_i64().unwrap(), json["lockStart"].clone())
}

async fn guess(server: &Server, name: &str, times: usize) {
    for _ in 0..times {
        server.login("local", name, "wrong").await.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_passwords_lock_and_the_right_one_is_not_even_compared() {
    let server = Server::start().await;
    for (path, provider) in KINDS {
        let id = server.make(path, with(path, "bobby", json!({ "password": PASSWORD }))).await;
        let object = format!("{path}/{id}");
        let before = server.compared();
        for attempt in 1..=4 {
            server.login(provider, "bobby", "wrong").await.expect(401);
            assert_eq!(counters(&server, &object).await, (attempt, Value::Null));
        }
        server.login(provider, "bobby", "wrong").await.expect(401);
        let (failed, lock) = counters(&server, &object).await;
        assert_eq!(failed, 5);
        assert!(is_time(lock.as_str().unwrap()), "{lock}");
        assert_eq!(server.compared() - before, 5);
        for password in [PASSWORD, "wrong"] {
            server.login(provider, "bobby", password).await.expect(401);
        }
        assert_eq!(server.compared() - before, 5, "a locked account's password is not compared");
        assert_eq!(counters(&server, &object).await, (5, lock), "nor is it counted");
        assert_eq!(server.directory.metrics.lockouts.get(), if provider == "local" { 1 } else { 2 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_login_sets_the_counter_to_nothing() {
    let server = Server::start().await;
    let object = format!("/local-users/{}", server.person("bobby").await);
    for _ in 0..3 {
        guess(&server, "bobby", 4).await;
        assert_eq!(counters(&server, &object).await, (4, Value::Null));
        server.login("local", "bobby", PASSWORD).await.expect(200);
        assert_eq!(counters(&server, &object).await, (0, Value::Null));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_lock_has_run_out_one_attempt_is_open() {
    let server = Server::start().await;
    let object = format!("/local-users/{}", server.person("bobby").await);
    guess(&server, "bobby", 5).await;
    let first = counters(&server, &object).await.1;
    server.pass(MINUTE - Duration::from_secs(10)).await;
    let compared = server.compared();
    server.login("local", "bobby", PASSWORD).await.expect(401);
    assert_eq!(server.compared(), compared);
    server.pass(Duration::from_secs(11)).await;
    guess(&server, "bobby", 3).await;
    assert_eq!(server.compared(), compared + 1, "one attempt, and the lock starts again");
    let (failed, lock) = counters(&server, &object).await;
    assert_eq!(failed, 6, "the counter goes on");
    assert!(lock.as_str() > first.as_str());
    server.pass(MINUTE).await;
    server.login("local", "bobby", PASSWORD).await.expect(200);
    assert_eq!(counters(&server, &object).await, (0, Value::Null));
    guess(&server, "bobby", 4).await;
    server.login("local", "bobby", PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_says_how_many_and_how_long() {
    let server = Server::start().await;
    let settings = json!({ "userLockoutThreshold": 2, "userLockoutDurationMinutes": 10 });
    server.change(&format!("/identity-providers/{SERVICE}"), settings).await;
    let body = with("/service-users", "deploy", json!({ "password": PASSWORD }));
    server.make("/service-users", body).await;
    server.person("bobby").await;
    for _ in 0..2 {
        server.login("service", "deploy", "wrong").await.expect(401);
        server.login("local", "bobby", "wrong").await.expect(401);
    }
    server.login("local", "bobby", PASSWORD).await.expect(200);
    server.pass(9 * MINUTE).await;
    server.login("service", "deploy", PASSWORD).await.expect(401);
    server.pass(MINUTE + Duration::from_secs(1)).await;
    server.login("service", "deploy", PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_failures_block_until_an_administrator_acts() {
    let server = Server::start().await;
    server.change(&format!("/identity-providers/{LOCAL}"), json!({ "userLockoutThreshold": 40 })).await;
    let mut objects = Vec::new();
    for name in ["cleared", "reset"] {
        let object = format!("/local-users/{}", server.person(name).await);
        let compared = server.compared();
        guess(&server, name, 40).await;
        // From now on each failure locks.
        for _ in 40..99 {
            server.pass(MINUTE + Duration::from_secs(1)).await;
            guess(&server, name, 1).await;
        }
        assert_eq!(counters(&server, &object).await.0, 99);
        server.pass(MINUTE + Duration::from_secs(1)).await;
        guess(&server, name, 1).await;
        assert_eq!(server.compared() - compared, 100);
        server.pass(100 * MINUTE).await;
        let compared = server.compared();
        server.login("local", name, PASSWORD).await.expect(401);
        assert_eq!(server.compared(), compared, "a blocked account's password is not compared");
        objects.push(object);
    }
    server.change(&objects[0], json!({ "failedLoginAttempts": 0 })).await;
    server.login("local", "cleared", PASSWORD).await.expect(200);
    server.change(&objects[1], json!({ "password": "an entirely new one" })).await;
    server.login("local", "reset", "an entirely new one").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counters_are_stored_as_they_are_written() {
    let server = Server::start().await;
    for (path, provider) in KINDS {
        let fields = json!({ "failedLoginAttempts": 30, "lockStart": "2020-08-20T10:00:00Z", "password": PASSWORD });
        let id = server.make(path, with(path, "bobby", fields)).await;
        let object = format!("{path}/{id}");
        let old = (30, json!("2020-08-20T10:00:00.000000Z"));
        assert_eq!(counters(&server, &object).await, old);
        server.put(&object, with(path, "bobby", json!({ "notes": "n" }))).await.expect(200);
        assert_eq!(counters(&server, &object).await, old);
        // The lock has long run out: one attempt is open.
        server.login(provider, "bobby", "wrong").await.expect(401);
        let (failed, lock) = counters(&server, &object).await;
        assert!(failed == 31 && lock.as_str().unwrap() > "2026", "{failed} {lock}");
        server.login(provider, "bobby", PASSWORD).await.expect(401);
        let unlocked = server.change(&object, json!({ "failedLoginAttempts": 0, "lockStart": null })).await;
        assert_eq!(unlocked.json["failedLoginAttempts"], 0);
        server.login(provider, "bobby", PASSWORD).await.expect(200);
        // A lock that an administrator sets holds, and as long as it is said to.
        let soon = Clock::system().now().plus(10 * MINUTE).to_string();
        server.change(&object, json!({ "lockStart": soon })).await;
        server.login(provider, "bobby", PASSWORD).await.expect(401);
        server.put(&object, with(path, "bobby", json!({ "lockStart": null }))).await.expect(200);
        server.login(provider, "bobby", PASSWORD).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_reads_the_same() {
    let server = Server::start().await;
    for (path, provider) in KINDS {
        for (name, fields) in [
            ("wrong", json!({ "password": PASSWORD })),
            ("locked", json!({ "password": PASSWORD, "failedLoginAttempts": 5, "lockStart": "2999-01-01T00:00:00Z" })),
            ("blocked", json!({ "password": PASSWORD, "failedLoginAttempts": 100 })),
            ("disabled", json!({ "password": PASSWORD, "disabled": true })),
            ("passwordless", json!({})),
        ] {
            server.make(path, with(path, name, fields)).await;
        }
        let compared = server.compared();
        let expected = br#"{"id":"unauthorized","message":"Invalid username or password.","failureType":"Login","reason":"Invalid username or password."}"#;
        for (provider, name, password) in [
            (provider, "wrong", "not it"),
            (provider, "locked", PASSWORD),
            (provider, "blocked", PASSWORD),
            (provider, "disabled", PASSWORD),
            (provider, "passwordless", ""),
            (provider, "nobody", PASSWORD),
            ("ldap", "wrong", PASSWORD),
        ] {
            let refused = server.login(provider, name, password).await.expect(401);
            assert_eq!(refused.bytes, expected, "{name}");
            let mut headers: Vec<&str> = refused.headers.keys().map(|name| name.as_str()).collect();
            headers.sort_unstable();
            let usual = [
                "cache-control",
                "content-length",
                "content-security-policy",
                "content-type",
                "cross-origin-opener-policy",
                "cross-origin-resource-policy",
                "referrer-policy",
                "x-content-type-options",
                "x-request-id",
            ];
            assert_eq!(headers, usual, "{name}");
        }
        assert_eq!(server.compared() - compared, 1, "only the first has a password to compare");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_of_a_node_that_died_count_as_failures() {
    let mut server = Server::start().await;
    let object = format!("/local-users/{}", server.person("bobby").await);
    guess(&server, "bobby", 1).await;
    let shared = server.place().is_postgres();
    // Four comparisons were under way when the node went.
    let die = |started: i64| {
        let note = |number: usize| {
            let bytes = format!("{}{number:032x}'", if shared { r"'\x" } else { "x'" });
            format!(
                "INSERT INTO login_attempts (id, account_id, started)
                 SELECT {bytes}, id, {started} FROM accounts WHERE name = 'bobby';"
            )
        };
        let notes: String = (0..4).map(note).collect();
        format!("UPDATE accounts SET attempts_in_flight = 4 WHERE name = 'bobby'; {notes}")
    };
    let long_ago = Clock::system().now().minus(MINUTE);
    server.execute(&die(long_ago.micros())).await;
    let compared = server.compared();
    server.login("local", "bobby", PASSWORD).await.expect(401);
    assert_eq!(server.compared(), compared);
    let (failed, lock) = counters(&server, &object).await;
    assert!(failed == 5 && lock.is_string(), "{failed} {lock}");

    // The only node of its data counts them as soon as it starts, however young they are.
    server.change(&object, json!({ "failedLoginAttempts": 1, "lockStart": null })).await;
    if !shared {
        server.execute(&die(Clock::system().now().micros())).await;
        server = server.restart().await;
        let (failed, lock) = counters(&server, &object).await;
        assert!(failed == 5 && lock.is_string(), "{failed} {lock}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nodes_own_clock_neither_opens_nor_prolongs_a_lock_on_a_shared_database() {
    let server = Server::start().await;
    if !server.place().is_postgres() {
        return;
    }
    server.person("locked").await;
    guess(&server, "locked", 5).await;
    server.make("/local-users", with("/local-users", "open", json!({ "password": PASSWORD }))).await;
    for micros in [0, 4_000_000_000_000_000] {
        let node = server.another(Clock::from_fn(move || Timestamp::from_micros(micros))).await;
        node.login("local", "locked", PASSWORD).await.expect(401);
        node.login("local", "open", PASSWORD).await.expect(200);
        let made = node.get("/local-users?name=open").await.json["data"][0]["created"].clone();
        assert!(made.as_str().unwrap().starts_with("202"), "{made}");
    }
}
