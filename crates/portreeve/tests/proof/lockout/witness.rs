//! What the database itself saw, in its order: every change of an account's counters and every record of a login, noted by
//! triggers of the suite's own. An account's row is held until the commit, so that what is noted of one account is in the order
//! in which it was committed.

use super::super::support::Place;

const POSTGRES: &str = "
CREATE TABLE witness (place BIGSERIAL PRIMARY KEY, at BIGINT NOT NULL, account TEXT NOT NULL, failed BIGINT, in_flight BIGINT,
    since_reset BIGINT, lock_start BIGINT, request TEXT, reason TEXT);
CREATE FUNCTION witness_counters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO witness (at, account, failed, in_flight, since_reset, lock_start, reason) VALUES (
        (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint, NEW.name, NEW.failed_attempts, NEW.attempts_in_flight,
        NEW.failures_since_reset, NEW.lock_start, TG_OP);
    RETURN NULL;
END $$;
CREATE FUNCTION witness_login() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO witness (at, account, request, reason) VALUES (
        (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint, NEW.object_name, NEW.request_id, NEW.reason);
    RETURN NULL;
END $$;
CREATE TRIGGER witness_counters AFTER INSERT OR UPDATE ON accounts FOR EACH ROW
    WHEN (NEW.kind <> 'decoy') EXECUTE FUNCTION witness_counters();
CREATE TRIGGER witness_login AFTER INSERT ON audit_log FOR EACH ROW
    WHEN (NEW.act = 'login') EXECUTE FUNCTION witness_login()";

/// One statement each, which is how they are run.
const SQLITE: [&str; 4] = [
    "CREATE TABLE witness (place INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, account TEXT NOT NULL, failed INTEGER,
        in_flight INTEGER, since_reset INTEGER, lock_start INTEGER, request TEXT, reason TEXT)",
    "CREATE TRIGGER witness_made AFTER INSERT ON accounts WHEN NEW.kind <> 'decoy' BEGIN
        INSERT INTO witness (at, account, failed, in_flight, since_reset, lock_start, reason) VALUES (
            CAST(unixepoch('subsec') * 1000000 AS INTEGER), NEW.name, NEW.failed_attempts, NEW.attempts_in_flight,
            NEW.failures_since_reset, NEW.lock_start, 'INSERT');
     END",
    "CREATE TRIGGER witness_counters AFTER UPDATE ON accounts WHEN NEW.kind <> 'decoy' BEGIN
        INSERT INTO witness (at, account, failed, in_flight, since_reset, lock_start) VALUES (
            CAST(unixepoch('subsec') * 1000000 AS INTEGER), NEW.name, NEW.failed_attempts, NEW.attempts_in_flight,
            NEW.failures_since_reset, NEW.lock_start);
     END",
    "CREATE TRIGGER witness_login AFTER INSERT ON audit_log WHEN NEW.act = 'login' BEGIN
        INSERT INTO witness (at, account, request, reason) VALUES (
            CAST(unixepoch('subsec') * 1000000 AS INTEGER), NEW.object_name, NEW.request_id, NEW.reason);
     END",
];

/// Where an account's counters stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    pub failed: i64,
    pub in_flight: i64,
    pub since_reset: i64,
    /// The smallest number if it was never locked.
    pub lock_start: i64,
}

/// What was seen of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It was made, with these counters.
    Made(Counters),
    /// Its counters are these from now on.
    Counters(Counters),
    /// A login ended, for this reason; empty for a good one.
    Login { request: String, reason: String },
}

/// Something that was seen.
#[derive(Debug, Clone)]
pub struct Sight {
    pub account: String,
    /// By the clock of the database (microseconds since 1970). Shortly before the commit.
    pub at: i64,
    pub what: What,
}

/// Lets the database note what it sees from now on.
pub fn watch(place: &Place) {
    if place.is_shared() {
        place.sql(POSTGRES);
    } else {
        SQLITE.iter().for_each(|sql| drop(place.sql(sql)));
    }
}

/// Everything that was seen, in its order.
pub fn sights(place: &Place) -> Vec<Sight> {
    let rows = place.sql(
        "SELECT account, at, COALESCE(failed, -1), COALESCE(in_flight, 0), COALESCE(since_reset, 0), COALESCE(lock_start, 0),
           COALESCE(request, ''), COALESCE(reason, '') FROM witness ORDER BY place",
    );
    rows.into_iter().map(sight).collect()
}

fn sight(mut row: Vec<String>) -> Sight {
    let number = |at: usize| row[at].parse::<i64>().expect("a number");
    let (at, failed) = (number(1), number(2));
    let counters = Counters { failed, in_flight: number(3), since_reset: number(4), lock_start: number(5) };
    let what = if failed < 0 {
        What::Login { request: std::mem::take(&mut row[6]), reason: std::mem::take(&mut row[7]) }
    } else if row[7] == "INSERT" {
        What::Made(counters)
    } else {
        What::Counters(counters)
    };
    Sight { account: std::mem::take(&mut row[0]), at, what }
}
