//! What several clients were told that they had written, and whether it is there: all of it, once, and whole.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    belongings::Belongings,
    support::{Client, Place, Stop, login},
};

const WRITERS: usize = 8;
const PASSWORD: &str = "a password for writers";
/// Where there is no answer, the server is most likely gone.
const PAUSE: Duration = Duration::from_millis(5);
/// Sessions of each writer that are looked at again and again.
const SESSIONS: usize = 20;

/// What was written in all rounds, by what was answered.
pub struct Ledger {
    writers: Vec<Writer>,
    round: u32,
    acknowledged: AtomicU64,
}

/// What a check has found.
#[derive(Debug, Default, Clone, Copy)]
pub struct Checked {
    /// Accounts that are there.
    pub accounts: usize,
    /// Writes of which nobody was told how they ended.
    pub in_doubt: usize,
    /// Those of them that were done.
    pub done: usize,
}

struct Writer {
    number: usize,
    chance: fastrand::Rng,
    made: u32,
    entries: BTreeMap<String, Entry>,
    sessions: Vec<Session>,
    belongings: Belongings,
}

/// An account as its writer was told that it is.
struct Entry {
    id: String,
    notes: String,
    edits: u64,
    gone: bool,
    doubt: Option<Doubt>,
}

/// The last thing that was asked for, if it was not answered.
enum Doubt {
    Made,
    Changed(String),
    Deleted,
}

struct Session {
    token: String,
    /// Nothing if the end was asked for and not answered.
    open: Option<bool>,
}

/// What came of a request.
pub enum Told {
    Done(Value),
    /// It was sent, and nobody was told how it ended.
    Unknown,
    NotSent,
}

impl Ledger {
    /// Makes an account for each writer to log in with, and what each has besides.
    pub fn open(chance: &mut fastrand::Rng, admin: &Client) -> Self {
        let writer = |number| {
            admin.create_user(&writer_name(number), PASSWORD);
            let chance = fastrand::Rng::with_seed(chance.u64(..));
            let belongings = Belongings::make(admin, number);
            Writer { number, chance, made: 0, entries: BTreeMap::new(), sessions: Vec::new(), belongings }
        };
        Self { writers: (0..WRITERS).map(writer).collect(), round: 0, acknowledged: AtomicU64::new(0) }
    }

    /// Lets all writers write while something else is done.
    pub fn during<T>(&mut self, admin: &Client, meanwhile: impl FnOnce(&AtomicU64) -> T) -> T {
        let stop = AtomicBool::new(false);
        let (round, acknowledged) = (self.round, &self.acknowledged);
        std::thread::scope(|scope| {
            for writer in &mut self.writers {
                let stop = &stop;
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        writer.act(admin, round, acknowledged);
                    }
                });
            }
            let _stop = Stop(&stop);
            meanwhile(acknowledged)
        })
    }

    /// Writes that were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Compares what was written since the last time with what is there, settles the doubts by it, and begins a round.
    pub fn check(&mut self, place: &Place, client: &Client) -> Checked {
        let checked = self.compare(place, &format!("ledger-{}-", self.round));
        for writer in &mut self.writers {
            writer.check_sessions(client);
            writer.belongings.check(place, client);
        }
        self.round += 1;
        checked
    }

    /// Compares all that was ever written with what is there.
    pub fn check_all(&mut self, place: &Place) -> Checked {
        self.compare(place, "ledger-")
    }

    fn compare(&mut self, place: &Place, prefix: &str) -> Checked {
        let mut there: BTreeMap<String, String> = place
            .sql(&format!("SELECT name, notes FROM accounts WHERE name LIKE '{prefix}%'"))
            .into_iter()
            .map(|mut row| (row.remove(0), row.remove(0)))
            .collect();
        let acts: BTreeMap<(String, String), u64> = place
            .sql(&format!(
                "SELECT object_name, act, COUNT(*) FROM audit_log
                 WHERE object_name LIKE '{prefix}%' AND outcome = 'done' GROUP BY object_name, act"
            ))
            .into_iter()
            .map(|mut row| ((row.remove(0), row.remove(0)), row[0].parse().expect("a number")))
            .collect();
        let half = place.sql(&format!(
            "SELECT name FROM accounts WHERE name LIKE '{prefix}%'
             AND (SELECT COUNT(*) FROM object_tags WHERE object_id = accounts.id) <> 1"
        ));
        assert!(half.is_empty(), "without their tag, or with it twice: {half:?}");
        let mut checked = Checked { accounts: there.len(), ..Checked::default() };
        for writer in &mut self.writers {
            writer.entries.retain(|name, entry| {
                if !name.starts_with(prefix) {
                    return true;
                }
                let count = |act: &str| acts.get(&(name.clone(), act.to_owned())).copied().unwrap_or(0);
                entry.settle(name, there.remove(name), count, &mut checked)
            });
        }
        assert!(there.is_empty(), "nobody asked for, or was told to be gone: {there:?}");
        checked
    }
}

