//! Rows of one batch among each other, batches that are under way at once, and others who write meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use super::*;
use crate::{
    audit::{self, Period},
    list,
    local_users::{self, LocalUserInput},
    store,
};

fn people(numbers: std::ops::Range<u32>, more: impl Fn(u32) -> serde_json::Value) -> Vec<String> {
    let row = |number: u32| {
        let mut row = serde_json::json!({"name": format!("p{number}"), "firstName": "F", "lastName": "L"});
        let more = more(number);
        row.as_object_mut().expect("is one").extend(more.as_object().expect("is one").clone());
        row.to_string()
    };
    numbers.map(row).collect()
}

/// What lists say of all people, by name.
async fn all(place: &Place) -> BTreeMap<String, crate::local_users::LocalUser> {
    let listing = local_users::list(&place.directory, &operator(), list::Request::default()).await;
    let (mut listing, mut all) = (listing.expect("may be read"), BTreeMap::new());
    loop {
        let rows = listing.next_rows().await.expect("are read");
        if rows.is_empty() {
            return all;
        }
        all.extend(rows.into_iter().map(|person| (person.name.clone(), person)));
    }
}

/// Object and name of every record of an import.
async fn recorded(place: &Place) -> BTreeMap<uuid::Uuid, String> {
    let request = list::Request { filters: vec![("act".into(), "import".into())], ..list::Request::default() };
    let listing = audit::list(&place.directory, &operator(), request, Period::default()).await;
    let (mut listing, mut all) = (listing.expect("may be read"), BTreeMap::new());
    loop {
        let records = listing.next_rows().await.expect("are read");
        if records.is_empty() {
            return all;
        }
        for record in records {
            let twice = all.insert(record.object_id.expect("has an id"), record.object_name);
            assert_eq!(twice, None, "two records of one account");
        }
    }
}

