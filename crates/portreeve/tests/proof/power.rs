//! The machine loses its power in the middle of writes, again and again: the program is gone, the database too, and of what was
//! not synced, all or some. What was acknowledged is there once and whole, and the next start serves.

use std::time::Duration;

use super::{
    course::{figure, seeded, size},
    disk::Left,
    health::{Starts, is_sound, kill_a_start, wait_for_writes},
    ledger::Ledger,
    machine::Machine,
    support::{ADMIN_PASSWORD, Server, wait_for},
};

/// Acknowledged writes between two losses of power, about.
const WRITES: u64 = 500;
/// How long a start may take at most.
const READY: Duration = Duration::from_secs(2);
/// How long a start that is cut off too may have taken.
const STARTING_MILLISECONDS: u64 = 60;
/// A start that loses its power too. The embedded database's: PostgreSQL's own starts are its makers' to try.
fn cut_a_start(machine: &mut Machine, flags: &[&str], chance: &mut fastrand::Rng) {
    let after = Duration::from_millis(chance.u64(..STARTING_MILLISECONDS));
    kill_a_start(&machine.place, flags, after, || machine.disk.cut_power());
    machine.light(Left::by(chance));
}

#[test]
fn what_was_acknowledged_before_a_loss_of_power_is_there() {
    let mut chance = seeded("power");
    let Some(mut machine) = Machine::new() else { return };
    let mut starts = Starts::default();
    let mut server = starts.start(&machine.place);
    let mut admin = server.admin();
    let mut ledger = Ledger::open(&mut chance, &admin);
    let (mut in_doubt, mut done) = (0, 0);
    let cuts = size(if machine.database.is_some() { 2 } else { 6 }, 200);
    for _ in 0..cuts {
        let writes = chance.u64(1..2 * WRITES);
        ledger.during(&admin, |acknowledged| {
            wait_for_writes(acknowledged, writes);
            // Not where an answer has just been read.
            std::thread::sleep(Duration::from_micros(chance.u64(..3_000)));
            machine.lose_power(server, Left::by(&mut chance));
        });
        if machine.database.is_none() && chance.bool() {
            cut_a_start(&mut machine, &[], &mut chance);
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
    if size(0, 1) == 1 {
        // In full it is a released program, which has this duty.
        assert!(starts.longest() < READY, "{:?} until it was ready", starts.longest());
    }
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
    // It makes a key of its own too.
    let flags = ["--tls-self-signed"];
    for round in 0..size(6, 100) {
        let Some(mut machine) = Machine::new() else { return };
        if machine.database.is_some() {
            return;
        }
        for _ in 0..round % 3 {
            cut_a_start(&mut machine, &flags, &mut chance);
        }
        let start = |machine: &Machine| {
            let server = Server::start_with(&machine.place, |command| command.args(flags));
            let admin = server.trusted(&machine.place).logged_in("local", "admin", ADMIN_PASSWORD);
            (server, admin)
        };
        let (server, admin) = start(&machine);
        let user = admin.create_user("bobby", "a password for bobby");
        machine.lose_power(server, Left::by(&mut chance));
        let (_server, admin) = start(&machine);
        assert_eq!(admin.get(&format!("/local-users/{user}")).ok()["name"], "bobby");
        is_sound(&machine.place);
    }
}
