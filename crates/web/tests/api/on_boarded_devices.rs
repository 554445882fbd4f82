//! Devices from which accounts have logged in.

use portreeve_directory::time::Clock;
use serde_json::{Value, json};

use crate::{
    client::{Answer, is_time},
    harness::{DEVICE, PASSWORD, Server, credentials},
};

/// Other devices than the one that every test logs in from.
pub const PHONE: &str = "877b2d88-7c20-48e4-b2e8-daae6bb4c077";
pub const TABLET: &str = "00112233-4455-6677-8899-aabbccddeeff";

/// Logs a person with [`PASSWORD`] in from a device and gives the token.
pub async fn token_from(server: &Server, name: &str, device: &str) -> String {
    let mut body = credentials("local", name, PASSWORD);
    body["deviceId"] = json!(device);
    let answer = server.call("POST", "/login").anonymous().json(body).send().await.expect(200);
    answer.json["token"].as_str().unwrap().to_owned()
}

/// Whether it is anybody's token.
pub async fn good(server: &Server, token: &str) -> bool {
    match server.call("GET", "/local-users?range=0-0").token(token).send().await.status {
        200 | 403 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

/// Of a device of a person.
pub fn dn(device: &str, name: &str) -> String {
    format!("CN={},CN={name},OU=local", device.replace('-', ""))
}

/// As a path has it.
pub fn object(dn: &str) -> String {
    dn.bytes().fold("/on-boarded-devices/".to_owned(), |path, byte| format!("{path}%{byte:02X}"))
}

/// The distinguished names in a list.
pub fn names(answer: &Answer) -> Vec<&str> {
    let data = answer.json["data"].as_array().unwrap().iter();
    data.map(|device| device["distinguishedName"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_makes_its_device_known() {
    let server = Server::start().await;
    let id = server.person("Bobby").await;
    let body = credentials("local", "bobby", "wrong");
    server.call("POST", "/login").anonymous().json(body).send().await.expect(401);
    assert_eq!(server.get("/on-boarded-devices").await.json["totalCount"], 1, "a refused login makes none known");
    token_from(&server, "bobby", PHONE).await;
    let first = server.get(&object(&dn(PHONE, "BOBBY"))).await.expect(200);
    let times = ["onBoardedAt", "lastSeenAt"].map(|field| first.json[field].as_str().unwrap());
    assert!(is_time(times[0]) && times[0] == times[1]);
    assert_eq!(
        first.json,
        json!({
            "distinguishedName": dn(PHONE, "Bobby"), "deviceId": PHONE, "username": "Bobby", "providerName": "local",
            "device_type": "Unknown", "hostname": "", "onBoardedAt": times[0], "lastSeenAt": times[1],
        })
    );
    token_from(&server, "bobby", TABLET).await;
    token_from(&server, "bobby", PHONE).await;
    let again = server.get(&object(&dn(PHONE, "Bobby"))).await.expect(200);
    assert_eq!(again.json["onBoardedAt"], times[0]);
    assert!(again.json["lastSeenAt"].as_str().unwrap() > times[1]);
    assert_ne!(again.header("etag"), first.header("etag"));
    let list = server.get("/on-boarded-devices").await.expect(200);
    assert_eq!(names(&list), [dn(PHONE, "Bobby"), dn(TABLET, "Bobby"), dn(DEVICE, "admin")]);
    assert_eq!((&list.json["orderBy"], &list.json["descending"]), (&json!("lastSeenAt"), &json!(true)));

    // It goes by the account's name, and with the account.
    server.change(&format!("/local-users/{id}"), json!({ "name": "Robert" })).await;
    server.get(&object(&dn(PHONE, "Bobby"))).await.expect(404);
    assert_eq!(server.get(&object(&dn(PHONE, "Robert"))).await.expect(200).json["username"], "Robert");
    server.delete(&format!("/local-users/{id}")).await.expect(204);
    assert_eq!(names(&server.get("/on-boarded-devices").await), [dn(DEVICE, "admin")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_deleted_is_out_at_once_on_every_node() {
    let server = Server::start().await;
    let other = if server.place().is_postgres() { Some(server.another(Clock::system()).await) } else { None };
    let nodes = || [Some(&server), other.as_ref()].into_iter().flatten();
    server.person("bobby").await;
    let mut phones = Vec::new();
    for node in nodes() {
        phones.push(token_from(node, "bobby", PHONE).await);
        phones.push(token_from(node, "bobby", PHONE).await);
    }
    let tablet = token_from(&server, "bobby", TABLET).await;
    server.person("carol").await;
    let carol = token_from(&server, "carol", PHONE).await;
    let path = object(&dn(PHONE, "bobby"));
    let first = server.get(&path).await.expect(200).json;
    server.delete(&path).await.expect(204);
    for node in nodes() {
        for token in &phones {
            assert!(!good(node, token).await);
        }
        for token in [&tablet, &carol, &server.token] {
            assert!(good(node, token).await, "other devices and other accounts are not concerned");
        }
    }
    server.get(&path).await.expect(404);
    server.delete(&path).await.expect(404);
    let again = token_from(&server, "bobby", PHONE).await;
    assert!(good(&server, &again).await);
    assert_ne!(server.get(&path).await.expect(200).json["onBoardedAt"], first["onBoardedAt"]);
    let rows =
        server.rows("SELECT actor, act, object_name, outcome FROM audit_log WHERE object_kind = 'RegisteredDevice'");
    assert_eq!(rows.await, [["admin", "delete", &dn(PHONE, "bobby"), "done"]]);
    for wrong in ["x", "CN=bobby,OU=local", "CN=877b2d88-7c20-48e4-b2e8-daae6bb4c077,CN=bobby,OU=local", "%ff"] {
        server.get(&format!("/on-boarded-devices/{wrong}")).await.expect(400);
        server.delete(&format!("/on-boarded-devices/{wrong}")).await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_searched_ordered_and_filtered() {
    let server = Server::start().await;
    server.execute("DELETE FROM devices").await;
    for (name, device) in [("Bobby", PHONE), ("alice", TABLET), ("carol", DEVICE)] {
        server.person(name).await;
        token_from(&server, name, device).await;
    }
    server.make("/service-users", json!({ "name": "alice", "password": PASSWORD })).await;
    server.token_of("service", "alice", PASSWORD).await;
    let users = async |parameters: &str| {
        let list = server.get(&format!("/on-boarded-devices?{parameters}")).await.expect(200);
        let data = list.json["data"].as_array().unwrap().iter();
        let user = |device: &Value| {
            let text = |field: &str| device[field].as_str().unwrap().to_owned();
            format!("{}/{}", text("providerName"), text("username"))
        };
        data.map(user).collect::<Vec<_>>()
    };
    let (alice, bobby, carol, machine) = ("local/alice", "local/Bobby", "local/carol", "service/alice");
    assert_eq!(users("orderBy=lastSeenAt").await, [bobby, alice, carol, machine]);
    assert_eq!(users("orderBy=onBoardedAt&descending=true&range=1-2").await, [carol, alice]);
    assert_eq!(users("orderBy=deviceId&range=0-0").await, [alice]);
    assert_eq!(users("orderBy=distinguishedName").await, [alice, machine, carol, bobby]);
    assert_eq!(users("orderBy=username").await[2..], [bobby, carol]);
    assert_eq!(users("orderBy=providerName").await[3], machine);
    assert_eq!(users("orderBy=hostname").await.len(), 4);
    assert_eq!(users("query=ALICE&orderBy=providerName").await, [alice, machine]);
    assert_eq!(users("query=877B2D88-7c20").await, [bobby]);
    assert_eq!(users("query=877b2d887c20").await, [bobby]);
    assert_eq!(users("username=ar").await, [carol]);
    assert_eq!(users("providerName=service").await, [machine]);
    assert_eq!(users("deviceId=7c20-48e4").await, [bobby]);
    assert_eq!(users("distinguishedName=,CN=BOBBY,ou=").await, [bobby]);
    assert!(users("hostname=x").await.is_empty());
    for (parameters, field) in [("orderBy=name", "orderBy"), ("lastSeenAt=1", "lastSeenAt"), ("id=x", "id")] {
        assert_eq!(server.get(&format!("/on-boarded-devices?{parameters}")).await.faults(), [field]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_may() {
    let server = Server::start().await;
    server.person("bobby").await;
    let token = token_from(&server, "bobby", PHONE).await;
    let path = object(&dn(PHONE, "bobby"));
    for (method, path, needed) in [
        ("GET", "/on-boarded-devices", "View on RegisteredDevice"),
        ("GET", &path, "View on RegisteredDevice"),
        ("DELETE", &path, "Delete on RegisteredDevice"),
        ("POST", "/on-boarded-devices/revoke-tokens", "Delete on RegisteredDevice"),
    ] {
        let refused = server.call(method, path).token(&token).json(json!({})).send().await.expect(403);
        assert!(refused.json["message"].as_str().unwrap().contains(needed), "{}", refused.json);
    }
    assert!(good(&server, &token).await);
}
