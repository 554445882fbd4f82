//! Lists: what they hold, in which order, and what of it is asked for.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    accounts::{KINDS, least, with},
    harness::{PASSWORD, Server, at_once},
};

/// What is said of a list, without its rows.
fn summary(json: &Value) -> Value {
    let mut json = json.clone();
    json.as_object_mut().unwrap().remove("data");
    json
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_what_it_is_an_answer_to() {
    let server = Server::start().await;
    for name in ["anna", "berta", "carla", "dora"] {
        server.make("/local-users", least("/local-users", name)).await;
    }
    for (parameters, names, expected) in [
        ("", &["admin", "anna", "berta", "carla", "dora"][..], json!({ "range": "0-4/5" })),
        ("?range=1-2", &["anna", "berta"], json!({ "range": "1-2/5" })),
        ("?range=3-99", &["carla", "dora"], json!({ "range": "3-4/5" })),
        ("?range=5-9", &[], json!({ "range": "0-0/0" })),
        ("?descending=true&range=0-0", &["dora"], json!({ "range": "0-0/5", "descending": true })),
        ("?query=NN&range=0-4", &["anna"], json!({ "range": "0-0/1", "queries": ["NN"] })),
        ("?query=A&query=ER", &["berta"], json!({ "range": "0-0/1", "queries": ["A", "ER"] })),
        ("?query=nobody", &[], json!({ "range": "0-0/0", "queries": ["nobody"] })),
        (
            "?orderBy=created&descending=false&name=a&filterBy[name]=R",
            &["berta", "carla", "dora"],
            json!({ "range": "0-2/3", "orderBy": "created",
                "filterBy": [{ "name": "name", "value": "a" }, { "name": "name", "value": "R" }] }),
        ),
        (
            "?filterBy%5Bname%5D=%61nn",
            &["anna"],
            json!({ "range": "0-0/1", "filterBy": [{ "name": "name", "value": "ann" }] }),
        ),
    ] {
        let mut whole =
            json!({ "orderBy": "name", "descending": false, "queries": [], "filterBy": [], "totalCount": 5 });
        whole.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
        for prefix in ["", "/admin"] {
            let list = server.get(&format!("{prefix}/local-users{parameters}")).await;
            let (mut given, mut wanted) = (list.names(), names.to_vec());
            if parameters.contains("created") {
                // Made within a microsecond or not: the order is tested elsewhere.
                given.sort_unstable();
                wanted.sort_unstable();
            }
            assert_eq!(given, wanted, "{parameters}");
            assert_eq!(summary(&list.json), whole, "{parameters}");
        }
    }
    let machines = server.get("/service-users").await.expect(200);
    assert_eq!(
        machines.json,
        json!({ "data": [], "range": "0-0/0", "orderBy": "name", "descending": false, "queries": [], "filterBy": [],
            "totalCount": 0 })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_for_is_refused() {
    let server = Server::start().await;
    for (parameters, faults) in [
        ("orderBy=password", &["orderBy"][..]),
        ("orderBy=tags", &["orderBy"]),
        ("orderBy=", &["orderBy"]),
        ("orderBy=Name", &["orderBy"]),
        ("descending=1", &["descending"]),
        ("range=", &["range"]),
        ("range=5", &["range"]),
        ("range=5-4", &["range"]),
        ("range=-1-4", &["range"]),
        ("range=a-b", &["range"]),
        ("range=0-99999999999999999999", &["range"]),
        ("range=0-1&range=2-3", &["range"]),
        ("password=x", &["password"]),
        ("filterBy[passwordHash]=x", &["passwordHash"]),
        ("filterBy=x", &["filterBy"]),
        ("disabled=yes", &["disabled"]),
        ("id=x", &["id"]),
        ("failedLoginAttempts=x", &["failedLoginAttempts"]),
        ("lockStart=2020-01-01T00:00:00Z", &["lockStart"]),
        ("query=%00", &["query"]),
        ("query=%E2%80%AE", &["query"]),
        ("name=%00", &["name"]),
        ("tags=%00", &["tags"]),
        ("orderBy=x&descending=x&range=x&x=x", &["orderBy", "descending", "range", "x"]),
    ] {
        for path in ["/local-users", "/service-users"] {
            assert_eq!(server.get(&format!("{path}?{parameters}")).await.faults(), faults, "{parameters}");
        }
    }
    let long = "x".repeat(1_025);
    assert_eq!(server.get(&format!("/local-users?query={long}")).await.faults(), ["query"]);
    assert_eq!(server.get(&format!("/local-users?{}", "query=x&".repeat(33))).await.faults(), ["query"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_is_that_of_folded_code_points() {
    let server = Server::start().await;
    // In order. "É" folds to "é", which is behind every ASCII letter; "ﬀ" folds to "ff".
    let names = ["1", "A", "b", "C", "e", "\u{fb00}", "FFz", "z", "É", "ö", "Ω", "я", "中", "\u{ffe6}", "😀"];
    for (path, _) in KINDS {
        for name in names.iter().rev() {
            server.make(path, with(path, name, json!({ "notes": "same", "password": PASSWORD }))).await;
        }
        let list = server.get(&format!("{path}?query=same")).await;
        assert_eq!(list.names(), names);
        let mut backwards = names;
        backwards.reverse();
        assert_eq!(server.get(&format!("{path}?query=same&descending=true")).await.names(), backwards);
        // Where all else is the same, the id decides.
        let mut by_id: Vec<(String, String)> = list.json["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|object| (object["id"].as_str().unwrap().to_owned(), object["name"].as_str().unwrap().to_owned()))
            .collect();
        by_id.sort_unstable();
        let by_id: Vec<&str> = by_id.iter().map(|(_, name)| name.as_str()).collect();
        for field in ["id", "notes", "disabled", "failedLoginAttempts", "lockStart"] {
            let list = server.get(&format!("{path}?query=same&orderBy={field}")).await;
            assert_eq!(list.names(), by_id, "{field}");
            let list = server.get(&format!("{path}?query=same&orderBy={field}&descending=true")).await;
            let backwards: Vec<&str> = by_id.iter().rev().copied().collect();
            assert_eq!(list.names(), backwards, "{field}");
        }
        let made: Vec<&str> = names.iter().rev().copied().collect();
        assert_eq!(server.get(&format!("{path}?query=same&orderBy=created")).await.names(), made);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_searchable_field_is_searched_and_nothing_across_them() {
    let server = Server::start().await;
    let person = json!({ "name": "Straße", "firstName": "Bobby", "lastName": "Tables", "email": "bobby@example.com",
        "phone": "+1-202", "notes": "first\nsecond", "tags": ["dev", "ops"], "password": "not to be searched" });
    server.make("/local-users", person).await;
    let machine = json!({ "name": "deploy", "notes": "rolls out", "tags": ["ci"], "labels": { "Team": "Shop" } });
    server.make("/service-users", machine).await;
    for (path, found) in [
        ("/local-users", &["STRASSE", "straße", "raß", "bobb", "TABLES", "@EXAMPLE", "2-1", "first\nsec", "ops"][..]),
        ("/service-users", &["DEPLOY", "lls o", "CI", "team", "sHOP"]),
    ] {
        for query in found {
            let query = query.replace('\n', "%0A");
            let expected = usize::from(query != "2-1");
            assert_eq!(
                server.get(&format!("{path}?query={}", encoded(&query))).await.names().len(),
                expected,
                "{query}"
            );
        }
        for query in ["searched", "argon2", "devops", "teamshop", "BobbyTables", "deployrolls", "false"] {
            assert!(server.get(&format!("{path}?query={query}")).await.names().is_empty(), "{query}");
        }
    }
    for (filter, found) in [
        ("name=STRASSE", 1),
        ("firstName=OBB", 1),
        ("lastName=obb", 0),
        ("email=EXAMPLE.com", 1),
        ("phone=%2B1", 1),
        ("notes=second", 1),
        ("tags=dev", 1),
        ("tags=de", 0),
        ("tags=DEV", 0),
        ("tags=dev&tags=ops", 1),
        ("tags=dev&tags=ci", 0),
        ("disabled=false&name=stra", 1),
        ("disabled=true", 0),
        ("failedLoginAttempts=0&tags=dev", 1),
        ("failedLoginAttempts=1", 0),
    ] {
        assert_eq!(server.get(&format!("/local-users?{filter}")).await.names().len(), found, "{filter}");
    }
    assert_eq!(server.get("/service-users?labels=SHOP").await.names(), ["deploy"]);
    let id = server.get("/service-users").await.json["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(server.get(&format!("/service-users?id={id}")).await.names(), ["deploy"]);
    assert!(server.get(&format!("/local-users?id={id}")).await.names().is_empty());
}

/// For a URL: all but what stands for itself.
fn encoded(text: &str) -> String {
    if text.contains('%') && text.len() > 3 {
        return text.to_owned();
    }
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn wildcards_stand_for_themselves() {
    let server = Server::start().await;
    let names = ["100%", "a_b", "a\\b", "aXb", "back\\%slash", "quote'\""];
    for name in names {
        server.make("/local-users", with("/local-users", name, json!({ "tags": [name] }))).await;
    }
    for (text, found) in [
        ("%", &["100%", "back\\%slash"][..]),
        ("_", &["a_b"]),
        ("\\", &["a\\b", "back\\%slash"]),
        ("\\%", &["back\\%slash"]),
        ("a_b", &["a_b"]),
        ("a%b", &[]),
        ("'", &["quote'\""]),
        ("\"", &["quote'\""]),
    ] {
        let value: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for parameter in ["query", "name", "filterBy[name]"] {
            assert_eq!(server.get(&format!("/local-users?{parameter}={value}")).await.names(), found, "{text}");
        }
        let tagged = server.get(&format!("/local-users?tags={value}")).await;
        assert_eq!(tagged.names().len(), usize::from(names.contains(&text)), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_thousand_are_the_same_at_once_and_in_pieces() {
    let server = Server::start().await;
    for batch in 0..30 {
        let statuses = at_once(100, |number| {
            // Few first names, so that ids must break ties where pieces meet.
            let body = json!({ "name": format!("user {}", (batch * 100 + number) * 7919 % 3000), "lastName": "x",
                "firstName": format!("first {}", number % 3), "notes": "n".repeat(200) });
            let call = server.call("POST", "/local-users").json(body);
            async move { call.send().await.status }
        });
        assert_eq!(statuses.await, [200; 100]);
    }
    for order in
        ["orderBy=name", "orderBy=firstName", "orderBy=firstName&descending=true", "query=user&orderBy=created"]
    {
        let whole = server.get(&format!("/local-users?{order}")).await.expect(200).json;
        let rows = whole["data"].as_array().unwrap();
        let total = rows.len();
        assert_eq!(total, if order.starts_with("query") { 3_000 } else { 3_001 });
        assert_eq!(whole["range"], format!("0-{}/{total}", total - 1));
        let mut together = Vec::new();
        for first in (0..total).step_by(700) {
            let part =
                server.get(&format!("/local-users?{order}&range={first}-{}", first + 699)).await.expect(200).json;
            let last = (first + 700).min(total) - 1;
            assert_eq!(part["range"], format!("{first}-{last}/{total}"));
            together.extend(part["data"].as_array().unwrap().clone());
        }
        assert_eq!(&together, rows, "{order}");
        let mut ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), total, "no row comes twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_found_by_how_they_stand_with_the_door() {
    let server = Server::start().await;
    for (kind, provider) in KINDS {
        for name in ["used", "locked", "blocked", "shut", "new"] {
            server.make(kind, with(kind, name, json!({ "password": PASSWORD }))).await;
        }
        let id = async |name: &str| {
            let found = server.get(&format!("{kind}?name={name}")).await.json["data"][0]["id"].clone();
            found.as_str().unwrap().to_owned()
        };
        server.token_of(provider, "used", PASSWORD).await;
        for _ in 0..5 {
            server.login(provider, "locked", "a guess").await.expect(401);
        }
        server.execute("UPDATE accounts SET failures_since_reset = 100 WHERE name = 'blocked'").await;
        server.change(&format!("{kind}/{}", id("shut").await), json!({ "disabled": true })).await;
        let found = async |state: &str| -> Vec<String> {
            let found = server.get(&format!("{kind}?filterBy[state]={state}")).await.expect(200).json;
            assert_eq!(found["totalCount"], if kind == "/local-users" { 6 } else { 5 });
            found["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(found("locked").await, ["locked"]);
        assert_eq!(found("blocked").await, ["blocked"]);
        assert_eq!(found("disabled").await, ["shut"]);
        assert_eq!(found("unused").await, ["blocked", "locked", "new", "shut"]);
        let mut enabled = found("enabled").await;
        enabled.retain(|name| name != "admin");
        assert_eq!(enabled, ["blocked", "locked", "new", "used"]);
        server.pass(Duration::from_secs(61)).await;
        assert_eq!(found("locked").await, Vec::<String>::new());
        let refused = server.get(&format!("{kind}?filterBy[state]=happy")).await.expect(422);
        assert_eq!(refused.json["errors"][0]["field"], "state");
    }
    server.get("/administrative-roles?filterBy[state]=locked").await.expect(422);
}

/// Follows the links from the first page to the last.
pub async fn walk(server: &Server, path: &str) -> Vec<String> {
    let (mut names, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(page) = next {
        let answer = server.get(&page).await.expect(200);
        names.extend(answer.names().into_iter().map(str::to_owned));
        let link = answer.headers.get("link").map(|link| link.to_str().unwrap().to_owned());
        next = link.map(|link| {
            let target = link.strip_suffix(">; rel=\"next\"").and_then(|link| link.strip_prefix('<'));
            target.unwrap_or_else(|| panic!("{link}")).to_owned()
        });
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_through_the_whole_list() {
    let server = Server::start().await;
    for number in 0..23 {
        let last = ["Ä", "b", "C"][number % 3];
        let fields = json!({ "lastName": last, "notes": "with & and =", "disabled": number % 2 == 0 });
        server.make("/local-users", with("/local-users", &format!("user {number}"), fields)).await;
    }
    for order in
        ["name", "id", "created", "updated", "lastName", "disabled", "failedLoginAttempts", "lockStart", "email"]
    {
        for rest in ["", "&descending=true", "&query=%26+and", "&descending=true&firstName=b&disabled=true"] {
            let whole = server.get(&format!("/admin/local-users?orderBy={order}{rest}")).await.expect(200);
            let walked = walk(&server, &format!("/admin/local-users?orderBy={order}&range=0-4{rest}")).await;
            assert_eq!(walked, whole.names(), "{order}{rest}");
        }
    }
    // Rows that come before where one stands, or go, make nothing else come twice or be left out.
    let first = server.get("/local-users?range=3-7").await;
    let link = first.headers["link"].to_str().unwrap();
    assert!(link.starts_with("</local-users?range=0-4&after=") && link.ends_with(">; rel=\"next\""), "{link}");
    let next = link[1..].split('>').next().unwrap();
    let stood = first.json["data"][4]["id"].as_str().unwrap().to_owned();
    let expected = server.get("/local-users?range=8-12").await;
    server.make("/local-users", least("/local-users", "a newcomer")).await;
    server.delete(&format!("/local-users/{stood}")).await.expect(204);
    let then = server.get(next).await;
    assert_eq!(then.names(), expected.names());
    assert_eq!(then.json["range"], "0-4/24");
    // No page behind the last, nor behind all; and none where a client would have to carry a long text.
    for list in
        ["/local-users", "/local-users?range=20-40", "/local-users?range=0-600", "/local-users?orderBy=notes&range=0-4"]
    {
        assert!(!server.get(list).await.expect(200).headers.contains_key("link"), "{list}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_in_another_order_is_refused() {
    let server = Server::start().await;
    for number in 0..3 {
        server.person(&format!("user {number}")).await;
    }
    let link = server.get("/local-users?range=0-0").await.headers["link"].to_str().unwrap().to_owned();
    let place = link.split("after=").nth(1).unwrap().split('>').next().unwrap().to_owned();
    server.get(&format!("/local-users?after={place}")).await.expect(200);
    for wrong in [
        format!("orderBy=lastName&after={place}"),
        format!("after={}", &place[..20]),
        "after=%00".into(),
        "after=".into(),
    ] {
        assert_eq!(server.get(&format!("/local-users?{wrong}")).await.expect(422).faults(), ["after"], "{wrong}");
    }
}
