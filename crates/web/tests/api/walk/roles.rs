//! What one privilege does not give by another's way: whoever may only create, change, tag or delete sends bodies that are good, and
//! does with them nothing else; whoever may only tag changes no other field, one by one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    document::{Operation, fields, may_be, operations, resolve},
    samples::Sample,
    snapshot::Snapshot,
};
use crate::{
    harness::{DEVICE, Server},
    roles::holder,
};

const TYPES: [&str; 5] = ["View", "Create", "Edit", "Tag", "Delete"];
/// A session's authority is found anew when the configuration has changed, whatever is asked.
const OF_SESSIONS: [&str; 1] = ["sessions"];

/// The operations on objects of a target that a holder of something else tries.
fn on(target: &str) -> impl Iterator<Item = Operation> {
    operations().into_iter().filter(move |operation| operation.privilege().is_some_and(|(_, on)| on == target))
}

/// Targets whose objects can be changed by somebody who holds a privilege on the target alone.
fn targets() -> BTreeSet<&'static str> {
    let edits =
        operations().into_iter().filter(|operation| operation.method == "PUT" && operation.collection().is_some());
    edits.map(|operation| operation.privilege().unwrap().1).filter(|target| *target != "All").collect()
}

async fn token(server: &Server, held: &str, target: &str) -> String {
    let all = json!({ "all": true });
    let privileges = json!([
        // To see what is changed, and what the roles that are made up here give: whoever makes one has to hold it.
        { "type": "View", "target": "All", "scope": all },
        { "type": held, "target": target, "scope": all },
    ]);
    holder(server, &format!("{held} on {target}"), privileges).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_opens_nothing_but_what_it_is_named_for() {
    let server = Server::start().await;
    let (mut opened, mut refused) = (0, 0);
    for target in targets() {
        for held in TYPES {
            let token = token(&server, held, target).await;
            for operation in on(target) {
                let (needed, _) = operation.privilege().unwrap();
                let sample = Sample::named(&format!("{held} {target} {opened} {refused}"));
                if !operation.makes() && operation.maker().is_none() {
                    server.person(&sample.name).await;
                }
                let (path, mut body) = match operation.takes() {
                    Some(_) => sample.request(&server, &operation).await,
                    None => (sample.path(&server, &operation).await, Value::Null),
                };
                if operation.method == "PUT" {
                    body["notes"] = json!(format!("changed by {}", sample.name));
                }
                let before = Snapshot::of(&server).await;
                let mut call = server.call(&operation.method, &path).token(&token);
                call = match operation.rows() {
                    Some(rows) => call.body(sample.body(rows).to_string()),
                    None => call.json(body),
                };
                let answer = call.send().await;
                let what = format!("{} with {held} on {target}: {} {}", operation.name(), answer.status, answer.json);
                if needed == held || needed == "View" {
                    // The providers are neither made nor deleted by anybody.
                    let built_in =
                        operation.gives().is_none() && matches!(operation.method.as_str(), "POST" | "DELETE");
                    assert!(answer.status < 300 || (built_in && answer.status == 403), "{what}");
                    opened += 1;
                } else {
                    assert_eq!(answer.status, 403, "{what}");
                    Snapshot::of(&server).await.assert_same(&before, &OF_SESSIONS, &what);
                    refused += 1;
                }
            }
        }
    }
    assert!(opened > 60 && refused > 80, "{opened} opened, {refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_create_changes_nothing_and_who_may_change_creates_nothing() {
    let server = Server::start().await;
    for target in targets() {
        let (create, edit) = (token(&server, "Create", target).await, token(&server, "Edit", target).await);
        for operation in on(target).filter(Operation::makes) {
            let made = Sample::named("there already").make(&server, &operation).await;
            let mut body = Sample::named("another").body(operation.takes().unwrap());
            body["id"] = made["id"].clone();
            let before = Snapshot::of(&server).await;
            server.call("POST", &operation.path).token(&create).json(body.clone()).send().await.expect(409);
            body["id"] = json!(DEVICE);
            let nowhere = format!("{}/{DEVICE}", operation.path);
            server.call("PUT", &nowhere).token(&edit).json(body).send().await.expect(404);
            Snapshot::of(&server).await.assert_same(&before, &OF_SESSIONS, target);
        }
        for operation in on(target).filter(|operation| operation.rows().is_some()) {
            let mut row = Sample::named("there already").body(operation.rows().unwrap());
            let before = Snapshot::of(&server).await;
            let send = async |path: &str, row: &Value| {
                server.call("POST", path).token(&create).body(row.to_string()).send().await
            };
            send(&format!("{}?upsert=true", operation.path), &row).await.expect(403);
            assert_eq!(send(&operation.path, &row).await.expect(200).json[0]["result"], "refused");
            row["name"] = json!("with a hash of its own");
            row["passwordHash"] = json!("{SSHA}r9xdM2wx3+a4Dy1GQyNw42GqZAkwMTIzNDU2Nw==");
            row.as_object_mut().unwrap().remove("password");
            assert_eq!(send(&operation.path, &row).await.expect(200).json[0]["result"], "refused");
            Snapshot::of(&server).await.assert_same(&before, &OF_SESSIONS, target);
        }
    }
}

/// Another value for a field.
fn other(field: &str, schema: &'static Value, value: &Value) -> Value {
    match value {
        Value::Bool(value) => json!(!value),
        Value::Number(number) => json!(number.as_i64().unwrap() + 1),
        Value::String(text) if schema["format"].is_null() && field != "expression" => json!(format!("{text}x")),
        Value::String(text) if field == "expression" => json!(format!("{text}\n")),
        _ if may_be(schema, "array") && resolve(&schema["items"])["format"] == "uuid" => json!([]),
        _ if may_be(schema, "array") => {
            let items = resolve(&schema["items"]);
            let sample = Sample { tags: vec!["other".into()], ..Sample::named("other") };
            if may_be(items, "string") { json!(["other"]) } else { json!([sample.body(items)]) }
        }
        _ if may_be(schema, "object") => json!({ "other": "value" }),
        _ if may_be(schema, "boolean") => json!(true),
        _ if may_be(schema, "integer") => json!(7),
        _ if schema["format"] == "date-time" => json!("2026-01-01T00:00:00Z"),
        _ if schema["format"] == "password" => json!("another password"),
        _ => json!("other"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_tag_changes_no_other_field_of_anything() {
    let server = Server::start().await;
    let (mut tagged, mut refused) = (0, 0);
    for target in targets() {
        let token = token(&server, "Tag", target).await;
        for operation in on(target).filter(|operation| operation.method == "PUT") {
            let (path, body) = Sample::named("to be tagged").request(&server, &operation).await;
            for (field, schema) in fields(operation.takes().unwrap()).filter(|(field, _)| *field != "id") {
                let mut changed = body.clone();
                changed[field] = other(field, resolve(schema), &body[field]);
                if changed[field] == body[field] {
                    continue;
                }
                let before = Snapshot::of(&server).await;
                let answer = server.call("PUT", &path).token(&token).json(changed.clone()).send().await;
                let what =
                    format!("{} {field} {}: {} {}", operation.name(), changed[field], answer.status, answer.json);
                if field == "tags" {
                    assert_eq!(answer.status, 200, "{what}");
                    server.put(&path, body.clone()).await.expect(200);
                    tagged += 1;
                } else {
                    assert!([403, 422].contains(&answer.status), "{what}");
                    Snapshot::of(&server).await.assert_same(&before, &OF_SESSIONS, &what);
                    refused += usize::from(answer.status == 403);
                }
            }
        }
    }
    assert!(tagged > 5 && refused > 40, "{tagged} tagged, {refused} refused");
}
