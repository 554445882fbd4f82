//! Signing in and out, and being told why it did not work.

use crate::{
    harness::Browser,
    support::{ADMIN_PASSWORD, Place, Server},
};

#[test]
fn somebody_signs_in_where_they_wanted_to_go_and_out_again() {
    let place = Place::new();
    let server = Server::start(&place);
    let browser = Browser::open(&server);
    browser.go("/ui/local-users");
    assert!(browser.path().starts_with("/ui/sign-in"), "{}", browser.path());
    browser.look_at("sign-in");
    browser.fill("User name", "admin");
    browser.fill("Password", ADMIN_PASSWORD);
    browser.press("Sign in");
    browser.wait_for("the list", || (browser.path() == "/ui/local-users").then_some(()));
    browser.press("Sign out");
    browser.see("Sign in");
    browser.go("/ui/");
    assert!(browser.path().starts_with("/ui/sign-in"), "{}", browser.path());
    browser.check_console();
}

#[test]
fn a_refusal_says_so_and_keeps_the_name() {
    let place = Place::new();
    let server = Server::start(&place);
    let browser = Browser::open(&server);
    browser.go("/ui/sign-in");
    browser.fill("User name", "admin");
    browser.fill("Password", "not the password");
    browser.press("Sign in");
    browser.see("Invalid user name or password.");
    assert_eq!(browser.value("User name"), "admin");
    browser.look_at("sign-in-refused");
}
