//! How much a list takes, and when it is there: the figures of `docs/performance.md`. Only how much is held to a limit.

use serde_json::json;

use crate::{
    harness::Browser,
    support::{Place, Server, all_at_once},
};

/// What a page may take with all that it loads, in bytes, when nothing of it was kept from before.
const MOST_BYTES: f64 = 100_000.0;
/// What may move of what is shown, as a part of the window (Layout Instability): a busy browser paints a page of which it has not read
/// all, and then a column may become a pixel wider.
const MOST_SHIFT: f64 = 0.001;
/// How often it is loaded.
const LOADS: usize = 21;
/// Who make accounts at the same time.
const MAKERS: usize = 16;

/// Milliseconds until something was painted, bytes and files that were loaded, and how much of it moved afterwards.
const FIGURES: &str = "
    const paint = () => performance.getEntriesByName('first-contentful-paint')[0];
    while (!paint()) await new Promise((done) => setTimeout(done, 5));
    const loaded = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    let shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((one) => { shift += one.value; }))
        .observe({type: 'layout-shift', buffered: true});
    await new Promise((done) => setTimeout(done, 250));
    return [paint().startTime, loaded.reduce((sum, one) => sum + one.transferSize, 0), loaded.length, shift];
";

/// `CONSOLE_ACCOUNTS` says how many accounts there are, beside whom 50 are shown.
#[test]
fn a_list_of_fifty_takes_little() {
    let accounts =
        std::env::var("CONSOLE_ACCOUNTS").map_or(200, |number| number.parse().expect("a number of accounts"));
    let place = Place::new();
    let server = Server::start(&place);
    all_at_once(MAKERS, |maker| {
        let admin = server.admin();
        for number in (maker..accounts).step_by(MAKERS) {
            let person = json!({
                "name": format!("person-{number:06}"), "firstName": "Ada", "lastName": format!("Number {number}"),
                "email": format!("ada.{number}@example.com"), "tags": ["engines", "maths"],
            });
            admin.post("/local-users", &person).ok();
        }
    });
    let browser = Browser::open(&server);
    browser.sign_in();
    browser.keep_nothing();
    let mut paints = Vec::new();
    let mut bytes = 0.0;
    for _ in 0..LOADS {
        browser.go("/ui/local-users");
        browser.see(" of ");
        let figures = browser.script(FIGURES, &[]);
        let [paint, size, files, shift] = [0, 1, 2, 3].map(|at| figures[at].as_f64().expect("a figure"));
        assert!(shift <= MOST_SHIFT, "what is shown moves: {figures}");
        assert!(files >= 4.0, "the page, a style sheet and two scripts are loaded: {figures}");
        paints.push(paint);
        bytes = size;
    }
    paints.sort_by(f64::total_cmp);
    let (median, worst) = (paints[LOADS / 2], paints[LOADS - 1]);
    println!(
        "{accounts} accounts: first paint after {median:.0} ms (median), {worst:.0} ms (worst of {LOADS}); {bytes} bytes"
    );
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
    browser.check_console();
}
