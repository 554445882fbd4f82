//! Identity Providers: what they hold in words, and changing it.

use serde_json::{Value, json};

use crate::{
    harness::{Browser, key},
    support::{Place, Server},
};

const LOCAL: &str = "/identity-providers/01998f00-0000-7000-8000-000000000001";
const PAGE: &str = "/ui/identity-providers/01998f00-0000-7000-8000-000000000001";

#[test]
fn what_a_provider_holds_is_said_in_words_and_changed() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let script = json!({"name": "add team", "expression": "return {team: 'a'};"});
    let script = admin.post("/user-scripts", &script).ok()["id"].as_str().expect("an id").to_owned();
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.press("Identity Providers");
    browser.see("5 wrong passwords in a row lock an account for one minute.");
    browser.look_at("identity-providers");
    browser.press("local");
    browser.see("A session of the console ends after 30 minutes without use.");
    browser.see("After 100 wrong passwords in a row an account is blocked until an administrator acts.");
    browser.look_at("identity-provider");
    browser.press("Edit");
    browser.fill("Wrong passwords that lock an account", "3");
    browser.fill("Minutes that a lock lasts", "120");
    // Said while it is being typed.
    browser.see("3 wrong passwords in a row lock an account for 2 hours.");
    browser.fill("Shortest new password", "12");
    browser.fill("Minutes without use that end a session of the console", "15");
    browser.see("A new password has at least 12 characters.");
    browser.press("One more claim");
    browser.keys(&format!("department{}team", key::TAB));
    browser.tick("add team", true);
    browser.fill("Name servers", "192.0.2.1\n192.0.2.2");
    browser.fill("Search domains", "example.org");
    browser.fill("Devices that one account may use", "7");
    browser.fill("Notes", "Ours");
    browser.look_at("identity-provider-edit");
    browser.press("Save");
    browser.see("local was saved.");
    let held = admin.get(LOCAL).ok();
    let expected = [
        ("userLockoutThreshold", json!(3)),
        ("userLockoutDurationMinutes", json!(120)),
        ("minPasswordLength", json!(12)),
        ("inactivityTimeoutMinutes", json!(15)),
        ("deviceLimitPerUser", json!(7)),
        ("dnsServers", json!(["192.0.2.1", "192.0.2.2"])),
        ("dnsSearchDomains", json!(["example.org"])),
        ("userScripts", json!([script])),
        ("adminProvider", json!(true)),
        ("notes", json!("Ours")),
        ("tags", json!(["builtin"])),
    ];
    for (field, value) in expected {
        assert_eq!(held[field], value, "{field}");
    }
    let mappings = held["claimMappings"].as_array().expect("a list");
    assert_eq!(mappings.len(), 8);
    let last = json!({"attributeName": "department", "claimName": "team", "list": false, "encrypt": false});
    assert_eq!(mappings[7], last);
    assert_eq!(mappings[0]["list"], json!(true), "what was not touched is as it was");
    browser.see("3 wrong passwords in a row lock an account for 2 hours.");
    browser.press("History");
    browser.see("userLockoutThreshold");
    browser.look_at("identity-provider-history");
    browser.go("/ui/identity-providers");
    browser.press("service");
    browser.see("5 wrong passwords in a row lock an account for one minute.");
    assert!(!browser.text("main").contains("console"), "machines do not sign in to it");
    browser.check_console();
}

#[test]
fn what_is_wrong_is_said_where_it_is_and_the_console_is_not_closed_by_a_slip() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.go(&format!("{PAGE}/edit"));
    browser.fill("Wrong passwords that lock an account", "101");
    browser.tick("Administrators may sign in with it", false);
    browser.press("One more claim");
    browser.keys("department");
    browser.press("Save");
    browser.see("Tick the box that stands below");
    browser.look_at("identity-provider-closes");
    let closed = |provider: &Value| provider["adminProvider"] == json!(false);
    assert!(!closed(&admin.get(LOCAL).ok()));
    browser.tick("Yes, close the console to everybody", true);
    browser.press("Save");
    browser.see("must be a whole number from 1 to 100");
    assert_eq!(browser.value("Wrong passwords that lock an account"), "101");
    assert_eq!(browser.texts(".mapping-row .fault"), ["may not be empty"]);
    browser.look_at("identity-provider-refused");
    browser.fill("Wrong passwords that lock an account", "4");
    browser.press("Save");
    // The page before says it too, beside what is put right by now.
    browser.wait_for("the page with one fault", || (browser.texts(".fault").len() == 1).then_some(()));
    browser.script("document.querySelector('.mapping-row:has(.fault) [name=claim]').focus()", &[]);
    browser.keys("team");
    browser.press("Save");
    browser.see("local was saved.");
    browser.see("Nobody can sign in to the console");
    browser.look_at("identity-provider-closed");
    assert!(closed(&admin.get(LOCAL).ok()));
    browser.press("Sign out");
    browser.see("No Identity Provider lets administrators in.");
    browser.go("/ui/identity-providers");
    assert!(browser.path().starts_with("/ui/sign-in"), "{}", browser.path());
}

#[test]
fn whoever_changed_it_meanwhile_is_not_written_over() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.go(&format!("{PAGE}/edit"));
    let mut provider = admin.get(LOCAL).ok();
    provider["notes"] = json!("theirs");
    admin.put(LOCAL, &provider).ok();
    browser.fill("Notes", "mine");
    browser.press("Save");
    browser.see("Somebody else has changed this since you opened it");
    assert_eq!(browser.value("Notes"), "mine");
    assert_eq!(admin.get(LOCAL).ok()["notes"], "theirs");
}
