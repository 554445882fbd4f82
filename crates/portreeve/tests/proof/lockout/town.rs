//! Accounts that are guessed at and logged in to from everywhere, and an administrator who opens them again.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    super::{
        clocks::Clock,
        fleet::Fleet,
        support::{Client, Place, wait_for},
    },
    CHEAP_HASH, LASTS, MINUTES, PASSWORD,
    judge::{COMMIT, Found, Login, Repair, Rules, judge},
    now, witness,
};

/// Of a hundred logins to each account, how many have the right password. Every other account's hash is cheap.
const RIGHT: [u8; 6] = [0, 0, 10, 30, 60, 95];
const GUESSERS: usize = 5;
/// Between two openings of accounts.
const REPAIR_PAUSE: Duration = Duration::from_millis(60);
/// What is under way in the database when a node dies is over by then.
const LAST_MOMENT: Duration = Duration::from_millis(200);
/// Where there is no answer, the node is most likely gone.
const PAUSE: Duration = Duration::from_millis(5);

/// A place, its nodes, and what happened there.
pub struct Town<'a> {
    place: &'a Place,
    pub fleet: Fleet<'a>,
    admin: Client,
    rules: Rules,
    ids: Vec<String>,
    logins: Mutex<Vec<Login>>,
    repairs: Mutex<Vec<Repair>>,
    answered: AtomicUsize,
}

fn name(account: usize) -> String {
    format!("guessed-{account}")
}

fn push<T>(list: &Mutex<Vec<T>>, item: T) {
    list.lock().unwrap_or_else(PoisonError::into_inner).push(item);
}

impl<'a> Town<'a> {
    /// With a node for each clock.
    pub fn new(place: &'a Place, clocks: Vec<Clock>, threshold: u32) -> Self {
        let fleet = Fleet::start(place, clocks);
        let admin = fleet.admin();
        admin.set_lockout(threshold.into(), MINUTES);
        witness::watch(place);
        let ids = (0..RIGHT.len()).map(|account| admin.create_user(&name(account), PASSWORD)).collect();
        let town = Self {
            place,
            fleet,
            admin,
            rules: Rules { threshold: threshold.into(), lasts: LASTS },
            ids,
            logins: Mutex::default(),
            repairs: Mutex::default(),
            answered: AtomicUsize::new(0),
        };
        (0..RIGHT.len()).for_each(|account| town.make_cheap(account));
        town
    }

    /// How many logins were answered so far.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Good logins replace the cheap hash.
    fn make_cheap(&self, account: usize) {
        if account.is_multiple_of(2) {
            self.sql(&format!("UPDATE accounts SET password_hash = '{CHEAP_HASH}' WHERE name = '{}'", name(account)));
        }
    }

    /// Says whether it was done: the database may be gone.
    fn sql(&self, sql: &str) -> bool {
        if self.place.is_shared() {
            self.place.try_sql(sql).is_ok()
        } else {
            self.place.sql(sql);
            true
        }
    }

