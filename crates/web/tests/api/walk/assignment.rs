//! Mass assignment: bodies with fields that they should not have. Each name that any schema of the document or any column
//! of the database has is sent in every object of every body; what comes of it is held against what comes of the body without it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    document::{self, Operation, all_fields, fields, key, may_be, operations, resolve, with_bodies},
    samples::Sample,
    snapshot::{Row, Snapshot},
};
use crate::harness::{PASSWORD, Server};

/// What is looked for where nothing of it may be, as a text, a time, the same in microseconds, and an id.
const MARKS: [&str; 4] =
    ["foreign-4711", "2001-02-03T04:05:06", "981173106000000", "f0e1d2c3-4711-4000-8000-00000000f0f0"];
/// What clients of other products try.
const SUSPECTS: [&str; 14] = [
    "isAdmin",
    "is_admin",
    "admin",
    "role",
    "roles",
    "permissions",
    "passwordHash",
    "__proto__",
    "constructor",
    "prototype",
    "$set",
    "_id",
    "owner",
    "tenant",
];
/// Of a row, beside what the object has: a hash has a test of its own, the times are passed over.
const OF_ROWS: [&str; 3] = ["passwordHash", "created", "updated"];

/// Names with the values that are sent under them, one after the other.
type Foreign = BTreeMap<String, Vec<Value>>;

fn value_of(schema: &'static Value) -> Value {
    let schema = resolve(schema);
    match schema["format"].as_str() {
        Some("date-time") => return json!(format!("{}.000000Z", MARKS[1])),
        Some("uuid") => return json!(MARKS[3]),
        _ => {}
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[0].clone();
    }
    let kinds = [
        ("string", json!(MARKS[0])),
        ("boolean", json!(true)),
        ("integer", json!(17)),
        ("number", json!(17)),
        ("array", json!([MARKS[0]])),
        ("object", json!({ MARKS[0]: MARKS[0] })),
    ];
    kinds.into_iter().find(|(kind, _)| may_be(schema, kind)).map_or(json!(MARKS[0]), |(_, value)| value)
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + &part[..part.len().min(1)].to_uppercase() + part.get(1..).unwrap_or_default())
}

fn snake(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_uppercase() { format!("_{}", c.to_ascii_lowercase()) } else { c.to_string() };
    name.chars().map(letter).collect()
}

/// Every name there is, and other spellings of each.
async fn all_foreign(server: &Server) -> Foreign {
    let mut all = Foreign::new();
    let mut add = |name: String, value: Value| {
        let values = all.entry(name).or_default();
        if !values.contains(&value) {
            values.push(value);
        }
    };
    for (name, schema) in all_fields() {
        let value = value_of(schema);
        for name in [name.clone(), snake(name), name.to_uppercase(), format!("{name} ")] {
            add(name, value.clone());
        }
    }
    let columns: BTreeSet<String> = Snapshot::of(server).await.columns().cloned().collect();
    let names = columns.iter().flat_map(|name| [name.clone(), camel(name)]).chain(SUSPECTS.map(str::to_owned));
    for name in names {
        for value in [json!(MARKS[0]), json!(true), json!(17)] {
            add(name.clone(), value);
        }
    }
    assert!(all.len() > 400, "{}", all.len());
    all
}

