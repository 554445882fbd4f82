//! Import and export over a real database: SQLite or, with `TEST_DATABASE_URL`, PostgreSQL in schemas of their own.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::{Directory, Options, caller::Caller, random::Random, store::Location};
use outcome::Result as Taken;

mod batches;

struct Place {
    directory: Directory,
    location: Location,
    _folder: tempfile::TempDir,
    _schema: Option<Schema>,
}

/// A schema of PostgreSQL, dropped with the test.
struct Schema {
    url: String,
    name: String,
}

impl Schema {
    fn run(&self, sql: &str) {
        let run = async {
            let (client, connection) = tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute(&sql.replace("SCHEMA_", &format!("SCHEMA {}", self.name))).await
        };
        // The test's own runtime may be going away.
        let done = std::thread::scope(|scope| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            scope.spawn(move || runtime.block_on(run)).join()
        });
        assert!(matches!(done, Ok(Ok(()))) || std::thread::panicking(), "{sql}");
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.run("DROP SCHEMA_ CASCADE");
    }
}

async fn place() -> Place {
    place_with(Random::system()).await
}

async fn place_with(random: Random) -> Place {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let folder = tempfile::tempdir().expect("a folder");
    let name = format!("transfer_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let schema = std::env::var("TEST_DATABASE_URL").ok().map(|url| Schema { url, name });
    let location = match &schema {
        Some(schema) => {
            schema.run("CREATE SCHEMA_");
            let Schema { url, name } = schema;
            let joint = if url.contains('?') { '&' } else { '?' };
            Location::Postgres { url: format!("{url}{joint}options=-csearch_path%3D{name}"), connections: 4 }
        }
        None => Location::Folder(folder.path().to_owned()),
    };
    let options = Options { random, ..Options::new(location.clone()) };
    Place { directory: Directory::open(options).await.expect("opens"), location, _folder: folder, _schema: schema }
}

fn operator() -> Caller {
    Caller::operator("test".into())
}

async fn take(place: &Place, kind: AccountKind, format: Format, rule: Rule, text: &str) -> Vec<Outcome> {
    let mut rows = Rows::new(text.as_bytes(), format, kind).expect("begins well");
    let mut importer = Importer::new(&place.directory, &operator(), kind, rule).expect("is allowed");
    let mut outcomes = Vec::new();
    loop {
        let batch = rows.next_rows(BATCH).expect("is read");
        if batch.is_empty() {
            return outcomes;
        }
        outcomes.extend(importer.take(batch).await.expect("is taken"));
    }
}

async fn give(place: &Place, kind: AccountKind, format: Format, with_hashes: bool) -> String {
    let mut export = export(&place.directory, &operator(), kind, with_hashes).await.expect("is allowed");
    let mut text = Vec::new();
    let mut writer = Writer::new(&mut text, format, kind, with_hashes).expect("writes");
    loop {
        let rows = export.next_rows().await.expect("reads");
        if rows.is_empty() {
            break;
        }
        rows.iter().for_each(|row| writer.write(row).expect("writes"));
    }
    writer.flush().expect("writes");
    drop(writer);
    String::from_utf8(text).expect("is text")
}

fn results(outcomes: &[Outcome]) -> Vec<&'static str> {
    let word = |outcome: &Outcome| match outcome.result {
        Taken::Created => "created",
        Taken::Changed => "changed",
        Taken::Unchanged => "unchanged",
        Taken::Refused(_) => "refused",
    };
    outcomes.iter().map(word).collect()
}

/// Line and field of every fault.
fn faults(outcomes: &[Outcome]) -> Vec<(u64, String)> {
    let of = |outcome: &Outcome| match &outcome.result {
        Taken::Refused(faults) => faults.iter().map(|fault| (outcome.line, fault.field.clone())).collect(),
        _ => Vec::new(),
    };
    outcomes.iter().flat_map(of).collect()
}

const UPSERT: Rule = Rule { upsert: true, dry_run: false };