    /// Guesses, logs in, and opens accounts until told to stop.
    pub fn live(&self, chance: &mut fastrand::Rng, stop: &AtomicBool) {
        std::thread::scope(|scope| {
            for _ in 0..GUESSERS {
                let mut chance = chance.fork();
                scope.spawn(move || {
                    let client = Client::new(self.fleet.url(0));
                    while !stop.load(Ordering::Relaxed) {
                        self.log_in(&client, &mut chance);
                    }
                });
            }
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(REPAIR_PAUSE);
                self.open(chance);
            }
        });
    }

    fn log_in(&self, client: &Client, chance: &mut fastrand::Rng) {
        let account = chance.usize(..RIGHT.len());
        let right = chance.u8(..100) < RIGHT[account];
        let password = if right { PASSWORD } else { "a wrong guess" };
        let client = client.at(self.fleet.url(chance.usize(..self.fleet.len())));
        let began = now();
        let answer = client.login_if_there("local", &name(account), password);
        let ended = now();
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        let request = answer.as_ref().and_then(|answer| answer.header("x-request-id")).unwrap_or_default().to_owned();
        push(&self.logins, Login { account: name(account), right, began, ended, status, request });
        if status == 0 {
            std::thread::sleep(PAUSE);
        } else {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Opens an account: an administrator does, its lock runs out, or it is made anew.
    fn open(&self, chance: &mut fastrand::Rng) {
        let account = chance.usize(..RIGHT.len());
        let admin = self.admin.at(self.fleet.url(chance.usize(..self.fleet.len())));
        let (from, way) = (now(), chance.u8(..5));
        let done = match way {
            0..2 => self.unlock(&admin, account),
            2 => self.make_anew(&admin, account),
            _ => self.sql(&format!(
                "UPDATE accounts SET lock_start = lock_start - {LASTS} WHERE name = '{}' AND lock_start > 0",
                name(account)
            )),
        };
        let to = if done { now() } else { now() + COMMIT };
        push(&self.repairs, Repair { account: name(account), from, to, anew: way == 2 });
        self.make_cheap(account);
    }

    /// Deletes it and makes it again with the same id, which takes until it is answered. Says that it was.
    fn make_anew(&self, admin: &Client, account: usize) -> bool {
        let id = &self.ids[account];
        let ask = |method: Method, path: &str, body: &Value| {
            let answer = admin.try_request(method, path, |request| request.json(body));
            answer.map_or(0, |answer| answer.status)
        };
        if ask(Method::DELETE, &format!("/local-users/{id}"), &Value::Null) != 204 {
            // The database may still be at it.
            std::thread::sleep(LAST_MOMENT);
        }
        let body =
            json!({"id": id, "name": name(account), "firstName": "First", "lastName": "Last", "password": PASSWORD});
        wait_for("an account that is made anew", || {
            // It may not have been deleted, or be there by an answer that was lost.
            let status = ask(Method::POST, "/local-users", &body);
            assert!([0, 200, 409, 503].contains(&status), "{status}");
            [200, 409].contains(&status).then_some(true)
        })
    }

    /// Says whether it was answered.
    fn unlock(&self, admin: &Client, account: usize) -> bool {
        let path = format!("/local-users/{}", self.ids[account]);
        let body = json!({"name": name(account), "firstName": "First", "lastName": "Last", "failedLoginAttempts": 0,
            "lockStart": Value::Null});
        let answer = admin.try_request(Method::PUT, &path, |request| request.json(&body));
        answer.is_ok_and(|answer| {
            assert!([200, 503].contains(&answer.status), "{answer:?}");
            answer.status == 200
        })
    }

    /// Everybody is let in again, and nothing is left of what was under way.
    pub fn comes_to_rest(&self) {
        for account in 0..RIGHT.len() {
            let (name, client) = (name(account), Client::new(self.fleet.url(0)));
            assert!(self.unlock(&self.admin, account), "all are well");
            for node in 0..self.fleet.len() {
                let answer = client.at(self.fleet.url(node)).insist("local", &name, PASSWORD);
                assert_eq!(answer.status, 200, "{name} at node {node}: {answer:?}");
            }
            // What died is put away by a good login after its lease.
            wait_for("an account with nothing under way", || {
                let left = format!("SELECT attempts_in_flight FROM accounts WHERE name = '{name}'");
                let answer = client.insist("local", &name, PASSWORD);
                assert_eq!(answer.status, 200, "{name}: {answer:?}");
                (self.place.number(&left) == 0).then_some(())
            });
        }
        let notes =
            "SELECT COUNT(*) FROM login_attempts l JOIN accounts a ON a.id = l.account_id WHERE a.kind <> 'decoy'";
        assert_eq!(self.place.number(notes), 0, "notes of attempts under way");
    }

    /// Holds everything that happened against what is promised. All were well until `calm_until`.
    pub fn judge(&self, calm_until: i64) -> (Found, usize) {
        let compared = self.fleet.compared();
        let sights = witness::sights(self.place);
        let logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        let repairs = self.repairs.lock().unwrap_or_else(PoisonError::into_inner);
        let found = judge(self.rules, &sights, &logins, &repairs, calm_until).unwrap_or_else(|wrong| panic!("{wrong}"));
        (found, usize::try_from(compared).expect("fits"))
    }
}
