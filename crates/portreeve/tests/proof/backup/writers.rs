//! Clients that write all the time, and note when each act was begun and when it was acknowledged; and whether what is there
//! of it is the state of one moment.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};

use super::super::support::{Client, Place, Stop, login};

const WRITERS: usize = 8;
/// Of each writer: five hundred acts a second in all, if the machine can.
const PACE: Duration = Duration::from_millis(16);
/// Accounts that a writer keeps: beyond that it deletes more.
const KEPT: usize = 100;
/// So many that there is nearly always an attempt under way.
const GUESSERS: usize = 2;
/// Wrong passwords for one account, which do not lock it.
const GUESSES: u64 = 4;
pub const PASSWORD: &str = "a password for writers";

/// Everything that was written.
pub struct Written {
    writers: Vec<Vec<Act>>,
    guesses: Vec<Act>,
}

struct Act {
    /// Of which account.
    name: String,
    what: What,
    began: Instant,
    acknowledged: Instant,
}

#[derive(Clone, PartialEq)]
enum What {
    Make,
    Change(String),
    Delete,
    LogIn,
    Guess,
}

/// From when to when something was done.
pub type Span = RangeInclusive<Instant>;

/// Lets all write while something else is done. Gives what that gave, and what was written.
pub fn during<T>(chance: &mut fastrand::Rng, admin: &Client, meanwhile: impl FnOnce(&AtomicU64) -> T) -> (T, Written) {
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let (writers, guesses): (Vec<_>, _) = ((0..WRITERS).map(|_| Mutex::new(Vec::new())).collect(), Mutex::default());
    for number in 0..WRITERS {
        admin.create_user(&format!("writer-{number}"), PASSWORD);
    }
    let given = std::thread::scope(|scope| {
        for (number, acts) in writers.iter().enumerate() {
            let (stop, count, chance) = (&stop, &count, fastrand::Rng::with_seed(chance.u64(..)));
            scope.spawn(move || Writer { number, admin, chance, there: Vec::new(), made: 0 }.write(acts, stop, count));
        }
        let (stop, guesses) = (&stop, &guesses);
        for number in 0..GUESSERS {
            scope.spawn(move || guess(number, admin, guesses, stop));
        }
        let _stop = Stop(stop);
        meanwhile(&count)
    });
    let inner = |acts: Mutex<Vec<Act>>| acts.into_inner().unwrap_or_else(PoisonError::into_inner);
    (given, Written { writers: writers.into_iter().map(inner).collect(), guesses: inner(guesses) })
}

struct Writer<'a> {
    number: usize,
    admin: &'a Client,
    chance: fastrand::Rng,
    /// Names and ids.
    there: Vec<(String, String)>,
    made: u32,
}

impl Writer<'_> {
    fn write(mut self, acts: &Mutex<Vec<Act>>, stop: &AtomicBool, count: &AtomicU64) {
        let mut next = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            let (name, what) = self.act();
            let act = Act { name, what, began, acknowledged: Instant::now() };
            acts.lock().expect("nobody panicked").push(act);
            count.fetch_add(1, Ordering::Relaxed);
            next = (next + PACE).max(Instant::now());
            std::thread::sleep(next - Instant::now());
        }
    }

    fn act(&mut self) -> (String, What) {
        match (self.chance.u8(..100), self.there.len()) {
            (0..5, _) => {
                let name = format!("writer-{}", self.number);
                ask(self.admin, Method::POST, "/login", &login("local", &name, PASSWORD));
                (name, What::LogIn)
            }
            (5..40, ..KEPT) | (_, 0) => {
                self.made += 1;
                let name = format!("w-{}-{}", self.number, self.made);
                let made = ask(self.admin, Method::POST, "/local-users", &account(&name, "new"));
                self.there.push((name.clone(), made["id"].as_str().expect("an id").to_owned()));
                (name, What::Make)
            }
            (40..85, count) => {
                let (name, id) = &self.there[self.chance.usize(..count)];
                let notes = format!("changed {}", self.chance.u64(..));
                ask(self.admin, Method::PUT, &format!("/local-users/{id}"), &account(name, &notes));
                (name.clone(), What::Change(notes))
            }
            (_, count) => {
                let (name, id) = self.there.swap_remove(self.chance.usize(..count));
                assert_eq!(self.admin.delete(&format!("/local-users/{id}")).status, 204);
                (name, What::Delete)
            }
        }
    }
}