/// Without the times that the directory sets.
fn timeless(text: &str) -> Vec<Map> {
    let row = |line: &str| {
        let mut row: Map = serde_json::from_str(line).expect("is JSON");
        READ_ONLY.iter().for_each(|field| drop(row.remove(*field)));
        row
    };
    text.lines().map(row).collect()
}

type Map = serde_json::Map<String, serde_json::Value>;

const SSHA: &str = "{SSHA}r9xdM2wx3+a4Dy1GQyNw42GqZAkwMTIzNDU2Nw==";

fn odd_people() -> String {
    let notes = "two\nlines, \"quoted\"; and more\tthan that";
    let rows = [
        serde_json::json!({"name": "ada", "firstName": "Ada", "lastName": "Lovelace", "passwordHash": SSHA}),
        serde_json::json!({"name": "Straße, 7", "firstName": "=1+1", "lastName": "@x", "notes": notes,
            "tags": ["a,b", "c;d", "[e]", "\"f\"", " g"], "email": "-x@example.com", "phone": "+49 1",
            "disabled": true, "failedLoginAttempts": 7, "lockStart": "2020-01-02T03:04:05.678901Z"}),
        serde_json::json!({"id": "4c07bc67-57ea-42dd-b702-c2d6c45419fc", "name": "名前", "firstName": "名",
            "lastName": "'", "password": "a password of one's own"}),
    ];
    rows.map(|row| row.to_string()).join("\n")
}

