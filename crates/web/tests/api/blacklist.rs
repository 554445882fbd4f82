//! The blacklist: who is on it, and that whoever is on it is out.

use portreeve_directory::time::Clock;
use serde_json::{Value, json};

use crate::{
    client::is_time,
    harness::{ADMIN_PASSWORD, PASSWORD, Server, person},
};

fn entry(dn: &str) -> Value {
    json!({ "userDistinguishedName": dn, "reason": "lost its phone" })
}

/// Whether it is anybody's token.
async fn good(server: &Server, token: &str) -> bool {
    match server.call("GET", "/local-users?range=0-0").token(token).send().await.status {
        200 | 403 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

/// As a path has it.
pub fn escaped(dn: &str) -> String {
    dn.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_listed_and_taken_off_by_its_distinguished_name() {
    let server = Server::start().await;
    let made = server.post("/blacklist", entry("cn=Doe\\, John, ou=local")).await.expect(200);
    assert!(is_time(made.json["blacklistedAt"].as_str().unwrap()));
    let mut expected = entry("CN=Doe\\, John,OU=local");
    expected["username"] = json!("Doe, John");
    expected["providerName"] = json!("local");
    expected["blacklistedAt"] = made.json["blacklistedAt"].clone();
    assert_eq!(made.json, expected);

    for spelling in ["CN=Doe\\, John,OU=local", "cn=DOE\\2C JOHN,ou=local"] {
        let read = server.get(&format!("/blacklist/{}", escaped(spelling))).await.expect(200);
        assert_eq!((read.bytes, read.headers.get("etag")), (made.bytes.clone(), made.headers.get("etag")));
        server.post("/blacklist", entry(spelling)).await.expect(409);
    }
    // A name is one of its provider: the same of the other is another.
    server.post("/blacklist", json!({ "userDistinguishedName": "CN=Doe\\, John,OU=service" })).await.expect(200);
    let object = format!("/blacklist/{}", escaped("CN=doe\\, john,OU=local"));
    server.call("DELETE", &object).header("if-match", "\"1\"").send().await.expect(412);
    server.delete(&object).await.expect(204);
    server.get(&object).await.expect(404);
    server.delete(&object).await.expect(404);
    let left = server.get("/blacklist").await.expect(200);
    assert_eq!(left.json["data"][0]["providerName"], "service");
    assert_eq!(left.json["data"][0]["reason"], "");
    assert_eq!(left.json["totalCount"], 1);
    // Listed again, it is another entry.
    let again = server.post("/blacklist", entry("CN=Doe\\, John,OU=local")).await.expect(200);
    assert_ne!(again.header("etag"), made.header("etag"));
}

#[tokio::test(flavor = "multi_thread")]
async fn awkward_names_come_back_in_paths_as_they_are() {
    let server = Server::start().await;
    for name in ["a/b", "a,b", "a\\b", "\"a\"", "#a", "a+b=c;d<e>f", "a%2Fb", "caf\u{e9}", "字 🦀", "x'; DROP TABLE--"]
    {
        server.make("/local-users", person(name)).await;
        let dn: String = name.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let made = server.post("/blacklist", entry(&format!("CN={dn},OU=local"))).await.expect(200);
        assert_eq!(made.json["username"], name);
        let object = format!("/blacklist/{}", escaped(made.json["userDistinguishedName"].as_str().unwrap()));
        assert_eq!(server.get(&object).await.expect(200).json, made.json);
        server.login("local", name, PASSWORD).await.expect(401);
        server.delete(&object).await.expect(204);
        server.login("local", name, PASSWORD).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_distinguished_name_is_refused() {
    let server = Server::start().await;
    let long = format!("CN={},OU=local", "x".repeat(256));
    for dn in
        ["", "bobby", "CN=bobby", "CN=bobby,OU=ldap", "CN=,OU=local", "CN=a\\00b,OU=local", "CN=\\ a,OU=local", &long]
    {
        assert_eq!(server.post("/blacklist", entry(dn)).await.faults(), ["userDistinguishedName"], "{dn}");
    }
    assert_eq!(
        server.post("/blacklist", json!({ "reason": "a\u{7}" })).await.faults(),
        ["userDistinguishedName", "reason"]
    );
    let null = server.post("/blacklist", json!({})).await;
    assert_eq!(null.json["errors"], json!([{ "field": "userDistinguishedName", "message": "may not be null" }]));
    server.post("/blacklist", json!({ "userDistinguishedName": 7 })).await.expect(400);
    for path in ["bobby", "CN=bobby", "CN=bobby,OU=ldap", "%ff", "CN=a%00b,OU=local"] {
        server.get(&format!("/blacklist/{path}")).await.expect(400);
        server.delete(&format!("/blacklist/{path}")).await.expect(400);
    }
    server.get("/blacklist/CN=bobby,OU=local").await.expect(404);
    server.put("/blacklist/CN=bobby,OU=local", entry("CN=bobby,OU=local")).await.expect(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_listed_is_out_at_once_on_every_node() {
    let server = Server::start().await;
    let other = if server.place().is_postgres() { Some(server.another(Clock::system()).await) } else { None };
    let nodes = || [Some(&server), other.as_ref()].into_iter().flatten();
    for (path, provider) in crate::accounts::KINDS {
        let body = crate::accounts::with(path, "Bobby", json!({ "password": PASSWORD }));
        server.make(path, body).await;
        let mut tokens = Vec::new();
        for node in nodes() {
            tokens.push(node.token_of(provider, "bobby", PASSWORD).await);
        }
        let unknown = server.login(provider, "nobody", PASSWORD).await.expect(401);
        let dn = format!("CN=BOBBY,OU={provider}");
        server.post("/blacklist", entry(&dn)).await.expect(200);
        for node in nodes() {
            for token in &tokens {
                assert!(!good(node, token).await);
            }
            let compared = node.compared();
            let refused = node.login(provider, "bobby", PASSWORD).await.expect(401);
            assert_eq!(refused.bytes, unknown.bytes);
            assert_eq!(node.compared(), compared, "the password is not even compared");
            assert!(good(node, &server.token).await, "others are not concerned");
        }
        let rows =
            server.rows("SELECT reason FROM audit_log WHERE act = 'login' ORDER BY at DESC, id DESC LIMIT 1").await;
        assert_eq!(rows, [["account blacklisted"]]);
        server.delete(&format!("/blacklist/{}", escaped(&dn))).await.expect(204);
        for node in nodes() {
            for token in &tokens {
                assert!(!good(node, token).await, "what has ended stays so");
            }
            node.token_of(provider, "bobby", PASSWORD).await;
        }
    }
    assert_eq!(server.rows("SELECT source FROM sessions WHERE expires > 0").await.len(), nodes().count() * 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_name_is_no_good_to_whoever_gets_it_later() {
    let server = Server::start().await;
    server.post("/blacklist", entry("CN=Mallory,OU=local")).await.expect(200);
    server.person("mallory").await;
    server.login("local", "mallory", PASSWORD).await.expect(401);
    server.login("local", "MALLORY", PASSWORD).await.expect(401);
    server.make("/service-users", json!({ "name": "mallory", "password": PASSWORD })).await;
    server.login("service", "mallory", PASSWORD).await.expect(200);
    server.post("/blacklist", entry("CN=trudy,OU=local")).await.expect(200);
    let id = server.person("bobby").await;
    let token = server.token_of("local", "bobby", PASSWORD).await;
    let object = format!("/local-users/{id}");
    server.change(&object, json!({ "name": "Trudy" })).await;
    assert!(!good(&server, &token).await);
    server.login("local", "trudy", PASSWORD).await.expect(401);
    server.change(&object, json!({ "name": "bobby" })).await;
    server.login("local", "bobby", PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_is_not_listed() {
    let server = Server::start().await;
    for dn in ["CN=admin,OU=local", "cn=ADMIN,ou=local"] {
        let refused = server.post("/blacklist", entry(dn)).await.expect(409);
        assert!(refused.json["message"].as_str().unwrap().contains("All on All"), "{}", refused.json);
    }
    server.post("/blacklist", entry("CN=admin,OU=service")).await.expect(200);
    assert!(good(&server, &server.token).await);
    server.login("local", "admin", ADMIN_PASSWORD).await.expect(200);
    assert_eq!(server.get("/blacklist").await.json["totalCount"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_searched_ordered_and_filtered() {
    let server = Server::start().await;
    for (dn, reason) in [
        ("CN=bobby,OU=local", "Phone\nlost"),
        ("CN=Alice,OU=local", "left"),
        ("CN=deploy,OU=service", "key lost"),
        ("CN=local,OU=service", ""),
    ] {
        server.post("/blacklist", json!({ "userDistinguishedName": dn, "reason": reason })).await.expect(200);
    }
    let names = async |parameters: &str| {
        let list = server.get(&format!("/blacklist?{parameters}")).await.expect(200);
        let names = list.json["data"].as_array().unwrap().iter();
        names.map(|entry| entry["username"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["Alice", "bobby", "deploy", "local"]);
    assert_eq!(names("orderBy=blacklistedAt&descending=true").await, ["local", "deploy", "Alice", "bobby"]);
    assert_eq!(names("orderBy=reason").await, ["local", "deploy", "Alice", "bobby"]);
    assert_eq!(names("orderBy=providerName").await.len(), 4);
    assert_eq!(names("query=LOST").await, ["bobby", "deploy"]);
    assert_eq!(names("query=ou=service").await, ["deploy", "local"]);
    assert_eq!(names("query=lost&query=phone").await, ["bobby"]);
    assert_eq!(names("username=LI").await, ["Alice"]);
    assert_eq!(names("providerName=local").await, ["Alice", "bobby"]);
    assert_eq!(names("filterBy[reason]=key").await, ["deploy"]);
    assert_eq!(names("range=1-2").await, ["bobby", "deploy"]);
    for (parameters, field) in [
        ("orderBy=id", "orderBy"),
        ("orderBy=name", "orderBy"),
        ("name=x", "name"),
        ("blacklistedAt=1", "blacklistedAt"),
    ] {
        assert_eq!(server.get(&format!("/blacklist?{parameters}")).await.faults(), [field]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_may_list_and_what_they_do_is_recorded() {
    let server = Server::start().await;
    server.person("bobby").await;
    let token = server.token_of("local", "bobby", PASSWORD).await;
    server.post("/blacklist", entry("CN=mallory,OU=local")).await.expect(200);
    for (method, path) in [
        ("GET", "/blacklist"),
        ("POST", "/blacklist"),
        ("GET", "/blacklist/CN=mallory,OU=local"),
        ("DELETE", "/blacklist/CN=mallory,OU=local"),
    ] {
        let refused = server.call(method, path).token(&token).json(entry("CN=admin,OU=local")).send().await.expect(403);
        assert!(refused.json["message"].as_str().unwrap().contains("on Blacklist"), "{}", refused.json);
    }
    server.delete("/blacklist/CN=Mallory,OU=local").await.expect(204);
    let sql = "SELECT act, object_name, outcome, changes FROM audit_log WHERE object_kind = 'Blacklist' ORDER BY id";
    let rows = server.rows(sql).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0][..3], ["create", "CN=mallory,OU=local", "done"]);
    assert_eq!(rows[1][..3], ["delete", "CN=mallory,OU=local", "done"]);
    let changes: Value = serde_json::from_str(&rows[0][3]).unwrap();
    assert_eq!(changes["reason"], json!({ "before": null, "after": "lost its phone" }));
}
