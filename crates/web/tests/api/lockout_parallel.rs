//! The lock-out under many attempts at once: exact, and never in the way of who knows the password.

use std::sync::Arc;

use portreeve_directory::time::Clock;
use serde_json::json;

use crate::harness::{LOCAL, PASSWORD, Server, at_once, credentials};

/// Statuses of many logins at once, spread over nodes.
async fn logins(nodes: &[Arc<Server>], count: usize, password: impl Fn(usize) -> String) -> Vec<u16> {
    at_once(count, |number| {
        let body = credentials("local", "bobby", &password(number));
        let call = nodes[number % nodes.len()].call("POST", "/login").anonymous().json(body);
        async move { call.send().await.status }
    })
    .await
}

/// One node on SQLite, two on PostgreSQL.
async fn nodes() -> Vec<Arc<Server>> {
    let first = Server::start().await;
    let second = if first.place().is_postgres() { Some(first.another(Clock::system()).await) } else { None };
    let nodes: Vec<_> = [Some(first), second].into_iter().flatten().map(Arc::new).collect();
    nodes[0].person("bobby").await;
    nodes
}

fn compared(nodes: &[Arc<Server>]) -> u64 {
    nodes.iter().map(|node| node.compared()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_wrong_guesses_at_once_five_are_compared() {
    let nodes = nodes().await;
    let (before, locks) = (compared(&nodes), |nodes: &[Arc<Server>]| -> u64 {
        nodes.iter().map(|node| node.directory.metrics.lockouts.get()).sum()
    });
    let statuses = logins(&nodes, 200, |number| format!("guess {number}")).await;
    assert_eq!(statuses, [401; 200]);
    assert_eq!(compared(&nodes) - before, 5);
    assert_eq!(locks(&nodes), 1);
    let bobby = nodes[0].get("/local-users?name=bobby").await.json["data"][0].clone();
    assert_eq!(bobby["failedLoginAttempts"], 5);
    let refused = nodes[0].rows("SELECT reason FROM audit_log WHERE outcome = 'refused' ORDER BY reason").await;
    let count = |reason: &str| refused.iter().filter(|row| row[0] == reason).count();
    let counts = [count("wrong password"), count("wrong password, account locked"), count("account locked")];
    assert_eq!(counts, [4, 1, 195]);
    let left = nodes[0].rows("SELECT name FROM accounts WHERE attempts_in_flight <> 0").await;
    assert!(left.is_empty(), "no slot stays taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_right_logins_at_once_all_succeed_whatever_the_threshold() {
    let nodes = nodes().await;
    for threshold in [5, 1] {
        let settings = json!({ "userLockoutThreshold": threshold });
        nodes[0].change(&format!("/identity-providers/{LOCAL}"), settings).await;
        let statuses = logins(&nodes, 200, |_| PASSWORD.into()).await;
        assert_eq!(statuses, [200; 200], "threshold {threshold}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_ones_among_right_ones_lock_nothing_before_the_limit() {
    let nodes = nodes().await;
    // Four wrong ones can never be five in a row.
    let password = |number: usize| if number % 10 == 9 { "wrong".to_owned() } else { PASSWORD.into() };
    let statuses = logins(&nodes, 40, password).await;
    let expected: Vec<u16> = (0..40).map(|number| if number % 10 == 9 { 401 } else { 200 }).collect();
    assert_eq!(statuses, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_lock_has_run_out_one_of_many_guesses_is_compared() {
    let nodes = nodes().await;
    logins(&nodes, 5, |_| "wrong".into()).await;
    nodes[0].pass(std::time::Duration::from_secs(61)).await;
    let before = compared(&nodes);
    logins(&nodes, 50, |_| "wrong".into()).await;
    assert_eq!(compared(&nodes) - before, 1);
    let bobby = nodes[0].get("/local-users?name=bobby").await.json["data"][0].clone();
    assert_eq!(bobby["failedLoginAttempts"], 6);
}

/// Dear to compare, so that there is time to delete its account meanwhile.
const DEAR_HASH: &str =
    "$argon2id$v=19$m=65536,t=3,p=1$c29tZSBzYWx0IG9yIG8$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_a_deleted_account_are_no_matter_to_one_that_gets_its_id() {
    let nodes = nodes().await;
    let first = nodes[0].clone();
    let mut bobby = first.get("/local-users?name=bobby").await.json["data"][0].clone();
    let path = format!("/local-users/{}", bobby["id"].as_str().unwrap());
    first.execute(&format!("UPDATE accounts SET password_hash = '{DEAR_HASH}' WHERE name = 'bobby'")).await;
    let own = nodes.clone();
    let guesses = tokio::spawn(async move { logins(&own, 4, |_| "wrong".into()).await });
    let begun = "SELECT name FROM accounts WHERE attempts_in_flight = 4";
    while first.rows(begun).await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    first.delete(&path).await.expect(204);
    bobby["password"] = json!(PASSWORD);
    first.post("/local-users", bobby).await.expect(200);
    assert_eq!(guesses.await.unwrap(), [401; 4]);
    let counted =
        "SELECT name FROM accounts WHERE name = 'bobby' AND (attempts_in_flight <> 0 OR failed_attempts <> 0)";
    assert!(first.rows(counted).await.is_empty(), "what was counted on the one before");
    let noted = "SELECT name FROM accounts WHERE name = 'bobby' AND id IN (SELECT account_id FROM login_attempts)";
    assert!(first.rows(noted).await.is_empty(), "notes of what was under way");
    let before = compared(&nodes);
    assert_eq!(logins(&nodes, 200, |number| format!("guess {number}")).await, [401; 200]);
    assert_eq!(compared(&nodes) - before, 5);
}
