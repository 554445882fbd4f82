//! A write or a sync of the disk fails, every one of them in turn, once or from then on. What is answered as done is saved, what
//! cannot be saved is refused or the program stops, and afterwards everything is as it should be.

use serde_json::json;

use super::{
    course::{figure, seeded, size},
    deeds::Deeds,
    disk::{Act, For, Image, Left},
    health::is_sound,
    machine::Machine,
    support::{ADMIN_PASSWORD, Client, Ended, Server, wait_for},
};

/// How long the log of the embedded database is when the course begins, so that it is moved into the database during it.
const LOG_BYTES: u64 = 4_050_000;

/// What fails, and for how long; the number says which.
const FAULTS: [(Act, For); 4] =
    [(Act::Write, For::Once), (Act::Write, For::Ever), (Act::Sync, For::Once), (Act::Sync, For::Ever)];

/// What happens after it has failed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    /// It is as good as new, and writes must come to be done without a restart. Then the power is lost.
    Heals,
    /// The program is killed, and another one finds what was written, whether it came to the disk or not: the kernel shows it all
    /// the same. When that one has written too, the power is lost.
    Ends,
}

/// A directory in the state from which each course begins.
struct Stage {
    machine: Machine,
    image: Image,
    admin: Client,
    deeds: Deeds,
}

/// What was seen.
#[derive(Default)]
struct Seen {
    courses: u32,
    acknowledged: u32,
    refused: u32,
    not_started: u32,
    stopped: u32,
}

impl Stage {
    fn set() -> Option<Self> {
        let mut machine = Machine::new()?;
        let server = Server::start(&machine.place);
        let admin = server.admin();
        let deeds = Deeds::prepare(&admin);
        if machine.database.is_none() {
            let log = machine.place.path().join("portreeve.db-wal");
            let mut made = 0;
            while std::fs::metadata(&log).map_or(0, |log| log.len()) < LOG_BYTES {
                made += 1;
                let notes = "filling ".repeat(400);
                let user =
                    json!({"name": format!("filling-{made}"), "firstName": "F", "lastName": "L", "notes": notes});
                admin.post("/local-users", &user).ok();
            }
        }
        machine.crash(Some(server));
        let image = machine.disk.image();
        Some(Self { machine, image, admin, deeds })
    }

    /// How many of each a course makes, from the start of the program on.
    fn count(&mut self) -> [u64; 2] {
        let acts = [Act::Write, Act::Sync];
        self.machine.disk.put_back(&self.image);
        self.machine.restart();
        let before = acts.map(|act| self.machine.disk.count(act));
        let server = Server::start(&self.machine.place);
        let mut deeds = self.deeds.again();
        deeds.run(&self.admin.at(&server.url));
        self.machine.checkpoint();
        let after = acts.map(|act| self.machine.disk.count(act));
        assert_eq!(deeds.refused(), [""; 0], "nothing has failed");
        self.machine.crash(Some(server));
        [after[0] - before[0], after[1] - before[1]]
    }

    /// One course in which one fails.
    fn course(&mut self, act: Act, number: u64, time: For, then: Then, seen: &mut Seen) {
        let machine = &mut self.machine;
        machine.disk.put_back(&self.image);
        machine.restart();
        machine.disk.fail(act, number, time);
        let mut deeds = self.deeds.again();
        let mut server = match Server::try_start(&machine.place) {
            Ok(server) => Some(server),
            Err(ended) => {
                says_why(&ended);
                seen.not_started += 1;
                None
            }
        };
        if let Some(server) = &mut server {
            let admin = self.admin.at(&server.url);
            deeds.run(&admin);
            machine.checkpoint();
            if !server.is_running() {
                seen.stopped += 1;
            } else if then == Then::Heals {
                machine.disk.heal();
                // PostgreSQL ends when it cannot write, and whoever watches over it starts it again. We are not started again.
                machine.restart();
                deeds.finish(&admin);
            }
            if !deeds.refused().is_empty() && machine.database.is_none() {
                wait_for("the cause in the log", || server.log().contains("disk I/O error").then_some(()));
            }
        }
        seen.courses += 1;
        seen.acknowledged += deeds.acknowledged();
        seen.refused += u32::try_from(deeds.refused().len()).expect("is small");
        machine.crash(server);
        machine.disk.heal();
        if then == Then::Heals {
            machine.disk.cut_power();
            machine.light(Left::Nothing);
        } else {
            machine.restart();
        }
        let mut server = Server::start(&machine.place);
        deeds.check(&machine.place, &self.admin.at(&server.url));
        if then == Then::Ends {
            deeds.finish(&self.admin.at(&server.url));
            machine.lose_power(server, Left::Nothing);
            server = Server::start(&machine.place);
            deeds.check(&machine.place, &self.admin.at(&server.url));
        }
        is_sound(&machine.place);
        machine.crash(Some(server));
    }
}

