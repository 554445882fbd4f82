//! Backups are taken while everybody writes, restored into empty places, damaged, and their restorations killed.

mod writers;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use serde_json::json;
use writers::{PASSWORD, Span, Written};

use super::{
    course::{figure, seeded, size},
    support::{ADMIN_PASSWORD, Client, Ended, Place, Server, program, run, wait_for},
};

/// Acts between two backups, about.
const ACTS: u64 = 300;
/// Wrong passwords that lock an account, and for how many minutes: longer than all of this takes.
const LOCKOUT: (u64, u64) = (5, 1_000);
/// Rows of the audit log that make a restoration take a while.
const ROWS: usize = 20_000;

fn backup(place: &Place, file: &Path) -> Ended {
    run(program().arg("backup").arg(file).args(place.arguments()))
}

fn restore(file: &Path, place: &Place) -> Ended {
    run(program().arg("restore").arg(file).args(place.arguments()))
}

#[track_caller]
fn done(ended: &Ended) {
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
}

/// A backup, and what is to be in it.
struct Taken {
    file: PathBuf,
    span: Span,
    /// Sessions that were open before.
    tokens: Vec<String>,
    /// Accounts that were locked before.
    locked: usize,
}

fn lock(client: &Client, number: usize) {
    client.create_user(&format!("locked-{number}"), PASSWORD);
    wait_for("the lock", || {
        client.try_login("local", &format!("locked-{number}"), "a wrong password");
        let user = client.get(&format!("/local-users?query=locked-{number}&range=0-0")).ok();
        user["data"][0]["lockStart"].is_string().then_some(())
    });
}

fn take(place: &Place, admin: &Client, number: usize) -> Taken {
    lock(admin, number);
    let session = admin.try_login("local", "admin", ADMIN_PASSWORD).ok();
    let tokens = vec![admin.token().to_owned(), session["token"].as_str().expect("a token").to_owned()];
    let file = place.path().join(format!("{number}.portreeve"));
    let began = Instant::now();
    done(&backup(place, &file));
    Taken { file, span: began..=Instant::now(), tokens, locked: number + 1 }
}

/// What is in the place is what was there when the backup was taken, and it is served.
fn holds(target: &Place, taken: &Taken, written: &Written) -> usize {
    let acts = written.check(target, &taken.span);
    for (none, what) in [
        ("SELECT COUNT(*) FROM sessions", "sessions"),
        ("SELECT COUNT(*) FROM tokens", "tokens"),
        ("SELECT COUNT(*) FROM login_attempts", "attempts under way"),
        ("SELECT COUNT(*) FROM accounts WHERE kind = 'local' AND attempts_in_flight <> 0", "slots that nobody holds"),
        ("SELECT COUNT(*) FROM devices WHERE account_id NOT IN (SELECT id FROM accounts)", "devices of nobody"),
        (
            "SELECT COUNT(*) FROM object_tags WHERE kind = 'local' AND object_id NOT IN (SELECT id FROM accounts)",
            "tags of nobody",
        ),
        (
            "SELECT COUNT(*) FROM accounts WHERE name LIKE 'w-%'
               AND (SELECT COUNT(*) FROM object_tags WHERE object_id = accounts.id) <> 1",
            "accounts without their tag",
        ),
    ] {
        assert_eq!(target.number(none), 0, "{what}");
    }
    // Of a PostgreSQL without checksums it notes that.
    let checked = run(program().arg("check").args(target.arguments()));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let locked = "SELECT COUNT(*) FROM accounts WHERE name LIKE 'locked-%' AND lock_start > 0 AND failed_attempts >= 5";
    assert_eq!(target.number(locked), i64::try_from(taken.locked).expect("is small"), "locks");
    let restored = "SELECT COUNT(*) FROM audit_log WHERE act = 'restore' AND actor = '(operator)'";
    assert_eq!(target.number(restored), 1, "the audit log does not say it");
    is_served(target, &taken.tokens, &format!("locked-{}", taken.locked - 1));
    acts
}

