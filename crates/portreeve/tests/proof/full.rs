//! The disk is full while the server works. What needs no room goes on, what needs some is refused and says why, nobody is let
//! in or compared uncounted; and when there is room again, all is as before without a restart.

use serde_json::json;

use super::{
    course::{figure, seeded, size},
    health::{is_sound, wait_for_writes},
    ledger::Ledger,
    machine::Machine,
    support::{Answer, Client, Server, all_at_once, place::tested_database, wait_for},
};

const PASSWORD: &str = "a password for machines";
const VERIFICATIONS: &str = "portreeve_password_verifications_total";
/// Wrong passwords that lock.
const THRESHOLD: u64 = 5;
/// Wrong passwords at once.
const GUESSES: usize = 12;
/// Logins with the right password, one after the other. With the one before them fewer than lock, as each whose end nobody could note
/// counts as a failure.
const LOGINS: usize = 3;
/// Bytes that are left at most when the disk is said to be full.
const REST: u64 = 200_000;

/// What was seen.
#[derive(Default)]
struct Seen {
    reads: u32,
    refused: u32,
    let_in: u32,
    compared: u64,
}

fn service_user(admin: &Client, name: &str) {
    admin.post("/service-users", &json!({"name": name, "password": PASSWORD})).ok();
}

/// A write that takes more room than what is there already.
fn write_much(admin: &Client, chance: &mut fastrand::Rng) -> Answer {
    let (name, notes) = (format!("much-{}", chance.u64(..)), "much ".repeat(800));
    admin.post("/local-users", &json!({"name": name, "firstName": "F", "lastName": "L", "notes": notes}))
}

/// People never lock here, as an attempt that nobody could note the end of counts as a failure.
fn set_lockout(admin: &Client) {
    for provider in admin.get("/identity-providers").ok()["data"].as_array().expect("a list") {
        let mut provider = provider.clone();
        let threshold = if provider["name"] == "service" { THRESHOLD } else { 100 };
        provider["userLockoutThreshold"] = json!(threshold);
        provider["userLockoutDurationMinutes"] = json!(60);
        admin.put(&format!("/identity-providers/{}", provider["id"].as_str().expect("an id")), &provider).ok();
    }
}

