//! Clients that ask on and on, and note when they asked, how long it took, and what they were told.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};

use super::super::support::{Answer, Client, Stop, login};

const PASSWORD: &str = "a password for watchers";
/// Between two requests of one client.
const PAUSE: Duration = Duration::from_millis(20);

/// A request and what came of it.
#[derive(Debug)]
pub struct Seen {
    pub what: What,
    pub asked: Instant,
    pub answered: Instant,
    /// An error if there was no answer.
    pub told: Result<Answer, String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What {
    Alive,
    Ready,
    /// An account, which also takes a token that is checked.
    Read,
    Write,
    /// With the right password.
    Login,
    /// With a wrong one.
    Guess,
}

const ALL: [What; 6] = [What::Alive, What::Ready, What::Read, What::Write, What::Login, What::Guess];

impl Seen {
    pub fn status(&self) -> u16 {
        self.told.as_ref().map_or(0, |answer| answer.status)
    }

    pub fn took(&self) -> Duration {
        self.answered - self.asked
    }

    /// Whether it went as on any other day.
    pub fn went_well(&self) -> bool {
        self.status() == if self.what == What::Guess { 401 } else { 200 }
    }

    /// It was done, or said to be impossible at the moment, in the form in which that is said.
    #[track_caller]
    pub fn is_sound(&self) {
        let Ok(answer) = &self.told else { panic!("no answer: {self:?}") };
        if self.went_well() {
            return;
        }
        assert!(answer.status == 503 && answer.header("retry-after").is_some(), "{self:?}");
        let id = answer.json()["id"].clone();
        assert!(id == "service unavailable" || id == "in doubt", "{self:?}");
    }

    pub fn is_in_doubt(&self) -> bool {
        self.told.as_ref().is_ok_and(Answer::is_in_doubt)
    }
}

/// Lets several clients of each kind ask while something else is done. Gives what that gave, and what was seen.
pub fn during<T>(admin: &Client, meanwhile: impl FnOnce() -> T) -> (T, Vec<Seen>) {
    // Who knows a password is not to be refused for what others guess, nor are writers to be in each other's way.
    let names = ["watched", "guessed", "written-0", "written-1"];
    let ids = names.map(|name| admin.create_user(name, PASSWORD));
    let (stop, seen) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let given = std::thread::scope(|scope| {
        for (number, what) in ALL.into_iter().chain(ALL).enumerate() {
            let (stop, seen, ids) = (&stop, &seen, &ids);
            let own = 2 + number / ALL.len();
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let asked = Instant::now();
                    let told = ask(admin, what, names[own], &ids[own]);
                    let one = Seen { what, asked, answered: Instant::now(), told };
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                    std::thread::sleep(PAUSE);
                }
            });
        }
        let _stop = Stop(&stop);
        meanwhile()
    });
    for id in ids {
        assert_eq!(admin.delete(&format!("/local-users/{id}")).status, 204);
    }
    (given, seen.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// One request, as for the account of a writer.
fn ask(admin: &Client, what: What, name: &str, id: &str) -> Result<Answer, String> {
    let account = format!("/local-users/{id}");
    let (method, path, body): (_, _, Option<Value>) = match what {
        What::Alive => (Method::GET, "/healthz", None),
        What::Ready => (Method::GET, "/readyz", None),
        What::Read => (Method::GET, &account, None),
        What::Write => {
            (Method::PUT, &account, Some(json!({"name": name, "firstName": "F", "lastName": "L", "tags": ["watched"]})))
        }
        What::Login => (Method::POST, "/login", Some(login("local", "watched", PASSWORD))),
        What::Guess => (Method::POST, "/login", Some(login("local", "guessed", "a guess"))),
    };
    let answer = admin.try_request(method, path, |request| match &body {
        Some(body) => request.json(body),
        None => request,
    });
    answer.map_err(|error| format!("{error:?}"))
}

/// How long the slowest of some took.
pub fn longest(seen: &[Seen], of: impl Fn(&Seen) -> bool) -> Duration {
    seen.iter().filter(|seen| of(seen)).map(Seen::took).max().expect("some were seen")
}
