//! The machine loses its power in the middle of writes, again and again: the program is gone, the database too, and of what was
//! not synced, all or some. What was acknowledged is there once and whole, and the next start serves.

use std::{fs, time::Duration};

use super::{
    course::{figure, seeded, size},
    disk::{Disk, Left},
    health::{Starts, is_sound, kill_a_start, wait_for_writes},
    ledger::Ledger,
    postgres::Postgres,
    support::{Place, Server, wait_for},
};

/// Acknowledged writes between two losses of power, about.
const WRITES: u64 = 500;
/// How long a start that is cut off too may have taken.
const STARTING_MILLISECONDS: u64 = 60;
/// Small, so that whatever is done now and then is done often.
const SMALL: [&str; 3] = ["max_wal_size=16MB", "min_wal_size=4MB", "checkpoint_timeout=30s"];

/// A disk, and what is on it.
struct Machine {
    disk: Disk,
    database: Option<Postgres>,
    place: Place,
    chance: fastrand::Rng,
}

impl Machine {
    fn new(chance: fastrand::Rng) -> Option<Self> {
        let disk = Disk::new()?;
        let database = std::env::var_os("TEST_DATABASE_URL").map(|_| {
            let folder = disk.path().join("postgres");
            fs::create_dir(&folder).expect("is made");
            let database = Postgres::start_in(&folder, &["--wal-segsize=1"], &SMALL);
            // How PostgreSQL is installed is not what is tried here.
            disk.settle();
            database
        });
        let place = match &database {
            Some(database) => Place::on(&database.url()),
            None => Place::at(&disk.path().join("portreeve-data")),
        };
        Some(Self { disk, database, place, chance })
    }

    /// Everything goes dark at the same moment.
    fn lose_power(&mut self, server: Server) {
        self.disk.cut_power();
        server.crash();
        if let Some(database) = &mut self.database {
            database.kill();
        }
        self.light();
    }

    fn light(&mut self) {
        let left = if self.chance.bool() { Left::Nothing } else { Left::Some(&mut self.chance) };
        self.disk.restore_power(left);
        if let Some(database) = &mut self.database {
            database.restart();
        }
    }

    /// A start that loses its power too. The embedded database's: PostgreSQL's own starts are its makers' to try.
    fn cut_a_start(&mut self) {
        let after = Duration::from_millis(self.chance.u64(..STARTING_MILLISECONDS));
        kill_a_start(&self.place, after, || self.disk.cut_power());
        self.light();
    }
}

#[test]
fn what_was_acknowledged_before_a_loss_of_power_is_there() {
    let mut chance = seeded("power");
    let Some(mut machine) = Machine::new(chance.fork()) else { return };
    let mut starts = Starts::default();
    let mut server = starts.start(&machine.place);
    let mut admin = server.admin();
    let mut ledger = Ledger::open(&mut chance, &admin);
    let (mut in_doubt, mut done) = (0, 0);
    let cuts = if machine.database.is_some() { size(2, 40) } else { size(6, 200) };
    for _ in 0..cuts {
        let writes = chance.u64(1..2 * WRITES);
        ledger.during(&admin, |acknowledged| {
            wait_for_writes(acknowledged, writes);
            // Not where an answer has just been read.
            std::thread::sleep(Duration::from_micros(chance.u64(..3_000)));
            machine.lose_power(server);
        });
        if machine.database.is_none() && chance.bool() {
            machine.cut_a_start();
        }
        server = starts.start(&machine.place);
        admin = admin.at(&server.url);
        wait_for("a server that is ready", || (admin.get("/readyz").status == 200).then_some(()));
        let checked = ledger.check(&machine.place, &admin);
        is_sound(&machine.place);
        in_doubt += checked.in_doubt;
        done += checked.done;
    }
    let accounts = ledger.check_all(&machine.place).accounts;
    // A program that was not built for speed has no such duty.
    let most = Duration::from_secs(size(60, 2) as u64);
    assert!(starts.longest() < most, "{:?} until it was ready", starts.longest());
    figure(
        "power",
        &format!(
            "{cuts} losses of power during {} acknowledged writes: none lost, none doubled, {accounts} accounts; \
             {in_doubt} writes without an answer, of which {done} were done; {}",
            ledger.acknowledged(),
            starts.tell(),
        ),
    );
}

#[test]
fn a_first_start_that_loses_power_leaves_nothing_half_done() {
    let mut chance = seeded("power");
    for round in 0..size(3, 60) {
        let Some(mut machine) = Machine::new(chance.fork()) else { return };
        if machine.database.is_some() {
            return;
        }
        for _ in 0..round % 3 {
            machine.cut_a_start();
        }
        let server = Server::start(&machine.place);
        let user = server.admin().create_user("bobby", "a password for bobby");
        machine.lose_power(server);
        let server = Server::start(&machine.place);
        assert_eq!(server.admin().get(&format!("/local-users/{user}")).ok()["name"], "bobby");
        is_sound(&machine.place);
    }
}
