//! Accounts in bulk over REST: rows in, results out, and no way around what a caller may do.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    harness::{ADMIN_PASSWORD, PASSWORD, Server},
    roles::{holder, policy_for},
};

const SSHA: &str = "{SSHA}r9xdM2wx3+a4Dy1GQyNw42GqZAkwMTIzNDU2Nw==";

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

fn named(name: &str) -> Value {
    json!({ "name": name, "firstName": "F", "lastName": "L" })
}

async fn import(server: &Server, token: &str, query: &str, body: &str) -> Vec<Value> {
    let call = server.call("POST", &format!("/local-users/import{query}")).token(token).body(body);
    call.send().await.expect(200).json.as_array().unwrap().clone()
}

fn results(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["result"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_has_its_line_of_result() {
    let server = Server::start().await;
    let body = format!(
        "{}\n{}not JSON\n",
        lines(&[named("ada"), json!({ "name": "b" })]),
        lines(&[json!({ "name": "hashed", "firstName": "F", "lastName": "L", "passwordHash": SSHA })])
    );
    let dry = import(&server, &server.token, "?dryRun=true", &body).await;
    assert_eq!(results(&dry), ["created", "refused", "created", "refused"]);
    assert_eq!(server.get("/local-users?name=ada").await.expect(200).json["data"], json!([]));

    let made = import(&server, &server.token, "", &body).await;
    assert_eq!(results(&made), results(&dry));
    let of = |field: &str| made.iter().map(|line| line[field].clone()).collect::<Vec<_>>();
    assert_eq!(of("line"), [1, 2, 4, 5]);
    assert_eq!(of("name")[..3], ["ada", "b", "hashed"]);
    assert_eq!(made[1]["errors"][0], json!({ "field": "firstName", "message": "may not be null" }));
    let ada = server.get(&format!("/local-users/{}", made[0]["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(ada.json["name"], "ada");
    server.login("local", "hashed", "pässwörd with € 42").await.expect(200);

    let again = lines(&[named("ADA"), json!({ "name": "hashed", "notes": "n" })]);
    assert_eq!(results(&import(&server, &server.token, "", &again).await), ["refused", "refused"]);
    assert_eq!(results(&import(&server, &server.token, "?upsert=true", &again).await), ["changed", "changed"]);
    assert_eq!(results(&import(&server, &server.token, "?upsert=true", &again).await), ["unchanged", "unchanged"]);
    server.login("local", "hashed", "pässwörd with € 42").await.expect(200);
    server.call("POST", "/local-users/import?upsert=yes").token(&server.token).send().await.expect(422);

    let machine = lines(&[json!({ "name": "loom", "labels": { "a": "b" } })]);
    let call = server.call("POST", "/admin/service-users/import").token(&server.token).body(machine);
    assert_eq!(call.send().await.expect(200).json[0]["result"], "created");
    // The other inputs know no hashes.
    let sent = json!({ "name": "eve", "firstName": "F", "lastName": "L", "passwordHash": SSHA });
    server.post("/local-users", sent).await.expect(200);
    server.login("local", "eve", "pässwörd with € 42").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_do_little_imports_no_more_than_that() {
    let server = Server::start().await;
    let outside = server.person("outside").await;
    let scope = json!({ "tags": ["sales"] });
    let mut privileges: Vec<Value> =
        ["View", "Edit"].map(|act| json!({ "type": act, "target": "LocalUser", "scope": scope })).to_vec();
    privileges.push(json!({ "type": "Create", "target": "LocalUser", "scope": scope, "defaultTags": ["sales"] }));
    let token = holder(&server, "seller", json!(privileges)).await;
    let strong = json!({ "name": "strong", "privileges": [{ "type": "All", "target": "All" }] });
    let strong = server.make("/administrative-roles", strong).await;
    server.make("/policies", policy_for("boss", &strong)).await;
    let row = |name: &str, more: Value| {
        let mut row = named(name);
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let rows = [
        row("one", json!({})),
        row("two", json!({ "passwordHash": SSHA })),
        row("outside", json!({ "notes": "changed" })),
        json!({ "id": outside, "notes": "changed" }),
        // Whether it is as the row says is not for them to know.
        json!({ "name": "outside" }),
        row("admin", json!({ "disabled": true })),
        // A policy makes whoever has this name stronger than they are.
        row("boss", json!({})),
    ];
    let made = import(&server, &token, "?upsert=true", &lines(&rows)).await;
    assert_eq!(results(&made)[0], "created", "{made:?}");
    assert_eq!(results(&made)[1..], ["refused"; 6], "{made:?}");
    let one = server.get("/local-users?name=one").await.expect(200);
    assert_eq!(one.json["data"][0]["tags"], json!(["sales"]));
    assert_eq!(server.get(&format!("/local-users/{outside}")).await.json["notes"], "");

    // What they may see they may change, but not out of their own reach.
    let rows = [json!({ "name": "one", "notes": "mine" }), json!({ "name": "one", "tags": [] })];
    let changed = import(&server, &token, "?upsert=true", &lines(&rows)).await;
    assert_eq!(results(&changed), ["changed", "refused"], "{changed:?}");
    // The record is the one of an import, by them.
    let records = server.rows("SELECT actor, object_name FROM audit_log WHERE act = 'import'").await;
    assert_eq!(records, [["seller", "one"], ["seller", "one"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_answered_while_they_come_and_no_longer_than_the_session_lasts() {
    let server = Server::start().await;
    let token = server.token_of("local", "admin", ADMIN_PASSWORD).await;
    let (sender, rows) = tokio::sync::mpsc::channel::<Result<String, std::io::Error>>(4);
    let rows = futures_util::stream::unfold(rows, |mut rows| async { rows.recv().await.map(|row| (row, rows)) });
    let request = axum::http::Request::post("/local-users/import").header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::from_stream(rows)).unwrap();
    let mut answer = server.router().oneshot(request).await.unwrap().into_body();
    let mut next = async || {
        let frame = tokio::time::timeout(Duration::from_secs(60), answer.frame()).await.expect("is not answered");
        frame.map(|frame| serde_json::from_slice::<Value>(&frame.unwrap().into_data().unwrap()).unwrap())
    };
    for name in ["one", "two"] {
        // In two pieces, cut within a line.
        let row = lines(&[named(name)]);
        let (begin, end) = row.split_at(9);
        sender.send(Ok(begin.into())).await.unwrap();
        sender.send(Ok(end.into())).await.unwrap();
        assert_eq!(next().await.unwrap()["name"], name);
    }
    server.call("POST", "/authentication/logout").token(&token).send().await.expect(204);
    sender.send(Ok(lines(&[named("three")]))).await.unwrap();
    let last = next().await.unwrap();
    assert_eq!(last["result"], "stopped", "{last}");
    assert!(last["message"].as_str().unwrap().contains("log in again"), "{last}");
    assert_eq!(next().await, None);
    assert_eq!(server.get("/local-users?name=three").await.expect(200).json["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_end_stops_the_import() {
    let server = Server::start().await;
    let body = format!("{}{}", lines(&[named("one")]), "x".repeat(2 * 1024 * 1024));
    let made = import(&server, &server.token, "", &body).await;
    assert_eq!(results(&made), ["stopped"], "{made:?}");
    let secret =
        json!({ "name": "two", "firstName": "F", "lastName": "L", "password": 1_234_567, "disabled": PASSWORD });
    let made = import(&server, &server.token, "", &lines(&[secret])).await;
    assert!(results(&made) == ["refused"] && !format!("{made:?}").contains("1234567"), "{made:?}");
}
