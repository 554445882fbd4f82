//! Histories of many clients on several nodes, some of which are killed: each can be explained by what was asked being done one
//! after the other.

mod account;
mod linear;
mod names;
mod object;
mod visitors;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::json;

use super::{
    course::{figure, seeded, size},
    fleet::Fleet,
    support::{Client, Place},
};
use names::Names;
use visitors::{Manner, Visited};

/// Histories that are made at the same time.
const AT_ONCE: usize = 6;
/// Clients of one object, and how often each does something.
const CLIENTS: usize = 4;
const ACTS: usize = 9;
/// Where nobody is there to be asked, somebody soon is.
const PAUSE: Duration = Duration::from_millis(3);
/// Accounts beyond which lists are found in memory.
const MANY: usize = 6_000;

/// What came of some histories.
#[derive(Default)]
struct Sum {
    histories: usize,
    operations: usize,
    unanswered: usize,
    kills: usize,
}

impl Sum {
    fn tell(&self, what: &str, nodes: usize) {
        let Self { histories, operations, unanswered, kills } = self;
        figure(
            "histories",
            &format!(
                "{what}, {nodes} nodes: {histories} histories of {operations} operations, {unanswered} of them without an \
                 answer, {kills} kills: all explained"
            ),
        );
    }
}

/// Lets clients work on objects, while a node is killed by chance and comes back.
fn work(
    fleet: &Fleet<'_>,
    objects: usize,
    chance: &mut fastrand::Rng,
    act: impl Fn(usize, &mut fastrand::Rng) -> bool + Sync,
) -> usize {
    let running = AtomicUsize::new(objects * CLIENTS);
    let mut kills = 0;
    std::thread::scope(|scope| {
        for number in 0..objects * CLIENTS {
            let (mut chance, act, running) = (chance.fork(), &act, &running);
            scope.spawn(move || {
                let _done = Done(running);
                for _ in 0..ACTS {
                    while !act(number % objects, &mut chance) {
                        std::thread::sleep(PAUSE);
                    }
                }
            });
        }
        if chance.bool() {
            std::thread::sleep(Duration::from_millis(chance.u64(..80)));
            // Not when all is over.
            if running.load(Ordering::Relaxed) > 0 {
                let node = chance.usize(..fleet.len());
                fleet.kill(node);
                fleet.revive(node);
                kills += 1;
            }
        }
    });
    kills
}

struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One node where nodes cannot share the data, and else one, two and four.
fn fleets(act: impl Fn(&Place, &Fleet<'_>, &Client)) {
    let counts: &[usize] = if Place::new().is_shared() { &[1, 2, 4] } else { &[1] };
    for &count in counts {
        let place = Place::new();
        let fleet = Fleet::of(&place, count);
        let admin = fleet.admin();
        admin.set_lockout(account::THRESHOLD.into(), 60);
        act(&place, &fleet, &admin);
    }
}

fn accounts(fleet: &Fleet<'_>, admin: &Client, manner: Manner, batches: usize, chance: &mut fastrand::Rng) -> Sum {
    let mut sum = Sum::default();
    for batch in 0..batches {
        let first = (batch * 2 + usize::from(manner == Manner::Visitor)) * AT_ONCE;
        let visited: Vec<Visited> = (first..first + AT_ONCE).map(Visited::new).collect();
        sum.kills += work(fleet, AT_ONCE, chance, |object, chance| visited[object].act(fleet, admin, manner, chance));
        for visited in &visited {
            let (operations, unanswered) = visited.judge();
            sum.operations += operations;
            sum.unanswered += unanswered;
        }
        sum.histories += AT_ONCE;
    }
    sum
}

#[test]
fn accounts_are_what_they_were_made_whoever_reads_them() {
    let chance = seeded("histories");
    fleets(|_, fleet, admin| {
        accounts(fleet, admin, Manner::Clerk, size(3, 200), &mut chance.clone()).tell("accounts", fleet.len());
    });
}

#[test]
fn doors_are_open_to_whom_they_were_opened() {
    let chance = seeded("histories");
    fleets(|_, fleet, admin| {
        accounts(fleet, admin, Manner::Visitor, size(1, 60), &mut chance.clone()).tell("doors", fleet.len());
    });
}

#[test]
fn names_belong_to_whom_they_were_given() {
    let chance = seeded("histories");
    fleets(|_, fleet, admin| {
        let (mut chance, mut sum) = (chance.clone(), Sum::default());
        for batch in 0..size(2, 150) {
            let names: Vec<Names> = (0..AT_ONCE).map(|number| Names::new(batch * AT_ONCE + number)).collect();
            sum.kills += work(fleet, AT_ONCE, &mut chance, |object, chance| names[object].act(fleet, admin, chance));
            for names in &names {
                let (operations, unanswered) = names.judge();
                sum.operations += operations;
                sum.unanswered += unanswered;
            }
            sum.histories += AT_ONCE;
        }
        sum.tell("names", fleet.len());
    });
}

/// As the first two, where lists are too long to be found by the database.
#[test]
fn long_lists_show_what_is_there() {
    let batches = size(0, 100);
    if batches == 0 {
        return;
    }
    let chance = seeded("histories");
    fleets(|_, fleet, admin| {
        let rows: Vec<String> = (0..MANY)
            .map(|number| json!({"name": format!("filler {number}"), "firstName": "F", "lastName": "L"}).to_string())
            .collect();
        let imported = admin.request(reqwest::Method::POST, "/local-users/import", |request| {
            request.header("content-type", "application/x-ndjson").body(rows.join("\n"))
        });
        assert_eq!(imported.status, 200, "{imported:?}");
        for node in 0..fleet.len() {
            assert_eq!(admin.at(fleet.url(node)).get("/local-users?range=0-0").ok()["totalCount"], MANY + 1);
        }
        accounts(fleet, admin, Manner::Clerk, batches, &mut chance.clone()).tell("long lists", fleet.len());
    });
}
