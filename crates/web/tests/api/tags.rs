//! Tags: there by being carried, described and coloured.

use serde_json::json;

use crate::{
    harness::{PASSWORD, Server, person},
    tags_everywhere::{counts, everything, path_of, tagged},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_something_carries_is_there() {
    let server = Server::start().await;
    assert_eq!(server.get("/tags").await.names(), ["builtin"]);
    let builtin = server.get(&path_of(&server, "builtin").await).await.expect(200);
    let by_type = json!({ "IdentityProvider": 2, "AdministrativeRole": 1, "Policy": 1, "IpPool": 2 });
    assert_eq!(counts(&builtin), (json!(6), json!(0), by_type, json!({})));
    let everything = everything(&server, "dev").await;
    server.change(&everything[0].0, json!({ "tags": ["dev", "Dev", "a", "z"] })).await;
    assert_eq!(server.get("/tags?orderBy=created").await.json["totalCount"], 5);
    let list = server.get("/tags?name=dev").await.expect(200);
    let mut names = list.names();
    names.sort_unstable();
    assert_eq!(names, ["Dev", "dev"]);
    let path = path_of(&server, "dev").await;
    let one = server.get(&path).await.expect(200);
    let by_type = json!({ "LocalUser": 1, "ServiceUser": 1, "IdentityProvider": 2, "AdministrativeRole": 1, "Policy": 1,
        "CriteriaScript": 1, "UserClaimScript": 1 });
    assert_eq!(counts(&one), (json!(8), json!(2), by_type, json!({ "AdministrativeRole": 2 })));
    let mut listed = one.json.clone();
    for field in ["taggedOccurrencesByEntityType", "linkedOccurrencesByEntityType"] {
        listed.as_object_mut().unwrap().remove(field);
    }
    assert!(list.json["data"].as_array().unwrap().contains(&listed), "{}", list.json);
    let color = one.json["colorCode"].as_i64().unwrap();
    assert!((1..=20).contains(&color) && !one.json["colorName"].as_str().unwrap().is_empty());
    assert_eq!(one.json.get("tags"), None);
    // What nothing carries any more stays, with what was said of it.
    server.delete(&everything[0].0).await.expect(204);
    let upper = server.get(&path_of(&server, "Dev").await).await.expect(200);
    assert_eq!(counts(&upper), (json!(0), json!(0), json!({}), json!({})));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_tag_is_kept() {
    let server = Server::start().await;
    let id = "1111bc67-57ea-42dd-b702-c2d6c4541900";
    let body = json!({ "id": id, "name": " Né ", "notes": "one\ntwo", "colorCode": 20, "colorName": "White",
        "taggedOccurrences": 7, "created": "x" });
    let made = server.post("/tags", body).await.expect(200);
    let mut expected = json!({ "id": id, "name": " Né ", "notes": "one\ntwo", "colorCode": 20, "colorName": "Black",
        "taggedOccurrences": 0, "linkedOccurrences": 0, "taggedOccurrencesByEntityType": {},
        "linkedOccurrencesByEntityType": {} });
    assert_eq!(made.timeless(), expected);
    let path = format!("/tags/{id}");
    let read = server.get(&path).await.expect(200);
    assert_eq!((&read.json, read.header("etag")), (&made.json, made.header("etag")));
    // Carried under another spelling of the same letters, it is the same tag.
    tagged(&server, "bobby", &[" Ne\u{301} "]).await;
    assert_eq!(server.get("/tags?query=NÉ").await.json["totalCount"], 2);
    let carried = server.get(&path).await.expect(200);
    assert_eq!(carried.json["taggedOccurrences"], 1);
    // Other counts are another answer.
    assert_ne!(carried.header("etag"), read.header("etag"));
    let mut again = carried.json.clone();
    again["notes"] = json!("three");
    let changed = server.put(&path, again).await.expect(200);
    expected["notes"] = json!("three");
    expected["taggedOccurrences"] = json!(1);
    expected["taggedOccurrencesByEntityType"] = json!({ "LocalUser": 1 });
    assert_eq!(changed.timeless(), expected);
    assert_eq!(changed.json["created"], made.json["created"]);
    assert_ne!(changed.json["updated"], made.json["updated"]);
    // What is left out returns to its default: the colour is made from the name, the same each time.
    let plain = server.put(&path, json!({ "name": " Né " })).await.expect(200);
    let other = server.post("/tags", json!({ "name": "other" })).await.expect(200);
    assert_eq!(plain.json["notes"], "");
    server.delete(&format!("/tags/{}", other.json["id"].as_str().unwrap())).await.expect(204);
    let anew = server.post("/tags", json!({ "name": "other", "notes": null, "colorCode": null })).await.expect(200);
    assert_eq!(anew.json["colorCode"], other.json["colorCode"]);
    assert_ne!(anew.json["id"], other.json["id"]);
    let mut colors = std::collections::BTreeSet::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        let user = tagged(&server, name, &[name]).await;
        let (path, by_itself) = (path_of(&server, name).await, server.get(&path_of(&server, name).await).await);
        server.delete(&path).await.expect(204);
        server.delete(&user).await.expect(204);
        let made = server.post("/tags", json!({ "name": name })).await.expect(200);
        assert_eq!(made.json["colorCode"], by_itself.json["colorCode"]);
        colors.insert(made.json["colorCode"].as_i64().unwrap());
    }
    assert!(colors.len() > 1, "all have one colour");
    for (number, name) in [(1, "Red"), (5, "Green"), (20, "Black")] {
        let colored = server.put(&path, json!({ "name": " Né ", "colorCode": number })).await.expect(200);
        assert_eq!((&colored.json["colorCode"], &colored.json["colorName"]), (&json!(number), &json!(name)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_named_and_a_name_is_taken_once() {
    let server = Server::start().await;
    assert_eq!(server.post("/tags", json!({})).await.faults(), ["name"]);
    let wrong = json!({ "id": "x", "name": "x\u{202e}".repeat(65), "notes": "\u{0}", "colorCode": 21 });
    assert_eq!(server.post("/tags", wrong.clone()).await.faults(), ["id", "name", "name", "notes", "colorCode"]);
    let id = server.make("/tags", json!({ "name": "Dev" })).await;
    let path = format!("/tags/{id}");
    assert_eq!(server.put(&path, wrong).await.faults(), ["id", "name", "name", "notes", "colorCode"]);
    for (body, fault) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x".repeat(129) }), "name"),
        (json!({ "name": "x", "colorCode": 0 }), "colorCode"),
        (json!({ "name": "x", "colorCode": 1.5 }), "colorCode"),
        (json!({ "name": "x", "id": "4c07bc67-57ea-42dd-b702-c2d6c45419fc" }), "id"),
    ] {
        assert_eq!(server.put(&path, body).await.faults(), [fault]);
    }
    server.post("/tags", json!({ "name": 7 })).await.expect(400);
    server.post("/tags", json!({ "name": "Dev" })).await.expect(409);
    server.post("/tags", json!({ "id": id, "name": "other" })).await.expect(409);
    // Upper and lower case make two tags.
    server.post("/tags", json!({ "name": "dev" })).await.expect(200);
    let taken = server.put(&path, json!({ "name": "dev" })).await.expect(409);
    assert_eq!(taken.json["message"], "there is already a Tag with the name dev");
    let user = tagged(&server, "bobby", &["carried"]).await;
    server.put(&path, json!({ "name": "carried" })).await.expect(409);
    server.put(&path, json!({ "name": "DEV" })).await.expect(200);
    assert_eq!(server.get(&user).await.json["tags"], json!(["carried"]));
    let nowhere = "/tags/4c07bc67-57ea-42dd-b702-c2d6c45419fc";
    server.get(nowhere).await.expect(404);
    server.put(nowhere, json!({})).await.expect(404);
    server.delete(nowhere).await.expect(404);
    server.get("/tags/carried").await.expect(400);
    server.put("/tags", json!({})).await.expect(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_overwrites_what_they_have_not_seen() {
    let server = Server::start().await;
    let user = tagged(&server, "bobby", &["dev"]).await;
    let path = path_of(&server, "dev").await;
    let seen = server.get(&path).await.expect(200).header("etag").to_owned();
    server.call("GET", &path).header("if-none-match", &seen).send().await.expect(304);
    let put =
        |tag: &str, name: &str| server.call("PUT", &path).header("if-match", tag).json(json!({ "name": name })).send();
    let new = put(&seen, "ops").await.expect(200).header("etag").to_owned();
    assert_eq!(server.get(&path).await.header("etag"), new);
    put(&seen, "dev").await.expect(412);
    server.call("DELETE", &path).header("if-match", &seen).send().await.expect(412);
    assert_eq!(server.get(&user).await.json["tags"], json!(["ops"]));
    tagged(&server, "other", &["ops"]).await;
    server.call("DELETE", &path).header("if-match", &new).send().await.expect(412);
    put("*", "ops").await.expect(200);
    let newest = server.get(&path).await.header("etag").to_owned();
    server.call("DELETE", &path).header("if-match", &newest).send().await.expect(204);
    assert_eq!(server.get(&user).await.json["tags"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_ordered_and_filtered_like_any_other() {
    let server = Server::start().await;
    for (name, color) in [("anna", 3), ("Berta", 2), ("carla", 3)] {
        server.make("/tags", json!({ "name": name, "notes": format!("of {name}"), "colorCode": color })).await;
    }
    for (parameters, names) in [
        ("?query=of", &["anna", "Berta", "carla"][..]),
        ("?query=of&descending=true&orderBy=name&range=0-1", &["carla", "Berta"]),
        ("?colorCode=3&query=of", &["anna", "carla"]),
        ("?query=of&orderBy=colorCode&range=0-0", &["Berta"]),
        ("?notes=OF%20BERTA", &["Berta"]),
        ("?filterBy[name]=ERT", &["Berta"]),
        ("?orderBy=created&query=of", &["anna", "Berta", "carla"]),
    ] {
        assert_eq!(server.get(&format!("/tags{parameters}")).await.names(), names, "{parameters}");
    }
    assert_eq!(server.get("/tags?orderBy=tags").await.faults(), ["orderBy"]);
    assert_eq!(server.get("/tags?tags=x").await.faults(), ["tags"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_over_everything_is_needed() {
    let server = Server::start().await;
    server.make("/local-users", person("bobby")).await;
    let path = format!("/tags/{}", server.make("/tags", json!({ "name": "dev" })).await);
    let token = server.token_of("local", "bobby", PASSWORD).await;
    for (method, path, privilege) in [
        ("GET", "/tags", "View on All"),
        ("GET", &*path, "View on All"),
        ("POST", "/tags", "Tag on All"),
        ("PUT", &*path, "Tag on All"),
        ("DELETE", &*path, "Tag on All"),
    ] {
        // Before anything is said of the body.
        let refused = server.call(method, path).token(&token).body("{").send().await.expect(403);
        let message = refused.json["message"].as_str().unwrap();
        assert!(message.contains(privilege), "{method} {path}: {message}");
        server.call(method, path).anonymous().send().await.expect(401);
    }
}