fn is_served(target: &Place, dead: &[String], locked: &str) {
    let server = Server::start(target);
    let client = Client::new(&server.url);
    for token in dead {
        assert_eq!(client.with_token(token).get("/local-users").status, 401, "a session goes on");
    }
    assert_eq!(client.try_login("local", "writer-0", PASSWORD).status, 200, "the right password");
    assert_eq!(client.try_login("local", locked, PASSWORD).status, 401, "a lock is gone");
    server.admin().create_user("afterwards", PASSWORD);
}

fn wait_for_acts(count: &AtomicU64, more: u64) {
    let before = count.load(Ordering::Relaxed);
    wait_for("acts", || (count.load(Ordering::Relaxed) >= before + more).then_some(()));
}

#[test]
fn a_backup_under_load_is_the_state_of_one_moment() {
    let mut chance = seeded("backup");
    let (place, backups) = (Place::new(), size(2, 40));
    let server = Server::start(&place);
    let admin = server.admin();
    admin.set_lockout(LOCKOUT.0, LOCKOUT.1);
    let (mut took, mut writing) = (Duration::ZERO, Duration::ZERO);
    let began = Instant::now();
    let mut pauses = fastrand::Rng::with_seed(chance.u64(..));
    let (all, written) = writers::during(&mut chance, &admin, |count| {
        let one = |number| {
            wait_for_acts(count, pauses.u64(1..2 * ACTS));
            let taken = take(&place, &admin, number);
            took += *taken.span.end() - *taken.span.start();
            taken
        };
        let all: Vec<Taken> = (0..backups).map(one).collect();
        writing = began.elapsed();
        all
    });
    assert_eq!(admin.get("/local-users?range=0-0").status, 200, "the server was hurt");
    server.stop();
    let mut acts = 0;
    for (number, taken) in all.iter().enumerate() {
        let target = if number % 2 == 0 { Place::new() } else { Place::folder() };
        done(&restore(&taken.file, &target));
        acts = holds(&target, taken, &written);
    }
    let rate = written.count() as f64 / writing.as_secs_f64();
    figure(
        "backup",
        &format!(
            "{backups} backups during {} acts ({rate:.0}/s), {} ms each: every one restored to the state of one moment, the \
             last with {acts} acts",
            written.count(),
            took.as_millis() / backups as u128
        ),
    );
}

/// A backup of a directory with some accounts, sessions and a lock, and a long audit log.
fn large() -> (Place, Taken) {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    admin.set_lockout(LOCKOUT.0, LOCKOUT.1);
    admin.create_user("writer-0", PASSWORD);
    for number in 0..10 {
        let body = json!({"name": format!("w-{number}"), "firstName": "F", "lastName": "L", "tags": ["ledger"]});
        admin.post("/local-users", &body).ok();
    }
    let id = if place.is_shared() { "decode(md5(n::text), 'hex')" } else { "randomblob(16)" };
    place.sql(&format!(
        "INSERT INTO audit_log (id, at, actor, act, object_kind, object_id, object_name, outcome, reason, source, request_id,
           changes, search) WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})
         SELECT {id}, n, 'actor', 'act', 'kind', 'id', 'name', 'ok', '', '', 'r', '{{}}', '' FROM n"
    ));
    let taken = take(&place, &admin, 0);
    server.stop();
    (place, taken)
}

