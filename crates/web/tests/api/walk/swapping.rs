//! Ids in the wrong hands: somebody whose scopes are all of one tag shows the ids of all other objects, in each path, each body and
//! each list. They are not there, and nothing of them changes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    document::{self, Operation, fields, key, may_be, objects, operations, resolve, with_bodies},
    samples::Sample,
    snapshot::Snapshot,
};
use crate::{
    harness::{LOCAL, PASSWORD, SERVICE, Server},
    roles::holder,
};

/// A directory with an object of each kind within the swapper's scope, and one outside of it.
struct World {
    server: Server,
    token: String,
    /// Targets of which the swapper has some.
    targets: BTreeSet<String>,
}

const SIDES: [(&str, &str, &str); 2] = [("mine", "local", LOCAL), ("theirs", "service", SERVICE)];

impl World {
    async fn new() -> Self {
        let server = Server::start().await;
        for (side, provider, id) in SIDES {
            server.change(&format!("/identity-providers/{id}"), json!({ "tags": [side] })).await;
            let sample = Sample { provider, tags: vec![side.into()], name: format!("{side} one") };
            for operation in operations().into_iter().filter(Operation::makes) {
                // Tags are there by being used.
                if operation.privilege().is_some_and(|(_, target)| target != "All" && target != "Blacklist") {
                    sample.make(&server, &operation).await;
                }
            }
            server.login(provider, &sample.name, PASSWORD).await.expect(200);
            for operation in operations().into_iter().filter(Operation::makes) {
                if operation.privilege().is_some_and(|(_, target)| target == "Blacklist") {
                    sample.make(&server, &operation).await;
                }
            }
        }
        let map = server.get("/administrative-roles/type-target-map").await.json["actionMatrixMap"]["All"].clone();
        let scopable = |entry: &&Value| entry["scopable"] == true || entry["scopableByIdp"] == true;
        let names =
            map.as_array().unwrap().iter().filter(scopable).map(|entry| entry["name"].as_str().unwrap().to_owned());
        let targets: BTreeSet<String> = names.filter(|name| name != "All").collect();
        assert!(targets.len() > 8, "{map}");
        let privileges: Vec<Value> = targets
            .iter()
            .map(|target| json!({ "type": "All", "target": target, "scope": { "tags": ["mine"] } }))
            .collect();
        let token = holder(&server, "swapper", json!(privileges)).await;
        Self { server, token, targets }
    }

