//! Tags: making, finding, renaming and deleting them.

use serde_json::{Value, json};

use crate::{
    harness::Browser,
    support::{Client, Place, Server},
};

fn person(name: &str, tags: &[&str]) -> Value {
    json!({"name": name, "firstName": "A", "lastName": "B", "tags": tags})
}

fn tag(admin: &Client, name: &str) -> Option<Value> {
    let list = admin.get("/tags").ok();
    list["data"].as_array().expect("a list").iter().find(|tag| tag["name"] == name).cloned()
}

#[test]
fn a_tag_is_made_renamed_everywhere_and_deleted() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let id = admin.post("/local-users", &person("bobby", &["sales"])).ok()["id"].as_str().expect("an id").to_owned();
    admin.post("/service-users", &json!({"name": "backup", "tags": ["sales"]})).ok();
    let scope = json!({"all": false, "ids": [], "tags": ["sales"]});
    let role = json!({"name": "desk", "privileges": [{"type": "View", "target": "LocalUser", "scope": scope}]});
    admin.post("/administrative-roles", &role).ok();
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.press("Tags");
    browser.see("sales");
    browser.look_at("tags");
    browser.press("New tag");
    browser.look_at("tag-new");
    browser.fill("Tag", "sales");
    browser.press("Create");
    browser.see("there is already a Tag with the name sales");
    browser.look_at("tag-new-refused");
    browser.fill("Tag", "developer");
    browser.fill("Notes", "Who builds it");
    browser.tick("Green", true);
    browser.press("Create");
    browser.see("developer was made.");
    let made = tag(&admin, "developer").expect("it is there");
    assert_eq!((&made["notes"], &made["colorName"]), (&json!("Who builds it"), &json!("Green")));
    browser.fill("Search by name and notes", "sal");
    browser.wait_for("only what matches", || (browser.texts("tbody tr").len() == 1).then_some(()));
    browser.press("sales");
    browser.see("one Local User");
    browser.see("one privilege of a role names it");
    browser.look_at("tag");
    browser.press("one Local User");
    browser.see("bobby");
    browser.go("/ui/tags");
    browser.press("sales");
    browser.fill("Tag", "selling");
    browser.press("Save");
    browser.see("selling was saved.");
    assert_eq!(admin.get(&format!("/local-users/{id}")).ok()["tags"], json!(["selling"]));
    assert!(tag(&admin, "sales").is_none());
    browser.press("selling");
    browser.press("Delete");
    browser.see("Delete the tag selling?");
    browser.see("one Service User");
    browser.look_at("tag-delete");
    browser.press("Delete the tag selling");
    browser.see("selling was deleted.");
    assert_eq!(admin.get(&format!("/local-users/{id}")).ok()["tags"], json!([]));
    assert!(tag(&admin, "selling").is_none());
    browser.fill("Search by name and notes", "nothing of this name");
    browser.see("No tag matches what you ask for.");
    browser.look_at("tags-none-match");
}

#[test]
fn what_a_page_asked_is_asked_again_if_it_is_not_so_any_more() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    admin.post("/local-users", &person("bobby", &["sales"])).ok();
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.go("/ui/tags");
    browser.press("sales");
    browser.press("Delete");
    browser.see("one Local User");
    admin.post("/local-users", &person("carla", &["sales"])).ok();
    browser.press("Delete the tag sales");
    browser.see("Somebody else has changed this");
    browser.see("2 Local Users");
    assert!(tag(&admin, "sales").is_some());
    browser.press("Delete the tag sales");
    browser.see("sales was deleted.");
}
