//! Entity tags: what changes them, and what they are good for.

use serde_json::json;

use crate::{
    accounts::{KINDS, with},
    harness::{LOCAL, PASSWORD, Server, at_once},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_stands_for_what_a_reader_sees() {
    let server = Server::start().await;
    for (path, provider) in KINDS {
        let body = with(path, "one", json!({ "password": PASSWORD }));
        let made = server.post(path, body.clone()).await.expect(200);
        let object = format!("{path}/{}", made.json["id"].as_str().unwrap());
        let tag = server.get(&object).await.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag} is not strong");
        assert_eq!(tag, made.header("etag"));
        server.login(provider, "one", PASSWORD).await.expect(200);
        assert_eq!(server.get(&object).await.header("etag"), tag, "nothing that is seen has changed");
        let mut seen = vec![tag];
        let put = server.put(&object, with(path, "one", json!({}))).await.expect(200);
        assert_eq!(server.get(&object).await.header("etag"), put.header("etag"));
        seen.push(put.header("etag").to_owned());
        for password in ["wrong", PASSWORD] {
            server.login(provider, "one", password).await;
            seen.push(server.get(&object).await.header("etag").to_owned());
        }
        // Not even deleted and made anew does an object get a tag that it had before.
        server.delete(&object).await.expect(204);
        let again = with(path, "one", json!({ "id": made.json["id"] }));
        seen.push(server.post(path, again).await.expect(200).header("etag").to_owned());
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count, "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_changed_is_not_sent_again() {
    let server = Server::start().await;
    let id = server.person("bobby").await;
    for path in [
        &format!("/local-users/{id}")[..],
        &format!("/identity-providers/{LOCAL}"),
        "/local-users",
        "/service-users",
        "/identity-providers",
        "/identity-providers/names",
        "/version",
        "/admin/local-users?name=bobby",
    ] {
        let tag = server.get(path).await.expect(200).header("etag").to_owned();
        let ask = |value: String| server.call("GET", path).header("if-none-match", value).send();
        for same in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".into()] {
            let answer = ask(same).await.expect(304);
            assert_eq!(answer.header("etag"), tag);
        }
        for other in ["\"x\"".to_owned(), tag.trim_matches('"').to_owned(), String::new()] {
            ask(other).await.expect(200);
        }
        let lines = server.call("GET", path).header("if-none-match", "\"x\"").header("if-none-match", &tag);
        lines.send().await.expect(304);
    }
    let tag = server.get("/local-users").await.header("etag").to_owned();
    server.person("other").await;
    server.call("GET", "/local-users").header("if-none-match", tag).send().await.expect(200);
    // It says nothing about who may read.
    server.call("GET", "/local-users").anonymous().header("if-none-match", "*").send().await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_made_only_to_what_the_client_has_seen() {
    let server = Server::start().await;
    let provider = server.get(&format!("/identity-providers/{LOCAL}")).await.expect(200).json;
    let mut objects = vec![(format!("/identity-providers/{LOCAL}"), provider)];
    for (path, _) in KINDS {
        let made = server.post(path, with(path, "one", json!({}))).await.expect(200);
        objects.push((format!("{path}/{}", made.json["id"].as_str().unwrap()), made.json));
    }
    for (object, mut body) in objects {
        let old = server.get(&object).await.header("etag").to_owned();
        let put = |tag: &str, body: &serde_json::Value| {
            server.call("PUT", &object).header("if-match", tag).json(body.clone()).send()
        };
        body["notes"] = json!("first");
        let new = put(&old, &body).await.expect(200).header("etag").to_owned();
        body["notes"] = json!("second");
        for tag in [&old, "\"x\"", "x", "", &format!("W/{new}"), new.trim_matches('"')] {
            put(tag, &body).await.expect(412);
        }
        let read = server.get(&object).await;
        assert_eq!((read.header("etag"), &read.json["notes"]), (new.as_str(), &json!("first")));
        put(&format!("\"x\", {new}"), &body).await.expect(200);
        put("*", &body).await.expect(200);
        if object.starts_with("/identity-providers") {
            continue;
        }
        let delete = |tag: &str| server.call("DELETE", &object).header("if-match", tag).send();
        delete(&old).await.expect(412);
        let tag = server.get(&object).await.expect(200).header("etag").to_owned();
        delete(&tag).await.expect(204);
        delete(&tag).await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_of_the_same_version_exactly_one_is_made() {
    let server = Server::start().await;
    let provider = server.get(&format!("/identity-providers/{LOCAL}")).await.expect(200).json;
    let mut objects = vec![(format!("/identity-providers/{LOCAL}"), provider)];
    for (path, _) in KINDS {
        let made = server.post(path, with(path, "one", json!({}))).await.expect(200);
        objects.push((format!("{path}/{}", made.json["id"].as_str().unwrap()), made.json));
    }
    for (object, body) in objects {
        let tag = server.get(&object).await.header("etag").to_owned();
        let answers = at_once(20, |number| {
            let mut body = body.clone();
            body["notes"] = json!(format!("{number}"));
            let call = server.call("PUT", &object).header("if-match", &tag).json(body);
            async move { call.send().await }
        });
        let answers = answers.await;
        let made: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(made.len(), 1);
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 412)));
        let read = server.get(&object).await;
        assert_eq!((read.header("etag"), &read.json), (made[0].header("etag"), &made[0].json));
    }
}
