//! Tokens: which are good, and what ends them.

use std::time::Duration;

use portreeve_directory::time::Clock;
use serde_json::json;

use crate::harness::{ADMIN_PASSWORD, PASSWORD, Place, Server, credentials};

/// Whether it is anybody's token.
async fn good(server: &Server, token: &str) -> bool {
    match server.call("GET", "/local-users?range=0-0").token(token).send().await.status {
        200 | 403 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_token_itself_is_the_token() {
    let server = Server::start().await;
    let token = server.token.clone();
    let bare = token.trim_end_matches('=');
    let ask = |value: String| server.call("GET", "/local-users").anonymous().header("authorization", value).send();
    for accepted in [format!("Bearer {token}"), format!("bearer {token}"), format!("Bearer Bearer {token}")] {
        ask(accepted).await.expect(200);
    }
    let mut refused: Vec<String> = (0..token.len()).map(|end| format!("Bearer {}", &token[..end])).collect();
    refused.extend((1..token.len()).map(|begin| format!("Bearer {}", &token[begin..])));
    // The last letter of a token stands for four bits and two more, which must be zero.
    let last = bare.len() - 1;
    refused.extend("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".chars().filter_map(|letter| {
        let other = format!("{}{letter}=", &bare[..last]);
        (other != token).then(|| format!("Bearer {other}"))
    }));
    for spelling in [
        bare.to_owned(),
        format!("{token}="),
        format!("{bare}=="),
        format!("{token}A"),
        format!("{token} "),
        format!("{token},"),
        format!("\"{token}\""),
        format!("{token}{token}"),
        format!("{token}, Bearer {token}"),
        token.to_lowercase(),
        token.replace(['+', '/'], "-").replace(bare, &format!("-{}", &bare[1..])),
        format!("Bearer Bearer {token}"),
    ] {
        refused.push(format!("Bearer {spelling}"));
    }
    refused.extend([String::new(), "Bearer".into(), token.clone(), format!("Basic {token}"), format!("Token {token}")]);
    for value in refused {
        ask(value).await.expect(401);
    }
    let twice = server.call("GET", "/local-users").header("authorization", format!("Bearer {token}"));
    twice.send().await.expect(401);
    server.call("GET", "/local-users").anonymous().send().await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_coexist_until_their_own_session_is_logged_out() {
    let server = Server::start().await;
    let body = credentials("local", "admin", ADMIN_PASSWORD);
    let first = server.call("POST", "/authentication").anonymous().json(body).send().await.expect(200);
    let first = first.json["token"].as_str().unwrap().to_owned();
    let working = async || {
        let answer = server.call("GET", "/authorization").token(&first).send().await.expect(200);
        answer.json["token"].as_str().unwrap().to_owned()
    };
    let (one, two) = (working().await, working().await);
    let other = server.token_of("local", "admin", ADMIN_PASSWORD).await;
    assert!(good(&server, &one).await && good(&server, &two).await && good(&server, &other).await);
    server.call("POST", "/authentication/logout").token(&one).send().await.expect(204);
    assert!(!good(&server, &one).await && !good(&server, &two).await, "all tokens of the session are dead");
    server.call("GET", "/authorization").token(&first).send().await.expect(401);
    server.call("POST", "/authentication/logout").token(&one).send().await.expect(401);
    assert!(good(&server, &other).await && good(&server, &server.token).await, "those of other sessions live on");
    // A token that is good only for authorization can be logged out with too.
    let body = credentials("local", "admin", ADMIN_PASSWORD);
    let token = server.call("POST", "/admin/authentication").anonymous().json(body).send().await.expect(200);
    let token = token.json["token"].as_str().unwrap().to_owned();
    server.call("POST", "/admin/authentication/logout").token(&token).send().await.expect(204);
    server.call("GET", "/authorization").token(&token).send().await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_disabling_and_deleting_end_every_session_on_every_node() {
    let server = Server::start().await;
    let other = if server.place().is_postgres() { Some(server.another(Clock::system()).await) } else { None };
    for (path, provider) in crate::accounts::KINDS {
        let id = server.make(path, crate::accounts::with(path, "worker", json!({ "password": PASSWORD }))).await;
        let object = format!("{path}/{id}");
        for (fields, ends) in [
            (json!({ "notes": "something else" }), false),
            (json!({ "failedLoginAttempts": 9, "lockStart": "2999-01-01T00:00:00Z" }), false),
            (json!({ "name": "renamed" }), false),
            (json!({ "password": PASSWORD }), true),
            (json!({ "disabled": true }), true),
        ] {
            let mut tokens = Vec::new();
            for server in [Some(&server), other.as_ref()].into_iter().flatten() {
                tokens.push(server.token_of(provider, "worker", PASSWORD).await);
                tokens.push(server.token_of(provider, "worker", PASSWORD).await);
            }
            server.change(&object, fields.clone()).await;
            for server in [Some(&server), other.as_ref()].into_iter().flatten() {
                for token in &tokens {
                    assert_eq!(good(server, token).await, !ends, "{fields}");
                }
            }
            if fields.get("lockStart").is_some() {
                server.change(&object, json!({ "failedLoginAttempts": 0, "lockStart": null })).await;
            }
            if fields.get("name").is_some() {
                server.change(&object, json!({ "name": "worker" })).await;
            }
        }
        // Enabled again, the old tokens stay dead.
        server.change(&object, json!({ "disabled": false })).await;
        let token = server.token_of(provider, "worker", PASSWORD).await;
        server.change(&object, json!({ "disabled": true })).await;
        server.change(&object, json!({ "disabled": false })).await;
        assert!(!good(&server, &token).await);
        let token = server.token_of(provider, "worker", PASSWORD).await;
        server.delete(&object).await.expect(204);
        for server in [Some(&server), other.as_ref()].into_iter().flatten() {
            assert!(!good(server, &token).await);
        }
        assert!(good(&server, &server.token).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_after_twelve_hours() {
    let server = Server::start().await;
    server.pass(Duration::from_secs(12 * 3600 - 120)).await;
    assert!(good(&server, &server.token).await);
    server.pass(Duration::from_secs(130)).await;
    assert!(!good(&server, &server.token).await);
    assert_eq!(server.rows("SELECT source FROM sessions").await.len(), 1);
    server.directory.tidy().await.unwrap();
    assert_eq!(server.rows("SELECT source FROM sessions").await.len(), 0);
    assert_eq!(server.rows("SELECT purpose FROM tokens").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_token_nor_password_is_in_the_database() {
    let server = Server::start().await;
    server.person("bobby").await;
    let Place::Sqlite(folder) = server.place() else { return };
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("bobby"), "the search finds what is there");
    for secret in [&server.token, server.token.trim_end_matches('='), ADMIN_PASSWORD, PASSWORD] {
        assert!(!holds(secret), "{secret}");
    }
}