/// It did not come to serve, and says what was wrong.
#[track_caller]
fn says_why(ended: &Ended) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    // Of PostgreSQL it may know no more than that it has gone.
    let says = ["disk I/O error", "Input/output error", "unable to open", "the database is not available"];
    assert!(says.iter().any(|why| ended.err.contains(why)), "{ended:?}");
}

#[test]
fn what_the_disk_did_not_take_is_not_answered_as_done() {
    let mut chance = seeded("errors");
    let Some(mut stage) = Stage::set() else { return };
    let counted = stage.count();
    let mut seen = Seen::default();
    for (act, time) in FAULTS {
        let all = counted[act as usize];
        // Each of them in full, and a few otherwise. What PostgreSQL does takes longer, and is not quite the same each time.
        let few = size(if stage.machine.database.is_some() { 1 } else { 4 }, usize::MAX);
        let step = (all / few as u64).max(1);
        let mut number = if step == 1 { 1 } else { chance.u64(1..=step) };
        while number <= all {
            let mut both = [Then::Heals, Then::Ends];
            chance.shuffle(&mut both);
            for then in both.into_iter().take(size(1, 2)) {
                stage.course(act, number, time, then, &mut seen);
            }
            number += step;
        }
    }
    let Seen { courses, acknowledged, refused, not_started, stopped } = seen;
    figure(
        "errors",
        &format!(
            "{courses} courses of {} writes and {} syncs, in each of which one fails, or all from one on: {acknowledged} \
             writes acknowledged, and all of them there; {refused} refused; {not_started} starts that could not be, \
             {stopped} programs that stopped",
            counted[0], counted[1]
        ),
    );
}

#[test]
fn a_first_start_that_cannot_write_says_so_and_can_be_repeated() {
    let mut chance = seeded("errors");
    let Some(mut machine) = Machine::new() else { return };
    if machine.database.is_some() {
        // Its first start is its makers' to try.
        return;
    }
    let image = machine.disk.image();
    let start = |machine: &Machine| Server::try_start_with(&machine.place, |command| command.arg("--tls-self-signed"));
    let server = start(&machine).expect("starts");
    let counted = [Act::Write, Act::Sync].map(|act| machine.disk.count(act));
    machine.crash(Some(server));
    let (mut starts, mut refused) = (0, 0);
    for (act, time) in FAULTS {
        let all = counted[act as usize];
        let step = size(usize::try_from(all).expect("is small") / 4, 1) as u64;
        for number in (chance.u64(1..=step)..=all).step_by(usize::try_from(step).expect("is small")) {
            machine.disk.put_back(&image);
            machine.disk.fail(act, number, time);
            starts += 1;
            match start(&machine) {
                Ok(server) => machine.crash(Some(server)),
                Err(ended) => {
                    says_why(&ended);
                    refused += 1;
                }
            }
            machine.disk.heal();
            if chance.bool() {
                machine.disk.cut_power();
                machine.light(Left::Nothing);
            }
            let server = start(&machine).unwrap_or_else(|ended| panic!("{act:?} {number} {time:?}: {ended:?}"));
            server.trusted(&machine.place).logged_in("local", "admin", ADMIN_PASSWORD);
            is_sound(&machine.place);
            machine.crash(Some(server));
        }
    }
    figure(
        "errors",
        &format!(
            "{starts} first starts of {} writes and {} syncs: {refused} ended with what was wrong, and all could be repeated",
            counted[0], counted[1]
        ),
    );
}

/// Commits that fail begin where the last good one ended, so that what a long one has written is there behind a shorter one.
#[test]
fn what_failed_commits_have_left_in_the_log_is_not_taken_for_damage() {
    let Some(mut machine) = Machine::new() else { return };
    if machine.database.is_some() {
        return;
    }
    let server = Server::start(&machine.place);
    let admin = server.admin();
    let path = format!("/local-users/{}", admin.create_user("bobby", "a password for bobby"));
    machine.crash(Some(server));
    let before = machine.disk.image();
    for lengths in [[40, 20, 10, 0], [20, 40, 0, 10], [40, 30, 20, 20]] {
        machine.disk.put_back(&before);
        let server = Server::start(&machine.place);
        machine.disk.fail(Act::Sync, 1, For::Ever);
        for (number, length) in lengths.into_iter().enumerate() {
            let tags: Vec<String> = (0..length).map(|tag| format!("tag-{number}-{tag}")).collect();
            let (name, notes) = (format!("long-{number}"), "long ".repeat(length * 20));
            let body = json!({"name": name, "firstName": "F", "lastName": "L", "notes": notes, "tags": tags});
            assert_eq!(admin.at(&server.url).post("/local-users", &body).status, 503);
        }
        machine.crash(Some(server));
        machine.disk.heal();
        let left = machine.disk.image();
        for dark in [false, true] {
            machine.disk.put_back(&left);
            if dark {
                machine.disk.cut_power();
                machine.light(Left::Nothing);
            }
            let server = Server::start(&machine.place);
            admin.at(&server.url).get(&path).ok();
            is_sound(&machine.place);
            machine.crash(Some(server));
        }
    }
}
