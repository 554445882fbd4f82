//! The two providers that are built in.

use serde_json::{Value, json};

use crate::harness::{LOCAL, PASSWORD, SERVICE, Server, person};

fn mapping(attribute: &str, claim: &str, list: bool) -> Value {
    json!({ "attributeName": attribute, "claimName": claim, "list": list, "encrypt": false })
}

fn local() -> Value {
    json!({
        "id": LOCAL,
        "name": "local",
        "notes": "",
        "tags": ["builtin"],
        "type": "LocalDatabase",
        "userLockoutThreshold": 5,
        "userLockoutDurationMinutes": 1,
        "minPasswordLength": 8,
        "claimMappings": [
            mapping("email", "emails", true),
            mapping("firstName", "firstName", false),
            mapping("id", "id", false),
            mapping("lastName", "lastName", false),
            mapping("phone", "phone", false),
            mapping("tags", "tags", true),
            mapping("username", "username", false)
        ],
        "userScripts": [],
        "dnsServers": [],
        "dnsSearchDomains": [],
        "deviceLimitPerUser": 100,
        "adminProvider": true,
        "inactivityTimeoutMinutes": 0,
        "networkInactivityTimeoutEnabled": false,
        "blockLocalDnsRequests": false,
        "onDemandClaimMappings": []
    })
}

