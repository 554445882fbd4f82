//! The blacklist: listing somebody, and taking them off.

use serde_json::json;

use crate::{
    harness::Browser,
    support::{Place, Server},
};

const PASSWORD: &str = "correct horse battery";

#[test]
fn an_account_is_blacklisted_from_its_page_and_taken_off() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let name = "bobby, the \"first\"";
    let person = json!({"name": name, "firstName": "A", "lastName": "B", "password": PASSWORD});
    let id = admin.post("/local-users", &person).ok()["id"].as_str().expect("an id").to_owned();
    assert_eq!(admin.try_login("local", name, PASSWORD).status, 200);
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.press("Blacklist");
    browser.see("Nobody is blacklisted.");
    browser.look_at("blacklist-none");
    browser.go(&format!("/ui/local-users/{id}"));
    browser.press_in(".acts", "Blacklist");
    assert_eq!(browser.value("User name"), name);
    browser.fill("Reason", "Lost the laptop,\nask Carla");
    browser.look_at("blacklist-new");
    browser.press("Blacklist this account");
    browser.see("is blacklisted. Its sessions have ended.");
    browser.look_at("blacklist");
    let entry = &admin.get("/blacklist").ok()["data"][0];
    assert_eq!(entry["username"], name);
    assert_eq!(entry["reason"], "Lost the laptop,\nask Carla");
    assert_ne!(admin.try_login("local", name, PASSWORD).status, 200);
    // The page of the account says so, leads to the entry, and offers it no second time.
    browser.press(name);
    browser.press(name);
    browser.see("Blacklisted: whatever else it says here");
    assert!(browser.texts(".acts a").iter().all(|link| link != "Blacklist"));
    browser.press_in(".note", "Blacklist");
    browser.press(&format!("Take off {name}"));
    browser.see("Sessions that were ended stay ended.");
    browser.look_at("blacklist-remove");
    browser.press(&format!("Take {name} off the blacklist"));
    browser.see("is not blacklisted any more.");
    assert_eq!(admin.get("/blacklist").ok()["data"], json!([]));
    assert_eq!(admin.try_login("local", name, PASSWORD).status, 200);
    browser.check_console();
}

#[test]
fn what_is_wrong_is_said_and_the_list_is_searched() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.go("/ui/blacklist/new");
    browser.fill("Identity Provider", "service: machines");
    browser.fill("User name", " backup");
    browser.press("Blacklist this account");
    browser.see("may not have a name that begins or ends with white space");
    assert_eq!(browser.value("User name"), " backup");
    assert_eq!(browser.value("Identity Provider"), "service");
    browser.look_at("blacklist-new-refused");
    browser.fill("User name", "backup");
    browser.press("Blacklist this account");
    browser.see("backup is blacklisted.");
    assert_eq!(admin.get("/blacklist").ok()["data"][0]["userDistinguishedName"], "CN=backup,OU=service");
    browser.go("/ui/blacklist/new?provider=service&name=backup");
    browser.press("Blacklist this account");
    browser.see("is already blacklisted");
    browser.go("/ui/blacklist");
    browser.fill("Search by account, provider and reason", "bobby");
    browser.see("Nobody who is blacklisted matches what you ask for.");
    browser.fill("Search by account, provider and reason", "BACK");
    browser.see("none was given");
}
