//! The page of the API.

use crate::{
    harness::Browser,
    support::{Place, Server},
};

#[test]
fn the_page_of_the_api_is_fit_to_be_seen() {
    let place = Place::new();
    let server = Server::start(&place);
    let browser = Browser::open(&server);
    browser.go("/docs");
    assert_eq!(browser.title(), format!("Portreeve {}: the API", env!("CARGO_PKG_VERSION")));
    assert!(browser.text("h1").starts_with("Portreeve"), "{}", browser.text("h1"));
    browser.look_at("docs");
    browser.check_console();
}

#[test]
fn the_contents_lead_to_what_they_name() {
    let place = Place::new();
    let server = Server::start(&place);
    let browser = Browser::open(&server);
    browser.go("/docs");
    browser.press_in("nav", "Schemas");
    assert_eq!(browser.path(), "/docs#schemas");
    browser.see("Schemas");
    browser.check_console();
}
