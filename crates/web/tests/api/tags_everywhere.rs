//! Tags get another name, or go, wherever they are.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    client::Answer,
    harness::{LOCAL, Place, SERVICE, Server, at_once, connect},
};

/// The path of a tag, by its name.
pub async fn path_of(server: &Server, name: &str) -> String {
    let list = server.get("/tags").await.expect(200);
    let found = list.json["data"].as_array().unwrap().iter().find(|tag| tag["name"] == name);
    format!("/tags/{}", found.unwrap_or_else(|| panic!("no tag {name}"))["id"].as_str().unwrap())
}

/// A person with tags, who cannot log in.
pub async fn tagged(server: &Server, name: &str, tags: &[&str]) -> String {
    let body = json!({ "name": name, "firstName": "B", "lastName": "T", "tags": tags });
    format!("/local-users/{}", server.make("/local-users", body).await)
}

fn privilege(kind: &str, target: &str, scope: &[&str]) -> Value {
    let scope = json!({ "all": false, "ids": [], "tags": scope });
    let mut privilege = json!({ "type": kind, "target": target, "scope": scope });
    if kind == "Create" {
        privilege["defaultTags"] = json!([]);
    }
    privilege
}

/// One of everything that can carry or name a tag: their paths, and where in them.
pub async fn everything(server: &Server, tag: &str) -> Vec<(String, &'static str)> {
    let tags = json!(["a", tag, "z"]);
    let service = json!({ "name": "deploy", "tags": tags });
    let mut creates = privilege("Create", "LocalUser", &[]);
    creates["scope"]["all"] = json!(true);
    creates["defaultTags"] = tags.clone();
    let role = json!({ "name": "help desk", "tags": tags,
        "privileges": [privilege("Edit", "LocalUser", &["a", tag, "z"]), creates, privilege("View", "Policy", &["a"])] });
    let script = |name: &str| json!({ "name": name, "expression": "return true;", "tags": tags });
    let mut objects = vec![(tagged(server, "bobby", &["a", tag, "z"]).await, "/tags")];
    objects.push((format!("/service-users/{}", server.make("/service-users", service).await), "/tags"));
    for (path, body) in [
        ("/policies", json!({ "name": "some", "expression": "return false;", "tags": tags })),
        ("/criteria-scripts", script("one")),
        ("/user-scripts", script("two")),
    ] {
        objects.push((format!("{path}/{}", server.make(path, body).await), "/tags"));
    }
    for provider in [LOCAL, SERVICE] {
        let path = format!("/identity-providers/{provider}");
        server.change(&path, json!({ "tags": tags })).await;
        objects.push((path, "/tags"));
    }
    let role = format!("/administrative-roles/{}", server.make("/administrative-roles", role).await);
    for place in ["/tags", "/privileges/0/scope/tags", "/privileges/1/defaultTags"] {
        objects.push((role.clone(), place));
    }
    objects
}

const COLLECTIONS: [&str; 7] = [
    "/local-users",
    "/service-users",
    "/identity-providers",
    "/administrative-roles",
    "/policies",
    "/criteria-scripts",
    "/user-scripts",
];

