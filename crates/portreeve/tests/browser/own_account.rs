//! What everybody may do with their own account.

use crate::{
    harness::Browser,
    support::{Place, Server},
};

#[test]
fn somebody_without_privileges_sees_themselves_and_changes_the_password() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    admin.create_user("ada", "the analytical engine");
    assert_eq!(admin.try_login("local", "ada", "the analytical engine").status, 200);
    let browser = Browser::open(&server);
    browser.sign_in_as("ada", "the analytical engine");
    browser.see("You hold no administrative privilege");
    assert_eq!(browser.texts(".menu a"), Vec::<String>::new());
    browser.look_at("own");
    browser.press_in("section[aria-labelledby=sessions]", "End it: the session opened from 127.0.0.1");
    browser.see("The session has ended.");
    browser.fill("Colours", "Dark");
    browser.press("Keep");
    browser.see("Colours are kept");
    assert_eq!(browser.script("return document.documentElement.dataset.theme", &[]), "dark");
    browser.fill("Present password", "not this one");
    browser.fill("New password", "punched cards all day");
    browser.fill("The new password again", "punched cards all day");
    browser.press("Change the password");
    browser.see("the old password was not accepted");
    assert!(browser.console_errors().iter().all(|line| line.contains("422")));
    browser.look_at("own-refused");
    browser.fill("Present password", "the analytical engine");
    browser.fill("New password", "punched cards all day");
    browser.fill("The new password again", "punched cards all day");
    browser.press("Change the password");
    browser.see("Sign in");
    assert_eq!(admin.try_login("local", "ada", "punched cards all day").status, 200);
    browser.check_console();
}

#[test]
fn signing_out_everywhere_ends_every_session() {
    let place = Place::new();
    let server = Server::start(&place);
    let (admin, other) = (server.admin(), server.admin());
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.press("admin");
    browser.look_at("own-admin");
    browser.press("Sign out everywhere");
    browser.see("Sign in");
    assert_eq!(admin.get("/local-users").status, 401);
    assert_eq!(other.get("/local-users").status, 401);
    browser.check_console();
}

#[test]
fn times_are_in_the_readers_zone() {
    let place = Place::new();
    let server = Server::start(&place);
    let browser = Browser::open(&server);
    browser.time_zone("Europe/Berlin");
    browser.sign_in();
    browser.press("admin");
    browser.see("Times are shown in the zone Europe/Berlin");
    let titles = browser.script("return document.querySelector('time').title", &[]);
    assert!(titles.as_str().expect("a title").contains(" CET "), "{titles}");
    browser.check_console();
}
