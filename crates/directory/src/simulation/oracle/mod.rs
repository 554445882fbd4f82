//! What must hold after every step. It knows no rule of the directory: it sees what is committed and compared, what was
//! asked, and what was answered.

mod answers;
mod attempts;
mod ends;
mod held;
mod laws;
mod recognitions;
mod tokens;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::task::Id;
use uuid::Uuid;

use answers::Answers;
pub(super) use answers::{Answer, request_id};
use attempts::Attempts;
use ends::Ends;
use laws::Laws;
use recognitions::Recognitions;
use tokens::Tokens;

use super::{
    acts::{Act, Held},
    watch::{self, With},
};
use crate::{
    store::simulated::{Counted, Event, Seen},
    time::Timestamp,
};

/// An invariant that does not hold.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    pub(super) invariant: &'static str,
    pub(super) how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.invariant, self.how)
    }
}

/// Whether invariants hold.
pub(super) type Sound = Result<(), Broken>;

/// Broken, unless something is so.
pub(super) fn hold(is_so: bool, invariant: &'static str, how: impl FnOnce() -> String) -> Sound {
    if is_so { Ok(()) } else { Err(Broken { invariant, how: how() }) }
}

/// How often what happened.
pub(super) type Figures = BTreeMap<&'static str, u64>;

/// Sees all.
#[derive(Clone)]
pub(super) struct Oracle(Arc<Mutex<Inner>>);

pub(super) struct Inner {
    /// How many transactions were committed that changed something.
    commits: usize,
    seen: Seen,
    laws: Laws,
    attempts: Attempts,
    ends: Ends,
    recognitions: Recognitions,
    tokens: Tokens,
    answers: Answers,
    /// Tasks in the order in which they were first seen, which the runtime's own numbers are not.
    tasks: Vec<Id>,
    pub(super) trace: Vec<String>,
    pub(super) broken: Option<Broken>,
    pub(super) figures: Figures,
}

/// A committed transaction, beside what there was before.
pub(super) struct Commit<'a> {
    number: usize,
    node: u64,
    task: Option<Id>,
    before: &'a Seen,
    after: &'a Seen,
    /// What was compared in it with what is remembered, and whether it was that.
    remembered: Vec<bool>,
}

impl Commit<'_> {
    fn now(&self) -> Timestamp {
        self.after.now
    }
}

impl Oracle {
    /// One that has seen how things are at the beginning. Nodes remember passwords for so long.
    pub(super) fn new(seen: Seen, remember: Duration) -> Self {
        let laws = Laws::new(&seen);
        let (attempts, tokens) = (Attempts::new(&seen), Tokens::new(&seen));
        Self(Arc::new(Mutex::new(Inner {
            commits: 0,
            seen,
            laws,
            attempts,
            ends: Ends::default(),
            recognitions: Recognitions::new(remember),
            tokens,
            answers: Answers::default(),
            tasks: Vec::new(),
            trace: Vec::new(),
            broken: None,
            figures: Figures::new(),
        })))
    }

