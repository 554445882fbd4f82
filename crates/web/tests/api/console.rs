//! The console as a browser without scripts sees it: what its cookies and forms hold, and what they are refused for.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, Request},
};
use http_body_util::BodyExt;
use portreeve_directory::{caller::Caller, kind::AccountKind, sessions::of_account};
use serde_json::json;
use tower::ServiceExt;

use crate::{
    harness::{ADMIN_PASSWORD, LOCAL, PASSWORD, Server},
    roles::holder,
};

/// A browser: it keeps cookies, and what its last page's forms carry.
pub struct Desk<'a> {
    server: &'a Server,
    cookies: BTreeMap<String, String>,
    proof: String,
}

/// A page, or where it leads.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub html: String,
}

impl Page {
    /// Fails unless the status is this one.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.html);
        self
    }

    /// Where one is sent on to.
    pub fn place(&self) -> &str {
        self.headers.get("location").map_or("", |place| place.to_str().unwrap())
    }

    /// Fails unless the page says this.
    pub fn says(self, text: &str) -> Self {
        assert!(self.html.contains(text), "{text} is not in\n{}", self.html);
        self
    }

    /// Fails if the page says this.
    pub fn does_not_say(self, text: &str) -> Self {
        assert!(!self.html.contains(text), "{text} is in\n{}", self.html);
        self
    }
}

impl<'a> Desk<'a> {
    /// One on which nobody has signed in.
    pub fn new(server: &'a Server) -> Self {
        Self { server, cookies: BTreeMap::new(), proof: String::new() }
    }

    /// One on which somebody has signed in.
    pub async fn of(server: &'a Server, name: &str, password: &str) -> Self {
        let mut desk = Self::new(server);
        let page = desk.sign_in(name, password).await.expect(303);
        assert_eq!(page.place(), "/ui/");
        desk
    }

    /// One on which the first administrator has signed in.
    pub async fn of_admin(server: &'a Server) -> Self {
        Self::of(server, "admin", ADMIN_PASSWORD).await
    }

