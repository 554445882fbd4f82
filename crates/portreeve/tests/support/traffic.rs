//! Steady traffic of every kind, of which no request may fail.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, Place, Stop, login};

/// Between two requests of one client: the traffic is to go on, not to be as much as possible.
const PAUSE: Duration = Duration::from_millis(4);
const PASSWORD: &str = "a password for bobby";

/// What was answered, and what was not.
#[derive(Default)]
pub struct Traffic {
    stop: AtomicBool,
    failed: Mutex<Vec<String>>,
    answered: [AtomicUsize; KINDS],
    /// What was written and acknowledged: ids, and what stands there.
    written: Mutex<Vec<(String, String)>>,
}

/// Checks of tokens, reads, logins, writes.
const KINDS: usize = 4;
/// How many clients do each.
const CLIENTS: usize = 2;

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Traffic {
    /// Lets it flow while something else is done. Gives what that gave, and the traffic to look at.
    pub fn during<T>(url: &str, admin: &Client, meanwhile: impl FnOnce(&Self) -> T) -> (T, Self) {
        let traffic = Self::default();
        let bobby = admin.create_user("bobby", PASSWORD);
        let given = std::thread::scope(|scope| {
            let (traffic, bobby) = (&traffic, &bobby);
            for number in 0..KINDS * CLIENTS {
                scope.spawn(move || {
                    let client = Client::new(url).with_token(admin.token());
                    for turn in 0.. {
                        if traffic.stop.load(Ordering::Relaxed) {
                            return;
                        }
                        traffic.one(&client, number, turn, bobby);
                        std::thread::sleep(PAUSE);
                    }
                });
            }
            let _stop = Stop(&traffic.stop);
            meanwhile(traffic)
        });
        (given, traffic)
    }

    fn one(&self, client: &Client, number: usize, turn: usize, bobby: &str) {
        let kind = number % KINDS;
        match kind {
            0 => drop(self.ask(kind, client, Method::GET, "/audit-logs?range=0-0", None)),
            1 => drop(self.ask(kind, client, Method::GET, &format!("/local-users/{bobby}"), None)),
            2 => drop(self.ask(kind, client, Method::POST, "/login", Some(&login("local", "bobby", PASSWORD)))),
            _ => {
                let name = format!("made-{number}-{turn}");
                let mut user = json!({"name": name, "firstName": "F", "lastName": "L", "notes": "new"});
                let Some(made) = self.ask(kind, client, Method::POST, "/local-users", Some(&user)) else { return };
                let id = made["id"].as_str().expect("an id").to_owned();
                user["notes"] = json!(name);
                let changed = self.ask(kind, client, Method::PUT, &format!("/local-users/{id}"), Some(&user));
                locked(&self.written).push((id, if changed.is_some() { name } else { "new".into() }));
            }
        }
    }

    /// One request: what was answered, if that is what is to be answered.
    fn ask(&self, kind: usize, client: &Client, method: Method, path: &str, body: Option<&Value>) -> Option<Value> {
        let answer = client.try_request(method.clone(), path, |request| match body {
            Some(body) => request.json(body),
            None => request,
        });
        match answer {
            Ok(answer) if answer.status == 200 => {
                self.answered[kind].fetch_add(1, Ordering::Relaxed);
                Some(answer.json())
            }
            other => {
                locked(&self.failed).push(format!("{method} {path}: {other:?}"));
                None
            }
        }
    }

    /// How many requests of each kind were answered so far.
    pub fn answered(&self) -> [usize; KINDS] {
        self.answered.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Nothing failed, and everything that was acknowledged is there.
    #[track_caller]
    pub fn was_whole(&self, place: &Place) {
        let failed = locked(&self.failed);
        assert!(
            failed.is_empty(),
            "{} failed, of {:?}: {:#?}",
            failed.len(),
            self.answered(),
            &failed[..failed.len().min(5)]
        );
        let rows = place.sql("SELECT id, notes FROM accounts WHERE name LIKE 'made-%'");
        let rows: std::collections::BTreeMap<String, &String> =
            rows.iter().map(|row| (row[0].trim_start_matches("\\x").to_owned(), &row[1])).collect();
        for (id, notes) in locked(&self.written).iter() {
            assert_eq!(rows.get(&id.replace('-', "")), Some(&notes), "{id} was acknowledged");
        }
        assert!(self.answered().iter().all(|count| *count > 10), "{:?}", self.answered());
    }
}