fn odd_machines() -> String {
    let rows = [
        serde_json::json!({"name": "loom", "labels": {"site": "Lyon, \"FR\"", "": ""}}),
        serde_json::json!({"name": "mill", "labels": {"a;b": "c=d", "e": ""}, "tags": ["x"], "passwordHash": SSHA}),
        serde_json::json!({"name": "jenny", "labels": {}}),
    ];
    rows.map(|row| row.to_string()).join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_imported_to_the_same() {
    for (kind, text) in [(AccountKind::Local, odd_people()), (AccountKind::Service, odd_machines())] {
        let first = place().await;
        let taken = take(&first, kind, Format::Ndjson, Rule::default(), &text).await;
        assert_eq!(
            taken.iter().filter(|outcome| outcome.result == Taken::Created).count(),
            2 + usize::from(kind == AccountKind::Local),
            "{taken:?}"
        );
        let whole = give(&first, kind, Format::Ndjson, true).await;
        for format in [Format::Ndjson, Format::Csv] {
            let second = place().await;
            let exported = give(&first, kind, format, true).await;
            let taken = take(&second, kind, format, Rule::default(), &exported).await;
            assert!(taken.iter().all(|outcome| outcome.result == Taken::Created), "{taken:?}");
            assert_eq!(timeless(&give(&second, kind, Format::Ndjson, true).await), timeless(&whole), "{format:?}");
            // And again: nothing is another.
            let again = take(&second, kind, format, UPSERT, &exported).await;
            assert!(again.iter().all(|outcome| outcome.result == Taken::Unchanged), "{again:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_said_by_its_line_and_stops_no_other_row() {
    let place = place().await;
    let text = format!(
        "{}\n\n{}",
        r#"{"name": "one", "firstName": "O", "lastName": "N"}
{"name": " two", "lastName": "N", "tags": [""], "password": "short"}
{"name": "ONE", "firstName": "O", "lastName": "N"}
not JSON
{"name": "a", "name": "b", "firstName": "O", "lastName": "N"}
{"name": "three", "firstName": "O", "lastName": "N", "disabled": "geheim"}
{"name": "four", "firstname": "O", "lastName": "N"}
{"name": "five", "firstName": "O", "lastName": "N", "passwordHash": "geheim geheim", "password": "geheim geheim"}
[1]"#,
        r#"{"name": "six", "firstName": "O", "lastName": "N", "created": "2020-01-01T00:00:00Z"}"#
    );
    let real = take(&place, AccountKind::Local, Format::Ndjson, Rule::default(), &text).await;
    let expected: Vec<(u64, &str)> = vec![
        (2, "name"),
        (2, "tags[0]"),
        (2, "firstName"),
        (2, "password"),
        (3, "name"),
        (4, ""),
        (5, ""),
        (6, "disabled"),
        (7, "firstname"),
        (7, "firstName"),
        (8, "passwordHash"),
        (8, "passwordHash"),
        (9, ""),
    ];
    let found = faults(&real);
    let found: Vec<(u64, &str)> = found.iter().map(|(line, field)| (*line, field.as_str())).collect();
    assert_eq!(found, expected);
    assert!(!format!("{real:?}").contains("geheim"), "{real:?}");
    assert_eq!(timeless(&give(&place, AccountKind::Local, Format::Ndjson, false).await).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_a_real_one_does_and_writes_nothing() {
    let people: String = (0..450).map(|number| person(number % 430)).collect();
    for upsert in [false, true] {
        let place = place().await;
        take(&place, AccountKind::Local, Format::Ndjson, Rule::default(), &people[..people.len() / 3]).await;
        let before = give(&place, AccountKind::Local, Format::Ndjson, true).await;
        let changed = people.replace("\"N7", "\"M7");
        let dry = take(&place, AccountKind::Local, Format::Ndjson, Rule { upsert, dry_run: true }, &changed).await;
        assert_eq!(give(&place, AccountKind::Local, Format::Ndjson, true).await, before);
        let real = take(&place, AccountKind::Local, Format::Ndjson, Rule { upsert, dry_run: false }, &changed).await;
        let (dry, real) = (results(&dry), results(&real));
        // Of a row that comes again a dry run knows that it comes again, and not whether it says anything new.
        assert_eq!(dry[..430], real[..430]);
        if !upsert {
            assert_eq!(dry, real);
        }
        for word in if upsert { ["created", "changed"] } else { ["created", "refused"] } {
            assert!(real.contains(&word), "nothing was {word}");
        }
    }
}

fn person(number: u32) -> String {
    format!("{{\"name\": \"person {number}\", \"firstName\": \"F\", \"lastName\": \"N{number}\"}}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upsert_changes_what_the_row_says_and_keeps_the_rest() {
    let place = place().await;
    let first = r#"{"name": "ada", "firstName": "Ada", "lastName": "L", "notes": "n", "email": "a@b", "tags": ["x"]}"#;
    take(&place, AccountKind::Local, Format::Ndjson, Rule::default(), first).await;
    let rows = r#"{"name": "ADA", "lastName": "Byron", "email": null}
{"name": "ADA", "firstName": "Augusta", "failedLoginAttempts": 3}
{"name": "ADA", "firstName": null}"#;
    let taken = take(&place, AccountKind::Local, Format::Ndjson, UPSERT, rows).await;
    assert_eq!(results(&taken), ["changed", "changed", "refused"], "{taken:?}");
    let row = timeless(&give(&place, AccountKind::Local, Format::Ndjson, false).await).remove(0);
    let field = |name: &str| row.get(name).map(ToString::to_string).unwrap_or_default();
    assert_eq!([field("name"), field("firstName"), field("lastName")], ["\"ADA\"", "\"Augusta\"", "\"Byron\""]);
    assert_eq!([field("notes"), field("tags"), field("email")], ["\"n\"", "[\"x\"]", ""]);
    assert_eq!(field("failedLoginAttempts"), "3");

    // In CSV, where nothing is null, an empty cell leaves the field out.
    let csv = "\u{feff}Name,NOTES,tags,email\nada,,p; q,new@b\n";
    let taken = take(&place, AccountKind::Local, Format::Csv, UPSERT, csv).await;
    assert_eq!((results(&taken), taken[0].line), (vec!["changed"], 2), "{taken:?}");
    let row = timeless(&give(&place, AccountKind::Local, Format::Ndjson, false).await).remove(0);
    assert_eq!(serde_json::json!([row["notes"], row["tags"]]), serde_json::json!(["n", ["p", "q"]]));

    // By its id an account can get another name, but not another's, nor by its name another id.
    let id = row["id"].as_str().expect("an id").to_owned();
    let other = "4c07bc67-57ea-42dd-b702-c2d6c45419fc";
    let rows = format!(
        r#"{{"name": "bob", "firstName": "B", "lastName": "B"}}
{{"id": "{id}", "name": "countess"}}
{{"id": "{id}", "name": "bob"}}
{{"id": "{other}", "name": "countess"}}"#
    );
    let taken = take(&place, AccountKind::Local, Format::Ndjson, UPSERT, &rows).await;
    assert_eq!(results(&taken), ["created", "changed", "refused", "refused"], "{taken:?}");
    assert_eq!(faults(&taken), [(3, "name".to_owned()), (4, "id".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_that_changes_has_its_record_and_no_record_a_secret() {
    let place = place().await;
    let text = odd_people();
    take(&place, AccountKind::Local, Format::Ndjson, Rule::default(), &text).await;
    // A password in clear is set again: whether it is the same is not known here.
    let again = take(&place, AccountKind::Local, Format::Ndjson, UPSERT, &text).await;
    assert_eq!(results(&again), ["unchanged", "unchanged", "changed"]);
    let request = crate::list::Request { filters: vec![("act".into(), "import".into())], ..Default::default() };
    let records = crate::audit::list(&place.directory, &operator(), request, crate::audit::Period::default()).await;
    let records = records.expect("may be read").next_rows().await.expect("are read");
    assert_eq!(records.len(), 4);
    let said = format!("{records:?}");
    assert!(said.contains("(operator)") && said.contains("String(\"set\")"), "{said}");
    let mut rows = export(&place.directory, &operator(), AccountKind::Local, false).await.expect("is allowed");
    let said = format!("{said}{:?}", rows.next_rows().await.expect("reads"));
    for secret in ["{SSHA}", "r9xdM2wx3", "a password of one's own", "$argon2id$"] {
        assert!(!said.contains(secret), "{secret}");
        assert!(!give(&place, AccountKind::Local, Format::Ndjson, false).await.contains(secret), "{secret}");
    }
    assert!(give(&place, AccountKind::Local, Format::Csv, true).await.contains(SSHA));
}

#[test]
fn rows_know_their_lines_however_lines_end() {
    for (text, lines) in [
        ("name\na\nb", vec![2, 3]),
        ("name\r\na\r\nb\r\n", vec![2, 3]),
        ("\u{feff}name\r\n\r\na\n\n\n\"b\r\nb\"\r\nc\n", vec![3, 6, 8]),
    ] {
        let mut rows = Rows::new(text.as_bytes(), Format::Csv, AccountKind::Local).expect("begins well");
        let rows = rows.next_rows(9).expect("is read");
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), lines, "{text:?}");
    }
}

#[test]
fn a_file_that_is_no_such_file_takes_no_memory() {
    let open = |text: &'static [u8], format| Rows::new(text, format, AccountKind::Local);
    for (text, said) in [("name,fistname\n", "no field"), ("name,Name\n", "twice"), ("name,labels\n", "no field")] {
        let wrong = open(text.as_bytes(), Format::Csv).map(drop).expect_err("is refused");
        assert!(wrong.to_string().contains(said), "{wrong}");
    }
    // A quotation mark that is never closed, and a line without an end.
    let endless = || std::io::Read::chain(&b"name,notes\nada,\"x"[..], std::io::repeat(b'y'));
    let mut rows = Rows::new(endless(), Format::Csv, AccountKind::Local).expect("begins well");
    let wrong = rows.next_rows(1).map(drop).expect_err("is refused");
    assert!(wrong.to_string().contains("longer"), "{wrong}");
    assert!(rows.bytes_read() < 2 * 1024 * 1024);
    let long = format!("{}\n{}", "x".repeat(3 * 1024 * 1024), "{}");
    let mut rows = Rows::new(long.as_bytes(), Format::Ndjson, AccountKind::Local).expect("begins well");
    let rows = rows.next_rows(9).expect("is read");
    assert_eq!(rows.iter().map(|row| (row.line, row.fields.is_ok())).collect::<Vec<_>>(), [(1, false), (2, true)]);
    let mut rows = open(b"name\na,b\n\xff\n", Format::Csv).expect("begins well");
    assert!(rows.next_rows(9).expect("is read").iter().all(|row| row.fields.is_err()));
}
