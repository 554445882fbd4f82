//! What clients accept, how they find the version, and which answer comes first when several hold.

use serde_json::json;

use crate::harness::{ADMIN_PASSWORD, DEVICE, PASSWORD, Server, credentials};

fn peer(version: u32) -> String {
    format!("application/vnd.appgate.peer-v{version}+json")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_versions_that_are_spoken_are_accepted_and_no_others() {
    let server = Server::start().await;
    for version in 19..=23 {
        server.call("GET", "/local-users").accept(&peer(version)).send().await.expect(200);
    }
    for accepted in ["application/json", "*/*", "text/html, */*;q=0.1", "application/json; charset=utf-8"] {
        server.call("GET", "/local-users").accept(accepted).send().await.expect(200);
    }
    server.call("GET", "/local-users").accept(&peer(5)).accept(&peer(21)).send().await.expect(200);
    for refused in [&peer(5), &peer(18), &peer(24), "text/html", "application/xml", "application/*+json", "\u{1}"] {
        if let Ok(value) = axum::http::HeaderValue::from_str(refused) {
            server.call("GET", "/local-users").accept(value.to_str().unwrap()).send().await.expect(406);
        }
    }
    server.call("GET", "/local-users").header("accept", b"\xff\xfe").send().await.expect(406);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_discover_the_version() {
    let server = Server::start().await;
    let (compared, rows) = (server.compared(), server.rows("SELECT act FROM audit_log").await.len());
    let no_credentials = json!({ "providerName": "local", "deviceId": DEVICE });
    for prefix in ["", "/admin"] {
        for (path, body) in [
            ("/authentication", json!({})),
            ("/authentication", no_credentials.clone()),
            ("/login", credentials("local", "admin", ADMIN_PASSWORD)),
            ("/login", credentials("local", "admin", "wrong")),
        ] {
            let call = server.call("POST", &format!("{prefix}{path}")).anonymous().accept(&peer(5)).json(body);
            let answer = call.send().await.expect(406);
            assert_eq!(answer.json["minSupportedVersion"], 19);
            assert_eq!(answer.json["maxSupportedVersion"], 23);
        }
    }
    assert_eq!(server.compared(), compared);
    assert_eq!(server.rows("SELECT act FROM audit_log").await.len(), rows, "it is counted as nothing");
    assert_eq!(server.rows("SELECT source FROM sessions").await.len(), 1, "nor is a session opened");
    let admin = server.get("/local-users?name=admin").await.json["data"][0].clone();
    assert_eq!(admin["failedLoginAttempts"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_several_reasons_is_the_one_that_is_told() {
    let server = Server::start().await;
    let bobby = server.person("bobby").await;
    let plain = server.token_of("local", "bobby", PASSWORD).await;
    let object = format!("/local-users/{bobby}");
    let (v5, all) = (peer(5), "*/*".to_owned());
    // Each row has every later fault besides its own.
    for (method, path, accept, token, body, status) in [
        ("POST", "/nothing", &v5, "x", "{", 404),
        ("PATCH", "/local-users", &v5, "x", "{", 405),
        ("POST", "/local-users", &v5, "x", "{", 406),
        ("POST", "/local-users", &all, "x", "{", 401),
        ("POST", "/local-users", &all, &plain, "{", 403),
        ("POST", "/local-users", &all, &server.token, "{", 400),
        ("POST", "/local-users", &all, &server.token, r#"{"name":"admin"}"#, 422),
        ("POST", "/local-users", &all, &server.token, r#"{"name":"admin","firstName":"a","lastName":"b"}"#, 409),
        ("PUT", "/local-users/x", &v5, "x", "{", 406),
        ("PUT", "/local-users/x", &all, "x", "{", 401),
        ("PUT", "/local-users/x", &all, &plain, "{", 403),
        ("PUT", "/local-users/x", &all, &server.token, "{}", 400),
        ("PUT", &object, &all, &server.token, "{", 400),
        ("PUT", &object, &all, &server.token, r#"{"name":"admin"}"#, 422),
        ("PUT", &object, &all, &server.token, r#"{"name":"admin","firstName":"a","lastName":"b"}"#, 409),
        ("POST", "/identity-providers", &all, "x", "{", 401),
        ("POST", "/identity-providers", &all, &server.token, "{", 403),
        ("GET", "/local-users?range=x", &all, "x", "", 401),
        ("GET", "/local-users?range=x", &v5, &server.token, "", 406),
        ("POST", "/login", &v5, "x", "{", 406),
        ("POST", "/login", &all, "x", "{", 400),
    ] {
        for prefix in ["", "/admin"] {
            let call = server.call(method, &format!("{prefix}{path}")).accept(accept).token(token);
            call.body(body).send().await.expect(status);
        }
    }
    server.login("local", "bobby", PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_path_says_which_methods_it_knows() {
    let server = Server::start().await;
    for (path, allowed) in [
        ("/local-users", &["GET", "HEAD", "POST"][..]),
        ("/service-users", &["GET", "HEAD", "POST"]),
        ("/identity-providers", &["GET", "HEAD", "POST"]),
        ("/local-users/x", &["DELETE", "GET", "HEAD", "PUT"]),
        ("/service-users/x", &["DELETE", "GET", "HEAD", "PUT"]),
        ("/identity-providers/x", &["DELETE", "GET", "HEAD", "PUT"]),
        ("/identity-providers/names", &["GET", "HEAD"]),
        ("/login", &["POST"]),
        ("/authentication", &["POST"]),
        ("/authentication/logout", &["POST"]),
        ("/authorization", &["GET", "HEAD"]),
        ("/account/password", &["PUT"]),
        ("/version", &["GET", "HEAD"]),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get"] {
            if allowed.contains(&method) {
                continue;
            }
            for prefix in ["", "/admin"] {
                let answer = server.call(method, &format!("{prefix}{path}")).body("{").send().await.expect(405);
                let mut said: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
                said.sort_unstable();
                assert_eq!(said, allowed, "{method} {path}");
            }
        }
    }
    for path in
        ["/", "/admin", "/admin/admin/local-users", "/local-users/", "/local-users/x/y", "/Local-Users", "//login"]
    {
        server.get(path).await.expect(404);
        server.call("PATCH", path).anonymous().send().await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_claimed_type_of_a_body_is_not_looked_at() {
    let server = Server::start().await;
    for (number, kind) in ["text/plain", "application/xml", "x", "application/json; charset=latin1"].iter().enumerate()
    {
        let body = json!({ "name": format!("user {number}"), "firstName": "a", "lastName": "b" });
        let call = server.call("POST", "/local-users").header("content-type", kind).json(body);
        call.send().await.expect(200);
        // Where no body is taken, none is looked at.
        server.call("GET", "/local-users").header("content-type", kind).body("{").send().await.expect(200);
    }
    let id = server.person("bobby").await;
    server.call("DELETE", &format!("/local-users/{id}")).body("{").send().await.expect(204);
    server.call("POST", "/authentication/logout").body("{").send().await.expect(204);
}
