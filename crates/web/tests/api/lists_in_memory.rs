//! Lists that are found in memory: what the database would answer, and never older than the question.

use std::time::Duration;

use fastrand::Rng;
use portreeve_directory::{metrics::ListLabels, roll::Limits};
use serde_json::{Value, json};

use crate::{
    accounts::{KINDS, least, with},
    harness::{Place, Server, connect},
    lists::walk,
};

/// A list of any length is kept in memory.
const KEEPING: Limits = Limits { long: 0, memory: 64 << 20 };
/// None is.
const ASKING: Limits = Limits { long: 0, memory: 0 };

fn pages(server: &Server, by: &'static str) -> u64 {
    server.directory.metrics.account_pages.get_or_create(&ListLabels { by }).get()
}

/// Asks until the answer is one from memory.
async fn remembered(server: &Server, path: &str) -> Value {
    loop {
        let before = pages(server, "memory");
        let answer = server.get(path).await.expect(200).json;
        if pages(server, "memory") > before {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

const WORDS: [&str; 12] = [
    "anna",
    "ANNA",
    "Straße",
    "STRASSE",
    "ﬁeld",
    "Ångström",
    "o'neil",
    "100%",
    "under_score",
    "back\\slash",
    "x",
    "ab ab",
];

fn word(random: &mut Rng) -> &'static str {
    WORDS[random.usize(..WORDS.len())]
}

/// What an account might hold: much of it equal to what others hold.
fn fields(random: &mut Rng, path: &str) -> Value {
    let tags: Vec<&str> = (0..random.usize(..3)).map(|_| word(random)).collect();
    let mut fields = json!({
        "notes": if random.bool() { String::new() } else { format!("{}\n{}", word(random), word(random)) },
        "tags": tags, "disabled": random.u8(..4) == 0, "failedLoginAttempts": random.u8(..4),
    });
    let own = if path == "/local-users" {
        json!({ "firstName": word(random), "lastName": word(random), "email": "", "phone": random.u16(..).to_string() })
    } else {
        json!({ "labels": { "team": word(random), "zone": word(random) } })
    };
    fields.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    fields
}

/// What somebody might ask of a list.
fn question(random: &mut Rng, path: &str) -> String {
    let orders: &[&str] = match path {
        "/local-users" => &[
            "name",
            "id",
            "notes",
            "created",
            "updated",
            "firstName",
            "lastName",
            "email",
            "phone",
            "disabled",
            "failedLoginAttempts",
            "lockStart",
        ],
        _ => &["name", "id", "notes", "created", "updated", "labels", "disabled", "failedLoginAttempts", "lockStart"],
    };
    let first = random.usize(..90);
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    pairs.append_pair("orderBy", orders[random.usize(..orders.len())]);
    pairs.append_pair("descending", if random.bool() { "true" } else { "false" });
    if random.u8(..8) > 0 {
        pairs.append_pair("range", &format!("{first}-{}", first + random.usize(..40)));
    }
    let part = |random: &mut Rng| {
        let letters: Vec<char> = word(random).chars().collect();
        let from = random.usize(..letters.len());
        letters[from..=random.usize(from..letters.len())].iter().collect::<String>()
    };
    for _ in 0..random.usize(..3) {
        pairs.append_pair("query", &part(random));
    }
    match random.u8(..10) {
        0 => pairs.append_pair("filterBy[name]", &part(random)),
        1 => pairs.append_pair("notes", &part(random)),
        2 => pairs.append_pair("disabled", "true"),
        3 => pairs.append_pair("failedLoginAttempts", "2"),
        4 if path == "/local-users" => pairs.append_pair("lastName", &part(random)),
        5 => pairs.append_pair("query", ""),
        6 => pairs.append_pair("tags", word(random)),
        7 => pairs.append_pair("state", "enabled"),
        _ => &mut pairs,
    };
    format!("{path}?{}", pairs.finish())
}

/// Changes something, on one node or another.
async fn change(random: &mut Rng, node: &Server, path: &str, ids: &mut Vec<String>) {
    let name = format!("{}-{}", word(random), random.u32(..));
    match random.u8(..10) {
        0..4 => ids.push(node.make(path, with(path, &name, fields(random, path))).await),
        4..7 => {
            let id = &ids[random.usize(..ids.len())];
            node.put(&format!("{path}/{id}"), with(path, &name, fields(random, path))).await.expect(200);
        }
        7 => {
            let id = ids.swap_remove(random.usize(..ids.len()));
            node.delete(&format!("{path}/{id}")).await.expect(204);
        }
        _ => {
            let list = node.get(&format!("{path}?range=0-50")).await;
            let (names, provider) = (list.names(), KINDS.iter().find(|(of, _)| *of == path).unwrap().1);
            node.login(provider, names[random.usize(..names.len())], "not the password").await.expect(401);
        }
    }
}

/// A node that finds lists in memory and one that asks the database say the same, while both change what there is.
#[tokio::test(flavor = "multi_thread")]
async fn memory_says_what_the_database_says() {
    let asking = Server::start().await.another_with(ASKING).await;
    let keeping = asking.another_with(KEEPING).await;
    for (path, _) in KINDS {
        let mut random = Rng::with_seed(20);
        let mut ids = Vec::new();
        for number in 0..60 {
            let fields = fields(&mut random, path);
            ids.push(asking.make(path, with(path, &format!("user {number}"), fields)).await);
        }
        let (mut asked, before) = (0, pages(&keeping, "memory"));
        for round in 0..160 {
            let node = if random.bool() { &asking } else { &keeping };
            change(&mut random, node, path, &mut ids).await;
            for _ in 0..3 {
                let question = question(&mut random, path);
                if round % 8 == 0 && !question.contains("tags=") && !question.contains("state=") {
                    // By now every order has been made, so that it is memory that answers.
                    remembered(&keeping, &question).await;
                }
                let (one, other) = (asking.get(&question).await.expect(200), keeping.get(&question).await.expect(200));
                assert_eq!(one.json, other.json, "{question}");
                asked += 1;
            }
        }
        for question in ["orderBy=updated", "descending=true&query=a", "orderBy=disabled", "orderBy=id"] {
            let question = format!("{path}?{question}&range=0-6");
            remembered(&keeping, &question).await;
            assert_eq!(walk(&keeping, &question).await, walk(&asking, &question).await, "{question}");
        }
        assert!(pages(&keeping, "memory") - before > asked / 2, "most of {asked} answers are from memory");
    }
    assert_eq!(pages(&asking, "memory"), 0);
}

/// A change that was begun before others and is committed after them is in the next list all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_committed_late_is_not_missed() {
    let server = Server::start().await.another_with(KEEPING).await;
    server.make("/local-users", least("/local-users", "late")).await;
    let Place::Postgres { url, schema } = server.place() else {
        // One writer: changes are committed in the order in which they are begun.
        return;
    };
    remembered(&server, "/local-users").await;
    let slow = connect(url).await;
    let begin = format!(
        "SET search_path = {schema}; BEGIN;
         UPDATE accounts SET first_name = 'Late', search = replace(search, 'bobby', 'later') WHERE name = 'late'"
    );
    slow.batch_execute(&begin).await.unwrap();
    for number in 0..5 {
        server.make("/local-users", least("/local-users", &format!("other {number}"))).await;
        assert_eq!(remembered(&server, "/local-users?query=later").await["data"], json!([]));
    }
    slow.batch_execute("COMMIT").await.unwrap();
    let found = remembered(&server, "/local-users?query=later").await;
    assert_eq!(found["data"][0]["name"], "late");
    assert_eq!(remembered(&server, "/local-users").await["totalCount"], 7);
}

/// Whoever may see a part of the accounts only sees that part, also when all are in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_scope_is_kept() {
    let server = Server::start().await.another_with(KEEPING).await;
    for (name, tags) in [("inside", json!(["part"])), ("outside", json!([]))] {
        server.make("/local-users", with("/local-users", name, json!({ "tags": tags }))).await;
    }
    let scope = json!({ "all": false, "ids": [], "tags": ["part"] });
    let privileges = json!([{ "type": "View", "target": "LocalUser", "scope": scope }]);
    let reader = crate::roles::holder(&server, "reader", privileges).await;
    remembered(&server, "/local-users").await;
    let list = server.call("GET", "/local-users?query=side").token(&reader).send().await.expect(200);
    assert_eq!((list.names(), &list.json["totalCount"]), (vec!["inside"], &json!(1)));
}

/// Where the accounts would take more memory than they may, the database goes on answering.
#[tokio::test(flavor = "multi_thread")]
async fn too_little_memory_is_no_fault() {
    let server = Server::start().await.another_with(Limits { long: 0, memory: 1_000 }).await;
    for number in 0..20 {
        server.make("/local-users", least("/local-users", &format!("user {number}"))).await;
    }
    for _ in 0..20 {
        assert_eq!(server.get("/local-users?query=user&range=0-3").await.expect(200).json["range"], "0-3/20");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(pages(&server, "memory"), 0);
}
