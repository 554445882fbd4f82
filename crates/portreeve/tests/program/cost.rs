//! What requests cost the database, and how large what they leave there is: counts, which no noise of the machine changes.
//! The tables of docs/scale.md are made by
//!
//! ```text
//! COST_ROWS=100000 scripts/with-postgres cargo test -p portreeve --test program cost:: -- --nocapture --test-threads 1
//! ```

use serde_json::json;

use super::support::{ADMIN_PASSWORD, Client, Counted, Place, Server, Wire, program, run};

/// Requests of one kind, of which the mean is taken.
const REQUESTS: u64 = 200;
const PASSWORD: &str = "a password for bobby";

#[expect(clippy::print_stdout, reason = "figures are for whoever asks for them with --nocapture")]
fn say(line: &str) {
    println!("{line}");
}

struct Town {
    server: Server,
    wire: Wire,
    place: Place,
}

impl Town {
    /// With a server that recognizes passwords for so many seconds.
    fn new(remembers: &str) -> Option<Self> {
        let (place, wire) = Place::shared()?.by_wire();
        let server = Server::start_with(&place, |command| command.args(["--remember-logins", remembers]));
        Some(Self { server, wire, place })
    }

    /// What one of many requests costs, and how many bytes of log it makes the database write.
    fn measure(&self, name: &str, act: impl Fn(u64)) -> (Counted, u64) {
        // The first prepare their statements.
        (0..REQUESTS).for_each(&act);
        let log = || self.place.number("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint");
        let before = log();
        self.wire.take();
        (REQUESTS..2 * REQUESTS).for_each(&act);
        let counted = self.wire.take();
        let log = u64::try_from(log() - before).expect("grows") / REQUESTS;
        let mean = |count: u64| format!("{:.1}", count as f64 / REQUESTS as f64);
        let Counted { statements, round_trips, commits, rows_read, rows_written, bytes, .. } = counted;
        let cells = [statements, round_trips, commits, rows_read, rows_written, bytes[0], bytes[1]].map(mean);
        say(&format!("| {name} | {} | {log} |", cells.join(" | ")));
        (counted, log)
    }
}

/// Whether so many were counted for each request, give or take what the node does by itself meanwhile.
#[track_caller]
fn is(counted: u64, each: u64) {
    assert!((each * REQUESTS..=each * REQUESTS + REQUESTS / 5).contains(&counted), "{counted} for {each} each");
}

#[test]
fn what_a_request_costs_the_database() {
    let Some(town) = Town::new("0") else { return };
    let admin = town.server.admin();
    let id = admin.create_user("bobby", PASSWORD);
    let bobby = Client::log_in(&town.server.url, "local", "bobby", PASSWORD);
    say(
        "| Request | statements | round trips | commits | rows read | rows written | bytes to | bytes from | WAL bytes |",
    );
    let client = Client::new(&town.server.url);
    let login = || assert_eq!(client.try_login("local", "bobby", PASSWORD).status, 200);
    let (counted, _) = town.measure("A login", |_| login());
    is(counted.statements, 18);
    is(counted.round_trips, 16);
    is(counted.commits, 2);
    let wrong = |number: u64| assert_eq!(client.try_login("local", &format!("nobody-{number}"), "wrong").status, 401);
    town.measure("A refused login", wrong);
    let (counted, _) = town.measure("A token checked", |_| assert_eq!(bobby.get("/local-users").status, 403));
    is(counted.statements, 1);
    is(counted.round_trips, 1);
    is(counted.commits, 0);
    let path = format!("/local-users/{id}");
    let (counted, _) = town.measure("A read by id", |_| assert_eq!(admin.get(&path).status, 200));
    is(counted.statements, 2);
    is(counted.round_trips, 2);
    let create = |number: u64| {
        let body = json!({"name": format!("user-{number}"), "firstName": "First", "lastName": "Last"});
        admin.post("/local-users", &body).ok();
    };
    let (counted, _) = town.measure("An account made", create);
    is(counted.commits, 1);
    assert_eq!(Client::log_in(&town.server.url, "local", "admin", ADMIN_PASSWORD).get("/local-users").status, 200);
}

