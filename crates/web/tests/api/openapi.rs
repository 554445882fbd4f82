//! The document is the one that the code makes, it is sound, and it says the truth.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{PASSWORD, Server};

fn document() -> Value {
    serde_json::from_str(portreeve_web::openapi::DOCUMENT).unwrap()
}

/// Method, path and operation of everything there is.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    all
}

#[test]
fn the_committed_document_is_the_one_that_the_code_makes() {
    let made = serde_json::to_value(portreeve_web::router::describe()).unwrap();
    assert!(document() == made, "openapi.json is old: run `cargo run -- openapi > openapi.json`");
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
        assert!(target.is_some_and(Value::is_object), "{reference}");
    }
}

#[test]
fn every_operation_is_described_and_named_once() {
    let document = document();
    let operations = operations(&document);
    let mut ids = BTreeSet::new();
    for (method, path, operation) in &operations {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} is there twice");
        assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path}");
        let in_path = operation["parameters"].as_array().into_iter().flatten().any(|p| p["in"] == "path");
        assert_eq!(in_path, path.contains('{'), "{method} {path}");
        if operation["security"].is_array() {
            assert_eq!(operation["security"], json!([{ "bearer": [] }]), "{method} {path}");
            assert!(operation["responses"]["401"].is_object(), "{method} {path}");
        }
    }
    let open: Vec<&str> =
        operations.iter().filter(|(_, _, o)| o["security"].is_null()).map(|(_, path, _)| path.as_str()).collect();
    let mut expected = ["/authentication", "/identity-providers/names", "/login", "/version"];
    expected.sort_unstable();
    let mut open = open;
    open.sort_unstable();
    assert_eq!(open, expected, "nothing else may be done without a token");
}

/// What any account may do with its own session and password.
const FOR_ANY_ACCOUNT: [&str; 3] = ["/account/password", "/authentication/logout", "/authorization"];

/// A path with something in the place of each parameter.
fn filled(path: &str, id: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { id.to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[test]
fn every_operation_names_the_privilege_that_it_needs() {
    for (method, path, operation) in operations(&document()) {
        let privilege = &operation["x-privilege"];
        let needs_none = operation["security"].is_null() || FOR_ANY_ACCOUNT.contains(&path.as_str());
        assert_eq!(privilege.is_object(), !needs_none, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_refuses_strangers_and_those_who_may_not() {
    let server = Server::start().await;
    let bobby = server.person("bobby").await;
    let token = server.token_of("local", "bobby", PASSWORD).await;
    let document = document();
    for (method, path, operation) in operations(&document) {
        for (prefix, id) in [("", bobby.as_str()), ("/admin", bobby.as_str()), ("", "x")] {
            let path = format!("{prefix}{}", filled(&path, id));
            let v5 = server.call(&method, &path).accept("application/vnd.appgate.peer-v5+json");
            v5.send().await.expect(406);
            if operation["security"].is_array() {
                server.call(&method, &path).anonymous().send().await.expect(401);
                let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
                server.call(&method, &path).token(other).send().await.expect(401);
            }
            let privilege = &operation["x-privilege"];
            if privilege.is_object() {
                let refused = server.call(&method, &path).token(&token).send().await.expect(403);
                for part in ["type", "target"] {
                    let message = refused.json["message"].as_str().unwrap();
                    assert!(message.contains(privilege[part].as_str().unwrap()), "{message}");
                }
            }
        }
    }
    server.get(&format!("/local-users/{bobby}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_privilege_that_an_operation_names_opens_it_and_its_neighbours_do_not() {
    let server = Server::start().await;
    let document = document();
    let privileged = operations(&document).into_iter().filter(|(_, _, operation)| operation["x-privilege"].is_object());
    let privileged: Vec<_> = privileged.map(|(method, path, o)| (method, path, o["x-privilege"].clone())).collect();
    let distinct: BTreeSet<String> = privileged.iter().map(|(_, _, privilege)| privilege.to_string()).collect();
    assert!(distinct.len() > 15, "{distinct:?}");
    for (number, privilege) in distinct.iter().enumerate() {
        let mut privilege: Value = serde_json::from_str(privilege).unwrap();
        privilege["scope"] = json!({ "all": true });
        let token = crate::roles::holder(&server, &format!("holder{number}"), json!([privilege])).await;
        for (method, path, needed) in &privileged {
            let path = filled(path, "0000bc67-57ea-42dd-b702-c2d6c4541900");
            let answer = server.call(method, &path).token(&token).send().await;
            let same = needed["type"] == privilege["type"] && needed["target"] == privilege["target"];
            let everything = privilege["target"] == "All" && needed["type"] == privilege["type"];
            let message = answer.json["message"].as_str().unwrap_or_default();
            let refused = answer.status == 403 && message.contains("which the caller does not hold");
            // Whoever may tag everything may send objects whose tags alone differ.
            let tags = privilege["type"] == "Tag" && needed["type"] == "Edit";
            if !tags {
                assert_eq!(
                    refused,
                    !(same || everything),
                    "{method} {path} with {privilege}: {} {message}",
                    answer.status
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served() {
    let server = Server::start().await;
    let served = server.call("GET", "/openapi.json").anonymous().send().await.expect(200);
    assert_eq!(served.json, document());
    assert_eq!(served.json["openapi"], "3.1.0");
}
