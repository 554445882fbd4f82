//! Logins that are recognized in place of being hashed: when they are, and that nothing else differs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use portreeve_directory::time::Clock;
use serde_json::{Value, json};

use crate::{
    accounts::{KINDS, with},
    console::Desk,
    harness::{ADMIN_PASSWORD, DEVICE, LOCAL, PASSWORD, Server, at_once, credentials},
};

/// Passwords that were compared with a hash, logins that were recognized, and turns to hash that were waited for.
pub fn spent(server: &Server) -> [u64; 3] {
    [server.compared(), server.recognized(), server.measured("hash_wait_seconds_count")]
}

/// What a login takes of each.
pub async fn login_spends(server: &Server, (provider, name, password): (&str, &str, &str), status: u16) -> [u64; 3] {
    let before = spent(server);
    server.login(provider, name, password).await.expect(status);
    let after = spent(server);
    std::array::from_fn(|index| after[index] - before[index])
}

pub const HASHED: [u64; 3] = [1, 0, 1];
pub const RECOGNIZED: [u64; 3] = [0, 1, 0];
/// The work of a hash was done, and nothing compared.
pub const IN_VAIN: [u64; 3] = [0, 0, 1];

pub const BOBBY: (&str, &str, &str) = ("local", "bobby", PASSWORD);

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_right_is_hashed_once() {
    let server = Server::start().await;
    for (path, provider) in KINDS {
        server.make(path, with(path, "bobby", json!({ "password": PASSWORD }))).await;
        let right = (provider, "bobby", PASSWORD);
        assert_eq!(login_spends(&server, right, 200).await, HASHED);
        for spelling in ["bobby", "BOBBY", "Bobby"] {
            assert_eq!(login_spends(&server, (provider, spelling, PASSWORD), 200).await, RECOGNIZED);
        }
        // What differs from it in anything is hashed, and what was remembered is forgotten.
        for wrong in [&PASSWORD[1..], &format!("{PASSWORD} "), &PASSWORD.to_uppercase(), ""] {
            assert_eq!(login_spends(&server, (provider, "bobby", wrong), 401).await, HASHED);
            assert_eq!(login_spends(&server, right, 200).await, HASHED);
            assert_eq!(login_spends(&server, right, 200).await, RECOGNIZED);
        }
    }
    // The other of two accounts with one name, or one password, is another.
    server.person("carol").await;
    assert_eq!(login_spends(&server, ("local", "carol", PASSWORD), 200).await, HASHED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recognized_login_leaves_what_any_other_leaves() {
    let server = Server::start().await;
    server.person("bobby").await;
    let without_times = |mut answer: Value| {
        for field in ["token", "expires"] {
            assert!(answer[field].take().is_string());
        }
        answer
    };
    let mut answers = Vec::new();
    for (path, expected) in
        [("/login", 0), ("/login", 1), ("/authentication", 1), ("/admin/login", 1), ("/authentication", 1)]
    {
        let before = server.recognized();
        let body = credentials("local", "BOBBY", PASSWORD);
        let answer = server.call("POST", path).anonymous().json(body).send().await.expect(200);
        assert_eq!(server.recognized() - before, expected, "{path}");
        let token = answer.json["token"].as_str().unwrap().to_owned();
        let status = if path.ends_with("/login") { 403 } else { 401 };
        server.call("GET", "/local-users").token(&token).send().await.expect(status);
        answers.push(without_times(answer.json));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let audit = "SELECT actor, act, object_kind, object_id, object_name, outcome, reason, source, changes
         FROM audit_log WHERE actor = 'bobby' AND act = 'login'";
    let rows = server.rows(audit).await;
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| *row == rows[0]), "{rows:?}");
    let sessions = "SELECT t.purpose, s.source, s.policies, CAST(s.configuration AS TEXT), CAST(s.profile AS TEXT),
           CAST(s.credential_version AS TEXT), CAST(s.idle_limit AS TEXT), CAST(s.expires - s.last_used AS TEXT)
         FROM sessions s JOIN tokens t ON t.session_id = s.id
         WHERE s.account_id = (SELECT id FROM accounts WHERE name = 'bobby') ORDER BY t.purpose";
    let rows = server.rows(sessions).await;
    let purposes: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(purposes, ["authentication", "authentication", "work", "work", "work"]);
    // The end is counted from the transaction, the beginning from the request: they differ by what lies between.
    let long = |row: &Vec<String>| (row[7].parse::<i64>().unwrap() - 43_200_000_000).abs() < 60_000_000;
    assert!(rows.iter().all(|row| row[1..7] == rows[0][1..7] && long(row)), "{rows:?}");
    let devices =
        server.rows("SELECT kind FROM devices WHERE account_id IN (SELECT id FROM accounts WHERE name = 'bobby')");
    assert_eq!(devices.await.len(), 1, "one device, seen five times");
    assert_eq!(server.measured("sessions_opened_total"), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_remembered_for_a_minute_from_the_hash_and_no_longer() {
    let server = Server::start().await;
    server.person("bobby").await;
    assert_eq!(login_spends(&server, BOBBY, 200).await, HASHED);
    for _ in 0..2 {
        server.pass(Duration::from_secs(28)).await;
        assert_eq!(login_spends(&server, BOBBY, 200).await, RECOGNIZED);
    }
    server.pass(Duration::from_secs(5)).await;
    assert_eq!(login_spends(&server, BOBBY, 200).await, HASHED);
    assert_eq!(login_spends(&server, BOBBY, 200).await, RECOGNIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_remembered_where_that_is_switched_off() {
    let server = Server::start_forgetting().await;
    server.person("bobby").await;
    for _ in 0..3 {
        assert_eq!(login_spends(&server, BOBBY, 200).await, HASHED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consoles_and_changes_of_the_password_are_always_hashed() {
    let server = Server::start().await;
    let id = server.person("bobby").await;
    server.login("local", "admin", ADMIN_PASSWORD).await.expect(200);
    let before = spent(&server);
    let mut desk = Desk::of_admin(&server).await;
    server.pass(Duration::from_secs(16 * 60)).await;
    server.login("local", "admin", ADMIN_PASSWORD).await.expect(200);
    desk.get(&format!("/ui/local-users/{id}/delete")).await.expect(200);
    desk.post(&format!("/ui/local-users/{id}/delete"), &[("confirm", ADMIN_PASSWORD)]).await.expect(303);
    assert_eq!((server.compared() - before[0], server.recognized() - before[1]), (3, 0));
    // Nor is remembered what was given there.
    server.person("carol").await;
    Desk::of(&server, "carol", PASSWORD).await;
    assert_eq!(login_spends(&server, ("local", "carol", PASSWORD), 200).await, HASHED);
    let token = server.token_of("local", "carol", PASSWORD).await;
    let before = spent(&server);
    let change = json!({ "oldPassword": PASSWORD, "password": "chosen by carol alone" });
    server.call("PUT", "/account/password").token(&token).json(change).send().await.expect(204);
    assert_eq!((server.compared() - before[0], server.recognized() - before[1]), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recognized_login_sets_the_counter_to_nothing_and_ends_what_is_left_of_a_lock() {
    let server = Server::start().await;
    let object = format!("/local-users/{}", server.person("bobby").await);
    server.login("local", "bobby", PASSWORD).await.expect(200);
    for fields in [
        json!({ "failedLoginAttempts": 4 }),
        json!({ "failedLoginAttempts": 30, "lockStart": "2020-08-20T10:00:00Z" }),
        json!({ "failedLoginAttempts": 99, "lockStart": "2020-08-20T10:00:00Z" }),
    ] {
        server.change(&object, fields).await;
        // What policies see of the account may have changed too: then it is hashed.
        server.login("local", "bobby", PASSWORD).await.expect(200);
        let set =
            "UPDATE accounts SET failed_attempts = 4, failures_since_reset = 99, lock_start = 1 WHERE name = 'bobby'";
        server.execute(set).await;
        assert_eq!(login_spends(&server, BOBBY, 200).await, RECOGNIZED);
        let json = server.get(&object).await.expect(200).json;
        assert_eq!((&json["failedLoginAttempts"], &json["lockStart"]), (&json!(0), &Value::Null));
        let reset =
            "SELECT name FROM accounts WHERE name = 'bobby' AND failures_since_reset = 0 AND attempts_in_flight = 0";
        assert_eq!(server.rows(reset).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_after_a_right_one_are_counted_and_lock() {
    let server = Server::start().await;
    let object = format!("/local-users/{}", server.person("bobby").await);
    server.login("local", "bobby", PASSWORD).await.expect(200);
    for failed in 1..=5 {
        assert_eq!(login_spends(&server, ("local", "bobby", "wrong"), 401).await, HASHED);
        assert_eq!(server.get(&object).await.json["failedLoginAttempts"], failed);
    }
    assert!(server.get(&object).await.json["lockStart"].is_string());
    for password in [PASSWORD, "wrong"] {
        assert_eq!(login_spends(&server, ("local", "bobby", password), 401).await, IN_VAIN);
    }
}

/// One node on SQLite, two on PostgreSQL, each of which remembers bobby.
async fn nodes() -> Vec<Arc<Server>> {
    let first = Server::start().await;
    first.person("bobby").await;
    let second = if first.place().is_postgres() { Some(first.another(Clock::system()).await) } else { None };
    let nodes: Vec<_> = [Some(first), second].into_iter().flatten().map(Arc::new).collect();
    for node in &nodes {
        assert_eq!(login_spends(node, BOBBY, 200).await, HASHED);
        assert_eq!(login_spends(node, BOBBY, 200).await, RECOGNIZED);
    }
    nodes
}

fn sum(nodes: &[Arc<Server>]) -> [u64; 3] {
    nodes.iter().map(|node| spent(node)).fold([0; 3], |sum, one| std::array::from_fn(|index| sum[index] + one[index]))
}

async fn logins(nodes: &[Arc<Server>], count: usize, password: impl Fn(usize) -> String) -> Vec<u16> {
    at_once(count, |number| {
        let body = credentials("local", "bobby", &password(number));
        let call = nodes[number % nodes.len()].call("POST", "/login").anonymous().json(body);
        async move { call.send().await.status }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_guesses_at_a_remembered_account_five_are_compared() {
    let nodes = nodes().await;
    let before = sum(&nodes);
    assert_eq!(logins(&nodes, 200, |number| format!("guess {number}")).await, [401; 200]);
    let after = sum(&nodes);
    assert_eq!([after[0] - before[0], after[1] - before[1]], [5, 0]);
    // Who finds no slot waits for another turn.
    assert!(after[2] - before[2] >= 200, "each of them takes the time of a hash");
    let bobby = nodes[0].get("/local-users?name=bobby").await.json["data"][0].clone();
    assert_eq!(bobby["failedLoginAttempts"], 5);
    let refused = nodes[0].rows("SELECT reason FROM audit_log WHERE outcome = 'refused'").await;
    let count = |reason: &str| refused.iter().filter(|row| row[0] == reason).count();
    let counts = [count("wrong password"), count("wrong password, account locked"), count("account locked")];
    assert_eq!(counts, [4, 1, 195]);
    assert!(nodes[0].rows("SELECT name FROM accounts WHERE attempts_in_flight <> 0").await.is_empty());
    for node in &nodes {
        assert_eq!(login_spends(node, BOBBY, 401).await, IN_VAIN);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_at_once_are_all_let_in_and_few_are_hashed() {
    let nodes = nodes().await;
    for threshold in [5, 1] {
        let settings = json!({ "userLockoutThreshold": threshold });
        nodes[0].change(&format!("/identity-providers/{LOCAL}"), settings).await;
        let before = sum(&nodes);
        assert_eq!(logins(&nodes, 200, |_| PASSWORD.into()).await, [200; 200], "threshold {threshold}");
        let after = sum(&nodes);
        let (compared, recognized) = (after[0] - before[0], after[1] - before[1]);
        // The settings have changed, so that each node has to ask the policies once. Until it has, as many are hashed as
        // there are slots; those behind them are recognized when it is their turn.
        assert_eq!(compared + recognized, 200);
        assert!(compared >= 1 && compared <= 5 * nodes.len() as u64, "{compared} were hashed");
    }
    assert!(nodes[0].rows("SELECT name FROM accounts WHERE attempts_in_flight <> 0").await.is_empty());
    assert!(nodes[0].rows("SELECT 'left' FROM login_attempts").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_ones_among_recognized_ones_lock_nothing_before_the_limit() {
    let nodes = nodes().await;
    for _ in 0..5 {
        for node in &nodes {
            node.login("local", "bobby", PASSWORD).await.expect(200);
        }
        let before = sum(&nodes);
        // Four wrong ones can never be five in a row.
        let is_wrong = |number: usize| number % 10 == 9;
        let password = |number: usize| if is_wrong(number) { format!("wrong {number}") } else { PASSWORD.into() };
        let statuses = logins(&nodes, 40, password).await;
        let expected: Vec<u16> = (0..40).map(|number| if is_wrong(number) { 401 } else { 200 }).collect();
        assert_eq!(statuses, expected);
        let after = sum(&nodes);
        assert_eq!(after[0] - before[0] + after[1] - before[1], 40, "each was compared with one or the other");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_device_is_noted_at_a_recognized_login() {
    let server = Server::start().await;
    server.person("bobby").await;
    server.login("local", "bobby", PASSWORD).await.expect(200);
    let mut body = credentials("local", "bobby", PASSWORD);
    body["deviceId"] = json!(DEVICE.replace('4', "5"));
    let before = server.recognized();
    server.call("POST", "/login").anonymous().json(body).send().await.expect(200);
    assert_eq!(server.recognized() - before, 1);
    let devices =
        server.rows("SELECT kind FROM devices WHERE account_id IN (SELECT id FROM accounts WHERE name = 'bobby')");
    assert_eq!(devices.await.len(), 2);
}

/// A slot is what entitles to a comparison, with a hash or with what is remembered.
#[tokio::test(flavor = "multi_thread")]
async fn where_no_slot_is_free_nothing_is_recognized() {
    let server = Server::start().await;
    server.person("bobby").await;
    server.login("local", "bobby", PASSWORD).await.expect(200);
    // Five comparisons were under way at a node that is gone: one more would be the sixth.
    let note = |number: usize| {
        let bytes = format!("{}{number:032x}'", if server.place().is_postgres() { r"'\x" } else { "x'" });
        format!(
            "INSERT INTO login_attempts (id, account_id, started) SELECT {bytes}, id, 0 FROM accounts WHERE name = 'bobby';"
        )
    };
    let notes: String = (0..5).map(note).collect();
    server.execute(&format!("UPDATE accounts SET attempts_in_flight = 5 WHERE name = 'bobby'; {notes}")).await;
    let before = spent(&server);
    server.login("local", "bobby", PASSWORD).await.expect(401);
    assert_eq!(spent(&server)[..2], before[..2]);
    let bobby = server.get("/local-users?name=bobby").await.json["data"][0].clone();
    assert!(bobby["failedLoginAttempts"] == 5 && bobby["lockStart"].is_string(), "{bobby}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_outlives_a_change_that_comes_between() {
    let nodes = nodes().await;
    let object = format!(
        "/local-users/{}",
        nodes[0].get("/local-users?name=bobby").await.json["data"][0]["id"].as_str().unwrap()
    );
    let (new, mut password) = ("another good password", PASSWORD);
    for fields in [json!({ "password": new }), json!({ "password": PASSWORD }), json!({ "disabled": true })] {
        for node in &nodes {
            node.login("local", "bobby", password).await.expect(200);
            assert_eq!(login_spends(node, ("local", "bobby", password), 200).await, RECOGNIZED);
        }
        let is_changed = Arc::new(AtomicBool::new(false));
        let changed = {
            let (first, object, fields) = (nodes[0].another_view(), object.clone(), fields.clone());
            let is_changed = is_changed.clone();
            tokio::spawn(async move {
                first.change(&object, fields).await;
                is_changed.store(true, Ordering::SeqCst);
            })
        };
        let old = password;
        // What is refused counts, and four lock nothing.
        let statuses = at_once(4, |number| {
            let (node, is_changed) = (nodes[number % nodes.len()].another_view(), is_changed.clone());
            async move {
                loop {
                    let is_last = is_changed.load(Ordering::SeqCst);
                    let status = node.login("local", "bobby", old).await.status;
                    if is_last || status != 200 {
                        return status;
                    }
                }
            }
        });
        assert_eq!(statuses.await, [401; 4]);
        changed.await.unwrap();
        let left = "SELECT s.source FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE a.name = 'bobby'";
        assert_eq!(nodes[0].rows(left).await.len(), 0, "{fields}");
        password = if old == PASSWORD { new } else { PASSWORD };
    }
}
