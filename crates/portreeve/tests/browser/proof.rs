//! That the harness does what it says, and can fail: a check that cannot proves nothing.

use std::{
    fs,
    net::TcpStream,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    harness::{Browser, Theme, Width, key},
    support::{Place, Server, wait_for},
};

/// A page without a fault, but for what is in it.
fn page(content: &str) -> String {
    format!(
        "data:text/html;charset=utf-8,<!doctype html><html lang=en><title>Page</title><main><h1>Page</h1>{content}</main>"
    )
}

fn with_browser(test: impl FnOnce(&mut Browser)) {
    let place = Place::new();
    let server = Server::start(&place);
    test(&mut Browser::open(&server));
}

/// What a check says when it fails, as it must.
#[track_caller]
fn failure<T>(check: impl FnOnce() -> T) -> String {
    let thrown = catch_unwind(AssertUnwindSafe(check)).err().expect("the check has to fail");
    thrown.downcast_ref::<String>().expect("says why").clone()
}

#[test]
fn a_page_that_not_all_can_use_is_not_accessible() {
    with_browser(|browser| {
        browser.go(&page("<label>Name <input></label><button>Save</button>"));
        browser.check_accessibility("labelled");
        browser.go(&page("<p>Name <input id=nameless></p>"));
        let said = failure(|| browser.check_accessibility("nameless"));
        for part in ["nameless (", "label: Form elements must have labels", "<input id=\"nameless\">"] {
            assert!(said.contains(part), "{said}");
        }
        // Of WCAG 2.2, which axe-core looks for only where it is told to; and of best practice.
        let small = "style='width: 9px; height: 9px; padding: 0; border: 0' aria-label";
        browser.go(&page(&format!("<button {small}=a></button><button {small}=b></button><h6>Deep</h6>")));
        let faults = browser.accessibility_faults().concat();
        assert!(faults.contains("target-size: ") && faults.contains("heading-order: "), "{faults}");
    });
}

#[test]
fn every_look_is_looked_at() {
    with_browser(|browser| {
        browser.go(&page("<style>@media (prefers-color-scheme: dark) { h1 { color: rgb(240 240 240) } }</style>"));
        browser.check_accessibility("light");
        let said = failure(|| browser.look_at("pale"));
        assert!(said.contains("pale-1280-dark: color-contrast: ") && !said.contains("light"), "{said}");
        browser.go(&page("<style>@media (max-width: 390px) { h1 { width: 391px } }</style>"));
        let said = failure(|| browser.look_at("wide"));
        assert!(said.contains("wide-390-light: scrolls sideways, "), "{said}");
    });
}

#[test]
fn a_page_is_shown_as_it_was_asked_for_wherever_it_leads() {
    with_browser(|browser| {
        let shown = "return [innerWidth, innerHeight, devicePixelRatio, matchMedia('(prefers-color-scheme: dark)').matches, \
             Intl.DateTimeFormat().resolvedOptions().timeZone].join(' ')";
        browser.go("/docs");
        assert_eq!(browser.script(shown, &[]), "1280 800 1 false UTC");
        browser.emulate(Theme::Dark, Width::Desk);
        assert_eq!(browser.script(shown, &[]), "1280 800 1 true UTC");
        browser.emulate(Theme::Light, Width::Phone);
        browser.time_zone("Asia/Tokyo");
        browser.go(&page(""));
        browser.look_at("plain");
        assert_eq!(browser.script(shown, &[]), "390 844 1 false Asia/Tokyo");
    });
}

#[test]
fn what_the_console_complains_of_is_told() {
    with_browser(|browser| {
        browser.go(&page("<meta http-equiv=Content-Security-Policy content='script-src none'><script>1</script>"));
        let said = failure(|| browser.check_console());
        assert!(said.contains("Content Security Policy"), "{said}");
        browser.check_console();
        browser.go(&page("<script>missing()</script>"));
        assert!(browser.console_errors().concat().contains("missing is not defined"));
        browser.go("/there-is-no-such-page");
        assert!(browser.console_errors().concat().contains("404"));
    });
}

