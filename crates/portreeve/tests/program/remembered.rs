//! Remembered logins on nodes that share a database: each remembers for itself, and an end on one is an end on all.

use serde_json::json;

use super::support::{Client, Place, Server, all_at_once, busy};

const PASSWORD: &str = "a password for bobby";
const VERIFICATIONS: &str = "portreeve_password_verifications_total";
const REMEMBERED: &str = "portreeve_remembered_logins_total";

/// What a login is answered, and how many comparisons with a hash and recognitions it took of the node.
fn log_in(node: &Server, password: &str) -> (u16, u64, u64) {
    let before = (node.count(VERIFICATIONS), node.count(REMEMBERED));
    let status = Client::new(&node.url).try_login("local", "bobby", password).status;
    (status, node.count(VERIFICATIONS) - before.0, node.count(REMEMBERED) - before.1)
}

const HASHED: (u16, u64, u64) = (200, 1, 0);
const RECOGNIZED: (u16, u64, u64) = (200, 0, 1);
const WRONG: (u16, u64, u64) = (401, 1, 0);
const SHUT: (u16, u64, u64) = (401, 0, 0);

/// One node on whichever database is under test, or three on a shared one; all remember bobby.
fn nodes(place: &Place) -> Vec<Server> {
    let nodes: Vec<Server> = (0..if place.is_shared() { 3 } else { 1 }).map(|_| Server::start(place)).collect();
    nodes[0].admin().create_user("bobby", PASSWORD);
    for node in &nodes {
        assert_eq!([log_in(node, PASSWORD), log_in(node, PASSWORD)], [HASHED, RECOGNIZED]);
    }
    nodes
}

#[test]
fn what_ends_a_login_on_one_node_ends_the_recognition_on_all() {
    let place = Place::new();
    let nodes = nodes(&place);
    let admin = nodes[0].admin();
    let path = format!("/local-users/{}", admin.get("/local-users?name=bobby").ok()["data"][0]["id"].as_str().unwrap());
    let change = |field: &str, value: serde_json::Value| {
        let mut bobby = admin.get(&path).ok();
        bobby[field] = value;
        admin.put(&path, &bobby).ok();
    };
    for (field, shut, open) in [
        ("disabled", json!(true), json!(false)),
        ("lockStart", json!("2999-01-01T00:00:00Z"), json!(null)),
        ("name", json!("robert"), json!("bobby")),
    ] {
        change(field, shut);
        for node in &nodes {
            assert_eq!([log_in(node, PASSWORD), log_in(node, PASSWORD)], [SHUT; 2], "{field}");
        }
        change(field, open);
        for node in &nodes {
            assert_eq!([log_in(node, PASSWORD), log_in(node, PASSWORD)], [HASHED, RECOGNIZED], "{field}");
        }
    }
    change("password", json!("set by the administrator"));
    for node in &nodes {
        assert_eq!(log_in(node, PASSWORD), WRONG);
        let new = "set by the administrator";
        assert_eq!([log_in(node, new), log_in(node, new)], [HASHED, RECOGNIZED]);
    }
    assert_eq!(admin.delete(&path).status, 204);
    for node in &nodes {
        assert_eq!(log_in(node, "set by the administrator"), SHUT);
    }
}

#[test]
fn guesses_on_all_nodes_lock_where_all_of_them_remember() {
    let _quiet = busy();
    let place = Place::new();
    let nodes = nodes(&place);
    let compared = |nodes: &[Server]| nodes.iter().map(|node| node.count(VERIFICATIONS)).sum::<u64>();
    let before = compared(&nodes);
    let clients: Vec<Client> = (0..60).map(|number| Client::new(&nodes[number % nodes.len()].url)).collect();
    let answers = all_at_once(60, |number| clients[number].insist("local", "bobby", &format!("guess {number}")).status);
    assert_eq!(answers, [401; 60]);
    assert_eq!(compared(&nodes) - before, 5);
    for node in &nodes {
        assert_eq!([log_in(node, PASSWORD), log_in(node, "wrong")], [SHUT; 2]);
    }
    assert_eq!(place.number("SELECT failed_attempts FROM accounts WHERE name = 'bobby'"), 5);
    assert_eq!(place.number("SELECT SUM(attempts_in_flight) FROM accounts WHERE kind <> 'decoy'"), 0);
}

#[test]
fn a_node_that_starts_remembers_nothing_and_may_be_told_to_keep_to_that() {
    let place = Place::new();
    let node = nodes(&place).swap_remove(0);
    assert_eq!(node.stop().code, Some(0));
    let node = Server::start(&place);
    assert_eq!([log_in(&node, PASSWORD), log_in(&node, PASSWORD)], [HASHED, RECOGNIZED]);
    assert_eq!(node.stop().code, Some(0));
    let node = Server::start_with(&place, |command| command.env("PORTREEVE_REMEMBER_LOGINS", "0"));
    assert_eq!([log_in(&node, PASSWORD), log_in(&node, PASSWORD)], [HASHED; 2]);
}
