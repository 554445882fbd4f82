//! What ends the recognition of a password, on every node: whatever ends a login with it, and whatever policies may see.

use portreeve_directory::time::Clock;
use serde_json::{Value, json};

use crate::{
    blacklist::escaped,
    console::Desk,
    harness::{LOCAL, PASSWORD, Server, person},
    remembered::{BOBBY, HASHED, IN_VAIN, RECOGNIZED, login_spends},
};

const NEW: &str = "an entirely new one";

/// Two nodes on PostgreSQL, one on SQLite; each remembers bobby.
struct Town {
    nodes: Vec<Server>,
    id: String,
    object: String,
}

impl Town {
    async fn new() -> Self {
        let first = Server::start().await;
        let id = first.person("bobby").await;
        let second = if first.place().is_postgres() { Some(first.another(Clock::system()).await) } else { None };
        let nodes = [Some(first), second].into_iter().flatten().collect();
        let town = Self { nodes, object: format!("/local-users/{id}"), id };
        town.remember(PASSWORD).await;
        town
    }

    async fn remember(&self, password: &str) {
        for node in &self.nodes {
            node.login("local", "bobby", password).await.expect(200);
            assert_eq!(login_spends(node, ("local", "bobby", password), 200).await, RECOGNIZED);
        }
    }

    async fn change(&self, fields: Value) {
        self.nodes[0].change(&self.object, fields).await;
    }

    /// Nothing is compared on any node, and the work of a hash is done for the right password as for a wrong one.
    async fn is_shut(&self, reason: &str) {
        for node in &self.nodes {
            let before = self.refusals(reason).await;
            for password in [PASSWORD, "wrong", PASSWORD] {
                assert_eq!(login_spends(node, ("local", "bobby", password), 401).await, IN_VAIN, "{reason}");
            }
            assert_eq!(self.refusals(reason).await - before, 3);
        }
    }

    async fn refusals(&self, reason: &str) -> usize {
        let sql = format!("SELECT actor FROM audit_log WHERE act = 'login' AND reason = '{reason}'");
        self.nodes[0].rows(&sql).await.len()
    }

