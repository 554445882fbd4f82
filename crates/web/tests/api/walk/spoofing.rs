//! Headers by which some servers are told that they are somebody else, that a request came from elsewhere, or that it is another
//! one: they change nothing, unless a proxy that is named says where a request came from.

use std::net::IpAddr;

use axum::Router;
use ipnet::IpNet;
use portreeve_web::{App, Parts, router};
use serde_json::{Value, json};

use super::{
    document::{self, Operation, operations},
    snapshot::Snapshot,
};
use crate::{
    client::{Answer, Call},
    harness::{DEVICE, PASSWORD, Server, credentials},
};

const ELSEWHERE: &str = "198.51.100.77";
const PEER: &str = "203.0.113.9";

/// Each with what somebody would write into it.
fn spoofed() -> Vec<(&'static str, String)> {
    let forwarded = format!("for={ELSEWHERE};proto=https;host=evil.example;by={ELSEWHERE}");
    let mut all = vec![("forwarded", forwarded)];
    for name in
        ["x-forwarded-for", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip"]
    {
        all.push((name, ELSEWHERE.into()));
    }
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "4711"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-server", "evil.example"),
        ("x-original-url", "/version"),
        ("x-rewrite-url", "/version"),
        ("x-original-host", "evil.example"),
        ("x-http-method-override", "DELETE"),
        ("x-http-method", "DELETE"),
        ("x-method-override", "DELETE"),
        ("x-forwarded-user", "admin"),
        ("x-remote-user", "admin"),
        ("remote-user", "admin"),
        ("x-forwarded-client-cert", "Subject=\"CN=admin\""),
        ("x-request-id", "0000000000004711"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
        ("connection", "x-request-id, authorization"),
    ] {
        all.push((name, value.into()));
    }
    all
}

/// Another door to the same directory, which takes the word of these proxies.
fn behind(server: &Server, proxies: &[&str]) -> Router {
    let mut parts = Parts::new(server.directory.clone());
    parts.proxies = proxies.iter().map(|network| network.parse::<IpNet>().unwrap()).collect();
    router::router(App::from(parts))
}

fn peer() -> IpAddr {
    PEER.parse().unwrap()
}

/// Status, headers and body, without what is each request's own.
fn seen(answer: Answer) -> (u16, Vec<(String, String)>, Value) {
    let own = ["x-request-id", "date"];
    let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    headers.sort();
    (answer.status, headers, answer.json)
}

/// Asks for every operation that changes nothing when it is asked for so.
fn harmless() -> impl Iterator<Item = (Operation, String)> {
    operations().into_iter().filter_map(|operation| {
        // Without a body, and of objects that are not there, nothing is done; what has neither is left out.
        let idle = operation.method == "GET" || operation.takes().is_some() || operation.collection().is_some();
        let path = operation.filled(DEVICE);
        let path = if operation.lists() { format!("{path}?range=0-0") } else { path };
        (idle && operation.path != "/authorization").then_some((operation, path))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_makes_a_request_another_one() {
    let server = Server::start().await;
    server.person("bobby").await;
    server.post("/tags", json!({ "name": "x" })).await.expect(200);
    for proxies in [&[][..], &["192.0.2.0/24"], &["203.0.113.0/24"]] {
        let router = behind(&server, proxies);
        let call = |operation: &Operation, path: &str| {
            Call::new(router.clone(), &operation.method, path).token(&server.token).peer(peer())
        };
        let before = Snapshot::of(&server).await;
        let mut compared = 0;
        for (operation, path) in harmless() {
            let plain = seen(call(&operation, &path).send().await);
            assert!(plain.0 < 500, "{}: {plain:?}", operation.name());
            let all =
                spoofed().into_iter().fold(call(&operation, &path), |call, (name, value)| call.header(name, value));
            assert_eq!(seen(all.send().await), plain, "{} with all of them", operation.name());
            for (name, value) in spoofed() {
                let one = call(&operation, &path).header(name, &value).send().await;
                assert_ne!(one.header("x-request-id"), "0000000000004711");
                assert_eq!(seen(one), plain, "{} with {name}", operation.name());
                compared += 1;
            }
        }
        assert!(compared > 1_500, "{compared}");
        Snapshot::of(&server).await.assert_same(&before, &[], "headers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_method_and_no_path_is_overridden() {
    let server = Server::start().await;
    let bobby = server.person("bobby").await;
    let path = format!("/local-users/{bobby}");
    let before = Snapshot::of(&server).await;
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        for query in ["", "?_method=DELETE"] {
            let post = server.call("POST", &format!("{path}{query}")).header(name, "DELETE");
            post.json(json!({ "_method": "DELETE" })).send().await.expect(405);
            let get = server.call("GET", &path).header(name, "DELETE").send().await.expect(200);
            assert_eq!(get.json["name"], "bobby");
        }
    }
    for name in ["x-original-url", "x-rewrite-url"] {
        let stranger = server.call("GET", "/version").anonymous().header(name, "/local-users").send().await.expect(200);
        assert_eq!(stranger.json["data"], Value::Null);
        server.call("GET", "/local-users").anonymous().header(name, "/version").send().await.expect(401);
        server.call("GET", "/nowhere").header(name, "/version").send().await.expect(404);
    }
    Snapshot::of(&server).await.assert_same(&before, &[], "overrides");
}

/// What the audit log says of where an act came from.
async fn source(server: &Server, answer: &Answer) -> String {
    let id = answer.header("x-request-id");
    let rows = server.rows(&format!("SELECT source FROM audit_log WHERE request_id = '{id}'")).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_an_act_came_from_is_what_the_connection_says() {
    let server = Server::start().await;
    server.person("bobby").await;
    let maker = operations().into_iter().find(|operation| operation.makes() && operation.path == "/tags").unwrap();
    let own = document::operation("PUT", "/account/password").unwrap();
    for (proxies, expected) in [
        (&[][..], PEER),
        (&["192.0.2.0/24"], PEER),
        // Of those that such a proxy sends, one header counts.
        (&["203.0.113.0/24"], ELSEWHERE),
    ] {
        let router = behind(&server, proxies);
        for (name, value) in spoofed() {
            let call =
                |method: &str, path: &str| Call::new(router.clone(), method, path).peer(peer()).header(name, &value);
            let refused = call("POST", "/login").json(credentials("local", "bobby", "wrong")).send().await.expect(401);
            let login = call("POST", "/login").json(credentials("local", "bobby", PASSWORD)).send().await.expect(200);
            let token = login.json["token"].as_str().unwrap();
            let passwords = json!({ "oldPassword": "wrong", "password": "another one, please" });
            let kept = call(&own.method, &own.path).token(token).json(passwords).send().await.expect(403);
            let tag = json!({ "name": format!("{name} {}", proxies.join("")) });
            let made = call("POST", &maker.path).token(&server.token).json(tag).send().await.expect(200);
            let expected = if name == "x-forwarded-for" { expected } else { PEER };
            for answer in [&refused, &login, &kept, &made] {
                assert_eq!(source(&server, answer).await, expected, "{name} with {proxies:?}");
            }
        }
    }
}
