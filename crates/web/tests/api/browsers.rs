//! What browsers are told with every answer, what they keep, and how they take passwords.

use axum::{
    Router,
    http::{HeaderMap, Request},
    routing::get,
};
use portreeve_web::{App, Parts, request::RequestLayer};
use serde_json::json;

use crate::{
    client::{Call, check_guarded},
    console::Desk,
    harness::{ADMIN_PASSWORD, PASSWORD, Server},
};

/// Where the page leads to that begins with this.
fn linked<'a>(html: &'a str, begin: &str) -> Vec<&'a str> {
    html.match_indices(begin).map(|(at, _)| html[at..].split('"').next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    let home = desk.get("/ui/").await.expect(200);
    let assets = linked(&home.html, "/ui/assets/");
    assert!(assets.len() >= 4, "{assets:?}");
    let pages = ["/docs", "/docs/style.css", "/openapi.json", "/healthz", "/readyz", "/nowhere", "/", "/ui", "/ui/"];
    let more = ["/ui/sign-in", "/ui/nothing", "/ui/audit-log/export?format=csv", "/local-users", "/version"];
    for path in pages.into_iter().chain(more).chain(assets) {
        for method in ["GET", "HEAD", "OPTIONS", "POST", "TRACE"] {
            // Another site that asks for leave, as browsers ask before they send what is not a plain form.
            let asked = Request::builder().method(method).uri(path).header("origin", "https://other.example");
            let asked = asked.header("access-control-request-method", "DELETE");
            let answer = desk.send(asked, String::new()).await;
            let what = format!("{method} {path} -> {}", answer.status);
            check_guarded(&answer.headers, &what);
            assert!(!answer.headers.contains_key("server") && !answer.headers.contains_key("x-powered-by"), "{what}");
            // Nobody said that it is reached over TLS.
            assert!(!answer.headers.contains_key("strict-transport-security"), "{what}");
            if method == "TRACE" {
                assert!(matches!(answer.status, 404 | 405), "{what}");
            }
        }
    }
}

/// The cookies that an answer sets.
fn set(headers: &HeaderMap) -> Vec<String> {
    headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cookie_is_for_this_host_alone() {
    let server = Server::start().await;
    let mut desk = Desk::new(&server);
    let mut all = set(&desk.get("/ui/sign-in").await.expect(200).headers);
    all.extend(set(&desk.sign_in("admin", ADMIN_PASSWORD).await.expect(303).headers));
    desk.get("/ui/local-users/new").await.expect(200);
    let longest = "\u{1F600}".repeat(255);
    let fields = [("name", longest.as_str()), ("firstName", "a"), ("lastName", "b")];
    all.extend(set(&desk.post("/ui/local-users/new", &fields).await.expect(303).headers));
    desk.get("/ui/account").await.expect(200);
    all.extend(set(&desk.post("/ui/account/theme", &[("theme", "dark")]).await.expect(303).headers));
    all.extend(set(&desk.post("/ui/sign-out", &[]).await.expect(303).headers));
    for name in ["session", "device", "note", "theme"] {
        assert!(all.iter().any(|cookie| cookie.starts_with(&format!("__Host-portreeve-{name}="))), "{name}: {all:?}");
    }
    for cookie in &all {
        assert!(cookie.starts_with("__Host-portreeve-"), "{cookie}");
        for mark in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(mark), "{mark} is not in {cookie}");
        }
        assert!(!cookie.contains("Domain="), "{cookie}");
        // Browsers throw away what is longer.
        assert!(cookie.split(';').next().unwrap().len() <= 4_096, "{} bytes", cookie.len());
    }
    // The token is forgotten with the browser's end.
    let token = all.iter().find(|cookie| cookie.starts_with("__Host-portreeve-session=")).unwrap();
    assert!(!token.contains("Max-Age") && !token.contains("Expires"), "{token}");
    // The script sets the last one, of which it is the reader.
    let script = include_str!("../../assets/console/console.js");
    assert_eq!(script.matches("document.cookie =").count(), 1);
    assert!(script.contains(r#"const told = "__Host-portreeve-zone=""#) && script.contains("; path=/; "));
    assert!(script.contains("samesite=lax; secure\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_typed_unseen_and_filled_in_by_those_who_keep_them() {
    let server = Server::start().await;
    let id = server.person("bobby").await;
    let machine = server.make("/service-users", json!({ "name": "loom", "password": PASSWORD })).await;
    let mut desk = Desk::of_admin(&server).await;
    server.pass(std::time::Duration::from_secs(16 * 60)).await;
    let (mut seen, mut stranger) = (0, Desk::new(&server));
    let person = format!("/ui/local-users/{id}");
    for (path, kept, chosen) in [
        ("/ui/sign-in".to_owned(), 1, 0),
        ("/ui/account".into(), 1, 2),
        ("/ui/local-users/new".into(), 0, 1),
        (format!("{person}/password"), 1, 2),
        (format!("/ui/service-users/{machine}/password"), 1, 2),
        (format!("{person}/delete"), 1, 0),
    ] {
        let browser = if path == "/ui/sign-in" { &mut stranger } else { &mut desk };
        let page = browser.get(&path).await.expect(200).does_not_say("onpaste").does_not_say("maxlength");
        let inputs = page.html.split("<input ").skip(1).map(|rest| rest.split('>').next().unwrap());
        let secret: Vec<&str> = inputs.filter(|input| input.contains("type=\"password\"")).collect();
        let count = |how: &str| secret.iter().filter(|input| input.contains(&format!("\"{how}\""))).count();
        assert_eq!((count("current-password"), count("new-password")), (kept, chosen), "{path}: {secret:?}");
        assert_eq!(secret.len(), kept + chosen, "{path}: {secret:?}");
        seen += secret.len();
        for name in ["password", "again", "oldPassword", "confirm"] {
            let named = page.html.matches(&format!("<input id=\"field-{name}\" name=\"{name}\"")).count();
            let unseen = secret.iter().filter(|input| input.contains(&format!(" name=\"{name}\""))).count();
            assert_eq!(named, unseen, "{path} shows {name} while it is typed");
        }
    }
    assert_eq!(seen, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_costs_one_answer() {
    let server = Server::start().await;
    let app = App::from(Parts::new(server.directory.clone()));
    let broken = Router::<()>::new()
        .route("/broken", get(|| async { panic!("a secret of the handler") as &'static str }))
        .route("/well", get(|| async { axum::Json(json!({})) }))
        .layer(RequestLayer::new(app));
    let answer = Call::new(broken.clone(), "GET", "/broken").send().await.expect(500);
    assert_eq!(answer.json, json!({ "id": "internal server error", "message": answer.header("x-request-id") }));
    let log = crate::harness::logged();
    assert!(log.lines().any(|line| line.contains(answer.header("x-request-id")) && line.contains("panicked")), "{log}");
    Call::new(broken, "GET", "/well").send().await.expect(200);
}
