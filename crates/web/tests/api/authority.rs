//! What changes for live sessions when what decides about them changes, and who may always do everything.

use portreeve_directory::time::Clock;
use serde_json::{Value, json};

use crate::{
    harness::{ADMIN_PASSWORD, LOCAL, PASSWORD, Server, at_once, person},
    roles::{holder, policy_for},
};

pub const EVERYTHING: &str = "/administrative-roles/01998f00-0000-7000-8000-000000000011";
pub const FIRST_POLICY: &str = "/policies/01998f00-0000-7000-8000-000000000012";

fn view_all() -> Value {
    json!([{ "type": "View", "target": "LocalUser", "scope": { "all": true } }])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_has_the_first_role_by_the_first_policy() {
    let server = Server::start().await;
    let role = server.get(EVERYTHING).await.expect(200).json;
    assert_eq!((&role["name"], &role["tags"]), (&json!("System Administrator"), &json!(["builtin"])));
    let everything = json!([{ "type": "All", "target": "All", "scope": { "all": true, "ids": [], "tags": [] } }]);
    assert_eq!(role["privileges"], everything);
    let policy = server.get(FIRST_POLICY).await.expect(200).json;
    assert_eq!((&policy["name"], &policy["type"]), (&json!("Builtin Administrator"), &json!("Admin")));
    assert_eq!(policy["administrativeRoles"], json!([role["id"]]));
    let login = server.login("local", "admin", ADMIN_PASSWORD).await.expect(200).json;
    assert_eq!(login["user"]["privileges"], everything);
    assert_eq!(login["user"]["canAccessAuditLogs"], true);
    // The service of that name is nobody.
    server.make("/service-users", json!({ "name": "admin", "password": PASSWORD })).await;
    let login = server.login("service", "admin", PASSWORD).await.expect(200).json;
    assert_eq!(login["user"]["privileges"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_hold_for_the_next_request_of_live_sessions_on_every_node() {
    let server = Server::start().await;
    let other =
        if server.place().is_postgres() { server.another(Clock::system()).await } else { server.another_view() };
    let role = server.make("/administrative-roles", json!({ "name": "r", "privileges": view_all() })).await;
    let role = format!("/administrative-roles/{role}");
    let mut policy = policy_for("anna", role.rsplit('/').next().unwrap());
    policy["expression"] = json!("return claims.user.tags.indexOf('staff') >= 0;");
    let policy = format!("/policies/{}", server.make("/policies", policy).await);
    let mut anna = person("anna");
    anna["tags"] = json!(["staff"]);
    let anna = format!("/local-users/{}", server.make("/local-users", anna).await);
    let token = server.token_of("local", "anna", PASSWORD).await;
    let sees = async |expected: u16| {
        for node in [&server, &other] {
            node.call("GET", "/local-users?range=0-0").token(&token).send().await.expect(expected);
        }
    };
    sees(200).await;
    for (path, off, on) in [
        (&role, json!({ "privileges": [] }), json!({ "privileges": view_all() })),
        (&policy, json!({ "disabled": true }), json!({ "disabled": false })),
        (&policy, json!({ "expression": "return false;" }), json!({ "expression": "return true;" })),
        (&policy, json!({ "administrativeRoles": [] }), json!({ "administrativeRoles": [role.rsplit('/').next()] })),
        (
            &policy,
            json!({ "expression": "return claims.user.tags.indexOf('staff') >= 0 && !!claims.user.lastName;" }),
            json!({}),
        ),
        (&anna, json!({ "tags": [] }), json!({ "tags": ["staff"] })),
    ] {
        if on != json!({}) {
            server.change(path, off).await;
            sees(403).await;
            server.change(path, on).await;
        } else {
            server.change(path, off).await;
        }
        sees(200).await;
    }
    let provider = format!("/identity-providers/{LOCAL}");
    let mappings = server.get(&provider).await.json["claimMappings"].clone();
    let fewer: Vec<Value> =
        mappings.as_array().unwrap().iter().filter(|mapping| mapping["claimName"] != "lastName").cloned().collect();
    server.change(&provider, json!({ "claimMappings": fewer })).await;
    sees(403).await;
    server.change(&provider, json!({ "claimMappings": mappings })).await;
    sees(200).await;
    server.delete(&role).await.expect(204);
    sees(403).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_who_may_do_everything_stays() {
    let server = Server::start().await;
    let admin = server.get("/local-users?name=admin").await.json["data"][0]["id"].as_str().unwrap().to_owned();
    let admin = format!("/local-users/{admin}");
    let whole = server.get(&admin).await.json;
    let with = |path: &str, mut whole: Value, fields: Value| {
        whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        server.call("PUT", path).json(whole).send()
    };
    let role = server.get(EVERYTHING).await.json;
    let policy = server.get(FIRST_POLICY).await.json;
    let provider = format!("/identity-providers/{LOCAL}");
    let local = server.get(&provider).await.json;
    let stop = json!({ "name": "s", "type": "Stop", "expression": "return true;" });
    let attempts = async |expected: u16| {
        with(&admin, whole.clone(), json!({ "disabled": true })).await.expect(expected);
        with(&admin, whole.clone(), json!({ "name": "root" })).await.expect(expected);
        with(EVERYTHING, role.clone(), json!({ "privileges": [] })).await.expect(expected);
        with(FIRST_POLICY, policy.clone(), json!({ "disabled": true })).await.expect(expected);
        with(FIRST_POLICY, policy.clone(), json!({ "type": "Access" })).await.expect(expected);
        with(FIRST_POLICY, policy.clone(), json!({ "expression": "return false;" })).await.expect(expected);
        with(FIRST_POLICY, policy.clone(), json!({ "administrativeRoles": [] })).await.expect(expected);
        with(&provider, local.clone(), json!({ "claimMappings": [] })).await.expect(expected);
        server.post("/policies", stop.clone()).await.expect(expected);
        for path in [&admin[..], EVERYTHING, FIRST_POLICY] {
            server.delete(path).await.expect(expected);
        }
    };
    attempts(409).await;
    // Notes, and a new password, are no matter.
    with(&admin, whole.clone(), json!({ "notes": "n" })).await.expect(200);
    with(EVERYTHING, role.clone(), json!({ "notes": "n" })).await.expect(200);
    // One who could not log in is no other.
    let all = json!([{ "type": "All", "target": "All", "scope": { "all": true } }]);
    let token = holder(&server, "second", all).await;
    let second = server.get("/local-users?name=second").await.json["data"][0]["id"].as_str().unwrap().to_owned();
    server.change(&format!("/local-users/{second}"), json!({ "disabled": true })).await;
    attempts(409).await;
    server.change(&format!("/local-users/{second}"), json!({ "disabled": false })).await;
    server.call("GET", "/local-users").token(&token).send().await.expect(401);
    server.delete(&admin).await.expect(204);
    let token = server.token_of("local", "second", PASSWORD).await;
    server.call("DELETE", &format!("/local-users/{second}")).token(&token).send().await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_attempts_at_once_to_remove_the_last_two_one_fails() {
    for round in 0..6 {
        let server = Server::start().await;
        let all = json!([{ "type": "All", "target": "All", "scope": { "all": true } }]);
        holder(&server, "second", all).await;
        let id = async |name: &str| {
            server.get(&format!("/local-users?name={name}")).await.json["data"][0]["id"].as_str().unwrap().to_owned()
        };
        let admin = format!("/local-users/{}", id("admin").await);
        let second = format!("/local-users/{}", id("second").await);
        let role = server.get("/administrative-roles?name=second").await.json["data"][0].clone();
        let role_path = format!("/administrative-roles/{}", role["id"].as_str().unwrap());
        let mut less = role;
        less["privileges"] = json!([]);
        let calls = match round % 3 {
            0 => [server.call("DELETE", &admin), server.call("DELETE", &second)],
            1 => [server.call("DELETE", &admin), server.call("PUT", &role_path).json(less)],
            _ => [server.call("DELETE", FIRST_POLICY), server.call("DELETE", &second)],
        };
        let mut calls: Vec<_> = calls.into_iter().map(Some).collect();
        let answers = at_once(2, |number| calls[number].take().unwrap().send()).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        let done = statuses.iter().filter(|status| matches!(status, 200 | 204)).count();
        // Who has just lost everything is told so; who would be the last is kept.
        assert_eq!(done, 1, "{statuses:?}");
        assert!(statuses.iter().any(|status| matches!(status, 401 | 403 | 409)), "{statuses:?}");
        let able = [("admin", ADMIN_PASSWORD), ("second", PASSWORD)];
        let mut left = 0;
        for (name, password) in able {
            let login = server.login("local", name, password).await;
            left += usize::from(login.status == 200 && login.json["user"]["privileges"] != json!([]));
        }
        assert_eq!(left, 1);
    }
}
