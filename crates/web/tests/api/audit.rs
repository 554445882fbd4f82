//! The record of what was done: a row for each act, and no secret in any. It is read from the database itself.

use serde_json::{Value, json};

use crate::{
    accounts::{KINDS, least, with},
    harness::{ADMIN_PASSWORD, LOCAL, PASSWORD, Server, logged, person},
};

const COLUMNS: &str = "actor, act, object_kind, object_name, outcome, reason, changes, object_id, request_id, source";

/// The rows written by what is done: actor, act, kind, name, outcome, reason, changes.
async fn written(server: &Server, act: impl Future<Output = ()>) -> Vec<Vec<String>> {
    server.execute("DELETE FROM audit_log").await;
    act.await;
    let mut rows = server.rows(&format!("SELECT {COLUMNS} FROM audit_log ORDER BY at")).await;
    for row in &mut rows {
        assert_eq!(row[8].len(), 16, "the id of the request");
        row.truncate(7);
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_has_a_row() {
    let server = Server::start().await;
    for (path, _) in KINDS {
        let kind = if path == "/local-users" { "LocalUser" } else { "ServiceUser" };
        let mut id = String::new();
        let rows = written(&server, async {
            id = server.make(path, with(path, "bobby", json!({ "password": PASSWORD }))).await;
        });
        let rows = rows.await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0][..6], ["admin", "create", kind, "bobby", "done", ""]);
        let changes: Value = serde_json::from_str(&rows[0][6]).unwrap();
        assert_eq!(changes["name"], json!({ "before": null, "after": "bobby" }));
        assert_eq!(changes["password"], "set");

        let object = format!("{path}/{id}");
        let rows = written(&server, async {
            server.change(&object, json!({ "notes": "n", "tags": ["t"] })).await;
        });
        let rows = rows.await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0][..6], ["admin", "edit", kind, "bobby", "done", ""]);
        let mut changes: Value = serde_json::from_str(&rows[0][6]).unwrap();
        changes.as_object_mut().unwrap().remove("updated");
        assert_eq!(
            changes,
            json!({ "notes": { "before": "", "after": "n" }, "tags": { "before": [], "after": ["t"] } })
        );

        let rows = written(&server, async { drop(server.delete(&object).await.expect(204)) }).await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0][..6], ["admin", "delete", kind, "bobby", "done", ""]);
        let rows = written(&server, async {
            server.delete(&object).await.expect(404);
            server.post(path, json!({})).await.expect(422);
            server.get(path).await.expect(200);
        });
        assert!(rows.await.is_empty(), "what was not done has no row");
    }
    let rows = written(&server, async {
        server.change(&format!("/identity-providers/{LOCAL}"), json!({ "userLockoutThreshold": 7 })).await;
    });
    let rows = rows.await;
    assert_eq!(rows[0][..6], ["admin", "edit", "IdentityProvider", "local", "done", ""]);
    assert!(rows[0][6].contains(r#""userLockoutThreshold":{"after":7,"before":5}"#), "{}", rows[0][6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_of_a_login_has_a_row_with_its_true_reason() {
    let server = Server::start().await;
    server.change(&format!("/identity-providers/{LOCAL}"), json!({ "userLockoutThreshold": 2 })).await;
    server.person("Bobby").await;
    server.make("/local-users", least("/local-users", "passwordless")).await;
    for (name, field, value) in [("disabled", "disabled", json!(true)), ("blocked", "failedLoginAttempts", json!(100))]
    {
        let mut body = person(name);
        body[field] = value;
        server.make("/local-users", body).await;
    }
    let long = "x".repeat(3_000);
    for (provider, name, password, row) in [
        ("local", "bobby", PASSWORD, ["Bobby", "login", "LocalUser", "Bobby", "done", ""]),
        ("local", "BOBBY", "wrong", ["", "login", "LocalUser", "Bobby", "refused", "wrong password"]),
        ("local", "bobby", "wrong", ["", "login", "LocalUser", "Bobby", "refused", "wrong password, account locked"]),
        ("local", "bobby", PASSWORD, ["", "login", "LocalUser", "Bobby", "refused", "account locked"]),
        ("local", "disabled", PASSWORD, ["", "login", "LocalUser", "disabled", "refused", "account disabled"]),
        (
            "local",
            "blocked",
            PASSWORD,
            ["", "login", "LocalUser", "blocked", "refused", "account blocked after 100 failures"],
        ),
        (
            "local",
            "passwordless",
            "",
            ["", "login", "LocalUser", "passwordless", "refused", "account without password"],
        ),
        ("local", "nobody", PASSWORD, ["", "login", "LocalUser", "nobody", "refused", "unknown account"]),
        ("service", "nobody", PASSWORD, ["", "login", "ServiceUser", "nobody", "refused", "unknown account"]),
        ("ldap", "Bobby", PASSWORD, ["", "login", "", "Bobby", "refused", "unknown provider"]),
        ("local", &long, "x", ["", "login", "LocalUser", &long[..255], "refused", "unknown account"]),
    ] {
        let rows = written(&server, async { drop(server.login(provider, name, password).await) }).await;
        assert_eq!(rows.len(), 1, "{name}");
        assert_eq!(rows[0][..6], row);
    }
    let token = server.token_of("local", "admin", ADMIN_PASSWORD).await;
    let body = |old: &str| json!({ "oldPassword": old, "password": "an entirely new one" });
    let rows = written(&server, async {
        server.call("PUT", "/account/password").token(&token).json(body("wrong")).send().await.expect(403);
        server.call("POST", "/authentication/logout").token(&token).send().await.expect(204);
        server.put("/account/password", body(ADMIN_PASSWORD)).await.expect(204);
    });
    let rows = rows.await;
    let said: Vec<&[String]> = rows.iter().map(|row| &row[..6]).collect();
    assert_eq!(
        said,
        [
            ["", "change password", "LocalUser", "admin", "refused", "wrong password"],
            ["admin", "logout", "LocalUser", "admin", "done", ""],
            ["admin", "change password", "LocalUser", "admin", "done", ""],
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_recorded_or_logged() {
    let server = Server::start().await;
    let secrets =
        ["a first secret of ours", "a second secret of ours", "a third secret of ours", "a wrong secret of ours"];
    let mut tokens = vec![server.token.clone()];
    for (path, provider) in KINDS {
        let name = format!("keeper {provider}");
        let id = server.make(path, with(path, &name, json!({ "password": secrets[0] }))).await;
        let object = format!("{path}/{id}");
        server.put(&object, with(path, &name, json!({ "password": secrets[1] }))).await.expect(200);
        server.login(provider, &name, secrets[3]).await.expect(401);
        server.login(provider, "nobody", secrets[3]).await.expect(401);
        let token = server.token_of(provider, &name, secrets[1]).await;
        let change = json!({ "oldPassword": secrets[1], "password": secrets[2] });
        server.call("PUT", "/account/password").token(&token).json(change).send().await.expect(204);
        tokens.push(token);
        server.post(path, json!({ "name": 7, "password": secrets[0] })).await.expect(400);
        server.post(path, json!({ "password": secrets[0] })).await.expect(422);
        let read = server.get(&object).await.expect(200);
        assert!(read.json.get("password").is_none() && !read.json.to_string().contains("argon2"));
    }
    let rows = server.rows(&format!("SELECT {COLUMNS} FROM audit_log")).await;
    let (recorded, logged) = (format!("{rows:?}"), logged());
    assert!(recorded.contains("keeper service") && logged.contains("/account/password"), "both hold what happened");
    for secret in secrets.iter().copied().chain(tokens.iter().map(String::as_str)).chain(["$argon2id$"]) {
        assert!(!recorded.contains(secret), "recorded: {secret}");
        assert!(!logged.contains(secret), "logged: {secret}");
    }
}
