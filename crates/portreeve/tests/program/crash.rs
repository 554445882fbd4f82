//! A node that dies in the middle of comparing passwords buys nobody a guess.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::support::{Client, Place, Server, Stop, busy, wait_for};

/// Guesses that go on at the same time, on each node: few enough to leave some for after the crash, and more than enough.
const FEW: usize = 2;
const MANY: usize = 10;
const THRESHOLD: u64 = 5;
const PASSWORD: &str = "a password for the victim";
const VERIFICATIONS: &str = "portreeve_password_verifications_total";
/// Dear to compare, so that there is time to strike while one is being compared. Nobody knows its password.
const DEAR_HASH: &str =
    "$argon2id$v=19$m=65536,t=3,p=1$c29tZSBzYWx0IG9yIG8$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Guesses on every node, over and over, until told to stop; a node that is gone is no obstacle.
fn guess_until<T>(guessers: usize, nodes: &[&Server], meanwhile: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    let urls: Vec<String> = nodes.iter().map(|node| node.url.clone()).collect();
    std::thread::scope(|scope| {
        for url in urls.iter().flat_map(|url| std::iter::repeat_n(url, guessers)) {
            let done = &done;
            scope.spawn(move || {
                let client = Client::new(url);
                while !done.load(Ordering::Relaxed) {
                    // Refused, told to come back, or cut off: all the same to one who guesses.
                    drop(client.login_if_there("local", "victim", "wrong guess"));
                }
            });
        }
        let _stop = Stop(&done);
        meanwhile()
    })
}

/// Makes the victim and returns what shows it.
fn victim(place: &Place, admin: &Client) -> String {
    admin.set_lockout(THRESHOLD, 60);
    let id = admin.create_user("victim", PASSWORD);
    place.sql(&format!("UPDATE accounts SET password_hash = '{DEAR_HASH}' WHERE name_key = 'victim'"));
    format!("/local-users/{id}")
}

fn is_locked(place: &Place) -> bool {
    place.number("SELECT COUNT(*) FROM accounts WHERE name_key = 'victim' AND lock_start > 0") == 1
}

/// Waits until some are being compared, and says of how many that is known for certain. None if the lock came first.
fn wait_for_comparisons(place: &Place, node: &Server, before: u64) -> u64 {
    wait_for("comparisons", || {
        let compared = node.count(VERIFICATIONS) - before;
        (compared > 0 || is_locked(place)).then_some(compared)
    })
}

fn wait_for_lock(admin: &Client, path: &str) -> Value {
    wait_for("the lock", || Some(admin.get(path).ok()).filter(|user| user["lockStart"].is_string()))
}

#[test]
fn guesses_under_way_when_the_only_node_dies_are_failures() {
    let _quiet = busy();
    let place = Place::folder();
    let mut server = Server::start(&place);
    let path = victim(&place, &server.admin());
    let mut compared = 0;
    // More than one crash, as each might buy a guess.
    for _ in 0..2 {
        let before = server.count(VERIFICATIONS);
        compared += guess_until(FEW, &[&server], || {
            let compared = wait_for_comparisons(&place, &server, before);
            server.kill();
            compared
        });
        server = Server::start(&place);
    }
    assert!(compared > 0);
    let admin = server.admin();
    let before = server.count(VERIFICATIONS);
    let user = guess_until(MANY, &[&server], || wait_for_lock(&admin, &path));
    compared += server.count(VERIFICATIONS) - before;
    assert!(compared <= THRESHOLD, "{compared} guesses were compared before {user}");
    assert!(user["failedLoginAttempts"].as_u64() >= Some(THRESHOLD), "{user}");
    assert_eq!(Client::new(&server.url).try_login("local", "victim", PASSWORD).status, 401);
}

#[test]
fn guesses_under_way_when_one_of_three_nodes_dies_are_failures() {
    let Some(place) = Place::shared() else { return };
    let _quiet = busy();
    let nodes: Vec<Server> = (0..3).map(|_| Server::start(&place)).collect();
    let admin = nodes[1].admin();
    let path = victim(&place, &admin);
    let before: Vec<u64> = nodes.iter().map(|node| node.count(VERIFICATIONS)).collect();

    let all: Vec<&Server> = nodes.iter().collect();
    let (lost, started) = guess_until(FEW, &all, || {
        let lost = wait_for_comparisons(&place, &nodes[0], before[0]);
        nodes[0].kill();
        // Each was written down before its comparison began.
        let started =
            place.number("SELECT failed_attempts + attempts_in_flight FROM accounts WHERE name_key = 'victim'");
        // The survivors are held up by what the dead node held, until they take it for dead.
        wait_for_lock(&admin, &path);
        (lost, started)
    });
    let user = admin.get(&path).ok();
    let survivors: u64 =
        nodes.iter().zip(&before).skip(1).map(|(node, before)| node.count(VERIFICATIONS) - before).sum();
    assert!(lost + survivors <= THRESHOLD, "{lost} + {survivors} guesses were compared before {user}");
    assert!(started <= 5, "{started} guesses were let in at once");
    assert!(lost > 0, "the lock came before the crash");
    assert_eq!(user["failedLoginAttempts"], THRESHOLD, "{user}");
    // What the survivors did not compare was the dead node's.
    assert_eq!(place.number("SELECT attempts_in_flight FROM accounts WHERE name_key = 'victim'"), 0);

    let again = Server::start(&place);
    let before = again.count(VERIFICATIONS);
    assert_eq!(Client::new(&again.url).try_login("local", "victim", "wrong guess").status, 401);
    assert_eq!(again.count(VERIFICATIONS), before);
}