fn writer_name(number: usize) -> String {
    format!("writer-{number}")
}

impl Entry {
    /// Holds it against what is there. Gives whether it was ever made.
    #[track_caller]
    fn settle(
        &mut self,
        name: &str,
        there: Option<String>,
        count: impl Fn(&str) -> u64,
        checked: &mut Checked,
    ) -> bool {
        let done = match (&self.doubt, &there) {
            (None, _) => false,
            (Some(Doubt::Made), there) => there.is_some(),
            (Some(Doubt::Changed(to)), there) => there.as_ref() == Some(to),
            (Some(Doubt::Deleted), there) => there.is_none(),
        };
        checked.in_doubt += usize::from(self.doubt.is_some());
        checked.done += usize::from(done);
        match self.doubt.take() {
            Some(Doubt::Made) if !done => {
                assert_eq!(count("create"), 0, "{name} is not there, and in the audit log it was made");
                return false;
            }
            Some(Doubt::Changed(to)) if done => {
                self.notes = to;
                self.edits += 1;
            }
            Some(Doubt::Deleted) if done => self.gone = true,
            _ => {}
        }
        let expected = (!self.gone).then(|| self.notes.clone());
        assert_eq!(there, expected, "{name}: there, and what was acknowledged");
        let acts = [count("create"), count("edit"), count("delete")];
        assert_eq!(acts, [1, self.edits, u64::from(self.gone)], "{name}: made, changed, deleted in the audit log");
        true
    }
}

impl Writer {
    fn act(&mut self, admin: &Client, round: u32, acknowledged: &AtomicU64) {
        let told = match self.chance.u8(..100) {
            0..45 => self.make(admin, round),
            45..80 => self.change(admin, round),
            80..83 => self.belongings.change_password(admin, self.chance.u64(..)),
            83..86 => self.belongings.change_role(admin, self.chance.u64(..)),
            86..95 => self.delete(admin, round),
            95..98 => self.log_in(admin),
            _ => self.log_out(admin),
        };
        match told {
            Some(Told::Done(_)) => drop(acknowledged.fetch_add(1, Ordering::Relaxed)),
            Some(Told::Unknown | Told::NotSent) => std::thread::sleep(PAUSE),
            None => {}
        }
    }

    fn make(&mut self, admin: &Client, round: u32) -> Option<Told> {
        self.made += 1;
        let name = format!("ledger-{round}-{}-{}", self.number, self.made);
        let told = ask(admin, Method::POST, "/local-users", Some(&account(&name, "new")));
        let (id, doubt) = match &told {
            Told::Done(made) => (made["id"].as_str().expect("an id").to_owned(), None),
            Told::Unknown => (String::new(), Some(Doubt::Made)),
            Told::NotSent => return Some(told),
        };
        let entry = Entry { id, notes: "new".into(), edits: 0, gone: false, doubt };
        assert!(self.entries.insert(name, entry).is_none(), "names are new");
        Some(told)
    }

