//! Criteria and user claim scripts, claims, and the attributes that they are made of.

use serde_json::{Value, json};

use crate::harness::{LOCAL, PASSWORD, SERVICE, Server, person};

const KINDS: [&str; 2] = ["/criteria-scripts", "/user-scripts"];

#[tokio::test(flavor = "multi_thread")]
async fn scripts_round_trip_byte_for_byte() {
    let server = Server::start().await;
    for path in KINDS {
        let expression = "// \u{fc}\r\n\treturn claims.user.tags.length > 0;  \n";
        let body = json!({ "name": "admins", "notes": "n", "tags": ["t"], "expression": expression });
        let made = server.post(path, body.clone()).await.expect(200);
        let id = made.json["id"].as_str().unwrap();
        let mut expected = body.clone();
        expected["id"] = json!(id);
        assert_eq!(made.timeless(), expected);
        let one = format!("{path}/{id}");
        assert_eq!(server.get(&one).await.expect(200).json, made.json);
        assert_eq!(server.put(&one, made.json).await.expect(200).timeless(), expected);
        server.post(path, json!({ "name": "ADMINS", "expression": "return true;" })).await.expect(409);
        assert_eq!(server.post(path, json!({})).await.faults(), ["name", "expression"]);
        assert_eq!(server.post(path, json!({ "name": "x", "expression": "return {;" })).await.faults(), ["expression"]);
        assert_eq!(server.get(path).await.names(), ["admins"]);
        server.delete(&one).await.expect(204);
        server.get(&one).await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_call_criteria_scripts_and_see_the_claims_that_scripts_add() {
    let server = Server::start().await;
    let view = json!([{ "type": "View", "target": "LocalUser", "scope": { "all": true } }]);
    let role = server.make("/administrative-roles", json!({ "name": "r", "privileges": view })).await;
    let policy = json!({ "name": "p", "expression": "return admins(claims);", "administrativeRoles": [role] });
    let policy = server.make("/policies", policy).await;
    server.make("/local-users", person("anna")).await;
    let token = server.token_of("local", "anna", PASSWORD).await;
    let sees = async |expected: u16| server.call("GET", "/local-users").token(&token).send().await.expect(expected);
    sees(403).await;
    let script = json!({ "name": "admins", "expression": "return claims.user.team === 'a-team';" });
    let criteria = server.make("/criteria-scripts", script).await;
    sees(403).await;
    let script = json!({ "name": "teams", "expression": "return { team: claims.user.username.charAt(0) + '-team' };" });
    let script = server.make("/user-scripts", script).await;
    sees(403).await;
    let provider = format!("/identity-providers/{LOCAL}");
    server.change(&provider, json!({ "userScripts": [script] })).await;
    sees(200).await;
    server.change(&format!("/criteria-scripts/{criteria}"), json!({ "expression": "return false;" })).await;
    sees(403).await;
    server
        .change(
            &format!("/criteria-scripts/{criteria}"),
            json!({ "expression": "return claims.user.team !== undefined;" }),
        )
        .await;
    sees(200).await;
    // A script that is deleted drops out of the providers that run it.
    server.delete(&format!("/user-scripts/{script}")).await.expect(204);
    assert_eq!(server.get(&provider).await.json["userScripts"], json!([]));
    sees(403).await;
    server.change(&format!("/policies/{policy}"), json!({ "expression": "return true;" })).await;
    sees(200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_and_claims_follow_the_mappings() {
    let server = Server::start().await;
    let mut body = person("bobby");
    body["tags"] = json!(["a", "b"]);
    body["email"] = json!("bobby@example.com");
    let id = server.make("/local-users", body).await;
    let path = format!("/identity-providers/{LOCAL}/attributes");
    let found = server.post(&path, json!({ "username": "BOBBY" })).await.expect(200);
    assert_eq!(
        found.json,
        json!({
            "rawAttributes": {
                "id": [id], "username": ["bobby"], "firstName": ["Bobby"], "lastName": ["Tables"],
                "email": ["bobby@example.com"], "phone": [], "tags": ["a", "b"],
            },
            "mappedAttributes": {
                "id": id, "username": "bobby", "firstName": "Bobby", "lastName": "Tables",
                "emails": ["bobby@example.com"], "tags": ["a", "b"],
            },
        })
    );
    server.post(&path, json!({ "username": "nobody" })).await.expect(404);
    assert_eq!(server.post(&path, json!({})).await.faults(), ["username"]);
    server
        .post("/identity-providers/8a4add9e-0e99-4bb1-949c-c9faf9a49ad4/attributes", json!({ "username": "x" }))
        .await
        .expect(404);
    let labels = json!({ "name": "robot", "labels": { "env": "prod" } });
    let robot = server.make("/service-users", labels).await;
    let path = format!("/identity-providers/{SERVICE}/attributes");
    let found = server.post(&path, json!({ "username": "robot" })).await.expect(200);
    assert_eq!(
        found.json,
        json!({
            "rawAttributes": { "id": [robot], "username": ["robot"], "tags": [], "labels": ["env=prod"] },
            "mappedAttributes": { "id": robot, "username": "robot", "tags": [], "labels": { "env": "prod" } },
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_claims_follow_the_mappings() {
    let server = Server::start().await;
    let names = async || {
        let found = server.get("/claims/names").await.expect(200).json;
        let user: Vec<String> = found["user"]
            .as_array()
            .unwrap()
            .iter()
            .map(|claim| claim["claimName"].as_str().unwrap().to_owned())
            .collect();
        (user, found)
    };
    let (user, found) = names().await;
    assert_eq!(user, ["emails", "firstName", "id", "labels", "lastName", "phone", "tags", "username"]);
    let claim = |name: &str, kind: &str| json!({ "claimName": name, "type": kind, "availableForPolicy": true });
    assert_eq!(found["user"][0], claim("emails", "array"));
    assert_eq!(found["device"], json!([claim("id", "string")]));
    assert_eq!((&found["onDemand"], &found["ztpRiskRules"]), (&json!([]), &json!([])));
    let path = format!("/identity-providers/{LOCAL}");
    let mut mappings = server.get(&path).await.json["claimMappings"].clone();
    mappings.as_array_mut().unwrap().push(json!({ "attributeName": "phone", "claimName": "telephones", "list": true }));
    server.change(&path, json!({ "claimMappings": mappings })).await;
    let (user, _): (Vec<String>, Value) = names().await;
    assert!(user.contains(&"telephones".to_owned()), "{user:?}");
}
