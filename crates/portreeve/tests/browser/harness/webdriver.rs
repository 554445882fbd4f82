//! WebDriver (W3C, over HTTP), as far as these tests need it. Written out, as the crate `thirtyfour` turns on `preserve_order` of
//! `serde_json`, in the program under test too, which would then answer otherwise than the one that is released.

use std::time::Duration;

use reqwest::{Method, blocking::Client};
use serde_json::{Value, json};

use crate::support::WATCHDOG;

/// What stands for an element in answers and in arguments of scripts: an object with this one key.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys without a letter, to be sent among text.
pub mod key {
    pub const TAB: &str = "\u{e004}";
    pub const ENTER: &str = "\u{e007}";
    pub const ESCAPE: &str = "\u{e00c}";
    pub(in crate::harness) const CONTROL: &str = "\u{e009}";
    pub(in crate::harness) const DELETE: &str = "\u{e017}";
}

/// One browser, moved by a driver.
pub struct Session {
    http: Client,
    /// Where its commands are sent: `http://127.0.0.1:12345/session/ab12`.
    url: String,
}

impl Session {
    /// Opens a browser. Gives also what it says of itself.
    pub fn open(driver: &str, mut capabilities: Value) -> Result<(Self, Value), String> {
        let http = Client::builder().no_proxy().timeout(WATCHDOG).build().expect("a client");
        capabilities["timeouts"] = json!({"script": u64::try_from(WATCHDOG.as_millis()).expect("is short")});
        let mut this = Self { http, url: format!("{driver}/session") };
        let opened = this.post("", &json!({"capabilities": {"alwaysMatch": capabilities}}))?;
        let id = opened["sessionId"].as_str().ok_or("the driver names no session")?;
        this.url = format!("{}/{id}", this.url);
        Ok((this, opened["capabilities"].clone()))
    }

    /// Ends the browser, if it does so in time.
    pub fn close(&self, patience: Duration) -> Result<(), String> {
        self.send(Method::DELETE, "", None, patience).map(drop)
    }

    pub fn get(&self, path: &str) -> Result<Value, String> {
        self.send(Method::GET, path, None, WATCHDOG)
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.send(Method::POST, path, Some(body), WATCHDOG)
    }

    /// Runs a function's body in the page. What it returns is waited for, if it is a promise.
    pub fn script(&self, body: &str, arguments: &[Value]) -> Result<Value, String> {
        self.post("/execute/sync", &json!({"script": body, "args": arguments}))
    }

    /// What the driver has to say of an element: `name`, `enabled`, `selected`, `computedlabel`, `property/value`.
    pub fn ask(&self, element: &Value, what: &str) -> Result<Value, String> {
        self.get(&format!("/element/{}/{what}", id(element)))
    }

    /// As [`Session::ask`], for what is a text. A name that there is not is empty.
    pub fn ask_text(&self, element: &Value, what: &str) -> Result<String, String> {
        Ok(self.ask(element, what)?.as_str().unwrap_or_default().to_owned())
    }

    /// Scrolls to the middle of an element and presses there; an error if something else lies above it.
    pub fn click(&self, element: &Value) -> Result<(), String> {
        self.post(&format!("/element/{}/click", id(element)), &json!({})).map(drop)
    }

    /// Types into an element. [`key::CONTROL`] is held to the end.
    pub fn send_keys(&self, element: &Value, keys: &str) -> Result<(), String> {
        self.post(&format!("/element/{}/value", id(element)), &json!({"text": keys})).map(drop)
    }

    fn send(&self, method: Method, path: &str, body: Option<&Value>, patience: Duration) -> Result<Value, String> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).timeout(patience);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().map_err(|wrong| format!("{wrong:?}"))?;
        let well = answer.status().is_success();
        let value = answer.json::<Value>().map_err(|wrong| format!("{wrong:?}"))?["value"].take();
        if well {
            return Ok(value);
        }
        let part =
            |name: &str| value[name].as_str().and_then(|text| text.lines().next()).unwrap_or_default().to_owned();
        Err(format!("{}: {}", part("error"), part("message")))
    }
}

fn id(element: &Value) -> &str {
    element[ELEMENT].as_str().expect("is an element")
}
