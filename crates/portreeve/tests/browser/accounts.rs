//! What administrators do with accounts: find, make, edit, unlock, disable, delete, one or several at once.

use serde_json::{Value, json};

use crate::{
    harness::{Browser, key},
    support::{Client, Place, Server},
};

const PASSWORD: &str = "the analytical engine";

/// People to look at: more than a page, some with tags, one disabled.
fn fill(admin: &Client) {
    for number in 0..60 {
        let tags = if number % 3 == 0 { json!(["engines", "maths"]) } else { json!([]) };
        let person = json!({
            "name": format!("person-{number:02}"), "firstName": "Ada", "lastName": format!("Number {number}"),
            "tags": tags, "disabled": number == 7, "password": (number < 2).then_some(PASSWORD),
        });
        admin.post("/local-users", &person).ok();
    }
}

fn named(admin: &Client, path: &str, name: &str) -> Option<Value> {
    let found = admin.get(&format!("{path}?query={name}")).ok();
    found["data"].as_array().expect("a list").iter().find(|one| one["name"] == name).cloned()
}

#[test]
fn a_new_operator_makes_somebody_and_finds_and_unlocks_a_locked_one() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.look_at("home-quiet");
    browser.press("Local Users");
    browser.press("New Local User");
    browser.look_at("account-new");
    browser.fill("Name", "ada");
    browser.fill("First name", "Ada");
    browser.fill("Last name", "Lovelace");
    browser.fill("Tags", "engines\nmaths");
    browser.fill("Password", "12345678");
    browser.press("Create");
    browser.see("Not saved yet");
    let expected = browser.console_errors();
    assert!(expected.iter().all(|line| line.contains("422")), "{expected:?}");
    browser.look_at("account-new-faulty");
    assert_eq!(browser.value("First name"), "Ada");
    assert_eq!(browser.value("Password"), "");
    browser.fill("Password", PASSWORD);
    browser.press("Create");
    browser.see("ada was made.");
    browser.look_at("account");
    for _ in 0..5 {
        assert_eq!(admin.try_login("local", "ada", "a guess").status, 401);
    }
    browser.press("Home");
    browser.see("Locked");
    browser.look_at("home-busy");
    browser.press_in("section[aria-labelledby=group-1]", "ada");
    browser.see("Locked after 5 wrong passwords.");
    browser.look_at("account-locked");
    browser.press("Unlock");
    browser.see("ada is unlocked.");
    assert_eq!(admin.try_login("local", "ada", PASSWORD).status, 200);
    browser.check_console();
}

#[test]
fn a_list_is_searched_narrowed_ordered_and_paged() {
    let place = Place::new();
    let server = Server::start(&place);
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.go("/ui/service-users");
    browser.see("There are no Service Users yet");
    browser.look_at("accounts-empty");
    fill(&server.admin());
    browser.go("/ui/local-users");
    browser.see("1 to 50 of 61");
    browser.look_at("accounts");
    browser.press("Next");
    browser.see("51 to 61 of 61");
    browser.press("Previous");
    browser.press("Name");
    browser.wait_for("the other order", || (browser.texts("tbody th").first()? == "person-59").then_some(()));
    // Of which each letter asks anew, and the address follows.
    browser.keys("/");
    browser.keys("number 5");
    browser.see("of 15");
    assert!(browser.path().contains("q=number%205"), "{}", browser.path());
    assert_eq!(browser.focused(), "Search by name, notes, tags and more");
    browser.go("/ui/local-users");
    browser.fill("State", "disabled");
    browser.wait_for("the disabled one", || (browser.texts("tbody th") == ["person-07"]).then_some(()));
    browser.go("/ui/local-users?q=person-00");
    browser.press("maths");
    browser.go("/ui/local-users?tag=maths");
    browser.see("1 to 20 of 20");
    browser.look_at("accounts-tagged");
    browser.go("/ui/local-users?q=nobody");
    browser.see("No account matches");
    browser.press("Show all");
    browser.check_console();
}

#[test]
fn several_are_disabled_tagged_and_deleted_once_one_has_seen_what_would_happen() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    fill(&admin);
    let browser = Browser::open(&server);
    browser.sign_in();
    let tick = |names: &[&str]| {
        browser.go("/ui/local-users?q=person");
        for name in names {
            browser.tick(&format!("Tick {name}"), true);
        }
    };
    tick(&["person-06", "person-07"]);
    browser.press("Disable");
    browser.see("stays as it is");
    browser.look_at("bulk-disable");
    assert_eq!(named(&admin, "/local-users", "person-06").expect("is there")["disabled"], false);
    browser.press("Disable 2 accounts");
    browser.see("Accounts changed: 2.");
    assert_eq!(named(&admin, "/local-users", "person-06").expect("is there")["disabled"], true);
    tick(&["person-10", "person-11"]);
    browser.press("Add a tag");
    browser.fill("Tag", "new hires");
    browser.press("Give 2 accounts a tag");
    browser.see("Accounts changed: 2.");
    assert_eq!(named(&admin, "/local-users", "person-11").expect("is there")["tags"], json!(["new hires"]));
    tick(&["person-20", "person-21", "person-22"]);
    browser.press("Delete");
    browser.look_at("bulk-delete");
    browser.press("Delete 3 accounts");
    browser.see("Accounts changed: 3.");
    assert!(named(&admin, "/local-users", "person-21").is_none());
    tick(&["person-23"]);
    browser.press("Delete");
    browser.press("Disable them instead");
    browser.see("Accounts changed: 1.");
    assert_eq!(named(&admin, "/local-users", "person-23").expect("is there")["disabled"], true);
    browser.go("/ui/local-users");
    browser.press("Delete");
    browser.see("No account was ticked");
    browser.check_console();
}