    fn change(&mut self, admin: &Client, round: u32) -> Option<Told> {
        let notes = format!("changed {}", self.chance.u64(..));
        let (name, entry) = self.any(round)?;
        let told = ask(admin, Method::PUT, &path(&entry.id), Some(&account(name, &notes)));
        match told {
            Told::Done(_) => (entry.notes, entry.edits) = (notes, entry.edits + 1),
            Told::Unknown => entry.doubt = Some(Doubt::Changed(notes)),
            Told::NotSent => {}
        }
        Some(told)
    }

    fn delete(&mut self, admin: &Client, round: u32) -> Option<Told> {
        let (_, entry) = self.any(round)?;
        let told = ask(admin, Method::DELETE, &path(&entry.id), None);
        match told {
            Told::Done(_) => entry.gone = true,
            Told::Unknown => entry.doubt = Some(Doubt::Deleted),
            Told::NotSent => {}
        }
        Some(told)
    }

    /// One of this round's accounts, of which it is known how it stands.
    fn any(&mut self, round: u32) -> Option<(&String, &mut Entry)> {
        let prefix = format!("ledger-{round}-");
        let open =
            |(name, entry): &(&String, &mut Entry)| name.starts_with(&prefix) && !entry.gone && entry.doubt.is_none();
        let count = self.entries.range(prefix.clone()..).filter(|(_, e)| !e.gone && e.doubt.is_none()).count();
        let at = self.chance.usize(..count.max(1));
        self.entries.range_mut(prefix.clone()..).filter(open).nth(at)
    }

    fn log_in(&mut self, admin: &Client) -> Option<Told> {
        let body = login("local", &writer_name(self.number), PASSWORD);
        let told = ask(admin, Method::POST, "/login", Some(&body));
        if let Told::Done(answer) = &told {
            let token = answer["token"].as_str().expect("a token").to_owned();
            self.sessions.push(Session { token, open: Some(true) });
        }
        Some(told)
    }

    fn log_out(&mut self, admin: &Client) -> Option<Told> {
        let session = self.sessions.iter_mut().find(|session| session.open == Some(true))?;
        let told = ask(&admin.with_token(&session.token), Method::POST, "/authentication/logout", None);
        match told {
            Told::Done(_) => session.open = Some(false),
            Told::Unknown => session.open = None,
            Told::NotSent => {}
        }
        Some(told)
    }

    /// A session that was opened is open, one that was ended is not.
    fn check_sessions(&mut self, client: &Client) {
        for session in &mut self.sessions {
            // The writers' accounts may do nothing: who is known is told so.
            let known = match client.with_token(&session.token).get("/local-users").status {
                403 => true,
                401 => false,
                other => panic!("{other} for a session"),
            };
            assert_eq!(known, *session.open.get_or_insert(known), "a session of writer {}", self.number);
        }
        let old = self.sessions.len().saturating_sub(SESSIONS);
        self.sessions.drain(..old);
    }
}

fn path(id: &str) -> String {
    format!("/local-users/{id}")
}

fn account(name: &str, notes: &str) -> Value {
    json!({"name": name, "firstName": "F", "lastName": "L", "notes": notes, "tags": ["ledger"]})
}

/// One request. An answer that says neither that it was done nor that it may not have been is a failure.
pub fn ask(client: &Client, method: Method, path: &str, body: Option<&Value>) -> Told {
    let answer = client.try_request(method.clone(), path, |request| match body {
        Some(body) => request.json(body),
        None => request,
    });
    match answer {
        Ok(answer) if answer.status == 200 => Told::Done(answer.json()),
        Ok(answer) if answer.status == 204 => Told::Done(Value::Null),
        // What says that it was not done is taken at its word.
        Ok(answer) if answer.is_put_off() => Told::NotSent,
        Ok(answer) if answer.status >= 500 => Told::Unknown,
        Ok(answer) => panic!("{method} {path}: {answer:?}"),
        Err(error) if error.is_connect() => Told::NotSent,
        Err(_) => Told::Unknown,
    }
}
