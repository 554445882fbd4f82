//! The audit log as administrators read it. What is written into it is tested in `audit`.

use serde_json::{Value, json};

use crate::{
    client::is_time,
    harness::{PASSWORD, Server, credentials},
};

/// The acts in a list.
async fn acts(server: &Server, parameters: &str) -> Vec<String> {
    let list = server.get(&format!("/audit-logs?{parameters}")).await.expect(200);
    let rows = list.json["data"].as_array().unwrap().iter();
    rows.map(|row| format!("{} {}", row["act"].as_str().unwrap(), row["objectName"].as_str().unwrap())).collect()
}

/// Waits for the clock: records of one millisecond are in no particular order.
async fn tick() {
    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_read_with_all_that_is_known_of_it() {
    let server = Server::start().await;
    server.execute("DELETE FROM audit_log").await;
    let made = server.post("/local-users", crate::harness::person("Bobby")).await.expect(200);
    let list = server.get("/audit-logs").await.expect(200);
    let row = &list.json["data"][0];
    let mut keys: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "act",
            "actor",
            "at",
            "changes",
            "id",
            "objectId",
            "objectKind",
            "objectName",
            "outcome",
            "reason",
            "requestId",
            "source"
        ]
    );
    for (field, value) in [
        ("actor", "admin"),
        ("act", "create"),
        ("objectKind", "LocalUser"),
        ("objectId", made.json["id"].as_str().unwrap()),
        ("objectName", "Bobby"),
        ("outcome", "done"),
        ("reason", ""),
        ("requestId", made.header("x-request-id")),
    ] {
        assert_eq!(row[field], value, "{field}");
    }
    assert!(is_time(row["at"].as_str().unwrap()));
    assert_eq!(row["changes"]["firstName"], json!({ "before": null, "after": "Bobby" }));
    assert_eq!(row["changes"]["password"], "set");
    assert_eq!(list.json["orderBy"], "at");
    assert_eq!(list.json["descending"], true);

    let object = format!("/audit-logs/{}", row["id"].as_str().unwrap());
    let read = server.get(&object).await.expect(200);
    assert_eq!(&read.json, row);
    let tag = read.header("etag").to_owned();
    server.call("GET", &object).header("if-none-match", tag).send().await.expect(304);
    server.get("/audit-logs/0000bc67-57ea-42dd-b702-c2d6c4541900").await.expect(404);
    server.get("/audit-logs/x").await.expect(400);
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let (collection, one) = (server.call(method, "/audit-logs"), server.call(method, &object));
        collection.json(json!({})).send().await.expect(405);
        one.json(json!({})).send().await.expect(405);
    }
    assert_eq!(server.get(&object).await.expect(200).bytes, read.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_without_an_object_has_no_id_of_one() {
    let server = Server::start().await;
    server.execute("DELETE FROM audit_log").await;
    let body = credentials("ldap", "somebody", "a wrong secret of ours");
    server.call("POST", "/login").anonymous().json(body).send().await.expect(401);
    let list = server.get("/audit-logs").await.expect(200);
    let row = list.json["data"][0].as_object().unwrap();
    assert!(!row.contains_key("objectId"));
    assert_eq!((&row["actor"], &row["objectKind"]), (&json!(""), &json!("")));
    assert_eq!((&row["outcome"], &row["reason"]), (&json!("refused"), &json!("unknown provider")));
    assert_eq!(row["changes"], json!({}));
    assert!(!list.json.to_string().contains("a wrong secret of ours"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_searched_ordered_and_filtered() {
    let server = Server::start().await;
    server.execute("DELETE FROM audit_log").await;
    let mut ids = Vec::new();
    for name in ["Ärzte", "bobby", "carol"] {
        ids.push(server.person(name).await);
        tick().await;
    }
    server.login("local", "bobby", "wrong").await.expect(401);
    tick().await;
    server.delete(&format!("/local-users/{}", ids[2])).await.expect(204);
    assert_eq!(
        acts(&server, "").await,
        ["delete carol", "login bobby", "create carol", "create bobby", "create Ärzte"]
    );
    let oldest = ["create Ärzte", "create bobby", "create carol", "login bobby", "delete carol"];
    assert_eq!(acts(&server, "orderBy=at").await, oldest);
    assert_eq!(acts(&server, "orderBy=at&range=1-2").await, oldest[1..3]);
    assert_eq!(acts(&server, "query=CAROL").await, ["delete carol", "create carol"]);
    assert_eq!(acts(&server, "query=ÄRZ").await, ["create Ärzte"]);
    assert_eq!(acts(&server, "query=wrong password").await, ["login bobby"]);
    assert_eq!(acts(&server, "query=bobby&query=create").await, ["create bobby"]);
    assert_eq!(acts(&server, "act=login").await, ["login bobby"]);
    assert_eq!(acts(&server, "actor=admin&objectName=CAR").await, ["delete carol", "create carol"]);
    assert_eq!(acts(&server, "objectKind=LocalUser&outcome=refused").await, ["login bobby"]);
    assert_eq!(acts(&server, "filterBy[reason]=password").await, ["login bobby"]);
    assert_eq!(acts(&server, &format!("objectId={}", ids[0])).await, ["create Ärzte"]);
    let request = server.get("/audit-logs?range=1-1").await.json["data"][0]["requestId"].as_str().unwrap().to_owned();
    assert_eq!(acts(&server, &format!("requestId={request}")).await, ["login bobby"]);
    assert_eq!(acts(&server, &format!("query={request}")).await, ["login bobby"]);
    assert_eq!(acts(&server, "orderBy=objectName&outcome=done").await[..2], ["create bobby", "create carol"]);
    for (parameters, field) in [
        ("orderBy=changes", "orderBy"),
        ("orderBy=id", "orderBy"),
        ("at=2026-01-01T00:00:00Z", "at"),
        ("changes=x", "changes"),
        ("range=x", "range"),
    ] {
        assert_eq!(server.get(&format!("/audit-logs?{parameters}")).await.faults(), [field]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_read_to_its_end_in_the_order_of_time() {
    let server = Server::start().await;
    server.execute("DELETE FROM audit_log").await;
    // More than is read at once.
    let mut expected = Vec::new();
    for number in 0..1_300 {
        let (id, name) = (format!("{number:032x}"), format!("no {number}"));
        let id = if server.place().is_postgres() { format!("'\\x{id}'") } else { format!("x'{id}'") };
        let sql = format!(
            "INSERT INTO audit_log (id, at, actor, act, object_kind, object_id, object_name, outcome, reason, source,
               request_id, changes) VALUES ({id}, {number}, '', 'create', '', '', '{name}', 'done', '', '', '', '{{}}')"
        );
        expected.push((sql, name));
    }
    let all: Vec<&str> = expected.iter().map(|(sql, _)| sql.as_str()).collect();
    server.execute(&format!("BEGIN; {}; COMMIT", all.join(";"))).await;
    for (parameters, ascending) in [("", false), ("?orderBy=at", true), ("?orderBy=actor", true)] {
        let list = server.get(&format!("/audit-logs{parameters}")).await.expect(200);
        let names: Vec<&Value> = list.json["data"].as_array().unwrap().iter().map(|row| &row["objectName"]).collect();
        let mut expected: Vec<&str> = expected.iter().map(|(_, name)| name.as_str()).collect();
        if !ascending {
            expected.reverse();
        }
        assert_eq!(names, expected);
        assert_eq!(list.json["range"], "0-1299/1300");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_may_read_it() {
    let server = Server::start().await;
    server.person("bobby").await;
    let token = server.token_of("local", "bobby", PASSWORD).await;
    let id = server.get("/audit-logs?range=0-0").await.json["data"][0]["id"].as_str().unwrap().to_owned();
    for path in ["/audit-logs".to_owned(), format!("/audit-logs/{id}")] {
        let refused = server.call("GET", &path).token(&token).send().await.expect(403);
        assert!(refused.json["message"].as_str().unwrap().contains("View on AuditLog"), "{}", refused.json);
        server.call("GET", &path).anonymous().send().await.expect(401);
    }
}