/// Somebody who does not know the passwords.
fn guess(number: usize, admin: &Client, acts: &Mutex<Vec<Act>>, stop: &AtomicBool) {
    for account in 0.. {
        let name = format!("guessed-{number}-{account}");
        admin.create_user(&name, PASSWORD);
        for _ in 0..GUESSES {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let began = Instant::now();
            assert_eq!(admin.try_login("local", &name, "a wrong password").status, 401);
            let act = Act { name: name.clone(), what: What::Guess, began, acknowledged: Instant::now() };
            acts.lock().expect("nobody panicked").push(act);
        }
    }
}

fn account(name: &str, notes: &str) -> Value {
    json!({"name": name, "firstName": "F", "lastName": "L", "notes": notes, "tags": ["ledger"]})
}

fn ask(client: &Client, method: Method, path: &str, body: &Value) -> Value {
    client.request(method, path, |request| request.json(body)).ok()
}

/// How many of these acts must be in a state that was taken within a span of time, and how many may.
fn bounds<'a>(acts: impl Iterator<Item = &'a Act> + Clone, span: &Span) -> RangeInclusive<usize> {
    let before = acts.clone().filter(|act| act.acknowledged < *span.start()).count();
    before..=acts.filter(|act| act.began <= *span.end()).count()
}

/// What is there of a writer's accounts, as the audit log and the tables say it.
#[derive(Default, PartialEq, Debug)]
struct There {
    notes: BTreeMap<String, String>,
    acts: BTreeMap<(String, &'static str), usize>,
}

impl There {
    fn after(acts: &[Act]) -> Self {
        let mut there = Self::default();
        for Act { name, what, .. } in acts {
            let act = match what {
                What::Make => "create",
                What::Change(_) => "edit",
                What::Delete => "delete",
                What::LogIn => "login",
                What::Guess => continue,
            };
            *there.acts.entry((name.clone(), act)).or_default() += 1;
            match what {
                What::Make => drop(there.notes.insert(name.clone(), "new".into())),
                What::Change(notes) => drop(there.notes.insert(name.clone(), notes.clone())),
                What::Delete => drop(there.notes.remove(name)),
                What::LogIn | What::Guess => {}
            }
        }
        there
    }

    fn read(place: &Place, number: usize) -> Self {
        let own = format!("w-{number}-%");
        let notes = place.sql(&format!("SELECT name, notes FROM accounts WHERE name LIKE '{own}'"));
        let acts = place.sql(&format!(
            "SELECT object_name, act, COUNT(*) FROM audit_log WHERE outcome = 'done'
               AND (object_name LIKE '{own}' OR object_name = 'writer-{number}' AND act = 'login')
             GROUP BY object_name, act"
        ));
        let act = |act: &str| ["create", "edit", "delete", "login"].into_iter().find(|known| *known == act);
        Self {
            notes: notes.into_iter().map(|mut row| (row.remove(0), row.remove(0))).collect(),
            acts: acts
                .into_iter()
                .map(|row| ((row[0].clone(), act(&row[1]).expect("is known")), row[2].parse().expect("a number")))
                .collect(),
        }
    }
}

impl Written {
    /// How many acts there were.
    pub fn count(&self) -> usize {
        self.writers.iter().map(Vec::len).sum::<usize>() + self.guesses.len()
    }

    /// Whether what is there is the state of one moment in the span: of every writer the first so many acts, each of them
    /// whole, and no other. Gives how many acts are there.
    pub fn check(&self, place: &Place, span: &Span) -> usize {
        let mut all = 0;
        for (number, acts) in self.writers.iter().enumerate() {
            let there = There::read(place, number);
            // Each act is one row of the audit log.
            let count = there.acts.values().sum::<usize>();
            let bounds = bounds(acts.iter(), span);
            assert!(bounds.contains(&count), "writer {number}: {count} acts are there, and should be {bounds:?}");
            assert_eq!(there, There::after(&acts[..count]), "writer {number}, {count} acts");
            all += count;
        }
        let failed = "SELECT name, failed_attempts FROM accounts WHERE name LIKE 'guessed-%'";
        let there: BTreeMap<String, usize> =
            place.sql(failed).into_iter().map(|row| (row[0].clone(), row[1].parse().expect("a number"))).collect();
        let mut by_name: BTreeMap<&str, Vec<&Act>> = BTreeMap::new();
        for guess in &self.guesses {
            by_name.entry(&guess.name).or_default().push(guess);
        }
        for (name, guesses) in by_name {
            let (count, bounds) = (there.get(name).copied().unwrap_or(0), bounds(guesses.into_iter(), span));
            assert!(bounds.contains(&count), "{name}: {count} failures are there, and should be {bounds:?}");
            all += count;
        }
        all
    }
}