#[test]
fn what_a_login_costs_that_is_recognized() {
    let Some(town) = Town::new("3600") else { return };
    town.server.admin().create_user("bobby", PASSWORD);
    let client = Client::new(&town.server.url);
    let login = || assert_eq!(client.try_login("local", "bobby", PASSWORD).status, 200);
    let (counted, _) = town.measure("A login that is recognized", |_| login());
    is(counted.statements, 11);
    is(counted.round_trips, 10);
    is(counted.commits, 1);
}

/// Bytes of a table's rows, and of its indexes, for each of its rows.
fn size(place: &Place, table: &str) -> [i64; 2] {
    place.sql(&format!("ANALYZE {table}"));
    let rows = place.number(&format!("SELECT COUNT(*) FROM {table}")).max(1);
    let of = |what: &str| place.number(&format!("SELECT {what}('{table}')")) / rows;
    let size = [of("pg_table_size"), of("pg_indexes_size")];
    say(&format!("| {table} | {rows} | {} | {} | {} |", size[0], size[1], size[0] + size[1]));
    size
}

#[test]
fn how_large_what_is_stored_is() {
    let Some(place) = Place::shared() else { return };
    let rows: u64 = std::env::var("COST_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(2_000);
    let server = Server::start(&place);
    server.admin().create_user("bobby", PASSWORD);
    Client::log_in(&server.url, "local", "bobby", PASSWORD);
    let hash = place.sql("SELECT password_hash FROM accounts WHERE name = 'bobby'")[0][0].clone();
    let people: String = (0..rows)
        .map(|number| {
            let row = json!({"name": format!("person.{number:07}"), "firstName": "Firstname", "lastName": "Lastname",
                "email": format!("person.{number:07}@example.com"), "tags": ["staff"], "passwordHash": hash});
            format!("{row}\n")
        })
        .collect();
    let file = place.path().join("people.ndjson");
    std::fs::write(&file, people).expect("is written");
    let imported = run(program().args(["import", "--kind", "local-users"]).arg(&file).args(place.arguments()));
    assert_eq!(imported.code, Some(0), "{imported:?}");
    // As many sessions, each as bobby's is: its account logged in once, from a device of its own.
    place.sql(
        "INSERT INTO devices SELECT decode(md5('d' || a.name), 'hex'), a.id, a.kind, decode(md5(a.name), 'hex'), d.on_boarded,
           d.last_seen FROM devices d, accounts a WHERE a.name LIKE 'person.%' AND d.account_id =
           (SELECT id FROM accounts WHERE name = 'bobby')",
    );
    place.sql(
        "INSERT INTO sessions (id, account_id, credential_version, device_id, source, created, expires, policies, configuration,
           profile, idle_limit, last_used)
         SELECT decode(md5('s' || a.name), 'hex'), a.id, s.credential_version, decode(md5(a.name), 'hex'), s.source, s.created,
           s.expires, s.policies, s.configuration, s.profile, s.idle_limit, s.last_used
         FROM sessions s, accounts a WHERE a.name LIKE 'person.%' AND s.account_id =
           (SELECT id FROM accounts WHERE name = 'bobby')",
    );
    place.sql(
        "INSERT INTO tokens SELECT sha256(id), id, 'work' FROM sessions WHERE account_id <>
           (SELECT id FROM accounts WHERE name = 'bobby') AND id NOT IN (SELECT session_id FROM tokens)",
    );
    say("| Table | rows | bytes a row | bytes of indexes | together |");
    for table in ["accounts", "object_tags", "sessions", "tokens", "devices", "audit_log"] {
        let [own, indexes] = size(&place, table);
        assert!(own > 50 && indexes > 20, "{table}: {own}, {indexes}");
        assert!(own + indexes < 4_096, "{table}: {own}, {indexes}");
    }
    let acts =
        "SELECT act, outcome, AVG(pg_column_size(audit_log))::bigint FROM audit_log GROUP BY act, outcome ORDER BY act";
    for row in place.sql(acts) {
        say(&format!("an audit row of {} ({}): {} bytes", row[0], row[1], row[2]));
    }
}