/// A refusal that says what is wrong, or, where the whole database is away, that it is.
#[track_caller]
fn says_why(answer: &Answer, may_be_away: bool) {
    let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
    let is_full = answer.status == 507 && message.contains("no room");
    let is_away = answer.status == 503 && message.contains("not available") || answer.is_in_doubt();
    assert!(is_full || may_be_away && is_away, "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}

/// Reads, and checks of tokens, go on.
fn read_on(admin: &Client, seen: &mut Seen) {
    for path in ["/local-users?range=0-9", "/service-users", "/administrative-roles", "/audit-logs?range=0-9"] {
        admin.get(path).ok();
        seen.reads += 1;
    }
    assert_eq!(admin.with_token("bm90IGEgdG9rZW4gb2Ygb3Vycw==").get("/local-users").status, 401);
}

/// Somebody who guesses, and somebody who knows, for one time of a full disk.
struct Callers {
    victim: String,
    friend: String,
    /// Guesses that were compared.
    compared: u64,
    /// Of logins that were let in.
    tokens: Vec<String>,
}

impl Callers {
    fn new(admin: &Client, chance: &mut fastrand::Rng) -> Self {
        let (victim, friend) = (format!("victim-{}", chance.u32(..)), format!("friend-{}", chance.u32(..)));
        service_user(admin, &victim);
        service_user(admin, &friend);
        Self { victim, friend, compared: 0, tokens: Vec::new() }
    }

    /// Logs in with the right password, guesses, and logs in again, while there is no room.
    fn knock(&mut self, server: &Server, may_be_away: bool, seen: &mut Seen) {
        let client = Client::new(&server.url);
        self.log_in(&client, may_be_away, seen);
        let before = server.count(VERIFICATIONS);
        let guessed = all_at_once(GUESSES, |_| client.try_login("service", &self.victim, "wrong"));
        self.compared = server.count(VERIFICATIONS) - before;
        guessed.iter().filter(|answer| answer.status != 401).for_each(|answer| says_why(answer, may_be_away));
        (0..LOGINS).for_each(|_| self.log_in(&client, may_be_away, seen));
        seen.compared += self.compared;
    }

    fn log_in(&mut self, client: &Client, may_be_away: bool, seen: &mut Seen) {
        let answer = client.try_login("service", &self.friend, PASSWORD);
        if answer.status == 200 {
            seen.let_in += 1;
            self.tokens.push(answer.json()["token"].as_str().expect("a token").to_owned());
        } else {
            says_why(&answer, may_be_away);
            seen.refused += 1;
        }
    }

    /// What was compared is counted, what was let in is in, and the lock comes when it is due.
    fn check(&self, machine: &Machine, server: &Server) {
        let client = Client::new(&server.url);
        let number = |what: &str| {
            machine.place.number(&format!("SELECT {what} FROM accounts WHERE name_key = '{}'", self.victim))
        };
        let counted = u64::try_from(number("failed_attempts + attempts_in_flight")).expect("is not negative");
        assert!(self.compared <= counted, "{} were compared, and {counted} are counted", self.compared);
        for token in &self.tokens {
            // It may do nothing, and is known.
            assert_eq!(client.with_token(token).get("/service-users").status, 403, "who was let in is in");
        }
        assert_eq!(client.insist("service", &self.friend, PASSWORD).status, 200);
        let before = server.count(VERIFICATIONS);
        wait_for("the lock", || {
            client.try_login("service", &self.victim, "wrong");
            (number("lock_start") > 0).then_some(())
        });
        let all = self.compared + server.count(VERIFICATIONS) - before;
        assert!(all <= THRESHOLD, "{all} were compared before the lock");
        assert_eq!(client.insist("service", &self.victim, PASSWORD).status, 401, "it is locked");
    }
}

/// One time of a full disk. Reads must go on, unless the whole database may be away.
fn fill(machine: &mut Machine, server: &Server, ledger: &mut Ledger, chance: &mut fastrand::Rng, seen: &mut Seen) {
    let admin = server.admin();
    let mut callers = Callers::new(&admin, chance);
    // What this session may do is found out anew when it is used next, as roles have changed.
    let unused = server.admin();
    admin.post("/administrative-roles", &json!({"name": format!("role of {}", callers.friend), "privileges": []})).ok();
    let reads_go_on = machine.database.is_none() || machine.log_is_elsewhere();
    // PostgreSQL takes no new connection where it cannot write a file for it.
    let may_be_away = machine.database.is_some();
    ledger.during(&admin, |acknowledged| {
        wait_for_writes(acknowledged, chance.u64(50..200));
        machine.disk.limit(Some(machine.disk.used() + chance.u64(..REST)));
        let refusal = wait_for("a write that there is no room for", || {
            Some(write_much(&admin, chance)).filter(|answer| answer.status != 200)
        });
        says_why(&refusal, may_be_away);
        if reads_go_on {
            unused.get("/local-users?range=0-0").ok();
        }
        for _ in 0..5 {
            if reads_go_on {
                read_on(&admin, seen);
            }
            seen.refused += u32::from(write_much(&admin, chance).status != 200);
        }
    });
    // Less than all that knock take.
    machine.disk.limit(Some(machine.disk.used() + chance.u64(..REST)));
    callers.knock(server, may_be_away, seen);
    machine.disk.limit(None);
    machine.restart();
    wait_for("a write that there is room for", || (write_much(&admin, chance).status == 200).then_some(()));
    ledger.during(&admin, |acknowledged| wait_for_writes(acknowledged, 50));
    callers.check(machine, server);
    ledger.check(&machine.place, &admin);
    is_sound(&machine.place);
}

fn run(machine: Option<Machine>, what: &str) {
    let mut chance = seeded("full");
    let Some(mut machine) = machine else { return };
    let server = Server::start(&machine.place);
    let admin = server.admin();
    set_lockout(&admin);
    let mut ledger = Ledger::open(&mut chance, &admin);
    let (mut seen, times) = (Seen::default(), size(1, 30));
    for _ in 0..times {
        fill(&mut machine, &server, &mut ledger, &mut chance, &mut seen);
    }
    let accounts = ledger.check_all(&machine.place).accounts;
    let Seen { reads, refused, let_in, compared } = seen;
    figure(
        "full",
        &format!(
            "{what} full {times} times during {} acknowledged writes, {accounts} accounts: none lost; meanwhile {reads} reads \
             answered, {refused} writes and logins refused, {let_in} let in and {compared} guesses compared, all of them counted",
            ledger.acknowledged()
        ),
    );
}

#[test]
fn a_full_disk_takes_nothing_and_loses_nothing() {
    run(Machine::new(), "the disk");
}

#[test]
fn full_tables_take_nothing_and_lose_nothing_while_the_log_has_room() {
    if tested_database().is_some() {
        run(Machine::with_log_elsewhere(), "the disk of the tables");
    }
}

#[test]
fn a_start_without_room_says_so_and_can_be_repeated() {
    let mut chance = seeded("full");
    let Some(mut machine) = Machine::new() else { return };
    let image = machine.disk.image();
    let before = machine.disk.used();
    let server = Server::start(&machine.place);
    let takes = machine.disk.used() - before;
    machine.crash(Some(server));
    let (mut refused, starts) = (0, size(8, 60));
    for number in 0..starts {
        machine.disk.put_back(&image);
        machine.restart();
        let room = if number == 0 { 0 } else { chance.u64(..takes) };
        machine.disk.limit(Some(machine.disk.used() + room));
        match Server::try_start(&machine.place) {
            Ok(server) => drop(server),
            Err(ended) => {
                refused += 1;
                assert_eq!(ended.code, Some(1), "{ended:?}");
                let says = ["no room left", "No space left"].iter().any(|why| ended.err.contains(why));
                assert!(says && !ended.out.contains("listening"), "with room for {room} bytes: {ended:?}");
            }
        }
        machine.disk.limit(None);
        machine.restart();
        let server = Server::start(&machine.place);
        // With everything in place it starts, and what can be read is read.
        let admin = server.admin();
        machine.crash(Some(server));
        machine.restart();
        machine.disk.limit(Some(machine.disk.used()));
        if machine.database.is_none() {
            let server = Server::start(&machine.place);
            admin.at(&server.url).get("/local-users").ok();
            let answer = write_much(&admin.at(&server.url), &mut chance);
            says_why(&answer, false);
        }
        machine.disk.limit(None);
        machine.crash(None);
    }
    assert!(refused > 0, "there was room each time");
    figure("full", &format!("{refused} of {starts} first starts without enough room ended with what was wrong"));
}
