//! Service Users, as the user's own documents have them.

use serde_json::json;

use crate::harness::{PASSWORD, Server};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_answered_as_it_was_sent() {
    let server = Server::start().await;
    let body = json!({
        "name": "deploy",
        "labels": { "team": "shop", "stage": "production", "empty": "" },
        "password": PASSWORD,
        "failedLoginAttempts": 30,
        "lockStart": "2020-08-20T12:00:00+02:00"
    });
    let made = server.post("/service-users", body).await.expect(200);
    let expected = json!({
        "id": made.json["id"],
        "name": "deploy",
        "notes": "",
        "tags": [],
        "labels": { "team": "shop", "stage": "production", "empty": "" },
        "disabled": false,
        "failedLoginAttempts": 30,
        "lockStart": "2020-08-20T10:00:00.000000Z"
    });
    assert_eq!(made.timeless(), expected);
    let read = server.get(&format!("/service-users/{}", made.json["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(read.bytes, made.bytes);
    // A good login ends the lock, and then there is no key at all.
    server.login("service", "deploy", PASSWORD).await.expect(200);
    let data = server.get("/service-users").await.json["data"][0].clone();
    assert_eq!((data.get("lockStart"), &data["failedLoginAttempts"]), (None, &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sent_has_its_default() {
    let server = Server::start().await;
    for labels in [json!({ "name": "a" }), json!({ "name": "b", "labels": null })] {
        let name = labels["name"].clone();
        let made = server.post("/service-users", labels).await.expect(200);
        let expected = json!({
            "id": made.json["id"],
            "name": name,
            "notes": "",
            "tags": [],
            "labels": {},
            "disabled": false,
            "failedLoginAttempts": 0
        });
        assert_eq!(made.timeless(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_machines_do_not_share_names() {
    let server = Server::start().await;
    server.person("twin").await;
    server.make("/service-users", json!({ "name": "twin", "password": "another one entirely" })).await;
    server.login("local", "twin", PASSWORD).await.expect(200);
    server.login("service", "twin", PASSWORD).await.expect(401);
    server.login("service", "twin", "another one entirely").await.expect(200);
    // A machine that is called like the administrator is none.
    server.make("/service-users", json!({ "name": "admin", "password": PASSWORD })).await;
    let token = server.token_of("service", "admin", PASSWORD).await;
    server.call("POST", "/local-users").token(&token).json(json!({})).send().await.expect(403);
}
