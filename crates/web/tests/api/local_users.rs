//! Local Users, as the user's own documents have them.

use serde_json::json;

use crate::{client::is_time, harness::Server};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_answered_as_it_was_sent() {
    let server = Server::start().await;
    let body = json!({
        "id": "4c07bc67-57ea-42dd-b702-c2d6c45419fc",
        "name": "object",
        "notes": "This object has been created for test purposes.",
        "tags": ["developer", "api-created"],
        "firstName": "Bobby",
        "lastName": "Tables",
        "password": "tSW3!QBv(rj{UuLY",
        "email": "bobby@tables.com",
        "phone": "+1-202-555-0172",
        "disabled": false,
        "failedLoginAttempts": 0.0,
        "lockStart": null
    });
    let made = server.post("/local-users", body).await.expect(200);
    let expected = json!({
        "id": "4c07bc67-57ea-42dd-b702-c2d6c45419fc",
        "name": "object",
        "notes": "This object has been created for test purposes.",
        "tags": ["developer", "api-created"],
        "firstName": "Bobby",
        "lastName": "Tables",
        "email": "bobby@tables.com",
        "phone": "+1-202-555-0172",
        "disabled": false,
        "failedLoginAttempts": 0,
        "lockStart": null
    });
    assert_eq!(made.timeless(), expected);
    assert!(String::from_utf8(made.bytes.clone()).unwrap().contains(r#""failedLoginAttempts":0,"#));
    let read = server.get("/local-users/4c07bc67-57ea-42dd-b702-c2d6c45419fc").await.expect(200);
    assert_eq!(read.bytes, made.bytes);
    let listed = server.get("/local-users?name=object").await.expect(200);
    assert_eq!(listed.json["data"], json!([made.json]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sent_has_its_default() {
    let server = Server::start().await;
    let body = json!({ "name": "bobby", "firstName": "Bobby", "lastName": "Tables" });
    let made = server.post("/local-users", body).await.expect(200);
    let expected = json!({
        "id": made.json["id"],
        "name": "bobby",
        "notes": "",
        "tags": [],
        "firstName": "Bobby",
        "lastName": "Tables",
        "disabled": false,
        "failedLoginAttempts": 0,
        "lockStart": null
    });
    assert_eq!(made.timeless(), expected);
    assert_eq!(made.json["created"], made.json["updated"]);
    assert!(is_time(made.json["created"].as_str().unwrap()));
    // Without a password there is no way in; with one there is.
    let id = made.json["id"].as_str().unwrap();
    server.login("local", "bobby", "").await.expect(401);
    server.change(&format!("/local-users/{id}"), json!({ "password": "tSW3!QBv(rj{UuLY" })).await;
    server.login("local", "bobby", "tSW3!QBv(rj{UuLY").await.expect(200);
}