/// All that is counted of a tag.
pub fn counts(answer: &Answer) -> (Value, Value, Value, Value) {
    let json = &answer.json;
    let field = |name: &str| json[name].clone();
    (
        field("taggedOccurrences"),
        field("linkedOccurrences"),
        field("taggedOccurrencesByEntityType"),
        field("linkedOccurrencesByEntityType"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_is_given_everywhere() {
    let server = Server::start().await;
    let everything = everything(&server, "dev").await;
    let path = path_of(&server, "dev").await;
    let bystander = tagged(&server, "other", &["devel", "a"]).await;
    let untouched = server.get(&bystander).await.json;
    let mut before = Vec::new();
    for (object, _) in &everything {
        before.push(server.get(object).await.expect(200));
    }
    let tag = server.get(&path).await.expect(200);
    let name = "r\"&\\d, %_ 字";
    let renamed = server.put(&path, json!({ "name": name })).await.expect(200);
    assert_eq!(counts(&renamed), counts(&tag));
    assert_eq!(renamed.json, server.get(&path).await.json);
    for ((object, place), before) in everything.iter().zip(before) {
        let after = server.get(object).await.expect(200);
        assert_eq!(after.json.pointer(place), Some(&json!(["a", name, "z"])), "{object} {place}");
        assert_ne!(after.header("etag"), before.header("etag"), "{object}");
        assert_ne!(after.json["updated"], before.json["updated"], "{object}");
    }
    assert_eq!(server.get(&bystander).await.json, untouched);
    let encoded = "r%22%26%5Cd,%20%25_%20%E5%AD%97";
    for collection in COLLECTIONS {
        let total = if collection == "/identity-providers" { 2 } else { 1 };
        for (query, found) in
            [("tags=dev", 0), (&*format!("tags={encoded}"), total), (&*format!("query={encoded}"), total)]
        {
            let list = server.get(&format!("{collection}?{query}")).await.expect(200);
            assert_eq!(list.names().len(), found, "{collection}?{query}");
        }
    }
    // And from such a name to another.
    server.put(&path, json!({ "name": "ops", "notes": "n" })).await.expect(200);
    for (object, place) in &everything {
        let after = server.get(object).await.expect(200);
        assert_eq!(after.json.pointer(place), Some(&json!(["a", "ops", "z"])), "{object} {place}");
    }
    let mut names: Vec<String> = server.get("/tags").await.names().into_iter().map(str::to_owned).collect();
    names.sort();
    assert_eq!(names, ["a", "builtin", "devel", "ops", "z"]);
    // The old name is free, and another tag.
    server.post("/tags", json!({ "name": "dev" })).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tag_is_gone_everywhere_until_it_is_used_again() {
    let server = Server::start().await;
    let everything = everything(&server, "dev").await;
    let path = path_of(&server, "dev").await;
    server.change(&path, json!({ "notes": "gone with it" })).await;
    server.delete(&path).await.expect(204);
    server.get(&path).await.expect(404);
    server.delete(&path).await.expect(404);
    for (object, place) in &everything {
        let after = server.get(object).await.expect(200);
        assert_eq!(after.json.pointer(place), Some(&json!(["a", "z"])), "{object} {place}");
    }
    for collection in COLLECTIONS {
        assert_eq!(server.get(&format!("{collection}?tags=dev")).await.names(), [""; 0]);
        assert_eq!(server.get(&format!("{collection}?query=dev")).await.names(), [""; 0]);
    }
    assert!(!server.get("/tags").await.names().contains(&"dev"));
    server.change(&everything[0].0, json!({ "tags": ["dev"] })).await;
    let anew = server.get(&path_of(&server, "dev").await).await.expect(200);
    assert_eq!((&anew.json["notes"], &anew.json["taggedOccurrences"]), (&json!(""), &json!(1)));
    assert_eq!(server.get("/local-users?tags=dev").await.names(), ["bobby"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_carry_it() {
    let server = Server::start().await;
    let people = at_once(250, |number| {
        let body = json!({ "name": format!("p{number}"), "firstName": "B", "lastName": "T", "tags": ["dev", "a"] });
        let call = server.call("POST", "/local-users").json(body);
        async move { call.send().await.expect(200).json["id"].as_str().unwrap().to_owned() }
    });
    let people = people.await;
    // The first and the last id that there can be.
    for id in ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"] {
        let body = json!({ "id": id, "name": id, "expression": "return true;", "tags": ["dev"] });
        server.post("/criteria-scripts", body).await.expect(200);
    }
    server.execute("DELETE FROM audit_log").await;
    let path = path_of(&server, "dev").await;
    let sum = "SELECT CAST(SUM(profile_version) AS TEXT) FROM accounts";
    let profiles = |rows: Vec<Vec<String>>| rows[0][0].parse::<i64>().unwrap();
    let before = profiles(server.rows(sum).await);
    let renamed = server.put(&path, json!({ "name": "ops" })).await.expect(200);
    assert_eq!(renamed.json["taggedOccurrencesByEntityType"], json!({ "LocalUser": 250, "CriteriaScript": 2 }));
    assert_eq!(server.get("/local-users?tags=ops&query=ops").await.names().len(), 250);
    assert_eq!(server.get("/criteria-scripts?tags=ops&query=ops").await.names().len(), 2);
    for id in &people {
        let person = server.get(&format!("/local-users/{id}")).await.expect(200);
        assert_eq!(person.json["tags"], json!(["ops", "a"]));
    }
    assert_eq!(profiles(server.rows(sum).await), before + 250, "policies see something else of them now");
    server.delete(&path).await.expect(204);
    assert_eq!(profiles(server.rows(sum).await), before + 500);
    assert_eq!(server.get("/local-users?tags=ops").await.json["range"], "0-0/0");
    assert_eq!(server.get("/local-users?query=ops").await.json["range"], "0-0/0");
    assert_eq!(server.get("/criteria-scripts?tags=ops").await.json["range"], "0-0/0");
    assert_eq!(server.rows("SELECT act FROM audit_log ORDER BY at").await, [["edit"], ["delete"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_may_be_given_while_it_is_renamed() {
    let server = Server::start().await;
    let path = format!("/tags/{}", server.make("/tags", json!({ "name": "t0" })).await);
    // Half of the calls give the tag under the name that it has at some time, the others rename it.
    let answers = at_once(60, |number| {
        let (old, new) = (format!("t{}", number / 10), format!("t{}", number / 10 + 1));
        let call = if number % 5 == 0 {
            server.call("PUT", &path).json(json!({ "name": new }))
        } else {
            let body = json!({ "name": format!("p{number}"), "firstName": "B", "lastName": "T", "tags": [old] });
            server.call("POST", "/local-users").json(body)
        };
        async move { call.send().await.status }
    });
    let answers = answers.await;
    assert!(answers.iter().all(|status| matches!(status, 200 | 409 | 503)), "{answers:?}");
    let unknown = "SELECT tag FROM object_tags WHERE tag NOT IN (SELECT name FROM tags)";
    assert_eq!(server.rows(unknown).await, [[""; 0]; 0], "carried, and no tag");
    let list = server.get("/local-users").await.expect(200);
    let mut carried = 0;
    for person in list.json["data"].as_array().unwrap() {
        for tag in person["tags"].as_array().unwrap() {
            carried += 1;
            let (name, tag) = (person["name"].as_str().unwrap(), tag.as_str().unwrap());
            let found = server.get(&format!("/local-users?tags={tag}")).await;
            assert!(found.names().contains(&name), "{name} says that it carries {tag}");
        }
    }
    assert_eq!(server.rows("SELECT tag FROM object_tags WHERE kind = 'local'").await.len(), carried);
}

/// Whether any connection waits for this one.
async fn holds_up(client: &tokio_postgres::Client, process: i32) -> Option<i32> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))";
    client.query(sql, &[&process]).await.unwrap().first().map(|row| row.get(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_being_given_a_tag_is_waited_for() {
    let server = Server::start().await;
    // Writes of the embedded database follow each other.
    let Place::Postgres { url, schema } = server.place() else { return };
    let path = format!("/tags/{}", server.make("/tags", json!({ "name": "dev" })).await);
    // What a transaction is shown of the others is of one moment: another connection looks.
    let (client, watcher) = (connect(url).await, connect(url).await);
    client.batch_execute(&format!("SET search_path = {schema}; BEGIN")).await.unwrap();
    let own: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    // Somebody else is just making the second of two tags known.
    let stops = "INSERT INTO tags (id, name, name_key, notes, color_code, search, created, updated, version)
         VALUES ('\\x01', 'new', 'new', '', 1, 'new', 0, 0, 0)";
    client.batch_execute(stops).await.unwrap();
    let body = json!({ "name": "bobby", "firstName": "B", "lastName": "T", "tags": ["dev", "new"] });
    let giving = tokio::spawn(server.call("POST", "/local-users").json(body).send());
    let given = loop {
        match holds_up(&watcher, own).await {
            Some(process) => break process,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    let renaming = tokio::spawn(server.call("PUT", &path).json(json!({ "name": "ops" })).send());
    while !renaming.is_finished() && holds_up(&watcher, given).await.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    let made = giving.await.unwrap().expect(200).json["id"].as_str().unwrap().to_owned();
    let renamed = renaming.await.unwrap().expect(200);
    assert_eq!(renamed.json["taggedOccurrences"], 1);
    assert_eq!(server.get(&format!("/local-users/{made}")).await.json["tags"], json!(["ops", "new"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_recorded_once() {
    let server = Server::start().await;
    tagged(&server, "bobby", &["a"]).await;
    server.execute("DELETE FROM audit_log").await;
    let path = format!("/tags/{}", server.make("/tags", json!({ "name": "dev", "colorCode": 1 })).await);
    let user = tagged(&server, "dora", &["dev"]).await;
    server.put(&path, json!({ "name": "ops", "colorCode": 1 })).await.expect(200);
    server.put(&path, json!({ "name": "a" })).await.expect(409);
    server.delete(&path).await.expect(204);
    server.get(&user).await.expect(200);
    let sql = "SELECT actor, act, object_name, outcome, object_id, changes FROM audit_log \
               WHERE object_kind <> 'LocalUser' OR act <> 'create' ORDER BY at";
    let rows = server.rows(sql).await;
    let id = path.trim_start_matches("/tags/");
    for (row, act, name, before, after) in [
        (&rows[0], "create", "dev", Value::Null, json!("dev")),
        (&rows[1], "edit", "ops", json!("dev"), json!("ops")),
        (&rows[2], "delete", "ops", json!("ops"), Value::Null),
    ] {
        assert_eq!(row[..5], ["admin", act, name, "done", id]);
        let changes: Value = serde_json::from_str(&row[5]).unwrap();
        assert_eq!(changes["name"], json!({ "before": before, "after": after }));
        let counted = changes.get("taggedOccurrences").cloned();
        let expected = match act {
            "create" => Some(json!({ "before": null, "after": 0 })),
            "edit" => None,
            _ => Some(json!({ "before": 1, "after": null })),
        };
        assert_eq!(counted, expected, "{act}");
    }
    assert_eq!(rows.len(), 3);
}
