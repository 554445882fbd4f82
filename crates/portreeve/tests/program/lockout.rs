//! The lock-out under load, on one node and on three.

use serde_json::{Value, json};

use super::support::{Client, Place, Server, all_at_once, busy};

/// How many do something in the same moment.
const CROWD: usize = 200;
const PASSWORD: &str = "a password for the crowd";
const VERIFICATIONS: &str = "portreeve_password_verifications_total";
const LOCKOUTS: &str = "portreeve_lockouts_total";

/// One node on whichever database is under test, or three on a shared one.
fn nodes(place: &Place, number: usize) -> Vec<Server> {
    (0..number).map(|_| Server::start(place)).collect()
}

fn sum(nodes: &[Server], counter: &str) -> u64 {
    nodes.iter().map(|node| node.count(counter)).sum()
}

/// A client for each of the crowd, with a connection of its own, spread over the nodes.
fn crowd(nodes: &[Server]) -> Vec<Client> {
    (0..CROWD).map(|number| &nodes[number % nodes.len()]).map(|node| Client::new(&node.url)).collect()
}

fn user(admin: &Client, id: &str) -> Value {
    admin.get(&format!("/local-users/{id}")).ok()
}

fn wrong_guesses_are_compared_five_times(place: &Place, number: usize) {
    let _quiet = busy();
    let nodes = nodes(place, number);
    let admin = nodes[0].admin();
    admin.set_lockout(5, 60);
    let id = admin.create_user("victim", PASSWORD);
    let unknown = nodes[0].admin().try_login("local", "nobody at all", "wrong guess").visible();
    let compared = sum(&nodes, VERIFICATIONS);

    let clients = crowd(&nodes);
    let answers = all_at_once(CROWD, |number| {
        // Every spelling is the same account.
        let name = ["victim", "Victim", "VICTIM"][number % 3];
        clients[number].insist("local", name, &format!("wrong guess {number}"))
    });
    for answer in &answers {
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(answer.visible(), unknown);
    }
    assert_eq!(sum(&nodes, VERIFICATIONS) - compared, 5);
    assert_eq!(sum(&nodes, LOCKOUTS), 1);
    let now = user(&admin, &id);
    assert_eq!(now["failedLoginAttempts"], 5, "{now}");
    assert!(now["lockStart"].is_string(), "{now}");
    // The right password opens nothing now, and is not compared either.
    for node in &nodes {
        assert_eq!(Client::new(&node.url).try_login("local", "victim", PASSWORD).visible(), unknown);
    }
    assert_eq!(sum(&nodes, VERIFICATIONS) - compared, 5);
    let locked = "SELECT COUNT(*) FROM audit_log WHERE reason = 'wrong password, account locked'";
    assert_eq!(place.number(locked), 1);
}

#[test]
fn of_two_hundred_wrong_guesses_five_are_compared() {
    wrong_guesses_are_compared_five_times(&Place::new(), 1);
}

#[test]
fn of_two_hundred_wrong_guesses_five_are_compared_on_three_nodes_together() {
    if let Some(place) = Place::shared() {
        wrong_guesses_are_compared_five_times(&place, 3);
    }
}

fn right_passwords_are_never_refused(place: &Place, number: usize) {
    let _quiet = busy();
    let nodes = nodes(place, number);
    let admin = nodes[0].admin();
    let id = admin.create_user("crowd", PASSWORD);
    for threshold in [5, 1] {
        admin.set_lockout(threshold, 60);
        let clients = crowd(&nodes);
        let answers = all_at_once(CROWD, |number| clients[number].try_login("local", "crowd", PASSWORD));
        for answer in answers {
            assert_eq!(answer.status, 200, "with a threshold of {threshold}: {answer:?}");
        }
        let now = user(&admin, &id);
        assert_eq!((&now["failedLoginAttempts"], &now["lockStart"]), (&json!(0), &Value::Null), "{now}");
    }
    assert_eq!(sum(&nodes, LOCKOUTS), 0);
    assert_eq!(place.number("SELECT SUM(attempts_in_flight) FROM accounts"), 0);
    assert_eq!(place.number("SELECT COUNT(*) FROM login_attempts"), 0);
}

#[test]
fn two_hundred_right_passwords_are_all_let_in() {
    right_passwords_are_never_refused(&Place::new(), 1);
}

#[test]
fn two_hundred_right_passwords_are_all_let_in_by_three_nodes() {
    if let Some(place) = Place::shared() {
        right_passwords_are_never_refused(&place, 3);
    }
}

/// Wrong guesses among right logins: what is refused was wrong, what was right is let in until the lock.
#[test]
fn a_crowd_of_both_ends_with_nothing_under_way() {
    let _quiet = busy();
    let place = Place::new();
    let nodes = nodes(&place, if place.is_shared() { 3 } else { 1 });
    let admin = nodes[0].admin();
    admin.set_lockout(100, 60);
    let id = admin.create_user("mixed", PASSWORD);
    let clients = crowd(&nodes);
    let answers = all_at_once(CROWD, |number| {
        let password = if number % 10 == 0 { "wrong guess" } else { PASSWORD };
        clients[number].insist("local", "mixed", password).status
    });
    for (number, status) in answers.iter().enumerate() {
        assert_eq!(*status, if number % 10 == 0 { 401 } else { 200 }, "number {number}");
    }
    let now = user(&admin, &id);
    assert!(now["failedLoginAttempts"].as_u64().expect("a number") <= 20, "{now}");
    assert!(now["lockStart"].is_null(), "{now}");
    assert_eq!(place.number("SELECT SUM(attempts_in_flight) FROM accounts"), 0);
}
