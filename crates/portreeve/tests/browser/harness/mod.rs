//! A browser that tests use as people do: by what is written on the page. What is not there yet is waited for.

mod accessibility;
mod chromedriver;
mod find;
mod look;
mod webdriver;

use std::{
    cell::Cell,
    path::Path,
    time::{Duration, Instant},
};

use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{ADMIN_PASSWORD, Server};
use chromedriver::{Chromedriver, installed};
use webdriver::Session;

pub use look::{Theme, Width};
pub use webdriver::key;

/// How long a page may take to show what a test waits for. No measure of speed, and the only time in these tests.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// How much of a page's text a failure shows, in characters.
const SHOWN: usize = 4_000;

/// A browser with a profile of its own, on one server. It and its processes end when it is dropped, also by a panic.
pub struct Browser {
    session: Session,
    server: Url,
    patience: Duration,
    looks: Cell<(Theme, Width)>,
    chromedriver: Chromedriver,
    profile: TempDir,
}

fn capabilities(profile: &TempDir) -> Value {
    let mut arguments = vec![format!("--user-data-dir={}", profile.path().display())];
    let fixed = [
        "--headless=new",
        // Tests run as root in containers, where Chromium's sandbox cannot; they open only pages of ours.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // A phone's scroll bar takes no room.
        "--hide-scrollbars",
    ];
    arguments.extend(fixed.map(str::to_owned));
    let mut options = json!({"args": arguments});
    if let Some(chromium) = installed("chromium") {
        options["binary"] = json!(chromium);
    }
    json!({"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}})
}

impl Browser {
    /// Opens one that shows nothing yet: light, as wide as a desk's, in UTC.
    pub fn open(server: &Server) -> Self {
        let profile = TempDir::new().expect("a temporary folder");
        let mut chromedriver = Chromedriver::start(profile.path());
        let (session, about) = Session::open(&chromedriver.url, capabilities(&profile))
            .unwrap_or_else(|wrong| panic!("no browser opened: {wrong}\n{}", chromedriver.complaints()));
        chromedriver.answer_for(about["goog:processID"].as_i64(), profile.path());
        let browser = Self {
            session,
            server: Url::parse(&server.url).expect("is a URL"),
            patience: PATIENCE,
            looks: Cell::new((Theme::Light, Width::Desk)),
            chromedriver,
            profile,
        };
        browser.emulate(Theme::Light, Width::Desk);
        browser.time_zone("UTC");
        browser
    }

    /// From now on looks once and does not wait, so that a failure can be seen soon.
    pub fn lose_patience(&mut self) {
        self.patience = Duration::ZERO;
    }

    /// The folder that is this browser's alone.
    pub fn profile(&self) -> &Path {
        self.profile.path()
    }

    /// Where its chromedriver listens.
    pub fn chromedriver(&self) -> &str {
        &self.chromedriver.url
    }

    /// Opens a page by its path, and waits until it is loaded.
    #[track_caller]
    pub fn go(&self, path: &str) {
        let url = self.server.join(path).expect("is a path");
        done(self.session.post("/url", &json!({"url": url.as_str()})));
    }

    /// Where it is: path, query and fragment.
    #[track_caller]
    pub fn path(&self) -> String {
        self.url()[url::Position::BeforePath..].to_owned()
    }

    #[track_caller]
    fn url(&self) -> Url {
        let url = done(self.session.get("/url"));
        url.as_str().and_then(|url| url.parse().ok()).expect("a URL")
    }

    /// The title of the page.
    #[track_caller]
    pub fn title(&self) -> String {
        done(self.session.get("/title")).as_str().expect("a title").to_owned()
    }

    /// The text of the first element that CSS finds, as it is seen.
    #[track_caller]
    pub fn text(&self, css: &str) -> String {
        self.wait_until(&format!("the text of {css}"), || {
            self.try_texts(css)?.into_iter().next().ok_or_else(|| "there is no such element".to_owned())
        })
    }

    /// The texts of all elements that CSS finds now.
    #[track_caller]
    pub fn texts(&self, css: &str) -> Vec<String> {
        done(self.try_texts(css))
    }

    /// Fails also while one page gives way to another.
    fn try_texts(&self, css: &str) -> Result<Vec<String>, String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText.trim())";
        serde_json::from_value(self.session.script(script, &[json!(css)])?).map_err(|wrong| wrong.to_string())
    }

    /// Waits until the page shows a text.
    #[track_caller]
    pub fn see(&self, text: &str) {
        self.wait_until(&format!("the words {text:?}"), || {
            let shown = self.try_texts("body")?.concat().contains(text);
            shown.then_some(()).ok_or_else(|| "they are not there".to_owned())
        });
    }

    /// Looks again and again until there is something to see.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        self.wait_until(what, || look().ok_or_else(|| "it is not there".to_owned()))
    }

    /// As [`Browser::wait_for`], where each look can say why it is in vain.
    #[track_caller]
    fn wait_until<T>(&self, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
        let began = Instant::now();
        loop {
            match look() {
                Ok(seen) => return seen,
                Err(why) if began.elapsed() >= self.patience => {
                    let text = self.try_texts("body").unwrap_or_else(|wrong| vec![wrong]).concat();
                    let (path, title) = (self.path(), self.title());
                    let text: String = text.chars().take(SHOWN).collect();
                    panic!("waited in vain for {what}: {why}\non {path} ({title}), which says:\n{text}");
                }
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    /// Types wherever the focus is: a text, or [`key::TAB`] and its like.
    #[track_caller]
    pub fn keys(&self, keys: &str) {
        let presses = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()})));
        let presses: Vec<Value> = presses.collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": presses}]});
        done(self.session.post("/actions", &actions));
    }

    #[track_caller]
    fn active(&self) -> Value {
        done(self.session.get("/element/active"))
    }

    /// Runs a function's body in the page, past its content security policy, and gives what it returns or promises.
    #[track_caller]
    pub fn script(&self, body: &str, arguments: &[Value]) -> Value {
        done(self.session.script(body, arguments))
    }

    /// A command of the Chrome DevTools Protocol.
    #[track_caller]
    fn devtools(&self, command: &str, parameters: Value) -> Value {
        done(self.session.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters})))
    }
    /// Loads everything anew from now on, whatever was loaded before.
    #[track_caller]
    pub fn keep_nothing(&self) {
        self.devtools("Network.enable", json!({}));
        self.devtools("Network.setCacheDisabled", json!({"cacheDisabled": true}));
    }

    /// Signs in as the first administrator, by the console's form.
    pub fn sign_in(&self) {
        self.sign_in_as("admin", ADMIN_PASSWORD);
    }

    /// Signs in by the console's form.
    pub fn sign_in_as(&self, name: &str, password: &str) {
        self.go("/ui/sign-in");
        self.fill("User name", name);
        self.fill("Password", password);
        self.press("Sign in");
        self.wait_for("the console", || (!self.path().starts_with("/ui/sign-in")).then_some(()));
    }
}

/// What the browser answered.
#[track_caller]
fn done<T>(answer: Result<T, String>) -> T {
    answer.unwrap_or_else(|wrong| panic!("the browser: {wrong}"))
}

impl Drop for Browser {
    fn drop(&mut self) {
        // One that does not end when it is told to is ended by its process's number.
        self.session.close(PATIENCE).ok();
    }
}
