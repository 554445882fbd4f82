//! Locks end when they are to, by the database's clock, on every node, whatever its own clock is and becomes. On SQLite, whose
//! clock is the node's, a lock of a minute lasts 59 to 61 seconds though that clock is set while it lasts.

use std::{ops::Range, time::Duration};

use super::{
    super::{
        clocks::{Clock, Settable},
        course::{figure, seeded, size},
        fleet::Fleet,
        support::{Client, Place},
    },
    CHEAP_HASH, HOURS, LASTS, MINUTES, PASSWORD, now,
};

const THRESHOLD: u64 = 2;
/// What is left of locks that were moved back (microseconds).
const SHORT: i64 = 3_000_000;
/// What a clock that is set may take from a minute, or add to it: a second.
const PACE: i64 = 60;

/// What was answered before the end of a lock, and the first login that was let in.
struct Waited {
    refused: Vec<Range<i64>>,
    let_in: Range<i64>,
}

/// Logs in to an account at a node until that is let in.
fn wait_for_end(client: &Client, name: &str) -> Waited {
    let mut refused = Vec::new();
    loop {
        let began = now();
        let answer = client.try_login("local", name, PASSWORD);
        let times = began..now();
        match answer.status {
            200 => return Waited { refused, let_in: times },
            401 => refused.push(times),
            _ => panic!("{answer:?}"),
        }
        assert!(refused.last().is_some_and(|last| last.end - refused[0].start < 3 * LASTS), "{name} stays locked");
    }
}

fn name(node: usize) -> String {
    format!("locked-{node}")
}

/// Locks an account at a node, for as long as is said. Gives when that lock is to end, at the earliest and at the latest.
fn lock(place: &Place, client: &Client, name: &str, left: i64) -> Range<i64> {
    let of = format!("WHERE name = '{name}'");
    place.sql(&format!("UPDATE accounts SET password_hash = '{CHEAP_HASH}' {of}"));
    for _ in 1..THRESHOLD {
        assert_eq!(client.try_login("local", name, "a wrong guess").status, 401);
    }
    let began = now();
    assert_eq!(client.try_login("local", name, "a wrong guess").status, 401);
    let ended = now();
    place.sql(&format!("UPDATE accounts SET lock_start = lock_start - {} {of}", LASTS - left));
    if place.is_shared() {
        // Its clock is ours, and nobody sets it.
        let end = place.number(&format!("SELECT lock_start FROM accounts {of}")) + LASTS;
        assert!((began + left..ended + left).contains(&end), "{name} is locked until {end}, from {began} on");
        end..end
    } else {
        // By a clock that loses a sixtieth, sixty of its seconds take as many of ours and a fifty-ninth.
        began + left - left / PACE..ended + left + left / (PACE - 1)
    }
}

/// Whether the clock by which a node dates its answers is hours off.
fn is_off(client: &Client) -> bool {
    let answer = client.get("/healthz");
    let date = answer.header("date").expect("is dated");
    let hour: i64 = date.split_whitespace().nth(4).and_then(|time| time.get(..2)?.parse().ok()).expect("an hour");
    let hours = (hour - now() / 3_600_000_000).rem_euclid(24);
    (1..24 - 1).contains(&hours)
}

/// One lock for each node. Gives how long after the end it was until each was let in (microseconds).
fn round(place: &Place, fleet: &Fleet<'_>, left: i64, chance: &mut fastrand::Rng) -> Vec<i64> {
    let client = Client::new(fleet.url(0));
    let ends: Vec<Range<i64>> = (0..fleet.len())
        .map(|node| lock(place, &client.at(fleet.url((node + 1) % fleet.len())), &name(node), left))
        .collect();
    let waited: Vec<Waited> = std::thread::scope(|scope| {
        let wait = |node: usize| {
            let client = Client::new(fleet.url(node));
            scope.spawn(move || wait_for_end(&client, &name(node)))
        };
        let all: Vec<_> = (0..fleet.len()).map(wait).collect();
        for node in 0..fleet.len() {
            if let Clock::Set(clock) = fleet.clock(node) {
                for _ in 0..chance.u8(1..4) {
                    std::thread::sleep(Duration::from_micros(chance.u64(..SHORT.unsigned_abs() / 4)));
                    clock.set([HOURS, 0, -HOURS][chance.usize(..3)]);
                }
            }
        }
        all.into_iter().map(|waits| waits.join().expect("is let in")).collect()
    });
    for ((end, waited), node) in ends.iter().zip(&waited).zip(0..) {
        let too_late = waited.refused.iter().find(|times| times.start >= end.end);
        assert!(too_late.is_none(), "node {node} refused at {too_late:?} in spite of the lock's end at {end:?}");
        assert!(waited.let_in.end >= end.start, "node {node} let in at {:?}, before {end:?}", waited.let_in);
        assert!(waited.refused.len() > 3, "node {node} was hardly asked while the account was locked");
    }
    ends.iter().zip(&waited).map(|(end, waited)| waited.let_in.end - end.start).collect()
}

#[test]
fn locks_end_when_they_are_to_whatever_the_clocks_of_nodes_say() {
    let mut chance = seeded("locks");
    let place = Place::new();
    let set = || Clock::Set(Settable::new(HOURS));
    let clocks =
        if place.is_shared() { vec![Clock::Off(HOURS), Clock::Off(-HOURS), set(), Clock::Right] } else { vec![set()] };
    let fleet = Fleet::start(&place, clocks);
    let admin = fleet.admin();
    admin.set_lockout(THRESHOLD, MINUTES);
    for node in 0..fleet.len() {
        admin.create_user(&name(node), PASSWORD);
        let right = matches!(fleet.clock(node), Clock::Right);
        assert_eq!(is_off(&Client::new(fleet.url(node))), !right, "the clock of node {node}");
    }
    let (moved, whole) = (size(2, 40), size(0, 4));
    let lefts = std::iter::repeat_n(SHORT, moved).chain(std::iter::repeat_n(LASTS, whole));
    let mut late: Vec<i64> = lefts.flat_map(|left| round(&place, &fleet, left, &mut chance)).collect();
    late.sort_unstable();
    let nodes = fleet.len();
    figure(
        "locks",
        &format!(
            "{nodes} nodes: {moved} times the last {} s of locks and {whole} whole minutes, on each node: none let in early; let in \
             {} ms after the end (longest {})",
            SHORT / 1_000_000,
            late[late.len() / 2] / 1_000,
            late[late.len() - 1] / 1_000
        ),
    );
}
