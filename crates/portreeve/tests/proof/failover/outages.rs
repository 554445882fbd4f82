//! The network between the nodes and the database is cut, or narrow, or long.

use std::{
    net::SocketAddr,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::{
    super::{
        course::{figure, seeded, size},
        ledger::Ledger,
    },
    distance::Distance,
    in_full, in_town,
    machines::{Cut, MIDDLE, Network},
    town::{DATABASE, Node, Town},
    wait_for_writes,
    watch::{self, Seen, What, longest},
};

/// Within this a request is answered, whatever has become of the network to the database: five seconds for a connection, ten until
/// the network is given up, and time to say so on a machine that is busy.
const BOUND: Duration = Duration::from_secs(20);
/// How long the network is away: long enough that what was under way is given up, and what was asked then too.
const CUT: Duration = Duration::from_secs(2 * BOUND.as_secs() + 5);

/// What was seen by watchers of the first node while neither node could reach the database.
struct Outage {
    /// No packet has gone through from then on.
    cut: Instant,
    mending: Instant,
    back: Duration,
    seen: Vec<Seen>,
}

impl Outage {
    fn watch(town: &Town, ledger: &mut Ledger, how: Cut) -> Self {
        let node = town.nodes[0].client().with_token(town.admin.token());
        let ((cut, mending, back), seen) = ledger.during(&town.admin, |acknowledged| {
            watch::during(&node, || {
                wait_for_writes(acknowledged, 50);
                town.nodes.iter().for_each(|node| node.machine.cut(DATABASE, how));
                let cut = Instant::now();
                std::thread::sleep(CUT);
                let mending = Instant::now();
                town.nodes.iter().for_each(|node| node.machine.mend(how));
                let back = town.back();
                wait_for_writes(acknowledged, 10);
                (cut, mending, back)
            })
        });
        Self { cut, mending, back, seen }
    }

    /// Every request is answered within the bound, and nothing is granted that the database has not granted.
    fn was_borne(&self) {
        self.seen.iter().for_each(Seen::is_sound);
        for what in [What::Ready, What::Read, What::Write, What::Login, What::Guess] {
            let within = |seen: &&Seen| seen.what == what && seen.asked > self.cut && seen.answered < self.mending;
            let meanwhile: Vec<&Seen> = self.seen.iter().filter(within).collect();
            assert!(!meanwhile.is_empty(), "{what:?} was not asked, or not answered, in all that time");
            for seen in meanwhile {
                assert_eq!(seen.status(), 503, "without the database: {seen:?}");
            }
        }
        assert!(longest(&self.seen, |_| true) < BOUND, "{:?}", self.seen.iter().max_by_key(|seen| seen.took()));
        // What asks nothing of the database is not held up by what does.
        let alive = |seen: &Seen| seen.what == What::Alive;
        assert!(self.seen.iter().filter(|seen| alive(seen)).all(Seen::went_well));
        assert!(longest(&self.seen, alive) < Duration::from_secs(2));
    }
}

#[test]
fn the_network_to_the_database_is_cut() {
    in_town(|town, _| {
        let mut ledger = Ledger::open(&mut seeded("failover"), &town.admin);
        let cuts: &[Cut] = &[Cut::Swallowed, Cut::Refused, Cut::Swallowed, Cut::Narrow];
        for how in &cuts[..size(1, cuts.len())] {
            if *how == Cut::Narrow {
                on_a_narrow_line(town, &mut ledger);
                continue;
            }
            let outage = Outage::watch(town, &mut ledger, *how);
            outage.was_borne();
            town.wait_ready();
            let connections = town.has_no_leak();
            let checked = ledger.check(&town.place, &town.admin);
            figure(
                "failover",
                &format!(
                    "{how:?} for {} s: the longest answer took {:.1} s; writes again {:.1} s after its end, with {connections} \
                     connections; {} writes in doubt, of which {} were done",
                    CUT.as_secs(),
                    longest(&outage.seen, |_| true).as_secs_f64(),
                    outage.back.as_secs_f64(),
                    checked.in_doubt,
                    checked.done,
                ),
            );
        }
    });
}

/// A line of a megabit: slow, and nothing else.
fn on_a_narrow_line(town: &Town, ledger: &mut Ledger) {
    let node = town.nodes[0].client().with_token(town.admin.token());
    let (written, seen) = ledger.during(&town.admin, |acknowledged| {
        watch::during(&node, || {
            wait_for_writes(acknowledged, 50);
            town.nodes.iter().for_each(|node| node.machine.cut(DATABASE, Cut::Narrow));
            let before = acknowledged.load(Ordering::Relaxed);
            std::thread::sleep(CUT);
            let written = acknowledged.load(Ordering::Relaxed) - before;
            town.nodes.iter().for_each(|node| node.machine.mend(Cut::Narrow));
            written
        })
    });
    assert!(seen.iter().all(Seen::went_well), "{:?}", seen.iter().find(|seen| !seen.went_well()));
    assert!(longest(&seen, |_| true) < BOUND);
    ledger.check(&town.place, &town.admin);
    figure(
        "failover",
        &format!(
            "a megabit a second: {} requests of watchers, and all were answered as ever, the slowest after {:.1} s; {:.0} writes a \
             second",
            seen.len(),
            longest(&seen, |_| true).as_secs_f64(),
            written as f64 / CUT.as_secs_f64(),
        ),
    );
}

#[test]
fn the_database_is_far_away() {
    in_full("the database is far away", far_away);
}

/// A third node, whose way to the database becomes 200 ms long.
fn far_away(town: &mut Town, network: &Network) {
    let hosts: Vec<SocketAddr> = (1..=3).map(|number| SocketAddr::from(([10, 0, 0, number], DATABASE))).collect();
    let distance = Distance::from(MIDDLE, &hosts);
    let place = town.place.by(|url| {
        let ways = hosts.iter().zip(&distance.begins);
        ways.fold(url.to_owned(), |url, (host, begin)| url.replace(&host.to_string(), &begin.to_string()))
    });
    let node = Node::start(network, 13, &place);
    let client = node.client().with_token(town.admin.token());
    let ((from, until), seen) = watch::during(&client, || {
        distance.set_round_trip(200);
        let from = Instant::now();
        std::thread::sleep(CUT);
        let until = Instant::now();
        distance.set_round_trip(0);
        (from, until)
    });
    assert!(seen.iter().all(Seen::went_well), "{:?}", seen.iter().find(|seen| !seen.went_well()));
    let within = |seen: &Seen| seen.asked > from && seen.answered < until;
    let slowest = |what| longest(&seen, |seen| seen.what == what && within(seen)).as_secs_f64();
    figure(
        "failover",
        &format!(
            "a round trip of 200 ms: all were answered as ever, a read after {:.1} s at most, a write after {:.1} s, a login after \
             {:.1} s",
            slowest(What::Read),
            slowest(What::Write),
            slowest(What::Login),
        ),
    );
}