const FORM: &str = "<form onsubmit=\"event.preventDefault(); document.querySelector('output').textContent = \
     [...new FormData(this).values()].join(' | ')\">
    <label>First   name <input name=first value=Old></label>
    <label for=born>Born</label><input id=born name=born type=date>
    <label>Role <select name=role><option value=1>Reader<option value=2>Writer of <b>all</b></select></label>
    <label><input type=checkbox name=active value=active> Active</label>
    <span id=note>Note</span><textarea name=note aria-labelledby=note></textarea>
    <button>Save</button><button hidden type=button>Save</button><button type=button aria-label='Save all'>S</button>
    <button type=button disabled>Delete</button></form><output></output>
    <ul><li class=one><a href='/version'>Open</a><li class=two><a href='/docs'>Open</a></ul>";

#[test]
fn a_form_is_filled_in_as_people_do() {
    with_browser(|browser| {
        browser.go(&page(FORM));
        browser.fill("First name", "Ada");
        browser.fill("Born", "1815-12-10");
        browser.fill("Role", "Writer of all");
        browser.fill("Note", "two\nlines");
        browser.tick("Active", false);
        browser.tick("Active", true);
        browser.tick("Active", true);
        assert_eq!(browser.value("First name"), "Ada");
        browser.press("Save");
        assert_eq!(browser.text("output"), "Ada | 1815-12-10 | 2 | active | two lines");
        browser.fill("First name", "");
        assert_eq!(browser.value("First name"), "");
        browser.keys(key::TAB);
        assert_eq!(browser.focused(), "Born");
        browser.keys(&format!("{0}{0}{0}{0}{1}", key::TAB, key::ENTER));
        assert_eq!(browser.texts("li"), ["Open", "Open"]);
    });
}

#[test]
fn what_cannot_be_used_is_not_used() {
    with_browser(|browser| {
        browser.lose_patience();
        browser.go(&page(FORM));
        assert!(failure(|| browser.press("Delete")).contains("a button or link \"Delete\": it is disabled"));
        assert!(failure(|| browser.press("Open")).contains("2 are called so"));
        assert!(failure(|| browser.press("Sav")).contains("nothing that can be seen is called so"));
        assert!(failure(|| browser.fill("Role", "King")).contains("no \"King\" among [\"Reader\", \"Writer of all\"]"));
        browser.go(&page("<button>Behind</button><dialog><button>Front</button></dialog>"));
        browser.script("document.querySelector('dialog').showModal()", &[]);
        failure(|| browser.press("Behind"));
        browser.press("Front");
        browser.keys(key::ESCAPE);
        browser.press("Behind");
    });
}

#[test]
fn what_comes_late_is_waited_for_and_what_never_comes_is_told() {
    with_browser(|browser| {
        browser.go(&page("<script>setTimeout(() => document.querySelector('h1').append(' is here'), 300)</script>"));
        browser.see("Page is here");
        browser.script("setTimeout(() => document.querySelector('h1').remove(), 300)", &[]);
        browser.wait_for("the end of the heading", || browser.texts("h1").is_empty().then_some(()));
        browser.lose_patience();
        browser.go("/docs?a=b");
        let said = failure(|| browser.see("Atlantis"));
        for part in ["in vain for the words \"Atlantis\"", "/docs?a=b", ": the API)", "Skip to the content"] {
            assert!(said.contains(part), "{said}");
        }
    });
}

#[test]
fn nothing_is_left_running_by_a_test_that_fails() {
    let (mut profile, mut chromedriver) = (String::new(), String::new());
    let running = |profile: &str| {
        let processes = fs::read_dir("/proc").expect("is there").filter_map(Result::ok);
        let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
        lines.filter(|line| String::from_utf8_lossy(line).contains(profile)).count()
    };
    let said = failure(|| {
        with_browser(|browser| {
            profile = browser.profile().display().to_string();
            chromedriver = browser.chromedriver().trim_start_matches("http://").to_owned();
            assert!(running(&profile) > 0 && TcpStream::connect(&chromedriver).is_ok());
            panic!("{}", "as a test does");
        });
    });
    assert_eq!(said, "as a test does");
    wait_for("the end of the browser's processes", || (running(&profile) == 0).then_some(()));
    assert!(TcpStream::connect(&chromedriver).is_err());
    assert!(!fs::exists(&profile).expect("can be asked"));
}