/// Where objects are in a body, each with its schema.
fn spots(body: &Value, schema: &'static Value, at: &str, found: &mut Vec<(String, &'static Value)>) {
    let schema = resolve(schema);
    match body {
        Value::Object(object) if schema["properties"].is_object() => {
            found.push((at.to_owned(), schema));
            for (name, inner) in fields(schema) {
                if let Some(value) = object.get(name) {
                    spots(value, inner, &format!("{at}/{name}"), found);
                }
            }
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| spots(item, &schema["items"], &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

/// What came of one request.
struct Shot {
    status: u16,
    /// What was answered, and what is read afterwards.
    seen: [Value; 2],
    /// Rows that are there now.
    rows: BTreeMap<String, Vec<Row>>,
}

struct Range<'a> {
    server: &'a Server,
    operation: &'a Operation,
    next: u32,
}

impl Range<'_> {
    /// Sends a body of its own that has these fields besides, at one spot.
    async fn shoot(&mut self, spot: &str, extra: &Map<String, Value>) -> Shot {
        let (server, operation) = (self.server, self.operation);
        self.next += 1;
        let name = format!("walk{:05}", self.next);
        let sample = Sample { tags: vec!["walked".into()], ..Sample::named(&name) };
        // Whoever the body is about.
        if !operation.makes() && operation.maker().is_none() {
            server.person(&name).await;
        }
        let (path, mut body) = sample.request(server, operation).await;
        if operation.method == "PUT" && document::operation("GET", &operation.path).is_some() {
            // So that nothing is left of the one before.
            assert!(server.put(&path, body.clone()).await.status < 300, "{}", operation.name());
        }
        let object = body.pointer_mut(spot).unwrap().as_object_mut().unwrap();
        if !extra.is_empty() {
            // What keeps fields of others keeps this one, by which the cell is known that they are in.
            object.insert(MARKS[0].into(), json!(MARKS[0]));
        }
        object.extend(extra.clone());
        let mut call = server.call(&operation.method, &path).json(body);
        if operation.privilege().is_none() {
            call = call.token(&server.token_of("local", &name, PASSWORD).await);
        }
        let before = Snapshot::of(server).await;
        let answer = call.send().await;
        let after = Snapshot::of(server).await;
        let made = answer.status == 200 && operation.makes();
        let own = if made { format!("{path}/{}", key(&answer.json)) } else { path };
        let template = operations()
            .into_iter()
            .find(|one| one.method == "GET" && own == one.filled(own.rsplit('/').next().unwrap()));
        let read = match template {
            Some(_) => server.get(&own).await.json,
            None => Value::Null,
        };
        let mask = |text: String| text.replace(&name, "walk-----");
        let row = |row: Row| row.into_iter().map(|(column, value)| (column, mask(value))).collect::<Row>();
        let rows = after.since(&before).into_iter().map(|(table, rows)| (table, rows.into_iter().map(row).collect()));
        let seen = [answer.json, read].map(|json| serde_json::from_str(&mask(json.to_string())).unwrap());
        Shot { status: answer.status, seen, rows: rows.collect() }
    }

    /// Sends fields at a spot, fewer and fewer where a body is refused. Gives how many were taken for nothing.
    async fn search(&mut self, clean: &[Shot; 2], spot: &str, extra: Map<String, Value>) -> usize {
        let mut open = vec![extra];
        let mut ignored = 0;
        while let Some(extra) = open.pop() {
            let shot = self.shoot(spot, &extra).await;
            let what = || format!("{} with {spot} {}", self.operation.name(), json!(extra));
            if [400, 422].contains(&shot.status) && clean[0].status < 400 {
                if extra.len() > 1 {
                    let middle = extra.len() / 2;
                    open.push(extra.iter().take(middle).map(|(name, value)| (name.clone(), value.clone())).collect());
                    open.push(extra.into_iter().skip(middle).collect());
                }
                continue;
            }
            assert_eq!(shot.status, clean[0].status, "{}", what());
            self.compare(clean, &shot, &what());
            ignored += extra.len();
        }
        ignored
    }

    fn compare(&self, clean: &[Shot; 2], shot: &Shot, what: &str) {
        let keeps = self.operation.keeps_others();
        for (number, seen) in shot.seen.iter().enumerate() {
            assert_like(&clean[0].seen[number], &clean[1].seen[number], seen, keeps, what);
        }
        let tables: Vec<&String> = clean[0].rows.keys().collect();
        assert_eq!(shot.rows.keys().collect::<Vec<_>>(), tables, "{what}: tables that were written");
        for table in tables {
            let [one, other] = [&clean[0].rows[table], &clean[1].rows[table]];
            let rows = &shot.rows[table];
            assert_eq!((one.len(), one.len()), (other.len(), rows.len()), "{what}: rows in {table}: {rows:#?}");
            for (index, row) in rows.iter().enumerate() {
                for (column, value) in row {
                    let foreign =
                        MARKS.iter().any(|mark| value.contains(mark) || value.contains(&mark.replace('-', "")));
                    assert!(keeps || !foreign, "{what}: {table}.{column} is {value}");
                    let (one, other) = (&one[index][column], &other[index][column]);
                    assert!(one != other || one == value || foreign, "{what}: {table}.{column} is {value}, not {one}");
                }
            }
        }
    }
}

/// Fails unless a value is what two others have in common.
fn assert_like(one: &Value, other: &Value, value: &Value, keeps: bool, what: &str) {
    match (one, other, value) {
        (Value::Object(one), Value::Object(other), Value::Object(value)) => {
            for (name, inner) in one {
                let missing = || panic!("{what}: {name} is not there any more");
                assert_like(inner, &other[name], value.get(name).unwrap_or_else(missing), keeps, what);
            }
            let more: Vec<&String> = value.keys().filter(|name| !one.contains_key(*name)).collect();
            assert!(keeps || more.is_empty(), "{what}: {more:?} were kept");
        }
        (Value::Array(one), Value::Array(other), Value::Array(value)) if one.len() == other.len() => {
            assert_eq!(one.len(), value.len(), "{what}: {value:?}");
            one.iter()
                .zip(other)
                .zip(value)
                .for_each(|((one, other), value)| assert_like(one, other, value, keeps, what));
        }
        _ => assert!(one != other || one == value, "{what}: {value}, not {one}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_a_body_should_not_have_are_ignored_or_refused_wherever_they_stand() {
    let foreign = all_foreign(&Server::start().await).await;
    let (mut operations, mut ignored) = (0, 0);
    for operation in with_bodies() {
        let server = Server::start().await;
        // Not first used, and so made, by one of the bodies.
        server.make("/tags", json!({ "name": "walked" })).await;
        let mut range = Range { server: &server, operation: &operation, next: 0 };
        let clean = [range.shoot("", &Map::new()).await, range.shoot("", &Map::new()).await];
        assert!(clean[0].status < 300, "{}: {} {}", operation.name(), clean[0].status, clean[0].seen[0]);
        let body = Sample { tags: vec!["walked".into()], ..Sample::named("any") }.request(&server, &operation).await.1;
        let mut all = Vec::new();
        spots(&body, operation.takes().unwrap(), "", &mut all);
        for (spot, schema) in all {
            let own: BTreeSet<&String> = fields(schema).map(|(name, _)| name).collect();
            let passes = foreign.values().map(Vec::len).max().unwrap();
            for pass in 0..passes {
                let others = foreign.iter().filter(|(name, values)| !own.contains(name) && values.len() > pass);
                let extra = others.map(|(name, values)| (name.clone(), values[pass].clone())).collect();
                ignored += range.search(&clean, &spot, extra).await;
            }
        }
        operations += 1;
    }
    assert!(operations > 15 && ignored > 10_000, "{operations} operations, {ignored} fields");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_fields_that_they_should_not_have_are_refused() {
    let server = Server::start().await;
    let foreign = all_foreign(&server).await;
    let imports: Vec<Operation> = operations().into_iter().filter(|operation| operation.rows().is_some()).collect();
    assert_eq!(imports.len(), 2);
    for operation in imports {
        let schema = operation.rows().unwrap();
        let own: BTreeSet<&String> = fields(schema).map(|(name, _)| name).collect();
        let others = foreign.iter().filter(|(name, _)| !own.contains(name) && !OF_ROWS.contains(&name.as_str()));
        let cases: Vec<(&String, &Value)> =
            others.flat_map(|(name, values)| values.iter().map(move |one| (name, one))).collect();
        let row = |(number, (name, value)): (usize, &(&String, &Value))| {
            let mut row = Sample::named(&format!("walk{number:05}")).body(schema);
            row[name.as_str()] = (*value).clone();
            row.to_string() + "\n"
        };
        let before = Snapshot::of(&server).await;
        let rows: String = cases.iter().enumerate().map(row).collect();
        let results = server.call("POST", &operation.path).body(rows).send().await.expect(200).json;
        assert_eq!(results.as_array().unwrap().len(), cases.len());
        for ((name, _), result) in cases.iter().zip(results.as_array().unwrap()) {
            let faults = result["errors"].as_array().unwrap();
            assert_eq!(result["result"], "refused", "{name}: {result}");
            assert!(faults.iter().any(|fault| fault["field"] == **name), "{name}: {result}");
        }
        Snapshot::of(&server).await.assert_same(&before, &[], &operation.name());
    }
    assert!(document::operation("POST", "/local-users").is_some_and(|operation| operation.makes()));
}