#[test]
fn a_damaged_byte_is_found_wherever_it_is() {
    let mut chance = seeded("backup, damage");
    let place = Place::new();
    Server::start(&place).stop();
    let file = place.path().join("whole.portreeve");
    done(&backup(&place, &file));
    let whole = std::fs::read(&file).expect("is there");
    let (changed, target) = (place.path().join("changed.portreeve"), Place::folder());
    let (changes, cuts) = (size(40, 3_000), size(6, 300));
    for number in 0..changes + cuts {
        let mut bytes = whole.clone();
        // Some of them where the seal is.
        let begin = if number % 8 == 0 { bytes.len() - 140 } else { 0 };
        let at = chance.usize(begin..bytes.len());
        if number < changes {
            bytes[at] ^= chance.u8(1..);
        } else {
            bytes.truncate(at);
        }
        std::fs::write(&changed, &bytes).expect("is written");
        let checked = run(program().args(["backup", "--check"]).arg(&changed));
        assert_eq!(checked.code, Some(1), "byte {at} of {}: {checked:?}", whole.len());
        if number % 10 == 0 {
            let restored = restore(&changed, &target);
            assert_eq!(restored.code, Some(1), "byte {at} of {}: {restored:?}", whole.len());
            assert!(!target.path().join("portreeve.db").exists(), "byte {at}: something was restored");
        }
    }
    done(&run(program().args(["backup", "--check"]).arg(&file)));
    figure(
        "backup",
        &format!(
            "{changes} times one byte changed and {cuts} times cut off, of {} bytes: found every time, and refused",
            whole.len()
        ),
    );
}

/// How far a restoration came.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Came {
    /// Nothing is there that anybody would take for data.
    Nowhere,
    /// Somewhere.
    Between,
    /// To its end.
    There,
}

fn came(target: &Place) -> Came {
    // In a copy: nobody but Portreeve may open what a crash has left.
    let copy = Place::folder();
    for name in ["portreeve.db", "portreeve.db-wal"] {
        if target.path().join(name).exists() {
            std::fs::copy(target.path().join(name), copy.path().join(name)).expect("is copied");
        }
    }
    let target = if target.is_shared() { target } else { &copy };
    let facts = if target.is_shared() {
        "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'facts'"
    } else {
        "SELECT COUNT(*) FROM sqlite_master WHERE name = 'facts'"
    };
    let is_there = target.is_shared() || target.path().join("portreeve.db").exists();
    if !is_there || target.number(facts) == 0 || target.number("SELECT COUNT(*) FROM facts") == 0 {
        return Came::Nowhere;
    }
    match target.number("SELECT COUNT(*) FROM facts WHERE name = 'relocation'") {
        0 => Came::There,
        _ => Came::Between,
    }
}

#[test]
fn a_restoration_that_is_killed_is_never_served() {
    let mut chance = seeded("backup, kills");
    let (_place, taken) = large();
    let began = Instant::now();
    done(&restore(&taken.file, &Place::new()));
    let long = u64::try_from(began.elapsed().as_micros()).expect("is short");
    let (kills, mut ended) = (size(6, 200), Vec::new());
    let mut target = Place::new();
    for _ in 0..kills {
        let mut child = program().arg("restore").arg(&taken.file).args(target.arguments()).spawn().expect("starts");
        std::thread::sleep(Duration::from_micros(chance.u64(..long + long / 10)));
        child.kill().expect("is ours");
        child.wait().expect("is ours");
        let came = came(&target);
        ended.push(came);
        if came == Came::Between {
            let serve = run(program().arg("serve").args(target.arguments()).args(["--listen", "127.0.0.1:0"]));
            assert_eq!(serve.code, Some(1), "{serve:?}");
            assert!(serve.err.contains("run portreeve restore again"), "{serve:?}");
        }
        // Run again at once, it comes to its end; or it is killed again, or there is an end already.
        if came == Came::There || chance.bool() {
            if came != Came::There {
                done(&restore(&taken.file, &target));
            }
            let rows = target.number("SELECT COUNT(*) FROM audit_log WHERE act = 'act'");
            assert_eq!(usize::try_from(rows).expect("is positive"), ROWS, "{came:?}");
            assert_eq!(target.number("SELECT COUNT(*) FROM accounts WHERE name LIKE 'w-%'"), 10, "{came:?}");
            is_served(&target, &taken.tokens, "locked-0");
            target = Place::new();
        }
    }
    let count = |came| ended.iter().filter(|&&one| one == came).count();
    assert!(count(Came::Between) > 0, "no kill came between: {ended:?}");
    figure(
        "backup",
        &format!(
            "{kills} restorations killed: {} before anything was there, {} in between, which nobody serves, {} after the end",
            count(Came::Nowhere),
            count(Came::Between),
            count(Came::There)
        ),
    );
}
