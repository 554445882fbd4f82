//! The audit log: reading, filtering, and taking it along.

use std::path::Path;

use serde_json::json;

use crate::{
    harness::Browser,
    support::{Place, Server},
};

/// Makes a few records besides those of the first start.
fn world(server: &Server) -> String {
    let admin = server.admin();
    let person = json!({"name": "bobby", "firstName": "A", "lastName": "B", "notes": "before"});
    let mut bobby = admin.post("/local-users", &person).ok();
    let id = bobby["id"].as_str().expect("an id").to_owned();
    bobby["notes"] = json!("after");
    admin.put(&format!("/local-users/{id}"), &bobby).ok();
    admin.post("/local-users", &json!({"name": "carla", "firstName": "A", "lastName": "B"})).ok();
    admin.try_login("local", "nobody-of-this-name", "a wrong password");
    id
}

#[test]
fn what_was_done_is_found_and_looked_at() {
    let place = Place::new();
    let server = Server::start(&place);
    let id = world(&server);
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.press("Audit log");
    browser.see("carla");
    let newest = browser.texts(".history > li");
    assert!(newest[0].contains("login") && newest.len() >= 5, "{newest:?}");
    browser.look_at("audit-log");
    browser.fill("Outcome", "refused");
    browser.wait_for("the filter", || browser.path().contains("outcome=refused").then_some(()));
    assert_eq!(browser.texts(".history > li").len(), 1);
    browser.fill("Outcome", "Any outcome");
    browser.fill("Act", "edit");
    browser.see("after");
    assert_eq!(browser.texts(".history > li").len(), 1);
    browser.press("More filters");
    browser.fill("Name of the object", "bob");
    browser.fill("From day", "2020-01-01");
    browser.press("Show");
    browser.wait_for("the filters", || browser.path().contains("object=bob").then_some(()));
    assert_eq!(browser.value("Act"), "edit");
    assert_eq!(browser.value("From day"), "2020-01-01");
    browser.look_at("audit-log-filters");
    browser.fill("To day", "2020-01-02");
    browser.press("Show");
    browser.see("Nothing that is recorded matches what you ask for.");
    browser.look_at("audit-log-none-match");
    browser.go("/ui/audit-log?act=edit");
    browser.script("document.querySelector('.history a.when').click()", &[]);
    browser.see("All that was done to this object");
    browser.see("before");
    browser.look_at("audit-record");
    browser.press("All that was done to this object");
    browser.wait_for("its records", || browser.path().contains(&format!("id={id}")).then_some(()));
    assert_eq!(browser.texts(".history > li").len(), 2);
    browser.press("Not only of one object");
    browser.see("carla");
    browser.go("/ui/audit-log");
    browser.fill("Search in all that is recorded", "carla");
    browser.wait_for("the search", || (browser.texts(".history > li").len() == 1).then_some(()));
    browser.check_console();
    browser.go("/ui/audit-log?from=yesterday");
    browser.see("is no day such as");
    browser.look_at("audit-log-wrong-day");
}

#[test]
fn what_is_shown_is_taken_along_as_a_file() {
    let place = Place::new();
    let server = Server::start(&place);
    world(&server);
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.go("/ui/audit-log?act=create&object=a");
    browser.fill("Search in all that is recorded", "carla");
    browser.see("Export this one record:");
    let load = "return fetch(document.querySelector(arguments[0]).href).then(async (answer) => \
         [answer.headers.get('content-disposition'), await answer.text()])";
    let csv = browser.script(load, &[json!(".exports a:nth-of-type(1)")]);
    let name = csv[0].as_str().expect("a name").trim_end_matches('"');
    assert!(Path::new(name).extension().is_some_and(|ending| ending == "csv"), "{name}");
    let text = csv[1].as_str().expect("a file");
    assert!(text.starts_with("id,at,actor,act,objectKind,"), "{text}");
    assert_eq!(text.matches("\r\n").count(), 2, "{text}");
    assert!(text.contains(",admin,create,LocalUser,") && text.contains(",carla,done,"), "{text}");
    let ndjson = browser.script(load, &[json!(".exports a:nth-of-type(2)")]);
    let record: serde_json::Value = serde_json::from_str(ndjson[1].as_str().expect("a file")).expect("one record");
    let path = format!("/audit-logs/{}", record["id"].as_str().expect("an id"));
    assert_eq!(server.admin().get(&path).ok(), record);
}