#[test]
fn a_service_gets_labels_and_a_password_that_nobody_chose() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.go("/ui/service-users/new");
    browser.fill("Name", "loom");
    browser.script("document.querySelectorAll('[name=labelKey]')[0].value = 'site'", &[]);
    browser.script("document.querySelectorAll('[name=labelValue]')[0].value = 'Lyon'", &[]);
    browser.press("One more label");
    assert_eq!(browser.texts("[data-row]").len(), 3);
    browser.look_at("service-new");
    browser.press("Create");
    browser.see("loom was made.");
    browser.see("It has no password");
    let loom = named(&admin, "/service-users", "loom").expect("is there");
    assert_eq!(loom["labels"], json!({"site": "Lyon"}));
    browser.press("Set password");
    browser.look_at("account-password");
    browser.press("Make one for me");
    browser.see("shown once");
    browser.look_at("account-password-made");
    let password = browser.text("#made");
    assert_eq!(admin.try_login("service", "loom", &password).status, 200);
    browser.press("Copy");
    browser.press("I have copied it");
    browser.see("loom");
    browser.check_console();
}

#[test]
fn an_account_is_edited_disabled_and_deleted() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    fill(&admin);
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.go("/ui/local-users?q=person-00");
    browser.press("person-00");
    browser.press("Edit");
    browser.look_at("account-edit");
    browser.fill("E-mail", "ada@example.com");
    browser.fill("Tags", "engines\nwith, a comma");
    browser.press("Save");
    browser.see("person-00 was saved.");
    let ada = named(&admin, "/local-users", "person-00").expect("is there");
    assert_eq!((&ada["email"], &ada["tags"]), (&json!("ada@example.com"), &json!(["engines", "with, a comma"])));
    // Somebody else is faster; a wrong password is nobody else.
    browser.press("Edit");
    assert_eq!(admin.try_login("local", "person-00", "a guess").status, 401);
    browser.fill("E-mail", "lovelace@example.com");
    browser.press("Save");
    browser.see("person-00 was saved.");
    browser.press("Edit");
    let mut changed = ada.clone();
    changed["notes"] = json!("by somebody else");
    admin.put(&format!("/local-users/{}", ada["id"].as_str().expect("an id")), &changed).ok();
    browser.fill("E-mail", "lost@example.com");
    browser.press("Save");
    browser.see("Somebody else has changed this");
    assert_eq!(browser.value("E-mail"), "lost@example.com");
    assert!(browser.console_errors().iter().all(|line| line.contains("412")));
    browser.look_at("account-edit-overtaken");
    browser.go("/ui/local-users?q=person-00");
    browser.press("person-00");
    browser.press("Disable");
    browser.see("person-00 is disabled.");
    browser.press("Delete");
    browser.look_at("account-delete");
    browser.press("Cancel");
    browser.press("Enable");
    browser.see("person-00 is enabled.");
    browser.press("Delete");
    browser.see("Or only keep it out");
    browser.press("Delete person-00");
    browser.see("person-00 was deleted.");
    assert!(named(&admin, "/local-users", "person-00").is_none());
    browser.check_console();
}

#[test]
fn what_an_account_may_do_its_sessions_and_its_history_are_shown() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    fill(&admin);
    assert_eq!(admin.try_login("local", "person-01", PASSWORD).status, 200);
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.go("/ui/local-users?q=admin");
    browser.press_in("tbody", "admin");
    browser.press("What it may do");
    browser.see("All · All");
    browser.fill("May it do", "Delete");
    browser.fill("with", "LocalUser");
    browser.press("Ask");
    browser.see("Yes.");
    browser.look_at("account-rights");
    browser.go("/ui/local-users?q=person-01");
    browser.press("person-01");
    browser.press("What it may do");
    browser.see("Nothing but what everybody may do");
    browser.press("Sessions and devices");
    browser.see("the API");
    browser.look_at("account-sessions");
    browser.press("End the sessions of person-01 from all these devices");
    browser.see("Sessions of person-01 have ended.");
    browser.see("Nobody is logged in to it at the moment.");
    let devices = admin.get("/on-boarded-devices?query=person-01").ok();
    browser.press(&format!("Forget {}", devices["data"][0]["deviceId"].as_str().expect("an id")));
    browser.see("is forgotten");
    browser.see("It has never logged in");
    browser.press("History");
    browser.see("create");
    browser.look_at("account-history");
    browser.check_console();
}

#[test]
fn keys_lead_everywhere() {
    let place = Place::new();
    let server = Server::start(&place);
    fill(&server.admin());
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.keys("?");
    browser.see("next row, row before");
    browser.look_at("keys");
    browser.keys(key::ESCAPE);
    browser.keys("gu");
    browser.see("1 to 50 of 61");
    browser.keys("jj");
    assert_eq!(browser.focused(), "person-00");
    browser.keys("x");
    assert!(browser.script("return document.querySelector('tbody tr:nth-child(2) input').checked", &[]) == true);
    browser.keys("n");
    browser.see("First name");
    browser.check_console();
}
