//! What holds for both kinds of account.

use serde_json::{Value, json};

use crate::harness::{ADMIN_PASSWORD, PASSWORD, Server};

/// A kind of account: its path, its provider, and the least that one of it may be created with.
pub const KINDS: [(&str, &str); 2] = [("/local-users", "local"), ("/service-users", "service")];

/// The least that an account may be created with.
pub fn least(path: &str, name: &str) -> Value {
    match path {
        "/local-users" => json!({ "name": name, "firstName": "Bobby", "lastName": "Tables" }),
        _ => json!({ "name": name }),
    }
}

/// As much as there must be, and these fields besides.
pub fn with(path: &str, name: &str, fields: Value) -> Value {
    let mut body = least(path, name);
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_read_changed_and_deleted_by_its_id() {
    let server = Server::start().await;
    for (path, _) in KINDS {
        let id = server.make(path, least(path, "one")).await;
        let object = format!("{path}/{id}");
        let made = server.get(&object).await.expect(200);
        let changed = server.put(&object, with(path, "two", json!({ "id": id, "notes": "n" }))).await.expect(200);
        assert_eq!((&changed.json["name"], &changed.json["notes"]), (&json!("two"), &json!("n")));
        assert_eq!(changed.json["created"], made.json["created"]);
        assert!(changed.json["updated"].as_str() > made.json["updated"].as_str());
        assert_eq!(server.get(&object).await.expect(200).json, changed.json);
        let upper = format!("{path}/{}", id.to_uppercase());
        assert_eq!(server.get(&upper).await.expect(200).json, changed.json);
        assert_eq!(server.get(&format!("/admin{object}")).await.expect(200).bytes, changed.bytes);

        server.delete(&object).await.expect(204);
        server.get(&object).await.expect(404);
        server.put(&object, least(path, "two")).await.expect(404);
        server.delete(&object).await.expect(404);
        // Its name is free again, and so is its id.
        server.post(path, with(path, "two", json!({ "id": id }))).await.expect(200);
    }
    // An object of one kind is not one of the other.
    let id = server.person("somebody").await;
    server.get(&format!("/service-users/{id}")).await.expect(404);
    server.delete(&format!("/service-users/{id}")).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_may_choose_the_id_and_no_other_object_may_have_it() {
    let server = Server::start().await;
    let id = "0000bc67-57ea-42dd-b702-c2d6c4541900";
    let made = server.post("/local-users", with("/local-users", "one", json!({ "id": id }))).await.expect(200);
    assert_eq!(made.json["id"], id);
    for (path, _) in KINDS {
        server.post(path, with(path, "two", json!({ "id": id }))).await.expect(409);
        server.get(&format!("{path}/not-a-uuid")).await.expect(400);
        server.get(&format!("{path}/{}", id.replace('-', ""))).await.expect(400);
        server.get(&format!("{path}/%00")).await.expect(400);
        server.get(&format!("{path}/%ff")).await.expect(400);
    }
    let other = with("/local-users", "one", json!({ "id": "1111bc67-57ea-42dd-b702-c2d6c4541900" }));
    assert_eq!(server.put(&format!("/local-users/{id}"), other).await.faults(), ["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_on_post_and_on_put() {
    let server = Server::start().await;
    for (path, _) in KINDS {
        let one = server.make(path, least(path, "one")).await;
        let two = server.make(path, least(path, "two")).await;
        server.post(path, least(path, "one")).await.expect(409);
        server.put(&format!("{path}/{two}"), least(path, "one")).await.expect(409);
        assert_eq!(server.get(&format!("{path}/{two}")).await.json["name"], "two");
        // Its own name is no clash, in any spelling.
        assert_eq!(server.put(&format!("{path}/{one}"), least(path, "ONE")).await.expect(200).json["name"], "ONE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn put_replaces_all_but_password_and_lock() {
    let server = Server::start().await;
    for (path, provider) in KINDS {
        let fields = json!({ "notes": "n", "tags": ["t"], "disabled": true, "password": PASSWORD,
            "failedLoginAttempts": 3, "lockStart": "2020-01-02T03:04:05+01:00", "email": "e", "phone": "p",
            "labels": { "k": "v" } });
        let id = server.make(path, with(path, "worker", fields)).await;
        let object = format!("{path}/{id}");
        let after = server.put(&object, least(path, "worker")).await.expect(200);
        let mut expected = least(path, "worker");
        expected["id"] = json!(id);
        expected["notes"] = json!("");
        expected["tags"] = json!([]);
        expected["disabled"] = json!(false);
        expected["failedLoginAttempts"] = json!(3);
        expected["lockStart"] = json!("2020-01-02T02:04:05.000000Z");
        if path == "/service-users" {
            expected["labels"] = json!({});
        }
        assert_eq!(after.timeless(), expected);
        assert_eq!(server.get(&object).await.json, after.json);
        server.login(provider, "worker", PASSWORD).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_can_be_put_back() {
    let server = Server::start().await;
    for (path, _) in KINDS {
        let fields = json!({ "notes": "line one\nline two", "tags": ["b", "a"], "email": "e@example.com",
            "failedLoginAttempts": 30, "lockStart": "2020-08-20T10:00:00.123456Z", "labels": { "b": "1", "a": "" } });
        let id = server.make(path, with(path, "worker", fields)).await;
        let object = format!("{path}/{id}");
        let mut read = server.get(&object).await.expect(200).json;
        let unchanged = server.put(&object, read.clone()).await.expect(200);
        read["updated"] = unchanged.json["updated"].clone();
        assert_eq!(unchanged.json, read);
        assert_eq!(server.get(&object).await.json, read);
        // Fields of a newer server, and those that only the server sets, are ignored.
        read["created"] = json!("2001-01-01T00:00:00Z");
        read["updated"] = json!(7);
        read["passwordNeverExpires"] = json!({ "deep": [1] });
        let again = server.put(&object, read).await.expect(200);
        assert_eq!(again.json["created"], unchanged.json["created"]);
        assert_eq!(again.json.get("passwordNeverExpires"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn null_and_empty_are_as_good_as_absent() {
    let server = Server::start().await;
    for (path, _) in KINDS {
        let nulls = json!({ "id": null, "notes": null, "tags": null, "email": null, "phone": null, "labels": null,
            "password": null, "disabled": null, "failedLoginAttempts": null, "lockStart": null });
        let absent = server.post(path, least(path, "one")).await.expect(200);
        let null = server.post(path, with(path, "two", nulls)).await.expect(200);
        let empty = with(path, "three", json!({ "notes": "", "email": "", "phone": "" }));
        let empty = server.post(path, empty).await.expect(200);
        for other in [null, empty] {
            let (mut one, mut other) = (absent.timeless(), other.timeless());
            for object in [&mut one, &mut other] {
                object["id"].take();
                object["name"].take();
            }
            assert_eq!(one, other);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_always_an_administrator() {
    let server = Server::start().await;
    let admin = server.get("/local-users?name=admin").await.json["data"][0].clone();
    let object = format!("/local-users/{}", admin["id"].as_str().unwrap());
    server.delete(&object).await.expect(409);
    for (field, value) in [("disabled", json!(true)), ("name", json!("root"))] {
        let mut changed = admin.clone();
        changed[field] = value;
        server.put(&object, changed).await.expect(409);
    }
    server.login("local", "admin", ADMIN_PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_are_one_directory() {
    if std::env::var("TEST_DATABASE_URL").is_err() {
        return;
    }
    let nodes = Server::start_many(6).await;
    let (one, other) = (&nodes[0], &nodes[5]);
    let id = one.person("bobby").await;
    assert_eq!(other.get("/local-users").await.names(), ["admin", "bobby"]);
    assert_eq!(other.get("/identity-providers").await.names(), ["local", "service"]);
    other.call("DELETE", &format!("/local-users/{id}")).token(&one.token).send().await.expect(204);
    one.get(&format!("/local-users/{id}")).await.expect(404);
    other.post("/service-users", json!({ "name": "deploy" })).await.expect(200);
    one.post("/service-users", json!({ "name": "DEPLOY" })).await.expect(409);
}
