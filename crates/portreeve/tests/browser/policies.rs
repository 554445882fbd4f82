//! What administrators do with policies: write one, be told of its mistakes, try it, disable and delete it.

use serde_json::{Value, json};

use crate::{
    harness::{Browser, key},
    support::{ADMIN_PASSWORD, Client, Place, Server},
};

/// The one policy of this name.
fn policy(admin: &Client, name: &str) -> Option<Value> {
    let found = admin.get(&format!("/policies?query={name}")).ok();
    found["data"].as_array().expect("a list").iter().find(|one| one["name"] == name).cloned()
}

const RIGHT: &str = "return claims.user.tags.indexOf(\"help\") >= 0;";

#[test]
fn a_policy_is_written_checked_tried_and_made() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let ada = json!({"name": "ada", "firstName": "Ada", "lastName": "Lovelace", "tags": ["help"]});
    admin.post("/local-users", &ada).ok();
    let role = admin.post("/administrative-roles", &json!({"name": "Helper", "privileges": []})).ok();
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.press("Policies");
    browser.see("Builtin Administrator");
    browser.look_at("policies");
    browser.press("New policy");
    browser.look_at("policy-new");
    browser.fill("Name", "Help desk");
    browser.tick("Mixed", true);
    // Said while it is typed.
    browser.fill("Expression", "var a = 1;\nreturn a +;");
    browser.see("Line 2, column 11:");
    assert_eq!(browser.text("#checked mark"), ";");
    browser.look_at("policy-check-fault");
    browser.press("Create");
    browser.see("Not saved yet");
    assert!(browser.console_errors().iter().all(|line| line.contains("422")));
    browser.look_at("policy-new-faulty");
    assert_eq!(browser.value("Name"), "Help desk");
    browser.fill("Expression", RIGHT);
    browser.see("This is JavaScript.");
    browser.press("Try it");
    browser.see("Name an account to try it on.");
    browser.fill("Name of the account", "nobody");
    browser.press("Try it");
    browser.see("there is no account");
    browser.fill("Name of the account", "ada");
    browser.keys(key::ENTER);
    browser.see("It matches ada.");
    browser.press("The claims that it was given");
    browser.see("\"firstName\": \"Ada\"");
    browser.look_at("policy-tried");
    browser.fill("Expression", "return claims.user.nobody.name === claims.device.id;");
    browser.press("Try it");
    browser.see("It fails for ada");
    browser.look_at("policy-tried-fails");
    browser.fill("Expression", "for (;;) {}");
    browser.press("Try it");
    browser.see("the script ran out of time");
    browser.fill("Expression", RIGHT);
    browser.tick("Helper", true);
    browser.fill("Tags", "desk");
    browser.press("Create");
    browser.see("Help desk was made.");
    let made = policy(&admin, "Help desk").expect("is there");
    assert_eq!((&made["expression"], &made["type"]), (&json!(RIGHT), &json!("Mixed")));
    assert_eq!((&made["administrativeRoles"], &made["tags"]), (&json!([role["id"]]), &json!(["desk"])));
    browser.look_at("policy");
    browser.press("Helper");
    browser.see("Policies that give it");
    browser.check_console();
}

#[test]
fn a_policy_is_edited_disabled_and_deleted_with_what_others_keep_in_it() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    for number in 0..15 {
        admin.post("/administrative-roles", &json!({"name": format!("role {number:02}"), "privileges": []})).ok();
    }
    let body = json!({
        "name": "Out", "type": "Stop", "expression": "throw new Error(\"no such luck\");", "administrativeRoles": [],
        "tamperProofing": true, "clientSettings": {"z": [1, 2.5]},
    });
    let made = admin.post("/policies", &body).ok();
    let path = format!("/policies/{}", made["id"].as_str().expect("an id"));
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.press("Policies");
    browser.see("failing");
    browser.look_at("policies-failing");
    browser.press("Out");
    browser.see("no such luck");
    browser.look_at("policy-failing");
    browser.press("Edit");
    browser.look_at("policy-edit");
    browser.fill("Show only roles whose name contains", "role 07");
    browser.wait_for("the one role", || {
        (browser.script("return document.querySelectorAll('[data-filtered]:not([hidden])').length", &[]) == 1)
            .then_some(())
    });
    browser.tick("role 07", true);
    browser.fill("Expression", "return claims.user.username === \"nobody\";");
    browser.press("Save");
    browser.see("Out was saved.");
    let saved = admin.get(&path).ok();
    assert_eq!(saved["expression"], "return claims.user.username === \"nobody\";");
    assert_eq!((&saved["tamperProofing"], &saved["clientSettings"]), (&json!(true), &json!({"z": [1, 2.5]})));
    assert_eq!((saved["administrativeRoles"].as_array().map(Vec::len), &saved["type"]), (Some(1), &json!("Stop")));
    browser.press("History");
    browser.see("edit");
    browser.look_at("policy-history");
    browser.press("Policy");
    browser.press("Disable");
    browser.see("Out is disabled.");
    assert_eq!(admin.get(&path).ok()["disabled"], true);
    browser.press("Enable");
    browser.see("Out is enabled.");
    browser.press("Delete");
    browser.see("Or only disable it");
    browser.look_at("policy-delete");
    browser.press("Disable Out instead");
    browser.see("Out is disabled.");
    browser.press("Delete");
    browser.press("Delete Out");
    browser.see("Out was deleted.");
    assert_eq!(policy(&admin, "Out"), None);
    // The policy that lets the one who is asking in.
    browser.press("Builtin Administrator");
    browser.press("Disable");
    browser.wait_for("the refusal", || browser.texts("[role=alert]").first().cloned());
    assert!(browser.console_errors().iter().all(|line| line.contains("409") || line.contains("403")));
    browser.look_at("policy-act-refused");
    browser.go("/ui/policies?q=nothing");
    browser.see("No policy matches");
    browser.check_console();
    assert_eq!(admin.try_login("local", "admin", ADMIN_PASSWORD).status, 200);
}
