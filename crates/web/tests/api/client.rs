//! A request and its answer. What must hold of every answer is checked here, for each one that any test gets.

use std::{net::IpAddr, sync::LazyLock};

use axum::{Router, body::Body, http::HeaderMap};
use http_body_util::BodyExt;
use portreeve_web::request::Peer;
use serde_json::Value;
use tower::ServiceExt;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(portreeve_web::openapi::DOCUMENT).unwrap());

/// A request that is being put together.
pub struct Call {
    router: Router,
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    token: Option<String>,
    peer: Option<IpAddr>,
    body: Vec<u8>,
}

impl Call {
    pub fn new(router: Router, method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self { router, method, path, headers: Vec::new(), token: None, peer: None, body: Vec::new() }
    }

    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub fn anonymous(mut self) -> Self {
        self.token = None;
        self
    }

    /// Comes from this address.
    pub fn peer(mut self, address: IpAddr) -> Self {
        self.peer = Some(address);
        self
    }

    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    pub fn accept(self, value: &str) -> Self {
        self.header("accept", value)
    }

    pub fn json(self, body: Value) -> Self {
        self.body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Answer {
        let uri = self.path.replace(' ', "%20");
        let mut request = axum::http::Request::builder().method(self.method.as_str()).uri(uri);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(address) = self.peer {
            request = request.extension(Peer((address, 40_000).into()));
        }
        let request = request.body(Body::from(self.body)).unwrap();
        let (parts, body) = self.router.oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let what = format!("{} {} -> {}", self.method, self.path, parts.status);
        let json = if bytes.is_empty() || self.method == "HEAD" {
            Value::Null
        } else if parts.headers["content-type"] == "application/x-ndjson" {
            let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()).collect()
        } else {
            assert_eq!(parts.headers["content-type"], "application/json", "{what}");
            serde_json::from_slice(&bytes).unwrap_or_else(|wrong| panic!("{what}: {wrong}"))
        };
        let status = parts.status.as_u16();
        check_guarded(&parts.headers, &what);
        if self.token.is_some() {
            assert_eq!(parts.headers["cache-control"], "no-store", "{what}");
        }
        if matches!(status, 204 | 304) {
            assert!(bytes.is_empty(), "{what} has a body");
        }
        if status >= 400 && self.method != "HEAD" {
            check_error(status, &json, &what);
        }
        check_declared(&self.method, &self.path, status);
        Answer { status, headers: parts.headers, bytes: bytes.to_vec(), json, what }
    }
}

/// Every answer says what a browser may do with it: show it as nothing but what it is, to nobody else, and in no frame.
pub fn check_guarded(headers: &HeaderMap, what: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert!(headers.get(name).is_some_and(|said| said == value), "{what}: {name} is not {value}");
    }
    let policy = headers.get("content-security-policy").map_or("", |policy| policy.to_str().unwrap());
    for part in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action '"] {
        assert!(policy.contains(part), "{what}: {part} is not in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{what}: {policy}");
    let referrer = headers.get("referrer-policy").map_or("", |policy| policy.to_str().unwrap());
    assert!(["no-referrer", "same-origin"].contains(&referrer), "{what}: {referrer}");
    let shared = headers.keys().find(|name| name.as_str().starts_with("access-control-"));
    assert!(shared.is_none(), "{what} lets other sites read it: {shared:?}");
    if let Some(form) = headers.get("content-type").map(|form| form.to_str().unwrap()) {
        assert!(!form.starts_with("text/") || form.contains("charset=utf-8"), "{what}: {form}");
    }
}

/// Every error has the same shape, and says which one it is.
fn check_error(status: u16, json: &Value, what: &str) {
    let reason = axum::http::StatusCode::from_u16(status).unwrap();
    let reason = reason.canonical_reason().unwrap().to_lowercase();
    assert_eq!(json["id"], reason, "{what}");
    assert!(json["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}: {json}");
    let mut keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    match status {
        406 => assert_eq!(keys, ["id", "maxSupportedVersion", "message", "minSupportedVersion"], "{what}"),
        422 => {
            let errors = json["errors"].as_array().unwrap();
            let complete = |fault: &Value| fault["field"].is_string() && fault["message"].is_string();
            assert!(!errors.is_empty() && errors.iter().all(complete), "{what}: {json}");
        }
        401 if keys.len() > 2 => assert_eq!(keys, ["failureType", "id", "message", "reason"], "{what}"),
        _ => assert_eq!(keys, ["id", "message"], "{what}"),
    }
}

/// Whatever status is seen must be one that the document names.
fn check_declared(method: &str, path: &str, status: u16) {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.strip_prefix("/admin").unwrap_or(path);
    let fits = |template: &str| {
        let (parts, given) = (template.split('/'), path.split('/'));
        let fits = |(part, given): (&str, &str)| part == given || (part.starts_with('{') && !given.is_empty());
        parts.clone().count() == given.clone().count() && parts.zip(given).all(fits)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let Some((_, operations)) = paths.get_key_value(path).or_else(|| paths.iter().find(|(template, _)| fits(template)))
    else {
        return;
    };
    let operation = &operations[method.to_lowercase()];
    // Methods are told apart by case.
    if operation.is_object() && method == method.to_uppercase() {
        assert!(operation["responses"][status.to_string()].is_object(), "{method} {path} does not declare {status}");
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    pub json: Value,
    what: String,
}

impl Answer {
    /// Passes on an answer that has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.what, String::from_utf8_lossy(&self.bytes));
        self
    }

    /// The fields that a 422 names, in its order.
    #[track_caller]
    pub fn faults(&self) -> Vec<String> {
        assert_eq!(self.status, 422, "{}: {}", self.what, self.json);
        let errors = self.json["errors"].as_array().unwrap();
        errors.iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The names in a list.
    #[track_caller]
    pub fn names(&self) -> Vec<&str> {
        assert_eq!(self.status, 200, "{}: {}", self.what, self.json);
        self.json["data"].as_array().unwrap().iter().map(|object| object["name"].as_str().unwrap()).collect()
    }

    /// The answer without the fields that differ each time, which must look like times.
    #[track_caller]
    pub fn timeless(&self) -> Value {
        let mut json = self.json.clone();
        for field in ["created", "updated"] {
            let time = json[field].as_str().unwrap().to_owned();
            assert!(is_time(&time), "{field}: {time}");
            json.as_object_mut().unwrap().remove(field);
        }
        json
    }
}

/// RFC 3339 in UTC with six digits: `2026-11-21T16:35:14.988161Z`.
pub fn is_time(text: &str) -> bool {
    let form = b"0000-00-00T00:00:00.000000Z";
    text.len() == form.len()
        && text.bytes().zip(form).all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form })
}
