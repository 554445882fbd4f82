//! The program, the database, or both are killed in the middle of writes, again and again. What was acknowledged is there
//! once and whole, and the next start serves.

use std::time::Duration;

use super::{
    course::{figure, seeded, size},
    health::{Starts, is_sound, kill_a_start, wait_for_writes},
    ledger::Ledger,
    postgres::Postgres,
    support::{Place, place::tested_database, wait_for},
};

/// Acknowledged writes between two kills, about.
const WRITES: u64 = 550;
/// How long a start that is killed too may have taken.
const STARTING_MILLISECONDS: u64 = 25;

/// What is killed.
#[derive(Clone, Copy, PartialEq)]
enum Victim {
    Program,
    Database,
    Both,
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there() {
    let mut chance = seeded("crash");
    let mut database = tested_database().map(|_| Postgres::start());
    let place = database.as_ref().map_or_else(Place::folder, |database| Place::on(&database.url()));
    let mut starts = Starts::default();
    let mut server = Some(starts.start(&place));
    let mut admin = server.as_ref().expect("was started").admin();
    let mut ledger = Ledger::open(&mut chance, &admin);
    let (mut in_doubt, mut done) = (0, 0);
    let kills = size(8, 200);
    for _ in 0..kills {
        let victim = match (&database, chance.u8(..3)) {
            (None, _) | (_, 0) => Victim::Program,
            (_, 1) => Victim::Database,
            _ => Victim::Both,
        };
        let writes = chance.u64(1..2 * WRITES);
        ledger.during(&admin, |acknowledged| {
            wait_for_writes(acknowledged, writes);
            // Not where an answer has just been read.
            std::thread::sleep(Duration::from_micros(chance.u64(..3_000)));
            if victim != Victim::Database {
                server.take().expect("is there").crash();
            }
            if let Some(database) = database.as_mut().filter(|_| victim != Victim::Program) {
                database.kill();
                database.restart();
            }
        });
        if server.is_none() {
            if chance.bool() {
                kill_a_start(&place, &[], Duration::from_millis(chance.u64(..STARTING_MILLISECONDS)), || {});
            }
            server = Some(starts.start(&place));
        }
        let url = &server.as_ref().expect("was started").url;
        admin = admin.at(url);
        wait_for("a server that is ready", || (admin.get("/readyz").status == 200).then_some(()));
        let checked = ledger.check(&place, &admin);
        in_doubt += checked.in_doubt;
        done += checked.done;
    }
    let accounts = ledger.check_all(&place).accounts;
    is_sound(&place);
    figure(
        "crash",
        &format!(
            "{kills} kills during {} acknowledged writes: none lost, none doubled, {accounts} accounts; \
             {in_doubt} writes without an answer, of which {done} were done; {}",
            ledger.acknowledged(),
            starts.tell(),
        ),
    );
}
