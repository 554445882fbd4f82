//! One's own password.

use serde_json::json;

use crate::harness::{LOCAL, PASSWORD, Server, person};

const NEW: &str = "a much better password";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_knows_the_old_password_may_set_a_new_one() {
    let server = Server::start().await;
    server.person("bobby").await;
    server.make("/service-users", json!({ "name": "deploy", "password": PASSWORD })).await;
    for (provider, name) in [("local", "bobby"), ("service", "deploy")] {
        let (token, other) =
            (server.token_of(provider, name, PASSWORD).await, server.token_of(provider, name, PASSWORD).await);
        let change = async |old: &str, new: &str| {
            let body = json!({ "oldPassword": old, "password": new });
            server.call("PUT", "/account/password").token(&token).json(body).send().await
        };
        change("wrong", NEW).await.expect(403);
        assert_eq!(change(PASSWORD, "short").await.faults(), ["password"]);
        server.login(provider, name, PASSWORD).await.expect(200);
        change(PASSWORD, NEW).await.expect(204);
        for token in [&token, &other] {
            server.call("GET", "/local-users").token(token).send().await.expect(401);
        }
        server.login(provider, name, PASSWORD).await.expect(401);
        server.login(provider, name, NEW).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_name_or_address_is_no_password() {
    let server = Server::start().await;
    let mut rosalind = person("rosalind.franklin");
    rosalind["email"] = json!("rosalind@example.com");
    server.make("/local-users", rosalind).await;
    server.make("/service-users", json!({ "name": "deployment-robot", "password": PASSWORD })).await;
    for (provider, name, own) in [
        ("local", "rosalind.franklin", &["rosalind.franklin", "Rosalind.FRANKLIN", "rosalind@example.com"][..]),
        ("service", "deployment-robot", &["deployment-robot", "Deployment-Robot"]),
    ] {
        let token = server.token_of(provider, name, PASSWORD).await;
        let change = async |new: &str| {
            let body = json!({ "oldPassword": PASSWORD, "password": new });
            server.call("PUT", "/account/password").token(&token).json(body).send().await
        };
        for own in own {
            assert_eq!(change(own).await.faults(), ["password"], "{own}");
        }
        change(&format!("{name}@example.com")).await.expect(204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_named_at_once() {
    let server = Server::start().await;
    for (body, faults) in [
        (json!({}), &["oldPassword", "password"][..]),
        (json!({ "password": NEW }), &["oldPassword"]),
        (json!({ "oldPassword": "x" }), &["password"]),
        (json!({ "oldPassword": null, "password": "short" }), &["oldPassword", "password"]),
    ] {
        assert_eq!(server.put("/account/password", body.clone()).await.faults(), faults, "{body}");
    }
    server.put("/account/password", json!([])).await.expect(400);
    server.call("PUT", "/account/password").anonymous().json(json!({})).send().await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_second_way_to_guess() {
    let server = Server::start().await;
    server.change(&format!("/identity-providers/{LOCAL}"), json!({ "userLockoutThreshold": 3 })).await;
    let id = server.person("bobby").await;
    let token = server.token_of("local", "bobby", PASSWORD).await;
    let change = async |old: &str| {
        let body = json!({ "oldPassword": old, "password": NEW });
        server.call("PUT", "/account/password").token(&token).json(body).send().await
    };
    server.login("local", "bobby", "wrong").await.expect(401);
    let wrong = change("wrong").await.expect(403);
    change("wrong").await.expect(403);
    let bobby = server.get(&format!("/local-users/{id}")).await.json;
    assert_eq!(bobby["failedLoginAttempts"], 3);
    assert!(bobby["lockStart"].is_string());
    let compared = server.compared();
    assert_eq!(change(PASSWORD).await.expect(403).bytes, wrong.bytes, "it does not say that the account is locked");
    server.login("local", "bobby", PASSWORD).await.expect(401);
    assert_eq!(server.compared(), compared, "a locked account's password is not compared");
    server.change(&format!("/local-users/{id}"), json!({ "failedLoginAttempts": 0, "lockStart": null })).await;
    change(PASSWORD).await.expect(204);
    server.login("local", "bobby", NEW).await.expect(200);
}
