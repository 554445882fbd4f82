//! The database fails over: its primary, a machine, or the network between is lost under traffic. What was acknowledged is
//! there, what cannot be done is said to be so in time, and all of it comes back by itself.

mod distance;
mod machines;
mod outages;
mod patroni;
mod town;
mod watch;

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use self::{
    machines::{Cut, Network},
    town::{DATABASE, Town},
    watch::{Seen, longest},
};
use super::{
    course::{figure, seeded, size},
    ledger::Ledger,
    support::{Traffic, place::tested_database, program::program_file, wait_for},
};

/// How long a primary has no standby that listens: longer than what waits for one is waited for.
const ALONE: Duration = Duration::from_secs(45);
/// Within this a request is answered when the database is there, and itself does not answer: 35 seconds for what is under way, and
/// five for a connection.
const ANSWERED: Duration = Duration::from_secs(45);

/// Runs a case in a town of its own. The short form is for the run on PostgreSQL, as it needs no other database.
fn in_town(case: impl FnOnce(&mut Town, &Network) + Send) {
    let short = size(0, 1) == 0;
    if short && tested_database().is_none() {
        figure("failover", "left to the run on PostgreSQL");
        return;
    }
    let network = Network::start();
    network.inside(|| case(&mut Town::start(&network), &network));
}

/// As [`in_town`], if there is time for it.
fn in_full(what: &str, case: impl FnOnce(&mut Town, &Network) + Send) {
    if size(0, 1) == 0 {
        return figure("failover", &format!("{what} in the full form alone"));
    }
    in_town(case);
}

fn wait_for_writes(acknowledged: &AtomicU64, more: u64) {
    let before = acknowledged.load(Ordering::Relaxed);
    wait_for("writes", || (acknowledged.load(Ordering::Relaxed) >= before + more).then_some(()));
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |index: usize| times[index].as_secs_f64();
    format!(
        "{} times: min {:.1} s, median {:.1} s, max {:.1} s",
        times.len(),
        at(0),
        at(times.len() / 2),
        at(times.len() - 1)
    )
}

#[test]
fn the_primary_is_killed() {
    in_town(|town, _| {
        let mut chance = seeded("failover");
        let mut ledger = Ledger::open(&mut chance, &town.admin);
        let (mut alone, mut with_patroni, mut in_doubt, mut done) = (Vec::new(), Vec::new(), 0, 0);
        for kill in 0..size(1, 20) {
            let primary = town.cluster.wait_whole();
            let names: &[&str] = if kill % 4 == 3 { &["patroni", "postgres"] } else { &["postgres"] };
            let writes = chance.u64(50..500);
            let back = ledger.during(&town.admin, |acknowledged| {
                wait_for_writes(acknowledged, writes);
                // The standbys stop hearing a moment before, so that it dies with something that only it knows.
                let deaf = if kill % 2 == 0 { town.cluster.others(primary) } else { Vec::new() };
                deaf.iter().for_each(|standby| standby.cut(DATABASE, Cut::Swallowed));
                std::thread::sleep(Duration::from_millis(chance.u64(..400)));
                town.cluster.machine(primary).kill(names);
                deaf.iter().for_each(|standby| standby.mend(Cut::Swallowed));
                let back = town.back();
                wait_for_writes(acknowledged, 10);
                back
            });
            let times = if names.len() == 1 { &mut alone } else { &mut with_patroni };
            times.push(back);
            town.wait_ready();
            let checked = ledger.check(&town.place, &town.admin);
            in_doubt += checked.in_doubt;
            done += checked.done;
        }
        ledger.check_all(&town.place);
        // A machine that builds other things meanwhile, as CI's may, is not held to it.
        let within = |times: &[Duration], seconds| times.iter().all(|time| *time < Duration::from_secs(seconds));
        if size(0, 1) == 1 {
            assert!(within(&alone, 10) && within(&with_patroni, 30), "{alone:?}, {with_patroni:?}");
        }
        figure("failover", &format!("PostgreSQL killed, writes again after: {}", spread(alone)));
        if !with_patroni.is_empty() {
            figure("failover", &format!("PostgreSQL and Patroni killed, writes again after: {}", spread(with_patroni)));
        }
        figure(
            "failover",
            &format!(
                "{} acknowledged writes: none lost, none doubled; {in_doubt} in doubt, of which {done} were done",
                ledger.acknowledged()
            ),
        );
    });
}