    /// Not to be kept while something is waited for.
    pub(super) fn look(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Something that is no transaction happened.
    pub(super) fn note(&mut self, now: Timestamp, what: &str) {
        self.trace.push(format!("{now} {what}"));
    }

    pub(super) fn count(&mut self, what: &'static str, times: u64) {
        *self.figures.entry(what).or_default() += times;
    }

    fn check(&mut self, sound: Sound) {
        if let Err(broken) = sound {
            self.trace.push(format!("broken: {broken}"));
            self.broken.get_or_insert(broken);
        }
    }

    /// Whether all has held until now.
    pub(super) fn is_sound(&self) -> bool {
        self.broken.is_none()
    }

    fn task(&mut self) -> Option<Id> {
        let id = tokio::task::try_id()?;
        if !self.tasks.contains(&id) {
            self.tasks.push(id);
        }
        Some(id)
    }

    fn place(&self, task: Option<Id>) -> String {
        let place = task.and_then(|task| self.tasks.iter().position(|known| *known == task));
        place.map_or_else(|| "-".into(), |place| place.to_string())
    }

    /// What the database tells.
    pub(super) fn told(&mut self, node: u64, event: Event) {
        let task = self.task();
        let compared = watch::take();
        match event {
            Event::Begun => {
                for one in compared {
                    let sound = self.compared(one.task, one.with);
                    self.check(sound);
                }
            }
            // What was compared in vain was taken back with its slot.
            Event::Undone => self.trace.push(format!("task {} in vain", self.place(task))),
            Event::Committed(after) => {
                let remembered = compared.iter().filter_map(|one| match one.with {
                    With::Remembered(agrees) => Some(agrees),
                    With::Hash { .. } => None,
                });
                let remembered = remembered.collect();
                self.committed((node, task), *after, remembered);
            }
        }
    }

    /// A comparison outside of a transaction.
    fn compared(&mut self, task: Option<Id>, with: With) -> Sound {
        let With::Hash { offered, stored } = with else {
            let how = || "with what is remembered, outside of a transaction".into();
            return hold(false, "slot before comparison", how);
        };
        let right = watch::password_of(&stored).as_deref() == Some(&offered);
        self.trace.push(format!("task {} compares: {right}", self.place(task)));
        self.count("comparisons with a hash", 1);
        self.attempts.compared(&self.laws, task, right)
    }

    fn committed(&mut self, (node, task): (u64, Option<Id>), after: Seen, remembered: Vec<bool>) {
        self.commits += 1;
        self.count("commits", 1);
        self.count("comparisons with what is remembered", remembered.len() as u64);
        let records: Vec<String> = after
            .records
            .iter()
            .map(|record| format!("{} {} {} ({})", record.request_id, record.act, record.outcome, record.reason))
            .collect();
        let place = self.place(task);
        self.trace.push(format!("{} task {place} commits {} {}", after.now, self.commits, records.join(", ")));
        self.trace_changes(&after);
        let before = std::mem::replace(&mut self.seen, after);
        let commit = Commit { number: self.commits, node, task, before: &before, after: &self.seen, remembered };
        self.laws.committed(&commit);
        let mut sound = self.attempts.committed(&commit, &self.laws, &mut self.figures);
        sound = sound.and_then(|()| self.answers.committed(&commit, &self.laws, &self.attempts, &self.ends));
        sound = sound.and_then(|()| self.recognitions.committed(&commit, &self.attempts));
        let ended = ends::of(&commit);
        self.tokens.committed(&commit, &ended, &self.answers);
        self.ends.committed(&commit, &ended);
        self.check(sound);
    }

    fn trace_changes(&mut self, after: &Seen) {
        for (id, account) in &after.accounts {
            if self.seen.accounts.get(id) != Some(account) {
                let Counted {
                    name_key, credential_version, disabled, failed, since_reset, in_flight, lock_start, ..
                } = account;
                self.trace.push(format!(
                    "  {name_key}: version {credential_version}, disabled {disabled}, failed {failed} of {since_reset}, \
                     in flight {in_flight}, lock {}",
                    lock_start.micros()
                ));
            }
        }
    }

    /// The account of a name, as it is now.
    pub(super) fn account(&self, name: &str) -> Option<(Uuid, &Counted)> {
        account(&self.seen, name)
    }

    /// The password that an account has now, if it has one.
    pub(super) fn password(&self, name: &str) -> Option<String> {
        password(self.account(name)?.1)
    }

    /// A token that may be good, by chance.
    pub(super) fn some_token(&self, draw: &mut fastrand::Rng) -> Option<Held> {
        self.tokens.some(draw)
    }

    /// Every token that was given out.
    pub(super) fn tokens(&self) -> Vec<Held> {
        self.tokens.all()
    }

    /// Somebody asks for something: gives the number by which the act is known.
    pub(super) fn asked(&mut self, now: Timestamp, act: &Act, node: usize, losses: u64) -> usize {
        let number = self.answers.asked(now, act, losses, self.commits, &self.seen, &self.laws);
        self.trace.push(format!("{now} act {number} of node {node}: {act:?}"));
        number
    }

    /// Somebody is answered, or gives up.
    pub(super) fn answered(&mut self, now: Timestamp, number: usize, answer: Answer, losses: u64) {
        self.trace.push(format!("{now} act {number} is answered: {answer:?}"));
        let mut sound = self.answers.answered(now, number, &answer, losses);
        let asked = &self.answers.all[number];
        sound = sound.and_then(|()| self.tokens.answered(now, number, asked, &answer));
        self.check(sound);
        self.count(answer.name(), 1);
    }

    /// The one node of this world counts what was under way when it stopped.
    pub(super) fn recovers(&mut self, is_recovering: bool) {
        self.attempts.is_recovering = is_recovering;
    }

    /// Nothing goes wrong any more, and somebody is told again and again to come back.
    pub(super) fn gives_up(&mut self, act: &Act) {
        self.check(hold(false, "all is settled", || format!("{act:?} comes to no end")));
    }

    /// The clock of a node is not what it was.
    pub(super) fn clock_is_set(&mut self, node: u64) {
        self.recognitions.clock_is_set(node);
    }

    /// Nothing is under way any more, and has not been for long.
    pub(super) fn is_quiet(&mut self) {
        let sound = self.attempts.quiet(&self.seen).and_then(|()| self.answers.quiet());
        self.check(sound);
    }
}

/// The account of a name.
pub(super) fn account<'a>(seen: &'a Seen, name: &str) -> Option<(Uuid, &'a Counted)> {
    seen.accounts.iter().find(|(_, account)| account.name_key == name).map(|(id, account)| (*id, account))
}

/// The password that an account has.
fn password(account: &Counted) -> Option<String> {
    String::from_utf8(watch::password_of(&account.password_hash)?).ok()
}

/// What the contract says of leases, and not what the code does.
const LEASE: Duration = Duration::from_secs(10);
/// Longer than an attempt may go on with what it has read.
const MEMORY: Duration = Duration::from_secs(150);