    /// Tries to sign in.
    pub async fn sign_in(&mut self, name: &str, password: &str) -> Page {
        self.get("/ui/sign-in").await.expect(200);
        self.post("/ui/sign-in", &[("provider", "local"), ("username", name), ("password", password)]).await
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// What the forms of its last page carry.
    pub fn proof(&self) -> String {
        self.proof.clone()
    }

    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.into(), value.into());
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get(path), String::new()).await
    }

    /// Sends a form with what forms of ours carry.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let proof = self.proof.clone();
        self.post_with(path, &proof, fields).await
    }

    /// Sends a form that carries this.
    pub async fn post_with(&mut self, path: &str, proof: &str, fields: &[(&str, &str)]) -> Page {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("proof", proof).extend_pairs(fields);
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request, body.finish()).await
    }

    /// Sends anything, with the cookies.
    pub async fn send(&mut self, request: axum::http::request::Builder, body: String) -> Page {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header("cookie", cookies.join("; ")).body(Body::from(body)).unwrap();
        let (parts, body) = self.server.router().oneshot(request).await.unwrap().into_parts();
        let html = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        for cookie in parts.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (pair, rest) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.into(), value.into());
            }
        }
        if let Some((_, rest)) = html.split_once("name=\"proof\" value=\"") {
            self.proof = rest.split('"').next().unwrap().to_owned();
        }
        Page { status: parts.status.as_u16(), headers: parts.headers, html }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_and_out() {
    let server = Server::start().await;
    let mut desk = Desk::new(&server);
    let page = desk.get("/ui/local-users?q=a").await.expect(303);
    assert_eq!(page.place(), "/ui/sign-in?next=%2Fui%2Flocal-users%3Fq%3Da");
    desk.get(page.place()).await.expect(200).says("/ui/local-users?q=a");
    let fields =
        [("provider", "local"), ("username", "admin"), ("password", ADMIN_PASSWORD), ("next", "/ui/local-users?q=a")];
    let page = desk.post("/ui/sign-in", &fields).await.expect(303);
    assert_eq!(page.place(), "/ui/local-users?q=a");
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    for mark in ["__Host-portreeve-session=", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
        assert!(cookie.contains(mark), "{mark} is not in {cookie}");
    }
    desk.get("/ui/").await.expect(200).says("admin");
    let token = desk.cookie("__Host-portreeve-session").unwrap().to_owned();
    desk.post("/ui/sign-out", &[]).await.expect(303);
    assert_eq!(desk.cookie("__Host-portreeve-session"), None);
    desk.set_cookie("__Host-portreeve-session", &token);
    desk.get("/ui/").await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_anew_leaves_no_session_behind() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    let first = desk.cookie("__Host-portreeve-session").unwrap().to_owned();
    desk.sign_in("admin", ADMIN_PASSWORD).await.expect(303);
    let second = desk.cookie("__Host-portreeve-session").unwrap().to_owned();
    assert_ne!(first, second);
    desk.get("/ui/").await.expect(200);
    desk.set_cookie("__Host-portreeve-session", &first);
    desk.get("/ui/").await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_browser_and_those_of_the_api_are_good_for_nothing_else() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    let token =
        desk.cookie("__Host-portreeve-session").unwrap().replace("%2F", "/").replace("%2B", "+").replace("%3D", "=");
    for path in ["/local-users", "/authorization"] {
        server.call("GET", path).token(&token).send().await.expect(401);
    }
    let of_api = server.token.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
    desk.set_cookie("__Host-portreeve-session", &of_api);
    desk.get("/ui/").await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_or_session_changes_nothing() {
    let server = Server::start().await;
    server.person("bobby").await;
    let mut other = Desk::of(&server, "bobby", PASSWORD).await;
    other.get("/ui/account").await.expect(200);
    let stolen = other.proof.clone();
    let mut desk = Desk::of_admin(&server).await;
    desk.get("/ui/local-users/new").await.expect(200);
    let fields = [("name", "mallory"), ("firstName", "M"), ("lastName", "Y")];
    for proof in ["", "x", &stolen] {
        desk.post_with("/ui/local-users/new", proof, &fields).await.expect(403);
    }
    let proof = desk.proof.clone();
    for site in ["cross-site", "same-site", "none"] {
        let body = format!("proof={proof}&name=mallory&firstName=M&lastName=Y");
        desk.send(Request::post("/ui/local-users/new").header("sec-fetch-site", site), body).await.expect(403);
    }
    assert_eq!(server.get("/local-users?query=mallory").await.json["data"].as_array().unwrap().len(), 0);
    desk.post_with("/ui/local-users/new", &proof, &fields).await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_needs_a_form_of_ours_and_a_browser_that_keeps_cookies() {
    let server = Server::start().await;
    let fields = [("provider", "local"), ("username", "admin"), ("password", ADMIN_PASSWORD)];
    let mut desk = Desk::new(&server);
    desk.post_with("/ui/sign-in", "", &fields).await.expect(403).says("did not send back a cookie");
    desk.post_with("/ui/sign-in", "wrong", &fields).await.expect(403).says("another session");
    desk.sign_in("admin", "a wrong password").await.expect(401).says("Invalid user name or password.");
    // Machines have no business here, whatever they know.
    server.make("/service-users", json!({ "name": "loom", "password": PASSWORD })).await;
    let fields = [("provider", "service"), ("username", "loom"), ("password", PASSWORD)];
    desk.post("/ui/sign-in", &fields).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_browser_ends_when_it_goes_unused_and_one_of_the_api_does_not() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    for _ in 0..3 {
        server.pass(Duration::from_secs(29 * 60)).await;
        desk.get("/ui/").await.expect(200);
    }
    server.pass(Duration::from_secs(30 * 60)).await;
    desk.get("/ui/").await.expect(303);
    server.get("/local-users").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_use_of_a_session_is_noted_once_in_a_while() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    let last_used =
        async || server.rows("SELECT CAST(MAX(last_used) AS TEXT) FROM sessions WHERE idle_limit > 0").await;
    for (pause, is_noted) in [(30, false), (31, true)] {
        server.pass(Duration::from_secs(pause)).await;
        let before = last_used().await;
        desk.get("/ui/").await.expect(200);
        assert_eq!(last_used().await != before, is_noted, "after {pause} s");
    }
    // However short the limit is: often enough for it.
    server.change(&format!("/identity-providers/{LOCAL}"), json!({ "inactivityTimeoutMinutes": 1 })).await;
    let mut desk = Desk::of_admin(&server).await;
    for _ in 0..3 {
        server.pass(Duration::from_secs(40)).await;
        desk.get("/ui/").await.expect(200);
    }
    server.pass(Duration::from_secs(60)).await;
    desk.get("/ui/").await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_keeps_to_itself() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    for path in ["/ui/", "/ui/sign-in", "/ui/local-users", "/ui/nothing", "/ui/local-users/new"] {
        let page = desk.get(path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.headers["cache-control"], "no-store", "{path}");
        assert_eq!(page.headers["referrer-policy"], "same-origin", "{path}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff", "{path}");
        assert!(!page.html.contains("<script>") && !page.html.contains(" style=") && !page.html.contains(" onclick"));
        assert!(!page.html.contains(&server.token));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_what_the_api_would_show_and_nothing_else() {
    let server = Server::start().await;
    let (in_reach, out_of_reach) = (server.person("ada").await, server.person("grace").await);
    server.change(&format!("/local-users/{in_reach}"), json!({ "tags": ["sales"] })).await;
    let scope = json!({ "tags": ["sales"] });
    let privileges = json!([
        { "type": "View", "target": "LocalUser", "scope": scope },
        { "type": "Edit", "target": "LocalUser", "scope": scope },
    ]);
    holder(&server, "desk", privileges).await;
    let mut desk = Desk::of(&server, "desk", PASSWORD).await;
    let home = desk.get("/ui/").await.expect(200).says("ada").does_not_say("grace");
    for section in ["service-users", "roles", "policies", "audit-log", "settings", "identity-providers", "tags"] {
        assert!(!home.html.contains(&format!("/ui/{section}\"")), "the menu lists {section}");
    }
    desk.get("/ui/local-users").await.expect(200).says("ada").does_not_say("grace").does_not_say("New Local User");
    let seen = desk.get(&format!("/ui/local-users/{in_reach}")).await.expect(200).does_not_say("/history");
    seen.does_not_say("/rights").does_not_say("/delete");
    for path in ["", "/edit", "/password", "/sessions"] {
        desk.get(&format!("/ui/local-users/{out_of_reach}{path}")).await.expect(404).does_not_say("grace");
    }
    desk.get(&format!("/ui/local-users/{in_reach}/history")).await.expect(403);
    desk.get(&format!("/ui/local-users/{in_reach}/rights")).await.expect(403);
    desk.get(&format!("/ui/local-users/{in_reach}/delete")).await.expect(403);
    desk.get("/ui/local-users/new").await.expect(403);
    desk.get("/ui/service-users").await.expect(403);
    // What a form does not offer is refused too, one by one and together.
    let path = format!("/ui/local-users/{out_of_reach}");
    desk.get("/ui/account").await.expect(200);
    desk.post(&path, &[("act", "disable")]).await.expect(404);
    desk.post(&format!("{path}/delete"), &[]).await.expect(404);
    desk.post(&format!("{path}/password"), &[("password", "a long password"), ("again", "a long password")])
        .await
        .expect(404);
    let bulk = [("act", "disable"), ("sure", "1"), ("id", in_reach.as_str()), ("id", out_of_reach.as_str())];
    desk.post("/ui/local-users/bulk", &bulk).await.expect(303);
    assert_eq!(server.get(&format!("/local-users/{in_reach}")).await.json["disabled"], true);
    assert_eq!(server.get(&format!("/local-users/{out_of_reach}")).await.json["disabled"], false);
    let bulk = [("act", "delete"), ("sure", "1"), ("id", in_reach.as_str())];
    desk.post("/ui/local-users/bulk", &bulk).await.expect(409).says("Delete on LocalUser");
    server.get(&format!("/local-users/{in_reach}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_has_their_own_account_and_no_one_elses_sessions() {
    let server = Server::start().await;
    server.person("ada").await;
    server.person("grace").await;
    let mut ada = Desk::of(&server, "ada", PASSWORD).await;
    assert_eq!(ada.get("/ui/").await.expect(303).place(), "/ui/account");
    let grace = server.token_of("local", "grace", PASSWORD).await;
    let id = server.get("/local-users?query=grace").await.json["data"][0]["id"].as_str().unwrap().parse().unwrap();
    let operator = Caller::operator("test".into());
    let sessions = of_account(&server.directory, &operator, AccountKind::Local, id).await.unwrap();
    let session = sessions[0].id.to_string();
    ada.get("/ui/account").await.expect(200).says("Bobby Tables").does_not_say("grace");
    ada.post("/ui/account/sessions", &[("session", &session)]).await.expect(303);
    server.call("GET", "/local-users").token(&grace).send().await.expect(403);
    // What is past is past: the session of a deleted or disabled account, or of one with a new password.
    let own = server.get("/local-users?query=ada").await.json["data"][0]["id"].as_str().unwrap().to_owned();
    server.change(&format!("/local-users/{own}"), json!({ "disabled": true })).await;
    assert!(ada.get("/ui/account").await.expect(303).place().starts_with("/ui/sign-in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_is_answered_with_a_page() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    let unknown = "/ui/local-users/00000000-0000-0000-0000-000000000000";
    let front = Request::get("/").header("accept", "text/html,application/xhtml+xml");
    assert_eq!(desk.send(front, String::new()).await.expect(303).place(), "/ui/");
    server.get("/").await.expect(404);
    for (path, status) in [
        ("/ui/local-users/abc", 400),
        (unknown, 404),
        ("/ui/nothing/at/all", 404),
        ("/ui/assets/console.css", 404),
        ("/ui/local-users?sort=nothing", 422),
        ("/ui/local-users?q=%00", 422),
        ("/ui/sign-out", 405),
    ] {
        let page = desk.get(path).await.expect(status);
        assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
        page.says("That did not work").says("href=\"/ui/\"");
    }
    let endless = "a".repeat(2 * 1024 * 1024);
    desk.get("/ui/local-users/new").await.expect(200);
    desk.post("/ui/local-users/new", &[("notes", &endless)]).await.expect(422).says("mebibyte");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_filled_in_is_shown_as_text_whatever_it_is() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    desk.get("/ui/local-users/new").await.expect(200);
    let bad = "<script>alert(1)</script>\"'>";
    let fields = [("name", bad), ("firstName", bad), ("lastName", bad), ("tags", bad), ("notes", bad)];
    let page = desk.post("/ui/local-users/new", &fields).await.expect(303);
    let place = page.place().to_owned();
    for path in
        [place.clone(), format!("{place}/edit"), format!("{place}/history"), "/ui/local-users".into(), "/ui/".into()]
    {
        desk.get(&path).await.expect(200).does_not_say("<script>alert").says("&#60;script&#62;");
    }
    let query = "/ui/local-users?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E&tag=%22%3E%3Cscript%3Ealert";
    desk.get(query).await.expect(200).does_not_say("<script>alert");
}
