//! A client of the API.

use reqwest::{Certificate, Method, blocking, header::HeaderMap};
use serde_json::{Value, json};

use super::{WATCHDOG, wait_for};

/// Any device.
const DEVICE: &str = "4c07bc67-57ea-42dd-b702-c2d6c45419fc";

/// Speaks to one server, with a token or without.
#[derive(Clone)]
pub struct Client {
    http: blocking::Client,
    url: String,
    token: Option<String>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|wrong| panic!("{wrong} in {self:?}"))
    }

    /// The object, if that is what was answered.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// Whether it says that nothing was done, and to come back.
    pub fn is_put_off(&self) -> bool {
        self.status == 503 && self.json()["id"] == "service unavailable"
    }

    /// Whether it says that it may have been done.
    pub fn is_in_doubt(&self) -> bool {
        self.status == 503 && self.json()["id"] == "in doubt"
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// What two answers must have in common to tell nothing apart.
    pub fn visible(&self) -> (u16, String, Vec<(String, String)>) {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
            .map(|(name, value)| (name.to_string(), format!("{value:?}")))
            .collect();
        headers.sort();
        (self.status, self.text.clone(), headers)
    }
}

/// The body of a login.
pub fn login(provider: &str, name: &str, password: &str) -> Value {
    json!({"providerName": provider, "deviceId": DEVICE, "username": name, "password": password})
}

/// A body for each way of being wrong, with a secret in it.
pub fn broken_bodies(secret: &str) -> Vec<String> {
    vec![
        format!(r#"{{"providerName":"local","password":"{secret}""#),
        format!(r#"{{"password":"{secret}","password":"{secret}"}}"#),
        format!(r#"{{"password":["{secret}"]}}"#),
        format!(r#"{{"password":{{"{secret}":1}}}}"#),
        format!(r#"{{"disabled":"{secret}","failedLoginAttempts":"{secret}"}}"#),
        format!(r#"{{"deviceId":"{secret}","providerName":"{secret}","password":"{secret}"}}"#),
        format!(r#"{{"id":"{secret}","lockStart":"{secret}","password":"{secret}"}}"#),
        format!(r#""{secret}""#),
        secret.to_owned(),
        format!("password={secret}"),
    ]
}

fn builder() -> blocking::ClientBuilder {
    blocking::Client::builder().no_proxy().timeout(WATCHDOG).redirect(reqwest::redirect::Policy::none())
}

impl Client {
    /// Without a token.
    pub fn new(url: &str) -> Self {
        Self { http: builder().build().expect("a client"), url: url.to_owned(), token: None }
    }

    /// Without a token, trusting this certificate alone.
    pub fn trusting(url: &str, pem: &[u8]) -> Self {
        let certificate = Certificate::from_pem(pem).expect("a certificate");
        let http = builder().tls_certs_only([certificate]).build().expect("a client");
        Self { http, url: url.to_owned(), token: None }
    }

    /// With a token of an account.
    #[track_caller]
    pub fn log_in(url: &str, provider: &str, name: &str, password: &str) -> Self {
        Self::new(url).logged_in(provider, name, password)
    }

    /// The same client with a token of an account.
    #[track_caller]
    pub fn logged_in(&self, provider: &str, name: &str, password: &str) -> Self {
        let answer = self.try_login(provider, name, password).ok();
        self.with_token(answer["token"].as_str().expect("a token"))
    }

    /// The same client with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client, speaking to another node.
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// The token, to look for where it should not be.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// Tries to log in, without a token of ours.
    pub fn try_login(&self, provider: &str, name: &str, password: &str) -> Answer {
        self.post("/login", &login(provider, name, password))
    }

    /// Tries to log in, and again for as long as the server says that it is too busy.
    pub fn insist(&self, provider: &str, name: &str, password: &str) -> Answer {
        wait_for("a server that is not too busy", || {
            let answer = self.try_login(provider, name, password);
            (answer.status != 503).then_some(answer)
        })
    }

    /// Tries to log in where the server may be gone before it answers.
    pub fn login_if_there(&self, provider: &str, name: &str, password: &str) -> Option<Answer> {
        self.try_request(Method::POST, "/login", |request| request.json(&login(provider, name, password))).ok()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, |request| request)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::POST, path, |request| request.json(body))
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::PUT, path, |request| request.json(body))
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path, |request| request)
    }

    /// Any request.
    #[track_caller]
    pub fn request(
        &self,
        method: Method,
        path: &str,
        more: impl FnOnce(blocking::RequestBuilder) -> blocking::RequestBuilder,
    ) -> Answer {
        self.try_request(method, path, more).expect("the server answers")
    }

    /// Any request; an error if there is no answer.
    pub fn try_request(
        &self,
        method: Method,
        path: &str,
        more: impl FnOnce(blocking::RequestBuilder) -> blocking::RequestBuilder,
    ) -> reqwest::Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = more(request).send()?;
        Ok(Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), text: answer.text()? })
    }

    /// A Local User named `name`. Gives its id.
    #[track_caller]
    pub fn create_user(&self, name: &str, password: &str) -> String {
        let body = json!({"name": name, "firstName": "First", "lastName": "Last", "password": password});
        self.post("/local-users", &body).ok()["id"].as_str().expect("an id").to_owned()
    }

    /// Sets after how many wrong passwords an account is locked, and for how long.
    #[track_caller]
    pub fn set_lockout(&self, threshold: u64, minutes: u64) {
        for provider in self.get("/identity-providers").ok()["data"].as_array().expect("a list") {
            let mut provider = provider.clone();
            provider["userLockoutThreshold"] = json!(threshold);
            provider["userLockoutDurationMinutes"] = json!(minutes);
            let path = format!("/identity-providers/{}", provider["id"].as_str().expect("an id"));
            self.put(&path, &provider).ok();
        }
    }
}
