//! The settings of the installation: reading, changing, and resetting them.

use serde_json::json;

use crate::{
    harness::Browser,
    support::{Place, Server},
};

#[test]
fn settings_are_changed_and_reset() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let mut before = admin.get("/global-settings").ok();
    before["profileHostname"] = json!("portal.example");
    before["claimsTokenExpiration"] = json!(77);
    assert_eq!(admin.put("/global-settings", &before).status, 204);
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.press("Settings");
    browser.see("A session ends 12 hours after it was opened");
    browser.press("Kept for other products");
    browser.see("portal.example");
    browser.look_at("settings");
    browser.press("Edit");
    browser.fill("Minutes that a session lasts", "0");
    browser.fill("Login banner", "Only for those\nwho may.");
    browser.fill("Message of the day", "Cake at four.");
    browser.press("Save");
    browser.see("must be a whole number from 1 to 525600");
    assert_eq!(browser.value("Message of the day"), "Cake at four.");
    browser.look_at("settings-edit-refused");
    browser.fill("Minutes that a session lasts", "90");
    browser.look_at("settings-edit");
    browser.press("Save");
    browser.see("The settings were saved.");
    browser.see("A session ends 90 minutes after it was opened");
    browser.look_at("settings-saved");
    let mut expected = before.clone();
    expected["administrationTokenExpiration"] = json!(90);
    expected["loginBannerMessage"] = json!("Only for those\nwho may.");
    expected["messageOfTheDay"] = json!("Cake at four.");
    assert_eq!(admin.get("/global-settings").ok(), expected, "what the form does not show stays");
    browser.press("Reset");
    browser.see("Reset the settings to their defaults?");
    browser.look_at("settings-reset");
    browser.press("Reset all settings");
    browser.see("The settings are at their defaults.");
    let after = admin.get("/global-settings").ok();
    assert_eq!(after["administrationTokenExpiration"], 720);
    assert_eq!(after["messageOfTheDay"], "");
    assert_eq!(after["profileHostname"], json!(null));
    assert_eq!(after["collectiveId"], before["collectiveId"]);
    browser.go("/ui/settings/reset");
    browser.see("All of them are at their defaults already.");
    browser.look_at("settings-reset-nothing");
}

#[test]
fn whoever_changed_them_meanwhile_is_not_written_over() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.go("/ui/settings/edit");
    let mut settings = admin.get("/global-settings").ok();
    settings["profileHostname"] = json!("portal.example");
    assert_eq!(admin.put("/global-settings", &settings).status, 204);
    browser.fill("Message of the day", "mine");
    browser.press("Save");
    browser.see("Somebody else has changed this since you opened it");
    assert_eq!(browser.value("Message of the day"), "mine");
    assert_eq!(admin.get("/global-settings").ok(), settings);
}
