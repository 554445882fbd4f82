//! The audit log in the console: the same records as the API's, filtered the same way, and as files.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    console::Desk,
    harness::{PASSWORD, Server, person},
};

/// The ids of the records that a page shows, in its order.
fn shown(html: &str) -> Vec<String> {
    let links = html.split("class=\"when\" href=\"/ui/audit-log/").skip(1);
    links.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

async fn ids(server: &Server, parameters: &str) -> Vec<String> {
    let list = server.get(&format!("/audit-logs?{parameters}")).await.expect(200).json;
    list["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_what_the_api_lists_under_the_same_filters() {
    let server = Server::start().await;
    let bobby = server.person("bobby").await;
    server.person("carla").await;
    server.change(&format!("/local-users/{bobby}"), json!({ "notes": "n" })).await;
    server.login("local", "carla", "a wrong password").await;
    server.login("local", "carla", PASSWORD).await;
    let mut desk = Desk::of_admin(&server).await;
    let request = server.get("/audit-logs?filterBy[act]=edit").await.json["data"][0]["requestId"].clone();
    let request = request.as_str().unwrap();
    let cases = [
        (String::new(), String::new()),
        ("act=login&outcome=refused".into(), "filterBy[act]=login&filterBy[outcome]=refused".into()),
        ("actor=adm&kind=LocalUser".into(), "filterBy[actor]=adm&filterBy[objectKind]=LocalUser".into()),
        ("object=BOB&q=create".into(), "filterBy[objectName]=BOB&query=create".into()),
        ("q=create+carla&source=".into(), "query=create&query=carla".into()),
        (format!("id={bobby}"), format!("filterBy[objectId]={bobby}")),
        (format!("request={request}"), format!("filterBy[requestId]={request}")),
        ("act=nothing+like+it".into(), "filterBy[act]=nothing+like+it".into()),
    ];
    for (asked, api) in cases {
        let page = desk.get(&format!("/ui/audit-log?{asked}")).await.expect(200);
        let expected = ids(&server, &api).await;
        assert_eq!(shown(&page.html), expected, "{asked}");
        assert_eq!(expected.is_empty(), asked.contains("nothing"), "{asked}");
        let file = desk.get(&format!("/ui/audit-log/export?format=ndjson&{asked}")).await.expect(200);
        let lines: Vec<Value> = file.html.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(json!(lines), server.get(&format!("/audit-logs?{api}")).await.json["data"], "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_those_of_the_readers_zone() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    // At no moment is it the same day in both.
    let (early, late) = ("Pacific/Kiritimati", "Etc/GMT+12");
    let zone = |name: &str| TimeZone::get(name).unwrap();
    let today = |name: &str| Timestamp::now().to_zoned(zone(name)).date().to_string();
    let (tomorrow, yesterday) = (today(early), today(late));
    let count = ids(&server, "").await.len();
    let cases = [
        (early, format!("from={tomorrow}&to={tomorrow}"), count),
        (late, format!("from={tomorrow}"), 0),
        (late, format!("from={yesterday}&to={yesterday}"), count),
        (early, format!("to={yesterday}"), 0),
        (early, format!("from={yesterday}"), count),
        (late, format!("to={tomorrow}"), count),
    ];
    for (name, asked, expected) in cases {
        desk.set_cookie("__Host-portreeve-zone", &name.replace('/', "%2F").replace('+', "%2B"));
        let page = desk
            .get(&format!("/ui/audit-log?{asked}"))
            .await
            .expect(200)
            .says(&name.replace('+', "&#43;").replace("&#43;", "+"));
        assert_eq!(shown(&page.html).len(), expected, "{name} {asked}");
        let file = desk.get(&format!("/ui/audit-log/export?format=ndjson&{asked}")).await.expect(200);
        assert_eq!(file.html.lines().count(), expected, "{name} {asked}");
    }
    for wrong in ["from=yesterday", "to=2026-02-30", "from=2026-01-01&to=x"] {
        let page = desk.get(&format!("/ui/audit-log?{wrong}")).await.expect(422).says("is no day such as");
        assert!(shown(&page.html).is_empty(), "{wrong}");
        let file = desk.get(&format!("/ui/audit-log/export?format=csv&{wrong}")).await.expect(422);
        assert!(file.headers.get("content-disposition").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_holds_every_record_and_no_formula() {
    let server = Server::start().await;
    let names = ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(1)", "a, \"b\"", "ü=1"];
    for name in names {
        let mut body = person(name);
        body["notes"] = json!("two\nlines, \"quoted\"");
        server.make("/local-users", body).await;
    }
    let mut desk = Desk::of_admin(&server).await;
    let path = "/ui/audit-log/export?format=csv&act=create&kind=LocalUser";
    let file = desk.get(path).await.expect(200);
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8; header=present");
    let name = file.headers["content-disposition"].to_str().unwrap();
    assert!(name.starts_with("attachment; filename=\"portreeve-audit-log-20") && name.ends_with("Z.csv\""), "{name}");
    assert!(file.html.ends_with("\r\n"));
    let mut reader = csv::Reader::from_reader(file.html.as_bytes());
    let heads = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let list = server.get("/audit-logs?filterBy[act]=create&filterBy[objectKind]=LocalUser").await.json;
    let records = list["data"].as_array().unwrap();
    assert_eq!(rows.len(), records.len());
    for (row, record) in rows.iter().zip(records) {
        for (head, cell) in heads.iter().zip(row) {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t']), "{cell}");
            let cell = cell.strip_prefix('\'').unwrap_or(cell);
            match &record[head] {
                Value::Object(_) => assert_eq!(serde_json::from_str::<Value>(cell).unwrap(), record[head]),
                Value::Null => assert_eq!(cell, ""),
                value => assert_eq!(cell, value.as_str().unwrap()),
            }
        }
        assert_eq!(row.len(), record.as_object().unwrap().len().max(heads.len()));
    }
    desk.get("/ui/audit-log/export?format=pdf").await.expect(404);
    desk.get("/ui/audit-log/export").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_on_where_a_page_and_a_piece_end() {
    let server = Server::start().await;
    for number in 0..530 {
        server.post("/tags", json!({ "name": format!("tag {number}") })).await.expect(200);
    }
    let mut desk = Desk::of_admin(&server).await;
    let expected = ids(&server, "filterBy[objectKind]=Tag").await;
    assert_eq!(expected.len(), 530);
    let first = desk.get("/ui/audit-log?kind=Tag").await.expect(200).says("1 to 50 of 530");
    assert_eq!(shown(&first.html), expected[..50]);
    let last = desk.get("/ui/audit-log?kind=Tag&page=11").await.expect(200).says("501 to 530 of 530");
    assert_eq!(shown(&last.html), expected[500..]);
    // Whatever page is looked at, the file is of all.
    let file = desk.get("/ui/audit-log/export?format=ndjson&kind=Tag&page=11").await.expect(200);
    let lines =
        file.html.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned());
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    let file = desk.get("/ui/audit-log/export?format=csv&kind=Tag").await.expect(200);
    let mut reader = csv::Reader::from_reader(file.html.as_bytes());
    let rows: Vec<String> = reader.records().map(|row| row.unwrap()[0].to_owned()).collect();
    assert_eq!(rows, expected);
}