    /// The password is right and hashed again on every node, and recognized from then on.
    async fn is_hashed_again(&self, password: &str) {
        for node in &self.nodes {
            assert_eq!(login_spends(node, ("local", "bobby", password), 200).await, HASHED);
        }
        self.remember(password).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_not_recognized_nor_when_it_is_enabled_again() {
    let town = Town::new().await;
    town.change(json!({ "disabled": true })).await;
    town.is_shut("account disabled").await;
    town.change(json!({ "disabled": false })).await;
    town.is_hashed_again(PASSWORD).await;
    // Disabled and enabled before anybody asked: the version is another.
    for disabled in [true, false] {
        town.change(json!({ "disabled": disabled })).await;
    }
    town.is_hashed_again(PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_is_not_recognized_nor_one_with_its_id() {
    let town = Town::new().await;
    town.nodes[0].delete(&town.object).await.expect(204);
    town.is_shut("unknown account").await;
    let mut again = person("bobby");
    again["id"] = json!(town.id);
    town.nodes[0].make("/local-users", again).await;
    town.is_hashed_again(PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blacklisted_account_is_not_recognized_nor_when_it_is_off_the_list() {
    let town = Town::new().await;
    let name = "CN=bobby,OU=local";
    town.nodes[0].post("/blacklist", json!({ "userDistinguishedName": name })).await.expect(200);
    town.is_shut("account blacklisted").await;
    town.nodes[0].delete(&format!("/blacklist/{}", escaped(name))).await.expect(204);
    town.is_hashed_again(PASSWORD).await;
    // The list is looked at, and not only what listing changes of the account.
    let nobody = json!({ "userDistinguishedName": "CN=nobody,OU=local" });
    town.nodes[0].post("/blacklist", nobody).await.expect(200);
    town.remember(PASSWORD).await;
    town.nodes[0].execute("UPDATE blacklist SET name_key = 'bobby'").await;
    town.is_shut("account blacklisted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_is_not_recognized() {
    let town = Town::new().await;
    // Whoever locks it, and whether that node remembers it.
    town.nodes[0].execute(&format!("UPDATE accounts SET lock_start = {} WHERE name = 'bobby'", i64::MAX)).await;
    town.is_shut("account locked").await;
    town.nodes[0].execute(&format!("UPDATE accounts SET lock_start = {} WHERE name = 'bobby'", i64::MIN)).await;
    town.is_hashed_again(PASSWORD).await;
    let locks = town.nodes[0].directory.metrics.lockouts.get();
    for _ in 0..5 {
        town.nodes[0].login("local", "bobby", "wrong").await.expect(401);
    }
    assert_eq!(town.nodes[0].directory.metrics.lockouts.get() - locks, 1);
    town.is_shut("account locked").await;
    town.change(json!({ "failedLoginAttempts": 0, "lockStart": null })).await;
    town.is_hashed_again(PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_account_is_not_recognized() {
    let town = Town::new().await;
    town.nodes[0]
        .execute("UPDATE accounts SET failed_attempts = 100, failures_since_reset = 100 WHERE name = 'bobby'")
        .await;
    town.is_shut("account blocked after 100 failures").await;
    town.change(json!({ "failedLoginAttempts": 0 })).await;
    town.is_hashed_again(PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_replaced_is_not_recognized() {
    let town = Town::new().await;
    town.change(json!({ "password": NEW })).await;
    for node in &town.nodes {
        assert_eq!(login_spends(node, BOBBY, 401).await, HASHED);
    }
    town.remember(NEW).await;
    // By its owner, who says the old one.
    let token = town.nodes[0].token_of("local", "bobby", NEW).await;
    let body = json!({ "oldPassword": NEW, "password": PASSWORD });
    town.nodes[0].call("PUT", "/account/password").token(&token).json(body).send().await.expect(204);
    for node in &town.nodes {
        assert_eq!(login_spends(node, ("local", "bobby", NEW), 401).await, HASHED);
    }
    town.is_hashed_again(PASSWORD).await;
    // The same one, set again: its hash is another.
    town.change(json!({ "password": PASSWORD })).await;
    town.is_hashed_again(PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_another_name_is_known_by_that_alone() {
    let town = Town::new().await;
    town.change(json!({ "name": "robert" })).await;
    town.is_shut("unknown account").await;
    for node in &town.nodes {
        node.login("local", "robert", PASSWORD).await.expect(200);
        assert_eq!(login_spends(node, ("local", "robert", PASSWORD), 200).await, RECOGNIZED);
    }
    // Whoever has the name next has nothing of it.
    let mut next = person("bobby");
    next["password"] = json!(NEW);
    town.nodes[0].make("/local-users", next).await;
    for node in &town.nodes {
        assert_eq!(login_spends(node, BOBBY, 401).await, HASHED);
    }
    town.remember(NEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_all_sessions_ends_the_recognition() {
    let town = Town::new().await;
    let mut desk = Desk::of(&town.nodes[0], "bobby", PASSWORD).await;
    desk.get("/ui/account/sessions").await.expect(200);
    desk.post("/ui/account/sessions", &[("everywhere", "yes")]).await.expect(303);
    town.is_hashed_again(PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_asked_again_when_they_or_the_account_change() {
    let town = Town::new().await;
    let first = &town.nodes[0];
    let role = json!({ "name": "viewers", "privileges": [{ "type": "View", "target": "LocalUser", "scope": { "all": true } }] });
    let role = first.make("/administrative-roles", role).await;
    let policy = json!({ "name": "some", "type": "Admin", "administrativeRoles": [role],
        "expression": "return (claims.user.tags || []).indexOf('staff') >= 0;" });
    first.make("/policies", policy).await;
    let privileges = async |node: &Server| {
        let answer = node.login("local", "bobby", PASSWORD).await.expect(200);
        answer.json["user"]["privileges"].as_array().unwrap().len()
    };
    town.is_hashed_again(PASSWORD).await;
    for (tags, expected) in [(json!(["staff"]), 1), (json!([]), 0)] {
        town.change(json!({ "tags": tags })).await;
        town.is_hashed_again(PASSWORD).await;
        for node in &town.nodes {
            let before = node.recognized();
            assert_eq!(privileges(node).await, expected);
            assert_eq!(node.recognized() - before, 1);
        }
    }
    let mut settings = first.get("/global-settings").await.expect(200).json;
    settings["messageOfTheDay"] = json!("mind the gap");
    first.put("/global-settings", settings).await.expect(204);
    for node in &town.nodes {
        for _ in 0..2 {
            let answer = node.login("local", "bobby", PASSWORD).await.expect(200);
            assert_eq!(answer.json["messageOfTheDay"], "mind the gap");
        }
    }
    town.remember(PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_policy_stops_is_refused_after_a_hash() {
    let town = Town::new().await;
    let stop = json!({ "name": "s", "type": "Stop", "expression": "return claims.user.username === 'bobby';" });
    let policy = town.nodes[0].make("/policies", stop).await;
    for node in &town.nodes {
        for _ in 0..2 {
            assert_eq!(login_spends(node, BOBBY, 401).await, HASHED);
        }
    }
    assert_eq!(town.refusals("stopped by the policy s").await, 2 * town.nodes.len());
    town.nodes[0].delete(&format!("/policies/{policy}")).await.expect(204);
    town.is_hashed_again(PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_scripts_ask_about_the_login_each_is_hashed() {
    let town = Town::new().await;
    let node = &town.nodes[0];
    for (path, body) in [
        ("/policies", json!({ "name": "p", "expression": "return claims.system.sourceAddress !== '192.0.2.1';" })),
        ("/policies", json!({ "name": "p", "type": "Stop", "expression": "return claims.device.id === 'x';" })),
        ("/policies", json!({ "name": "p", "expression": "throw new Error('always');" })),
    ] {
        let policy = node.make(path, body).await;
        for _ in 0..3 {
            assert_eq!(login_spends(node, BOBBY, 200).await, HASHED);
        }
        node.delete(&format!("/policies/{policy}")).await.expect(204);
        town.is_hashed_again(PASSWORD).await;
    }
    let script = json!({ "name": "late", "expression": "return { at: claims.system.loginTime };" });
    let script = node.make("/user-scripts", script).await;
    node.change(&format!("/identity-providers/{LOCAL}"), json!({ "userScripts": [script] })).await;
    for _ in 0..3 {
        assert_eq!(login_spends(node, BOBBY, 200).await, HASHED);
    }
}