/// What is done once, in the middle of something else.
type Interruption = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Randomness that lets something be done when it is asked for the next time.
fn interrupted_randomness() -> (Random, Interruption) {
    let next: Interruption = Arc::default();
    let (system, due) = (Random::system(), next.clone());
    let random = Random::from_fn(move |bytes| {
        for piece in bytes.chunks_mut(16) {
            piece.copy_from_slice(&system.number().to_le_bytes()[..piece.len()]);
        }
        let due = due.lock().expect("is not poisoned").take();
        if let Some(due) = due {
            due();
        }
    });
    (random, next)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_in_the_middle_that_are_refused_leave_those_around_them() {
    let (random, next) = interrupted_randomness();
    let place = place_with(random).await;
    push(&place, Rule::default(), &[people(100..101, |_| serde_json::json!({}))]).await;
    let held = all(&place).await["p100"].id;

    // With ids of their own, so that chance is asked for nothing before they are written.
    let id = |number: u32| uuid::Uuid::from_u128(0x4c07_bc67_57ea_42dd_b702_0000_0000_0000 + u128::from(number));
    let mut rows = people(0..300, |number| serde_json::json!({"id": id(number), "tags": ["some"]}));
    rows[50] = "no row".into();
    rows[150] = format!(r#"{{"name": "p150", "firstName": "F", "id": "{}"}}"#, id(150));
    // By the time they are written, somebody else has made an account of one's name, and one of another's id.
    let other = Directory::open(Options::new(place.location.clone())).await.expect("opens");
    let runtime = tokio::runtime::Handle::current();
    *next.lock().expect("is not poisoned") = Some(Box::new(move || {
        let make = async {
            for (name, id) in [("P200", None), ("another", Some(id(250).to_string()))] {
                let [first_name, last_name] = ["F", "L"].map(|name| Some(name.to_owned()));
                let input = LocalUserInput { id, name: Some(name.into()), first_name, last_name, ..Default::default() };
                local_users::create(&other, &operator(), input).await.expect("is made");
            }
        };
        std::thread::scope(|scope| scope.spawn(|| runtime.block_on(make)).join()).expect("is done");
    }));
    let taken = push(&place, Rule::default(), &[rows]).await;
    assert!(next.lock().expect("is not poisoned").is_none(), "nobody came between");

    let refused: Vec<(u64, String, String)> = taken
        .iter()
        .filter_map(|outcome| match &outcome.result {
            Taken::Refused(faults) => Some((outcome.line, faults[0].field.clone(), faults[0].message.clone())),
            _ => None,
        })
        .collect();
    let said: Vec<(u64, &str, &str)> =
        refused.iter().map(|(line, field, said)| (*line, field.as_str(), said.as_str())).collect();
    let [same_name, same_id] = [
        "there is already a Local User with the name p200".to_owned(),
        format!("there is already a Local User with the id {}", id(250)),
    ];
    assert_eq!((said[0].0, said[0].1), (51, ""));
    assert_eq!(said[1], (101, "name", "is taken: there is already a Local User with the name p100"));
    assert_eq!(said[2], (151, "lastName", "may not be null"));
    assert_eq!(said[3..], [(201, "", &*same_name), (251, "", &*same_id)]);

    // Every other row is an account with its own id and tag and record, and none of these is.
    let (people, records) = (all(&place).await, recorded(&place).await);
    let refused: BTreeSet<u64> = refused.iter().map(|(line, ..)| *line).collect();
    for outcome in &taken {
        let number = u32::try_from(outcome.line - 1).expect("fits");
        if refused.contains(&outcome.line) {
            assert_eq!(outcome.id, None, "line {}", outcome.line);
            assert_ne!(people.get(&format!("p{number}")).map(|person| person.id), Some(id(number)));
            assert_eq!(records.get(&id(number)), None, "line {}", outcome.line);
        } else {
            assert_eq!((&outcome.result, outcome.id), (&Taken::Created, Some(id(number))), "line {}", outcome.line);
            let person = &people[&outcome.name];
            assert_eq!((person.id, &*person.tags), (id(number), &["some".to_owned()][..]));
            assert_eq!(records.get(&id(number)), Some(&outcome.name));
        }
    }
    assert_eq!((people["p100"].id, people.len(), records.len()), (held, 295 + 3, 295 + 1));
    let carriers = place
        .directory
        .store
        .read((), |(), tx| Box::pin(async move { Ok(store::tags::carriers_by_kind(tx, "some").await?) }));
    assert_eq!(carriers.await.expect("are counted"), [("local".to_owned(), 295)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_that_appear_in_the_middle_are_known_once_and_carried_by_all() {
    let place = place().await;
    let known = people(1000..1001, |_| serde_json::json!({"tags": ["old"]}));
    push(&place, Rule::default(), &[known]).await;
    let tags = |number: u32| match number {
        0..100 => vec!["old".to_owned()],
        // More than one statement takes, and some of them twice.
        100..200 => vec!["old".to_owned(), format!("new {}", number % 90), "Old".to_owned()],
        200..250 => vec!["late".to_owned()],
        _ => Vec::new(),
    };
    let rows = people(0..300, |number| serde_json::json!({"tags": tags(number)}));
    let taken = push(&place, Rule::default(), &[rows]).await;
    assert!(taken.iter().all(|outcome| outcome.result == Taken::Created), "{taken:?}");

    let people = all(&place).await;
    let mut carried: BTreeMap<String, i64> = [("old".to_owned(), 1)].into();
    for number in 0..300 {
        assert_eq!(people[&format!("p{number}")].tags, tags(number));
        tags(number).into_iter().for_each(|tag| *carried.entry(tag).or_default() += 1);
    }
    let listing = crate::tags::list(&place.directory, &operator(), list::Request::default()).await;
    let mut listing = listing.expect("may be read");
    let mut counted = BTreeMap::new();
    loop {
        let tags = listing.next_rows().await.expect("are read");
        if tags.is_empty() {
            break;
        }
        for tag in tags {
            let name = tag.name.clone();
            let carriers = place.directory.store.read(name.clone(), |name, tx| {
                Box::pin(async move { Ok(store::tags::carriers_by_kind(tx, name).await?) })
            });
            let of_people = carriers.await.expect("are counted").into_iter().find(|(kind, _)| kind == "local");
            assert_eq!(counted.insert(name, of_people.map_or(0, |(_, count)| count)), None, "a tag is known twice");
        }
    }
    counted.retain(|_, count| *count > 0);
    assert_eq!(counted, carried);
}

/// Pushes batches one behind the other, and gives what became of all rows.
async fn push(place: &Place, rule: Rule, batches: &[Vec<String>]) -> Vec<Outcome> {
    let mut importer = Importer::new(&place.directory, &operator(), AccountKind::Local, rule).expect("is allowed");
    let mut outcomes = Vec::new();
    for batch in batches {
        let text = batch.join("\n");
        let mut rows = Rows::new(text.as_bytes(), Format::Ndjson, AccountKind::Local).expect("begins well");
        importer.push(rows.next_rows(batch.len()).expect("is read")).await.expect("is taken");
        assert!(importer.is_under_way());
        outcomes.extend(importer.done());
    }
    importer.finish().await.expect("is written");
    outcomes.extend(importer.done());
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_finds_what_the_batch_before_made_of_its_account() {
    let place = place().await;
    // The same names again and again, in batches that take a while.
    let batches: Vec<Vec<String>> =
        (0..6).map(|round| people(0..200, |_| serde_json::json!({"notes": format!("round {round}")}))).collect();
    let taken = push(&place, UPSERT, &batches).await;
    assert_eq!(results(&taken)[..200], ["created"; 200]);
    assert_eq!(results(&taken)[200..], ["changed"; 1000], "{taken:?}");
    assert!(all(&place).await.values().all(|person| person.notes == "round 5"));

    // Known by its id, an account gets another name, and its old one is free for the next row: in another batch, and in the
    // same one.
    let people_before = all(&place).await;
    let renamed = |number: u32, name: &str| {
        format!(r#"{{"id": "{}", "name": "{name}"}}"#, people_before[&format!("p{number}")].id)
    };
    let person = |name: &str| format!(r#"{{"name": "{name}", "firstName": "F", "lastName": "new"}}"#);
    let batches = [
        vec![renamed(1, "first"), renamed(2, "second"), person("p2"), renamed(3, "third")],
        vec![person("p3")],
        vec![person("p1"), person("third")],
    ];
    let taken = push(&place, UPSERT, &batches).await;
    assert_eq!(
        results(&taken),
        ["changed", "changed", "created", "changed", "created", "created", "changed"],
        "{taken:?}"
    );
    let people_after = all(&place).await;
    for (number, name) in [(1, "first"), (2, "second"), (3, "third")] {
        let old = format!("p{number}");
        assert_eq!(people_after[name].id, people_before[&old].id);
        assert_ne!(people_after[&old].id, people_before[&old].id);
        assert_eq!(people_after[&old].last_name, "new");
    }
    assert_eq!((&*people_after["first"].last_name, &*people_after["third"].last_name), ("L", "new"));
    assert_eq!(people_after.len(), people_before.len() + 3);
}

/// On PostgreSQL, which keeps plans made while a table was empty.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_into_an_empty_directory_does_not_read_all_of_it_again_and_again() {
    let place = place().await;
    let Some(schema) = place._schema.as_ref().map(|schema| schema.name.clone()) else { return };
    let batches: Vec<Vec<String>> =
        (0..12).map(|batch| people(batch * 250..(batch + 1) * 250, |_| serde_json::json!({}))).collect();
    let taken = push(&place, Rule::default(), &batches).await;
    assert!(taken.iter().all(|outcome| outcome.result == Taken::Created), "{taken:?}");

    // Connections tell what they did when they end.
    let Place { directory, location, _folder, _schema } = place;
    drop(directory);
    let directory = Directory::open(Options::new(location)).await.expect("opens");
    let read = loop {
        let counted = directory.store.read(schema.clone(), |schema, tx| {
            let sql = "SELECT n_tup_ins, (seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_user_tables
                 WHERE relname = 'accounts' AND schemaname = $1";
            Box::pin(async move { Ok(tx.first(sql, &[schema.into()], |row| Ok((row.int(0)?, row.int(1)?))).await?) })
        });
        match counted.await.expect("is read") {
            Some((made, read)) if made >= 3_000 => break read,
            _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    assert!(read < 3_000, "{read} rows were read");
}
