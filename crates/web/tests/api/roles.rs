//! Administrative roles: their normal form, their faults, and what becomes of those that are named.

use serde_json::{Value, json};

use crate::harness::{LOCAL, PASSWORD, Server, person};

/// The scope of a privilege that was sent without one.
fn no_scope() -> Value {
    json!({ "all": false, "ids": [], "tags": [] })
}

/// A policy that gives a role to one person.
pub fn policy_for(name: &str, role: &str) -> Value {
    json!({
        "name": format!("policy of {name}"),
        "type": "Admin",
        "expression": format!("return claims.user.username === {name:?};"),
        "administrativeRoles": [role],
    })
}

/// Makes a person who holds these privileges, and gives their token.
pub async fn holder(server: &Server, name: &str, privileges: Value) -> String {
    let role = json!({ "name": format!("role of {name}"), "privileges": privileges });
    let role = server.make("/administrative-roles", role).await;
    server.make("/policies", policy_for(name, &role)).await;
    server.make("/local-users", person(name)).await;
    server.token_of("local", name, PASSWORD).await
}

#[tokio::test(flavor = "multi_thread")]
async fn privileges_come_back_in_their_normal_form_and_stay_so() {
    let server = Server::start().await;
    let id = "5ee1c8d2-0000-4000-8000-000000000001";
    let body = json!({
        "id": id,
        "name": "Help desk",
        "notes": "n",
        "tags": ["b", "a", "b"],
        "privileges": [
            { "type": "View", "target": "LocalUser", "scope": { "all": true } },
            { "type": "Edit", "target": "LocalUser", "scope": { "tags": ["sales", "sales", "hr"], "ids": [] } },
            { "type": "View", "target": "AuditLog" },
            { "type": "Create", "target": "ServiceUser", "defaultTags": ["made"], "functions": [] },
            { "type": "Create", "target": "LocalUser" },
            { "type": "AssignFunction", "target": "Appliance", "functions": ["Gateway", "Controller", "Metrics Aggregator"] },
            { "type": "View", "target": "Blacklist", "scope": { "ids": [LOCAL.to_uppercase()] }, "defaultTags": [] },
            { "type": "View", "target": "Site", "scope": { "ids": ["8a4add9e-0e99-4bb1-949c-c9faf9a49ad4"] } },
            { "type": "All", "target": "All", "scope": { "all": true } },
        ],
    });
    let normal = json!([
        { "type": "View", "target": "LocalUser", "scope": { "all": true, "ids": [], "tags": [] } },
        { "type": "Edit", "target": "LocalUser", "scope": { "all": false, "ids": [], "tags": ["sales", "hr"] } },
        { "type": "View", "target": "AuditLog", "scope": no_scope() },
        { "type": "Create", "target": "ServiceUser", "scope": no_scope(), "defaultTags": ["made"] },
        { "type": "Create", "target": "LocalUser", "scope": no_scope(), "defaultTags": [] },
        { "type": "AssignFunction", "target": "Appliance", "functions": ["Gateway", "Controller", "Metrics Aggregator"] },
        { "type": "View", "target": "Blacklist", "scope": { "all": false, "ids": [LOCAL], "tags": [] } },
        { "type": "View", "target": "Site", "scope": { "all": false, "ids": ["8a4add9e-0e99-4bb1-949c-c9faf9a49ad4"], "tags": [] } },
        { "type": "All", "target": "All", "scope": { "all": true, "ids": [], "tags": [] } },
    ]);
    let made = server.post("/administrative-roles", body).await.expect(200);
    let expected = json!({ "id": id, "name": "Help desk", "notes": "n", "tags": ["b", "a"], "privileges": normal });
    assert_eq!(made.timeless(), expected);
    let path = format!("/administrative-roles/{id}");
    assert_eq!(server.get(&path).await.expect(200).json, made.json);
    // What a client reads it may send back.
    let again = server.put(&path, made.json.clone()).await.expect(200);
    assert_eq!(again.timeless(), expected);
    assert_eq!(server.get(&path).await.expect(200).json, again.json);
    let listed = server.get("/administrative-roles").await;
    assert_eq!(listed.names(), ["Help desk", "System Administrator"]);
    assert_eq!(listed.json["data"][0], again.json);
    server.delete(&path).await.expect(204);
    server.get(&path).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_role_is_named_by_its_path() {
    let server = Server::start().await;
    let nobody = "8a4add9e-0e99-4bb1-949c-c9faf9a49ad4";
    let body = json!({
        "name": "x",
        "privileges": [
            {},
            { "type": "Look", "target": "Everyone" },
            { "type": "Reboot", "target": "LocalUser" },
            { "type": "View", "target": "AuditLog", "scope": { "tags": ["a"] } },
            { "type": "View", "target": "LocalUser", "scope": { "ids": [nobody, "x"], "tags": [""] } },
            { "type": "View", "target": "LocalUser", "defaultTags": ["a"], "functions": ["Gateway"] },
            { "type": "AssignFunction", "target": "All", "functions": ["Dancer"] },
            { "type": "View", "target": "Blacklist", "scope": { "ids": [nobody] } },
            { "type": "View", "target": "Policy", "scope": { "ids": [nobody] } },
            { "type": "View", "target": "IdentityProvider", "scope": { "ids": [nobody] } },
        ],
    });
    let refused = server.post("/administrative-roles", body).await;
    let mut faults = refused.faults();
    faults.sort();
    let mut expected = vec![
        "privileges[0].type",
        "privileges[0].target",
        "privileges[1].type",
        "privileges[1].target",
        "privileges[2]",
        "privileges[3].scope",
        "privileges[4].scope.ids[0]",
        "privileges[4].scope.ids[1]",
        "privileges[4].scope.tags[0]",
        "privileges[5].defaultTags",
        "privileges[5].functions",
        "privileges[6].functions[0]",
        "privileges[7].scope.ids[0]",
        "privileges[8].scope.ids[0]",
        "privileges[9].scope.ids[0]",
    ];
    expected.sort_unstable();
    assert_eq!(faults, expected);
    let pair =
        refused.json["errors"].as_array().unwrap().iter().find(|fault| fault["field"] == "privileges[2]").unwrap();
    assert!(pair["message"].as_str().unwrap().contains("Reboot on LocalUser"), "{pair}");
    assert_eq!(server.post("/administrative-roles", json!({})).await.faults(), ["name", "privileges"]);
    assert_eq!(server.get("/administrative-roles").await.names(), ["System Administrator"], "nothing is half stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_types_and_targets_is_the_recorded_one() {
    let server = Server::start().await;
    let map = server.get("/administrative-roles/type-target-map").await.expect(200).json;
    let map = map["actionMatrixMap"].as_object().unwrap();
    assert_eq!(map.len(), 18);
    let entry =
        |kind: &str, target: &str| map[kind].as_array().unwrap().iter().find(|entry| entry["name"] == target).cloned();
    let is =
        |name: &str, scopable, by_idp| Some(json!({ "name": name, "scopable": scopable, "scopableByIdp": by_idp }));
    assert_eq!(entry("View", "LocalUser"), is("LocalUser", true, false));
    assert_eq!(entry("View", "Blacklist"), is("Blacklist", false, true));
    assert_eq!(entry("All", "All"), is("All", false, false));
    assert_eq!(entry("Reboot", "LocalUser"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_drops_out_of_where_it_was_named() {
    let server = Server::start().await;
    let bobby = server.person("bobby").await;
    let scope = json!({ "all": false, "ids": [bobby, LOCAL], "tags": ["t"] });
    let named = json!([{ "type": "View", "target": "All", "scope": scope }]);
    let role = server.make("/administrative-roles", json!({ "name": "r", "privileges": named })).await;
    let policy = server.make("/policies", policy_for("somebody", &role)).await;
    server.delete(&format!("/local-users/{bobby}")).await.expect(204);
    let path = format!("/administrative-roles/{role}");
    assert_eq!(server.get(&path).await.expect(200).json["privileges"][0]["scope"]["ids"], json!([LOCAL]));
    server.delete(&path).await.expect(204);
    let left = server.get(&format!("/policies/{policy}")).await.expect(200).json;
    assert_eq!(left["administrativeRoles"], json!([]));
    server.put(&format!("/policies/{policy}"), left).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_ids_and_versions_clash_as_everywhere() {
    let server = Server::start().await;
    let one = server.post("/administrative-roles", json!({ "name": "One", "privileges": [] })).await.expect(200);
    let id = one.json["id"].as_str().unwrap();
    server.post("/administrative-roles", json!({ "name": "oNE", "privileges": [] })).await.expect(409);
    server.post("/administrative-roles", json!({ "id": id, "name": "two", "privileges": [] })).await.expect(409);
    let two = server.make("/administrative-roles", json!({ "name": "two", "privileges": [] })).await;
    let two = format!("/administrative-roles/{two}");
    server.put(&two, json!({ "name": "ONE", "privileges": [] })).await.expect(409);
    let path = format!("/administrative-roles/{id}");
    let tag = one.header("etag").to_owned();
    let change =
        |tag: &str| server.call("PUT", &path).header("if-match", tag).json(json!({ "name": "One", "privileges": [] }));
    change("\"1\"").send().await.expect(412);
    change(&tag).send().await.expect(200);
    change(&tag).send().await.expect(412);
    server.call("DELETE", &path).header("if-match", &tag).send().await.expect(412);
    // An id of one kind is free for another kind.
    let script = json!({ "id": id, "name": "One", "expression": "return true;" });
    server.post("/criteria-scripts", script).await.expect(200);
    server.get(&format!("/policies/{id}")).await.expect(404);
}