#[test]
fn a_primary_that_stands_alone_acknowledges_nothing() {
    in_full("the primary stands alone", |town, _| {
        let mut ledger = Ledger::open(&mut seeded("failover"), &town.admin);
        let node = town.nodes[0].client().with_token(town.admin.token());
        let primary = town.cluster.wait_whole();
        let standbys = town.cluster.others(primary);
        let ((written, back), seen) = ledger.during(&town.admin, |acknowledged| {
            watch::during(&node, || {
                wait_for_writes(acknowledged, 100);
                standbys.iter().for_each(|standby| standby.cut(DATABASE, Cut::Swallowed));
                // What a standby has already confirmed may still be on its way to the client.
                std::thread::sleep(Duration::from_secs(2));
                let before = acknowledged.load(Ordering::Relaxed);
                std::thread::sleep(ALONE);
                let written = acknowledged.load(Ordering::Relaxed) - before;
                town.cluster.machine(primary).kill(&["postgres"]);
                standbys.iter().for_each(|standby| standby.mend(Cut::Swallowed));
                let back = town.back();
                wait_for_writes(acknowledged, 10);
                (written, back)
            })
        });
        assert_eq!(written, 0, "acknowledged, and on one machine alone");
        seen.iter().for_each(Seen::is_sound);
        assert!(longest(&seen, |_| true) < ANSWERED, "{:?}", seen.iter().max_by_key(|seen| seen.took()));
        town.wait_ready();
        town.cluster.wait_whole();
        town.has_no_leak();
        let checked = ledger.check(&town.place, &town.admin);
        figure(
            "failover",
            &format!(
                "the standbys cut off for {} s and then the primary killed: no write acknowledged meanwhile, and none lost; the \
                 longest answer took {:.1} s; writes again after {:.1} s; {} writes in doubt, of which {} were done",
                ALONE.as_secs(),
                longest(&seen, |_| true).as_secs_f64(),
                back.as_secs_f64(),
                checked.in_doubt,
                checked.done,
            ),
        );
    });
}

/// Whose machine is lost.
#[derive(Debug, Clone, Copy)]
enum Role {
    Primary,
    /// Without whom nothing is acknowledged.
    Synchronous,
}

#[test]
fn a_machine_is_lost() {
    in_full("machines are lost", |town, network| {
        let mut ledger = Ledger::open(&mut seeded("failover"), &town.admin);
        let admin = town.admin.clone();
        for role in [Role::Primary, Role::Synchronous, Role::Primary, Role::Synchronous] {
            let primary = town.cluster.wait_whole();
            let number = match role {
                Role::Primary => primary,
                Role::Synchronous => town.cluster.wait_synchronous(),
            };
            let (back, whole) = ledger.during(&admin, |acknowledged| {
                wait_for_writes(acknowledged, 100);
                town.cluster.lose(number);
                let back = town.back();
                wait_for_writes(acknowledged, 100);
                town.cluster.restore(network, number);
                let restored = Instant::now();
                town.cluster.wait_whole();
                (back, restored.elapsed())
            });
            assert!(back < Duration::from_secs(30), "{role:?}: {back:?}");
            town.wait_ready();
            let connections = town.has_no_leak();
            let checked = ledger.check(&town.place, &admin);
            figure(
                "failover",
                &format!(
                    "the machine of the {role:?} lost: writes again after {:.1} s; it is back in its place {:.1} s after its start; \
                     {connections} connections; {} writes in doubt, of which {} were done",
                    back.as_secs_f64(),
                    whole.as_secs_f64(),
                    checked.in_doubt,
                    checked.done,
                ),
            );
        }
        ledger.check_all(&town.place);
        figure("failover", &format!("{} acknowledged writes: none lost, none doubled", ledger.acknowledged()));
    });
}

#[test]
fn nodes_are_replaced_and_the_primary_is_moved() {
    in_full("nodes are replaced, and primaries moved,", |town, _| {
        let (url, admin) = (town.balancer.url.clone(), town.admin.clone());
        // An older program is where the nodes begin and, as its tables are served by both, where they could go back to.
        let older = std::env::var_os("PROVE_OLDER").map(PathBuf::from);
        let ((), traffic) = Traffic::during(&url, &admin, |_| {
            for _ in 0..2 {
                if let Some(older) = &older {
                    town.roll(older);
                }
                town.roll(&program_file());
            }
        });
        traffic.was_whole(&town.place);
        let which = if older.is_some() { "exchanged with the program of PROVE_OLDER and back" } else { "restarted" };
        figure(
            "failover",
            &format!("nodes {which} one by one, twice: {:?} requests, and none failed", traffic.answered()),
        );
        databases_are_replaced(town);
    });
}

/// As for an upgrade of PostgreSQL's packages: the standbys are restarted, another is made the primary, and so is the former one.
fn databases_are_replaced(town: &Town) {
    const TIMES: usize = 4;
    let mut ledger = Ledger::open(&mut seeded("failover"), &town.admin);
    let ((), seen) = ledger.during(&town.admin, |acknowledged| {
        watch::during(&town.admin, || {
            for _ in 0..TIMES {
                let primary = town.cluster.wait_whole();
                for standby in (1..=3).filter(|number| *number != primary) {
                    town.cluster.restart(standby);
                    town.cluster.wait_whole();
                }
                town.cluster.switch();
                wait_for_writes(acknowledged, 50);
            }
        })
    });
    town.wait_ready();
    seen.iter().for_each(Seen::is_sound);
    let connections = town.has_no_leak();
    let checked = ledger.check(&town.place, &town.admin);
    let failed: Vec<&Seen> = seen.iter().filter(|seen| !seen.went_well()).collect();
    figure(
        "failover",
        &format!(
            "{TIMES} times both standbys restarted and the primary moved: of {} requests of watchers {} were answered 503, {} of them \
             in doubt; the longest took {:.1} s; {connections} connections; of {} writes besides {} were in doubt, of which {} were \
             done",
            seen.len(),
            failed.len(),
            failed.iter().filter(|seen| seen.is_in_doubt()).count(),
            longest(&seen, |_| true).as_secs_f64(),
            ledger.acknowledged(),
            checked.in_doubt,
            checked.done,
        ),
    );
}