fn service() -> Value {
    json!({
        "id": SERVICE,
        "name": "service",
        "notes": "",
        "tags": ["builtin"],
        "type": "ServiceDatabase",
        "userLockoutThreshold": 5,
        "userLockoutDurationMinutes": 1,
        "minPasswordLength": 8,
        "claimMappings": [
            mapping("id", "id", false),
            mapping("labels", "labels", false),
            mapping("tags", "tags", true),
            mapping("username", "username", false)
        ],
        "userScripts": [],
        "dnsServers": [],
        "dnsSearchDomains": [],
        "deviceLimitPerUser": 100
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_two_from_the_start() {
    let server = Server::start().await;
    let list = server.get("/identity-providers").await.expect(200);
    assert_eq!(list.names(), ["local", "service"]);
    assert_eq!(list.json["range"], "0-1/2");
    for (id, expected) in [(LOCAL, local()), (SERVICE, service())] {
        let one = server.get(&format!("/identity-providers/{id}")).await.expect(200);
        assert_eq!(one.timeless(), expected);
        assert!(list.json["data"].as_array().unwrap().contains(&one.json));
    }
    assert_eq!(server.get("/identity-providers?tags=builtin&name=OCA").await.names(), ["local"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn none_can_be_created_or_deleted() {
    let server = Server::start().await;
    let refused = server.post("/identity-providers", json!({ "name": "ldap", "type": "Ldap" })).await.expect(403);
    assert_eq!(refused.json["message"], "the providers local and service are built in; no others can be created");
    for (id, name) in [(LOCAL, "local"), (SERVICE, "service")] {
        let refused = server.delete(&format!("/identity-providers/{id}")).await.expect(403);
        assert_eq!(refused.json["message"], format!("the provider {name} is built in and cannot be deleted"));
    }
    server.delete("/identity-providers/4c07bc67-57ea-42dd-b702-c2d6c45419fc").await.expect(404);
    server.get("/identity-providers/4c07bc67-57ea-42dd-b702-c2d6c45419fc").await.expect(404);
    assert_eq!(server.get("/identity-providers").await.names(), ["local", "service"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn put_replaces_the_settings_and_absent_ones_return_to_their_default() {
    let server = Server::start().await;
    let path = format!("/identity-providers/{LOCAL}");
    let mut changed = local();
    let pool = "4c07bc67-57ea-42dd-b702-c2d6c45419fc";
    let script = server.make("/user-scripts", json!({ "name": "more", "expression": "return {};" })).await;
    let username = json!({ "attributeName": "username", "claimName": "username", "list": false, "encrypt": false });
    for (field, value) in [
        ("notes", json!("n")),
        ("tags", json!(["t"])),
        ("userLockoutThreshold", json!(100)),
        ("userLockoutDurationMinutes", json!(525_600)),
        ("minPasswordLength", json!(0)),
        ("claimMappings", json!([{ "attributeName": "a", "claimName": "b", "list": true, "encrypt": true }, username])),
        ("userScripts", json!([script])),
        ("ipPoolV4", json!(pool)),
        ("ipPoolV6", json!(pool)),
        ("dnsServers", json!(["10.0.0.1"])),
        ("dnsSearchDomains", json!(["example.com"])),
        ("deviceLimitPerUser", json!(7)),
        ("adminProvider", json!(false)),
        ("inactivityTimeoutMinutes", json!(30)),
        ("networkInactivityTimeoutEnabled", json!(true)),
        ("blockLocalDnsRequests", json!(true)),
        ("onBoarding2FA", json!({ "mfaProviderId": pool, "message": null, "claimSuffix": "x" })),
        ("onDemandClaimMappings", json!([{ "command": "fileSize", "parameters": { "path": "/usr/bin" } }])),
    ] {
        changed[field] = value;
    }
    assert_eq!(server.put(&path, changed.clone()).await.expect(200).timeless(), changed);
    assert_eq!(server.get(&path).await.timeless(), changed);
    let mut defaults = local();
    defaults["tags"] = json!([]);
    assert_eq!(
        server.put(&path, json!({ "name": "local", "claimMappings": null })).await.expect(200).timeless(),
        defaults
    );
    assert_eq!(server.get(&path).await.timeless(), defaults);
    let mut echoed = service();
    echoed["created"] = json!("2020-01-01T00:00:00Z");
    let path = format!("/identity-providers/{SERVICE}");
    assert_eq!(server.put(&path, echoed).await.expect(200).timeless(), service());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_named_by_its_path() {
    let server = Server::start().await;
    let path = format!("/identity-providers/{LOCAL}");
    assert_eq!(server.put(&path, json!({})).await.faults(), ["name"]);
    let body = json!({
        "id": SERVICE,
        "name": "other",
        "type": "ServiceDatabase",
        "userLockoutThreshold": 0,
        "userLockoutDurationMinutes": 525_601,
        "minPasswordLength": -1,
        "deviceLimitPerUser": 1.5,
        "notes": "\u{0}",
        "tags": [""],
        "claimMappings": [{ "claimName": "" }, {}],
        "userScripts": ["x"],
        "ipPoolV4": "x",
        "dnsServers": ["\u{202e}"]
    });
    let mut faults = server.put(&path, body).await.faults();
    faults.sort();
    let mut expected = [
        "id",
        "name",
        "type",
        "userLockoutThreshold",
        "userLockoutDurationMinutes",
        "minPasswordLength",
        "deviceLimitPerUser",
        "notes",
        "tags[0]",
        "claimMappings[0].attributeName",
        "claimMappings[0].claimName",
        "claimMappings[1].attributeName",
        "claimMappings[1].claimName",
        "userScripts[0]",
        "ipPoolV4",
        "dnsServers[0]",
    ];
    expected.sort_unstable();
    assert_eq!(faults, expected);
    for (field, value, status) in [
        ("userLockoutThreshold", json!(1), 200),
        ("userLockoutThreshold", json!(100.0), 200),
        ("userLockoutThreshold", json!(101), 422),
        ("userLockoutDurationMinutes", json!(0), 422),
        ("userLockoutDurationMinutes", json!("5"), 400),
    ] {
        let mut body = local();
        body[field] = value.clone();
        server.put(&path, body).await.expect(status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_passwords_are_as_long_as_their_provider_asks() {
    let server = Server::start().await;
    let long = |length: usize| json!({ "password": "zq7".repeat(99)[..length].to_owned() });
    server.change(&format!("/identity-providers/{SERVICE}"), json!({ "minPasswordLength": 20 })).await;
    for (path, shortest) in [("/local-users", 8), ("/service-users", 20)] {
        let body = |name: &str, length: usize| crate::accounts::with(path, name, long(length));
        assert_eq!(server.post(path, body("short", shortest - 1)).await.faults(), ["password"]);
        server.post(path, body("long", shortest)).await.expect(200);
    }
    for bad in ["password", "PORTREEVE", "carlotta", "Carlotta@Example.com", "\u{1F600}\u{1F600}\u{1F600}"] {
        let mut body = person("carlotta");
        body["email"] = json!("carlotta@example.com");
        body["password"] = json!(bad);
        assert_eq!(server.post("/local-users", body).await.faults(), ["password"], "{bad}");
    }
    server.person("carlotta").await;
    server.login("local", "carlotta", PASSWORD).await.expect(200);
}
