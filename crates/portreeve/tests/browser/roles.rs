//! What administrators do with roles: look at what one allows, tick one together, limit it, find what is wrong, delete it.

use serde_json::{Value, json};

use crate::{
    harness::{Browser, key},
    support::{Client, Place, Server},
};

/// The one role of this name.
fn role(admin: &Client, name: &str) -> Option<Value> {
    let found = admin.get(&format!("/administrative-roles?query={name}")).ok();
    found["data"].as_array().expect("a list").iter().find(|one| one["name"] == name).cloned()
}

fn pairs(role: &Value) -> Vec<String> {
    let pair =
        |one: &Value| format!("{} {}", one["type"].as_str().expect("a type"), one["target"].as_str().expect("one"));
    let mut pairs: Vec<String> = role["privileges"].as_array().expect("privileges").iter().map(pair).collect();
    pairs.sort();
    pairs
}

#[test]
fn a_role_is_ticked_together_limited_and_put_right() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let bobby = admin.create_user("bobby", "the analytical engine");
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.press("Roles");
    browser.see("System Administrator");
    browser.look_at("roles");
    browser.press("New role");
    browser.look_at("role-new");
    browser.fill("Name", "Help desk");
    browser.tick("View LocalUser", true);
    browser.tick("Edit LocalUser", true);
    browser.tick("View AuditLog", true);
    // By keys alone: the box behind the next one on the line.
    browser.script("document.querySelector('[aria-label=\"View ServiceUser\"]').focus()", &[]);
    browser.keys(" ");
    browser.keys(key::TAB);
    assert_eq!(browser.focused(), "Create ServiceUser");
    browser.fill("Privilege, 1", "Delete");
    browser.fill("Target, 1", "LocalUser");
    browser.fill("Ids, one a line, 1", "nobody");
    browser.press("Create");
    browser.see("Not saved yet");
    assert!(browser.console_errors().iter().all(|line| line.contains("422")));
    browser.see("must be a UUID");
    browser.look_at("role-new-faulty");
    assert_eq!(browser.value("Ids, one a line, 1"), "nobody");
    browser.fill("Ids, one a line, 1", &bobby);
    browser.fill("Tags, one a line, 1", "leaving\ngone");
    // As many rows as one wants.
    browser.press("One more limited privilege");
    assert_eq!(browser.focused(), "Privilege, 4");
    browser.fill("Privilege, 4", "Create");
    browser.fill("Target, 4", "LocalUser");
    browser.fill("With which, 4", "all of them");
    browser.fill("Default tags (Create), 4", "made-by-help-desk");
    browser.press("Create");
    browser.see("Help desk was made.");
    let made = role(&admin, "Help desk").expect("is there");
    assert_eq!(
        pairs(&made),
        [
            "Create LocalUser",
            "Delete LocalUser",
            "Edit LocalUser",
            "View AuditLog",
            "View LocalUser",
            "View ServiceUser"
        ]
    );
    let of = |kind: &str| made["privileges"].as_array().expect("some").iter().find(|one| one["type"] == kind).cloned();
    let delete = of("Delete").expect("is there");
    assert_eq!(delete["scope"], json!({"all": false, "ids": [bobby], "tags": ["leaving", "gone"]}));
    let create = of("Create").expect("is there");
    assert_eq!((&create["scope"]["all"], &create["defaultTags"]), (&json!(true), &json!(["made-by-help-desk"])));
    browser.look_at("role");
    browser.press("History");
    browser.see("create");
    browser.look_at("role-history");
    browser.check_console();
}

#[test]
fn a_role_is_edited_by_rows_and_columns_and_keeps_what_is_kept_for_others() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let privileges = json!([
        {"type": "View", "target": "Site", "scope": {"all": true}},
        {"type": "AssignFunction", "target": "Appliance", "functions": ["Gateway"]},
    ]);
    admin.post("/administrative-roles", &json!({"name": "Mixed bag", "privileges": privileges})).ok();
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.press("Roles");
    browser.press("Mixed bag");
    browser.see("View · Site");
    browser.press("Edit");
    assert_eq!(browser.value("Functions (AssignFunction), 1"), "Gateway");
    browser.press("Tick or clear all on Blacklist");
    browser.press("Kept for other products one ticked");
    browser.look_at("role-edit-others");
    browser.press("Save");
    browser.see("Mixed bag was saved.");
    let saved = role(&admin, "Mixed bag").expect("is there");
    let blacklist = ["All Blacklist", "Create Blacklist", "Delete Blacklist", "View Blacklist"];
    assert_eq!(
        pairs(&saved),
        [
            "All Blacklist",
            "AssignFunction Appliance",
            "Create Blacklist",
            "Delete Blacklist",
            "View Blacklist",
            "View Site"
        ]
    );
    browser.press("Edit");
    browser.press("Tick or clear all on Blacklist");
    for name in blacklist {
        browser.tick(name, false);
    }
    browser.press("Save");
    browser.see("Mixed bag was saved.");
    assert_eq!(pairs(&role(&admin, "Mixed bag").expect("is there")), ["AssignFunction Appliance", "View Site"]);
    // Somebody else was faster.
    browser.press("Edit");
    let mut other = role(&admin, "Mixed bag").expect("is there");
    other["notes"] = json!("faster");
    admin.put(&format!("/administrative-roles/{}", other["id"].as_str().expect("an id")), &other).ok();
    browser.press("Save");
    browser.see("Somebody else has changed this");
    assert!(browser.console_errors().iter().all(|line| line.contains("412")));
    browser.check_console();
}

#[test]
fn a_role_is_deleted_once_one_has_seen_who_gives_it() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let made = admin.post("/administrative-roles", &json!({"name": "Old", "privileges": []})).ok();
    let policy = json!({"name": "Gives old", "expression": "return false;", "administrativeRoles": [made["id"]]});
    let policy = admin.post("/policies", &policy).ok();
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.go("/ui/roles?q=nobody");
    browser.see("No role matches");
    browser.look_at("roles-none");
    browser.press("Show all");
    browser.press("Old");
    browser.see("Gives old");
    browser.look_at("role-bare");
    browser.press("Delete");
    browser.see("Delete Old?");
    browser.see("Gives old");
    browser.look_at("role-delete");
    browser.press("Delete Old");
    browser.see("Old was deleted.");
    assert_eq!(role(&admin, "Old"), None);
    let left = admin.get(&format!("/policies/{}", policy["id"].as_str().expect("an id"))).ok();
    assert_eq!(left["administrativeRoles"], json!([]));
    // What would leave nobody who may do everything is refused, and said where it was asked.
    browser.press("System Administrator");
    browser.press("Delete");
    browser.press("Delete System Administrator");
    browser.wait_for("the refusal", || browser.texts("[role=alert]").first().cloned());
    assert!(browser.console_errors().iter().all(|line| line.contains("409") || line.contains("403")));
    browser.look_at("role-delete-refused");
    assert!(role(&admin, "System Administrator").is_some());
    browser.check_console();
}
