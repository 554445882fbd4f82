//! Logging in and exchanging tokens.

use portreeve_directory::time::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::{
    client::is_time,
    harness::{ADMIN_PASSWORD, DEVICE, LOCAL, PASSWORD, Server, credentials},
};

const EVERYTHING: &str = r#"[{"type":"All","target":"All","scope":{"all":true,"ids":[],"tags":[]}}]"#;

/// The answer of a login less its token and end, which must look right.
fn settled(mut json: Value) -> Value {
    let token = json["token"].take();
    let token = token.as_str().unwrap();
    assert_eq!(token.len(), 44);
    assert!(token.ends_with('='), "{token}");
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    assert!(token[..43].chars().all(letter), "{token}");
    let expires = json["expires"].take();
    assert!(is_time(expires.as_str().unwrap()), "{expires}");
    let left = Timestamp::parse(expires.as_str().unwrap()).unwrap().micros() - Clock::system().now().micros();
    assert!((43_100_000_000..43_260_000_000).contains(&left), "a session of 12 hours lasts {left} µs");
    json
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_answers_with_a_token_and_what_it_may_do() {
    let server = Server::start().await;
    server.person("bobby").await;
    server.make("/service-users", json!({ "name": "deploy", "password": PASSWORD })).await;
    let all: Value = serde_json::from_str(EVERYTHING).unwrap();
    for (provider, name, password, privileges) in [
        ("local", "admin", ADMIN_PASSWORD, all.clone()),
        ("local", "bobby", PASSWORD, json!([])),
        ("service", "deploy", PASSWORD, json!([])),
    ] {
        for path in ["/login", "/authentication", "/admin/login", "/admin/authentication"] {
            let body = credentials(provider, name, password);
            let answer = server.call("POST", path).anonymous().json(body).send().await.expect(200);
            let expected = json!({
                "user": {
                    "name": name,
                    "needTwoFactorAuth": false,
                    "canAccessAuditLogs": privileges != json!([]),
                    "privileges": privileges
                },
                "token": null,
                "expires": null,
                "messageOfTheDay": ""
            });
            assert_eq!(settled(answer.json), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_authentication_is_good_for_authorization_alone() {
    let server = Server::start().await;
    server.person("bobby").await;
    let authentication = async |name: &str, password: &str| {
        let body = credentials("local", name, password);
        let answer = server.call("POST", "/authentication").anonymous().json(body).send().await.expect(200);
        answer.json["token"].as_str().unwrap().to_owned()
    };
    let token = authentication("admin", ADMIN_PASSWORD).await;
    server.call("GET", "/local-users").token(&token).send().await.expect(401);
    server.call("PUT", "/account/password").token(&token).json(json!({})).send().await.expect(401);
    let mut working = Vec::new();
    for _ in 0..2 {
        let answer = server.call("GET", "/authorization").token(&token).send().await.expect(200);
        working.push(answer.json["token"].as_str().unwrap().to_owned());
        let json = settled(answer.json);
        assert_eq!(json["user"]["name"], "admin");
        assert_eq!(json["user"]["privileges"], serde_json::from_str::<Value>(EVERYTHING).unwrap());
    }
    assert_ne!(working[0], working[1]);
    for token in &working {
        server.call("GET", "/local-users").token(token).send().await.expect(200);
        server.call("GET", "/authorization").token(token).send().await.expect(200);
    }
    let token = authentication("bobby", PASSWORD).await;
    server.call("GET", "/authorization").token(&token).send().await.expect(403);
    server.call("GET", "/authorization").anonymous().send().await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_known_without_a_token() {
    let server = Server::start().await;
    for prefix in ["", "/admin"] {
        let names = server.call("GET", &format!("{prefix}/identity-providers/names")).anonymous().send().await;
        let expected = json!({
            "data": [{ "name": "local", "displayName": "local", "type": "Credentials", "certificatePriorities": [] }],
            "bannerMessage": ""
        });
        assert_eq!(names.expect(200).json, expected);
        let version = server.call("GET", &format!("{prefix}/version")).anonymous().send().await;
        assert_eq!(version.expect(200).json, json!({ "peerVersion": 23, "lowestPeerVersionSupported": 19 }));
    }
    server.change(&format!("/identity-providers/{LOCAL}"), json!({ "adminProvider": false })).await;
    let names = server.call("GET", "/identity-providers/names").anonymous().send().await;
    assert_eq!(names.expect(200).json["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_lacks_is_named_all_at_once() {
    let server = Server::start().await;
    let compared = server.compared();
    for (body, faults) in [
        (json!({}), &["providerName", "deviceId"][..]),
        (json!({ "providerName": null, "deviceId": "x" }), &["providerName", "deviceId"]),
        (json!({ "providerName": "", "deviceId": DEVICE }), &["providerName"]),
        (json!({ "providerName": "local", "deviceId": "" }), &["deviceId"]),
    ] {
        for path in ["/login", "/authentication"] {
            let answer = server.call("POST", path).anonymous().json(body.clone()).send().await;
            assert_eq!(answer.faults(), faults, "{body}");
        }
    }
    // Without a name or a password it is an attempt, and fails as any other.
    for body in [
        json!({ "providerName": "local", "deviceId": DEVICE }),
        json!({ "providerName": "local", "deviceId": DEVICE, "username": "admin" }),
        json!({ "providerName": "local", "deviceId": DEVICE, "username": null, "password": null }),
    ] {
        server.call("POST", "/login").anonymous().json(body).send().await.expect(401);
    }
    assert_eq!(server.compared() - compared, 1, "only the second names an account");
    server.call("POST", "/login").anonymous().json(json!({ "password": 7 })).send().await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_or_password_is_too_odd_to_be_refused_in_the_usual_way() {
    let server = Server::start().await;
    let long = "x".repeat(100_000);
    for odd in ["", " ", "\0", "ad\0min", "\u{202e}nimda", "admin\n", "' OR 1=1 --", "%", "_____", "\u{10ffff}", &long]
    {
        server.login("local", odd, "wrong").await.expect(401);
        server.login("local", "admin", odd).await.expect(401);
        server.login("local", "admin", ADMIN_PASSWORD).await.expect(200);
        let provider = server.login(odd, "admin", ADMIN_PASSWORD).await;
        assert!(matches!(provider.status, 401 | 422), "{odd:?}: {}", provider.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_the_same_in_all_its_unicode_forms() {
    let server = Server::start().await;
    server.login("local", "admin", "Fru\u{308}hling-17-Boote").await.expect(200);
    server.login("local", "admin", "FRÜHLING-17-BOOTE").await.expect(401);
    server.login("local", "admin", &format!("{ADMIN_PASSWORD} ")).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_any_text_and_counts_to_its_last_letter() {
    let server = Server::start().await;
    let ascii: String = (' '..='~').collect();
    let mut fields = crate::harness::person("bobby");
    for (password, other) in [
        ("\u{1F600}".repeat(1_024), "\u{1F600}".repeat(1_023)),
        (format!("{}a", "ü ".repeat(511)), format!("{}b", "ü ".repeat(511))),
        (format!("{ascii}1"), format!("{ascii}2")),
        ("all-small".into(), "All-small".into()),
        ("83027461".into(), "83027460".into()),
        ("  two blanks  ".into(), "two blanks".into()),
    ] {
        fields["password"] = json!(password);
        let object = format!("/local-users/{}", server.make("/local-users", fields.clone()).await);
        server.login("local", "bobby", &other).await.expect(401);
        server.login("local", "bobby", &password).await.expect(200);
        server.delete(&object).await.expect(204);
    }
    fields["password"] = json!("\u{1F600}".repeat(1_025));
    assert_eq!(server.post("/local-users", fields).await.faults(), ["password"]);
}

/// Of `an old but good password`, by the reference implementation.
const OLD_HASH: &str =
    "$argon2id$v=19$m=1024,t=1,p=2$c2l4dGVlbiBieXRlcyBvaw$lC8Q0bHQh+l+qPSONecyV9+pM4PHZDvIMxF/ZSRCGrE";

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_of_other_costs_is_replaced_at_the_next_good_login() {
    let server = Server::start().await;
    server.person("bobby").await;
    server.execute(&format!("UPDATE accounts SET password_hash = '{OLD_HASH}' WHERE name = 'bobby'")).await;
    let hash = async || server.rows("SELECT password_hash FROM accounts WHERE name = 'bobby'").await.concat();
    server.login("local", "bobby", "not that one").await.expect(401);
    assert_eq!(hash().await, [OLD_HASH]);
    let token = server.token_of("local", "bobby", "an old but good password").await;
    assert!(hash().await[0].starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{:?}", hash().await);
    server.login("local", "bobby", "an old but good password").await.expect(200);
    server.login("local", "bobby", "not that one").await.expect(401);
    server.call("GET", "/local-users").token(&token).send().await.expect(403);
}
