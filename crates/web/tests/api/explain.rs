//! `/explain` says what decides, and agrees with the decision. Random cases are in `scopes.rs`.

use serde_json::{Value, json};

use crate::{
    harness::{PASSWORD, Server, person},
    roles::{holder, policy_for},
};

async fn ask(server: &Server, actor: &str, kind: &str, target: &str, id: Option<&str>) -> Value {
    let mut question = json!({ "actor": format!("CN={actor},OU=local"), "type": kind, "target": target });
    if let Some(id) = id {
        question["id"] = json!(id);
    }
    server.post("/explain", question).await.expect(200).json
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policies_roles_and_scopes_that_decide_are_named() {
    let server = Server::start().await;
    let mut sales = person("sally");
    sales["tags"] = json!(["sales"]);
    let sally = server.make("/local-users", sales).await;
    let bobby = server.person("bobby").await;
    let scope = json!({ "all": false, "ids": [], "tags": ["sales"] });
    let view = json!({ "type": "View", "target": "LocalUser", "scope": scope });
    let edit = json!({ "type": "Edit", "target": "LocalUser", "scope": scope });
    let token = holder(&server, "helper", json!([view, edit])).await;
    let yes = ask(&server, "HELPER", "Edit", "LocalUser", Some(&sally)).await;
    assert_eq!((&yes["allowed"], &yes["message"]), (&json!(true), &json!("")));
    assert_eq!(yes["roles"], json!(["role of helper"]));
    assert_eq!(
        yes["privileges"],
        json!([{ "policy": "policy of helper", "role": "role of helper", "privilege": edit, "includes": true }])
    );
    let matches: Vec<(&str, bool)> = yes["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| (policy["name"].as_str().unwrap(), policy["matches"].as_bool().unwrap()))
        .collect();
    assert_eq!(matches, [("Builtin Administrator", false), ("policy of helper", true)]);
    let no = ask(&server, "helper", "View", "LocalUser", Some(&bobby)).await;
    assert_eq!((&no["allowed"], &no["privileges"][0]["includes"]), (&json!(false), &json!(false)));
    // The words of the refusal are those of the explanation.
    for (method, path, kind, target) in [
        ("GET", "/service-users", "View", "ServiceUser"),
        ("DELETE", "/local-users/8a4add9e-0e99-4bb1-949c-c9faf9a49ad4", "Delete", "LocalUser"),
        ("POST", "/policies", "Create", "Policy"),
    ] {
        let refused = server.call(method, path).token(&token).json(json!({})).send().await.expect(403);
        let explained = ask(&server, "helper", kind, target, None).await;
        assert_eq!(explained["allowed"], false);
        assert_eq!(refused.json["message"], explained["message"]);
        assert!(refused.json["message"].as_str().unwrap().contains(&format!("{kind} on {target}")));
    }
    let admin = ask(&server, "admin", "Delete", "ServiceUser", None).await;
    assert_eq!((&admin["allowed"], &admin["roles"]), (&json!(true), &json!(["System Administrator"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_cannot_log_in_may_do_nothing() {
    let server = Server::start().await;
    let view = json!([{ "type": "View", "target": "LocalUser", "scope": { "all": true } }]);
    holder(&server, "off", view).await;
    assert_eq!(ask(&server, "off", "View", "LocalUser", None).await["allowed"], true);
    let id = server.get("/local-users?name=off").await.json["data"][0]["id"].as_str().unwrap().to_owned();
    server.change(&format!("/local-users/{id}"), json!({ "disabled": true })).await;
    let off = ask(&server, "off", "View", "LocalUser", None).await;
    assert_eq!(off["allowed"], false);
    assert!(off["message"].as_str().unwrap().contains("cannot log in"), "{off}");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_somebody_cannot_log_in_is_said() {
    let server = Server::start().await;
    let view = json!([{ "type": "View", "target": "LocalUser", "scope": { "all": true } }]);
    holder(&server, "anna", view.clone()).await;
    let role = server.make("/administrative-roles", json!({ "name": "r", "privileges": view })).await;
    server.make("/policies", policy_for("bert", &role)).await;
    let bert = json!({ "name": "bert", "firstName": "B", "lastName": "T" });
    let bert = format!("/local-users/{}", server.make("/local-users", bert).await);
    let check = async |actor: &str, why: &str| {
        let answer = ask(&server, actor, "View", "LocalUser", None).await;
        let message = answer["message"].as_str().unwrap();
        assert_eq!(answer["allowed"], why.is_empty(), "{answer}");
        assert!(
            message.contains(why) && message.starts_with("the actor cannot log in: ") != why.is_empty(),
            "{answer}"
        );
        // What the actor would have is said all the same.
        assert_eq!(answer["privileges"].as_array().unwrap().len(), 1, "{answer}");
        answer
    };
    check("anna", "").await;
    check("bert", "has no password").await;
    server.change(&bert, json!({ "password": PASSWORD })).await;
    check("bert", "").await;
    let entry = json!({ "userDistinguishedName": "CN=ANNA,OU=local" });
    server.post("/blacklist", entry).await.expect(200);
    check("anna", "blacklisted").await;
    check("bert", "").await;
    server.delete("/blacklist/CN=anna,OU=local").await.expect(204);
    check("anna", "").await;
    let stop = json!({ "name": "Halt", "type": "Stop", "expression": "return claims.user.username === 'anna';" });
    let stop = format!("/policies/{}", server.make("/policies", stop).await);
    let stopped = check("anna", "stopped by the policy Halt").await;
    let halt = stopped["policies"].as_array().unwrap().iter().find(|policy| policy["name"] == "Halt").unwrap();
    assert_eq!((&halt["matches"], &halt["type"]), (&json!(true), &json!("Stop")));
    check("bert", "").await;
    server.login("local", "anna", PASSWORD).await.expect(401);
    server.change(&stop, json!({ "disabled": true })).await;
    check("anna", "").await;
    server.token_of("local", "anna", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_makes_no_sense_is_told_so() {
    let server = Server::start().await;
    assert_eq!(server.post("/explain", json!({})).await.faults(), ["actor", "type", "target"]);
    let faults = |actor: &str, kind: &str, target: &str, id: &str| {
        server.call("POST", "/explain").json(json!({ "actor": actor, "type": kind, "target": target, "id": id })).send()
    };
    let nobody = "8a4add9e-0e99-4bb1-949c-c9faf9a49ad4";
    let wrong = faults("bobby", "Look", "Everyone", "x").await;
    assert_eq!(wrong.faults(), ["actor", "type", "target", "id"]);
    assert_eq!(faults("CN=admin,OU=local", "Reboot", "LocalUser", nobody).await.faults(), ["type"]);
    assert_eq!(faults("CN=admin,OU=local", "View", "Site", nobody).await.faults(), ["id"]);
    assert_eq!(faults("CN=admin,OU=elsewhere", "View", "Site", nobody).await.faults(), ["actor", "id"]);
    faults("CN=admin,OU=local", "View", "LocalUser", nobody).await.expect(404);
    faults("CN=nobody,OU=local", "View", "LocalUser", nobody).await.expect(404);
    // Whoever cannot see all roles and policies learns nothing of them here.
    let view = json!([{ "type": "View", "target": "Policy", "scope": { "all": true } }]);
    let token = holder(&server, "half", view).await;
    let question = json!({ "actor": "CN=admin,OU=local", "type": "View", "target": "Policy" });
    let refused = server.call("POST", "/explain").token(&token).json(question).send().await.expect(403);
    assert!(refused.json["message"].as_str().unwrap().contains("View on AdministrativeRole"));
}
