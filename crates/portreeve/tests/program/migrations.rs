//! Tables of a later version: who brings them there, and who works with them.

use portreeve_directory::store::migrations;

use super::support::{Ended, Place, Server, Traffic, all_at_once, busy, program, run, wait_for};

const INDEX: &str = "extra_by_notes";

/// A migration as a later version may have one: a column, a table, and an index of the largest table.
fn expansion(serves: i64) -> String {
    format!(
        "-- Something new.
-- serves: {serves}

ALTER TABLE accounts ADD COLUMN extra TEXT NOT NULL DEFAULT 'none';
CREATE TABLE extras (
    account_id  BYTEA NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    name        TEXT COLLATE \"C\" NOT NULL
) /* WITHOUT ROWID */;
-- concurrently
CREATE INDEX {INDEX} ON audit_log (act, id);
CREATE INDEX extra_by_extra ON accounts (extra, id) WHERE extra <> 'none';
"
    )
}

fn migrate(place: &Place, more: &[&str]) -> portreeve_directory::error::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(migrations::run_with(&place.location(), more))
}

/// The version of the tables, and whether both indexes are there to be used.
fn standing(place: &Place) -> (i64, bool) {
    let indexes = if place.is_shared() {
        "SELECT COUNT(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relname LIKE 'extra_by_%' AND i.indisvalid"
    } else {
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'index' AND name LIKE 'extra_by_%'"
    };
    (place.number("SELECT version FROM schema_version WHERE id = 1"), place.number(indexes) == 2)
}

const AUDIT_ROW: &str = "INSERT INTO audit_log (id, at, actor, act, object_kind, object_id, object_name, outcome, reason,
     source, request_id, changes) VALUES (gen_random_uuid()::text::bytea, 1, '', 'act', '', '', '', 'ok', '', '', '', '{}')";

#[test]
fn whoever_writes_does_not_wait_for_an_index() {
    let Some(place) = Place::shared() else { return };
    Server::start(&place).stop();
    let index = format!("CREATE INDEX extra_{} ON audit_log (act)", std::process::id());
    let text = format!("-- serves: {}\n-- concurrently\n{index};", standing(&place).0);
    // The building of an index waits for whoever wrote before it; nobody who comes after it waits with it.
    let early = place.transaction(AUDIT_ROW);
    std::thread::scope(|scope| {
        let migrating = scope.spawn(|| migrate(&place, &[&text]));
        let name = index.split_whitespace().nth(2).expect("a name");
        let waits = format!(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%{name} ON%' AND wait_event_type = 'Lock'"
        );
        wait_for("the index to wait", || (place.number(&waits) == 1).then_some(()));
        let late = place.try_sql(&format!("SET lock_timeout = '2s'; {AUDIT_ROW}"));
        early.commit();
        migrating.join().expect("ends").expect("migrates");
        late.expect("is written meanwhile");
    });
}

fn serve(place: &Place) -> Ended {
    run(program().arg("serve").args(place.arguments()).args(["--listen", "127.0.0.1:0"]))
}

#[test]
fn nodes_serve_while_another_process_brings_the_tables_to_a_later_version() {
    let Some(place) = Place::shared() else { return };
    let _quiet = busy();
    let nodes: Vec<Server> = (0..2).map(|_| Server::start(&place)).collect();
    let (own, admin) = (standing(&place).0, nodes[0].admin());
    place.sql(
        "INSERT INTO audit_log (id, at, actor, act, object_kind, object_id, object_name, outcome, reason, source, request_id,
           changes) SELECT decode(md5(n::text), 'hex'), n, 'a', 'act', '', '', '', 'ok', '', '', '', '{}'
         FROM generate_series(1, 200000) n",
    );
    let more = |traffic: &Traffic| {
        let before = traffic.answered();
        wait_for("more of every kind", || {
            traffic.answered().iter().zip(before).all(|(now, before)| *now > before + 20).then_some(())
        });
    };
    let (third, traffic) = Traffic::during(&nodes[1].url, &admin, |traffic| {
        more(traffic);
        // Two at once, as when two nodes of the later version start.
        let text = expansion(own);
        for result in all_at_once(2, |_| migrate(&place, &[&text])) {
            result.expect("migrates");
        }
        assert_eq!(standing(&place), (own + 1, true));
        more(traffic);
        // One of the present version starts beside them, on tables that it does not know.
        let third = Server::start(&place);
        assert_eq!(third.admin().get("/local-users?query=bobby").ok()["range"], "0-0/1");
        more(traffic);
        third
    });
    traffic.was_whole(&place);
    assert_eq!(standing(&place), (own + 1, true));
    drop(third);
}

#[test]
fn a_program_starts_on_later_tables_that_serve_it_and_on_no_others() {
    let place = Place::new();
    Server::start(&place).stop();
    let own = standing(&place).0;
    migrate(&place, &[&expansion(own)]).expect("migrates");
    assert_eq!(standing(&place), (own + 1, true));
    let server = Server::start(&place);
    server.admin().create_user("bobby", "a password for bobby");
    server.stop();
    assert_eq!(standing(&place).0, own + 1);
    assert_eq!(place.sql("SELECT extra FROM accounts WHERE name = 'bobby'"), [["none"]]);

    let contraction = format!("-- serves: {}\nALTER TABLE accounts DROP COLUMN extra;", own + 1);
    // With the index that needs it.
    migrate(&place, &[&expansion(own), &contraction.replace("ALTER", "DROP INDEX extra_by_extra; ALTER")])
        .expect("migrates");
    let refused = serve(&place);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let why = format!(
        "at version {}, made by a newer portreeve, and serve programs that know version {}; this one knows versions up to {own}",
        own + 2,
        own + 1
    );
    assert!(refused.err.contains(&why), "{}", refused.err);
}

#[test]
fn a_migration_is_done_once_however_many_begin_it() {
    let place = Place::new();
    Server::start(&place).stop();
    let own = standing(&place).0;
    let text = expansion(own);
    for result in all_at_once(4, |_| migrate(&place, &[&text])) {
        result.expect("migrates");
    }
    migrate(&place, &[&text]).expect("has nothing to do");
    assert_eq!(standing(&place), (own + 1, true));
}

#[test]
fn an_index_that_was_interrupted_is_built_anew() {
    let Some(place) = Place::shared() else { return };
    Server::start(&place).stop();
    let own = standing(&place).0;
    // An attempt that fails leaves its name behind, with an index that finds nothing.
    let failing = format!("CREATE UNIQUE INDEX CONCURRENTLY {INDEX} ON accounts (first_name)");
    place.try_sql(&failing).expect_err("several have none");
    let broken = format!("SELECT COUNT(*) FROM pg_index WHERE indexrelid = '{INDEX}'::regclass AND NOT indisvalid");
    assert_eq!(place.number(&broken), 1);
    migrate(&place, &[&expansion(own)]).expect("migrates");
    assert_eq!(standing(&place), (own + 1, true));

    // Ended between the transaction and the indexes, it goes on with them.
    place.sql(&format!("DROP INDEX {INDEX}; UPDATE schema_version SET version = {own} WHERE id = 3"));
    assert_eq!(standing(&place), (own + 1, false));
    migrate(&place, &[&expansion(own)]).expect("migrates");
    assert_eq!(standing(&place), (own + 1, true));
}