    fn is_mine(object: &Value) -> bool {
        let tagged = object["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == "mine"));
        tagged || (object["tags"].is_null() && key(object).ends_with(",OU=local"))
    }

    /// The keys of a collection that are within the scope, and those that are not, but for what the swapper is made of.
    async fn keys(&self, collection: &str) -> [Vec<String>; 2] {
        let mut all = objects(&self.server, collection).await;
        all.retain(|object| Self::is_mine(object) || !object.to_string().contains("swapper"));
        // Those of the other side before those of nobody.
        all.sort_by_key(|object| !object.to_string().contains("theirs"));
        let (mine, others): (Vec<_>, Vec<_>) = all.iter().partition(|object| Self::is_mine(object));
        [mine, others].map(|side| side.into_iter().map(key).collect())
    }

    /// What somebody is told of an object outside of their scope.
    fn refusal(&self, operation: &Operation) -> u16 {
        let (_, target) = operation.privilege().unwrap();
        if self.targets.contains(target) { 404 } else { 403 }
    }
}

fn escaped(key: &str) -> String {
    form_urlencoded::byte_serialize(key.as_bytes()).collect::<String>().replace('+', "%20")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_outside_of_a_scope_is_not_there_in_any_path() {
    let world = World::new().await;
    let server = &world.server;
    let (mut refused, mut allowed) = (0, 0);
    let about = operations().into_iter().filter(|operation| operation.collection().is_some());
    for operation in about.filter(|operation| operation.privilege().is_some()) {
        let [mine, others] = world.keys(&operation.collection().unwrap()).await;
        assert!(!others.is_empty(), "{}", operation.name());
        for key in others {
            let path = operation.filled(&escaped(&key));
            let body = match operation.method.as_str() {
                // What is read may be sent back.
                "PUT" => server.get(&path).await.expect(200).json,
                _ => operation.takes().map_or(Value::Null, |schema| Sample::named("theirs one").body(schema)),
            };
            let before = Snapshot::of(server).await;
            let call = server.call(&operation.method, &path).token(&world.token);
            let answer = call.json(body).send().await;
            assert_eq!(answer.status, world.refusal(&operation), "{} {key}: {}", operation.name(), answer.json);
            Snapshot::of(server).await.assert_same(&before, &[], &format!("{} {key}", operation.name()));
            refused += 1;
        }
        if operation.method == "GET" {
            for key in mine {
                let path = operation.filled(&escaped(&key));
                server.call("GET", &path).token(&world.token).send().await.expect(200);
                allowed += 1;
            }
        }
    }
    assert!(refused > 50 && allowed > 7, "{refused} refused, {allowed} allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_outside_of_a_scope_is_in_no_list() {
    let world = World::new().await;
    let server = &world.server;
    let mut lists = 0;
    for operation in operations().into_iter().filter(Operation::lists) {
        let list = async |query: &str| {
            server.call("GET", &format!("{}?{query}", operation.path)).token(&world.token).send().await
        };
        let [mine, others] = world.keys(&operation.path).await;
        let whole = list("").await;
        if world.refusal(&operation) == 403 {
            whole.expect(403);
            continue;
        }
        let whole = whole.expect(200).json;
        let seen: BTreeSet<String> = whole["data"].as_array().unwrap().iter().map(key).collect();
        assert_eq!(seen, mine.iter().cloned().collect(), "{}", operation.name());
        assert_eq!(whole["totalCount"], mine.len(), "{}", operation.name());
        for other in others {
            let found = list(&format!("query={}", escaped(&other))).await.expect(200).json;
            assert_eq!(found["data"], json!([]), "{} {other}", operation.name());
            let field = if other.contains('=') { "distinguishedName" } else { "id" };
            // A filter of another name is a 422, which tells nothing either.
            let found = list(&format!("{field}={}", escaped(&other))).await;
            assert!(
                found.status == 422 || found.json["range"] == "0-0/0",
                "{} {other}: {}",
                operation.name(),
                found.json
            );
            assert_eq!(found.json["totalCount"], if found.status == 422 { Value::Null } else { json!(mine.len()) });
        }
        lists += 1;
    }
    assert!(lists > 8, "{lists}");
}

/// Places in a body that name other objects: where, and whether by distinguished name.
fn places(schema: &'static Value, at: &str, found: &mut Vec<(String, bool)>) {
    for (field, schema) in fields(schema) {
        let schema = resolve(schema);
        let is_list = may_be(schema, "array");
        let item = if is_list { resolve(&schema["items"]) } else { schema };
        let at = format!("{at}/{field}{}", if is_list { "/0" } else { "" });
        let named = field.to_lowercase().contains("distinguishedname")
            || schema["examples"][0].as_str().is_some_and(|example| example.contains("CN="));
        if item["properties"].is_object() {
            places(item, &at, found);
        } else if named || item["format"] == "uuid" {
            found.push((at, named));
        }
    }
}

/// Puts a value where a path leads, making what is on the way.
fn put(body: &mut Value, path: &str, value: Value) {
    let Some((head, rest)) = path.trim_start_matches('/').split_once('/') else {
        let head = path.trim_start_matches('/');
        match head.parse::<usize>() {
            Ok(_) => *body = json!([value]),
            Err(_) => body[head] = value,
        }
        return;
    };
    match head.parse::<usize>() {
        Ok(_) => {
            if !body[0].is_object() {
                *body = json!([{}]);
            }
            put(&mut body[0], rest, value);
        }
        Err(_) => {
            if body[head].is_null() {
                body[head] = json!({});
            }
            put(&mut body[head], rest, value);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_from_outside_of_a_scope_open_nothing_in_any_body() {
    let world = World::new().await;
    let server = &world.server;
    let mut others = Vec::new();
    for operation in operations().into_iter().filter(Operation::lists) {
        let [_, keys] = world.keys(&operation.path).await;
        others.extend(keys.into_iter().take(1).map(|key| (operation.path.clone(), key)));
    }
    let needles: Vec<String> = others.iter().map(|(_, key)| key.clone()).chain(["theirs".into()]).collect();
    let mut tried = 0;
    for operation in with_bodies().filter(|operation| operation.privilege().is_some()) {
        let mut all = Vec::new();
        places(operation.takes().unwrap(), "", &mut all);
        for (place, by_name) in all {
            for (collection, key) in others.iter().filter(|(_, key)| key.contains('=') == by_name) {
                let key_of_mine = match operation.collection() {
                    Some(collection) => world.keys(&collection).await[0].first().cloned(),
                    None => Some(String::new()),
                };
                // Of some kinds there is none in scope.
                let Some(key_of_mine) = key_of_mine else { continue };
                tried += 1;
                let path = operation.filled(&key_of_mine);
                let sample = Sample { tags: vec!["mine".into()], ..Sample::named(&format!("try {tried}")) };
                let mut body = match document::operation("GET", &operation.path) {
                    Some(_) if operation.method == "PUT" => server.get(&path).await.json,
                    _ => sample.body(operation.takes().unwrap()),
                };
                let own = body.clone();
                put(&mut body, &place, json!(key));
                let what = format!("{} with {place} {key} of {collection}", operation.name());
                let before = Snapshot::of(server).await;
                let answer = server.call(&operation.method, &path).token(&world.token).json(body).send().await;
                let gone = before.lost(&Snapshot::of(server).await, &needles);
                assert!(gone.is_empty(), "{what}: {} {} has changed {gone:#?}", answer.status, answer.json);
                let told = answer.json.to_string().replace(key, "");
                assert!(!told.contains("theirs"), "{what}: {} {told}", answer.status);
                assert!(answer.status < 500, "{what}: {}", answer.status);
                // What was let through is taken back, so that it does not stand in the way of the next.
                if answer.status == 200 && operation.makes() {
                    server.delete(&format!("{path}/{}", escaped(&document::key(&answer.json)))).await.expect(204);
                } else if answer.status == 200 && operation.method == "PUT" {
                    server.put(&path, own).await.expect(200);
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_from_outside_of_a_scope_are_refused() {
    let world = World::new().await;
    let server = &world.server;
    let imports: Vec<Operation> = operations().into_iter().filter(|operation| operation.rows().is_some()).collect();
    assert_eq!(imports.len(), 2);
    for operation in imports {
        let collection = operation.path.rsplit_once('/').unwrap().0;
        let [_, others] = world.keys(collection).await;
        let mut by_name = Sample::named("theirs one").body(operation.rows().unwrap());
        // A tag would have reasons of its own to be refused.
        by_name.as_object_mut().unwrap().remove("tags");
        let mut by_id = by_name.clone();
        by_id["name"] = json!("mine now");
        by_id["id"] = json!(others[0]);
        let rows = format!("{by_id}\n{by_name}\n");
        for query in ["", "?upsert=true"] {
            let before = Snapshot::of(server).await;
            let path = format!("{}{query}", operation.path);
            let results =
                server.call("POST", &path).token(&world.token).body(rows.clone()).send().await.expect(200).json;
            for result in results.as_array().unwrap() {
                assert_eq!(result["result"], "refused", "{path}: {result}");
            }
            Snapshot::of(server).await.assert_same(&before, &[], &path);
        }
    }
}
