//! Accounts in memory, for lists of many: totals, searches, and pages at any depth in any order, without asking the database
//! to look at every row.
//!
//! A roll is made when a list is found to be long, while the database goes on answering. Before each answer it reads
//! from the store what has changed since the last, so that no answer is older than its question, whichever node made the
//! change. What it gives is ids; the rows themselves come from the store. Where it has no answer (it is being made, it would
//! take too much memory, the caller's scope is a part, the condition is one that it does not know), the database has.

mod bits;
mod order;
mod question;
mod rows;
mod texts;

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

pub(crate) use question::Found;
use question::{Missing, Question};
use rows::Rows;
use uuid::Uuid;

use crate::{
    Directory,
    error::{Error, Result},
    kind::AccountKind,
    store::{
        changes::{self, Changes, Shown},
        list::{Page, Select},
        table::Table,
    },
};

/// Rows by which a list is long. A shorter one the database reads as quickly.
const LONG: u64 = 5_000;
/// A roll that nobody has asked for so long is put away.
const IDLE: Duration = Duration::from_secs(600);
/// How long changes are kept for nodes that may still read them.
const KEPT: Duration = Duration::from_secs(900);

/// What rolls may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The rows from which on a list has one.
    pub long: u64,
    /// The most memory that all may take together, in bytes.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { long: LONG, memory: 256 << 20 }
    }
}

/// The rolls of a node.
pub(crate) struct Rolls {
    limits: Limits,
    local: Arc<Roll>,
    service: Arc<Roll>,
    /// When which number of changes was the next one: for forgetting them.
    passed: std::sync::Mutex<Vec<(Instant, i64)>>,
}

struct Roll {
    kind: AccountKind,
    state: RwLock<State>,
    /// One at a time reads what has changed, so that nothing older is put over something newer.
    reading: tokio::sync::Mutex<()>,
    /// Seconds, since the roll was thought of, at which it was last asked.
    asked: AtomicU64,
    began: Instant,
}

enum State {
    None,
    Making,
    /// It would take more memory than it may. Not tried again before it has been forgotten.
    TooLarge,
    Ready(Box<Ready>),
}

struct Ready {
    rows: Rows,
    /// The number of the first change that is not in it.
    next: i64,
}

impl Rolls {
    pub(crate) fn new(limits: Limits) -> Self {
        let roll = |kind| {
            Arc::new(Roll {
                kind,
                state: RwLock::new(State::None),
                reading: tokio::sync::Mutex::new(()),
                asked: AtomicU64::new(0),
                began: Instant::now(),
            })
        };
        let (local, service) = (roll(AccountKind::Local), roll(AccountKind::Service));
        Self { limits, local, service, passed: std::sync::Mutex::default() }
    }

    fn of(&self, table: &Table) -> Option<&Arc<Roll>> {
        [&self.local, &self.service].into_iter().find(|roll| table.is_of_accounts(roll.kind))
    }

    fn size(&self) -> usize {
        [&self.local, &self.service].into_iter().map(|roll| roll.size()).sum()
    }
}

/// Says what a page holds, if there is a roll that knows.
pub(crate) async fn look_up(directory: &Directory, select: &Select, page: &Page) -> Result<Option<Found>> {
    let Some(roll) = directory.rolls.of(select.table) else { return Ok(None) };
    let found = roll.look_up(directory, select, page).await?;
    directory.metrics.account_page(if found.is_some() { "memory" } else { "database" });
    Ok(found)
}
/// Says how long a list is that the database has just counted, so that a roll is made of a long one.
pub(crate) fn note_length(directory: &Directory, table: &Table, count: u64) {
    if let Some(roll) = directory.rolls.of(table)
        && count >= directory.rolls.limits.long
        && directory.rolls.limits.memory > 0
    {
        roll.make(directory);
    }
}

/// Puts away what nobody asks for, and forgets changes that every node has read.
pub(crate) async fn tidy(directory: &Directory) -> Result<()> {
    for roll in [&directory.rolls.local, &directory.rolls.service] {
        roll.put_away_if_idle();
    }
    let next = directory.store.read((), |(), tx| Box::pin(async move { Ok(changes::next(tx).await?) })).await?;
    let Some(before) = directory.rolls.passed(next) else { return Ok(()) };
    directory.store.write(before, |before, tx| Box::pin(async move { Ok(changes::forget(tx, *before).await?) })).await
}

impl Rolls {
    /// Notes which change is the next, and says which was so when the oldest began that are still kept.
    fn passed(&self, next: i64) -> Option<i64> {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if passed.last().is_none_or(|(_, last)| *last != next) {
            passed.push((Instant::now(), next));
        }
        let old = passed.iter().take_while(|(at, _)| at.elapsed() >= KEPT).count();
        passed.drain(..old).next_back().map(|(_, number)| number)
    }
}

impl Roll {
    fn age(&self) -> u64 {
        self.began.elapsed().as_secs()
    }

    async fn look_up(self: &Arc<Self>, directory: &Directory, select: &Select, page: &Page) -> Result<Option<Found>> {
        let Some(question) = Question::of(select, page) else { return Ok(None) };
        self.asked.store(self.age(), Ordering::Relaxed);
        if !self.read_changes(directory).await? {
            return Ok(None);
        }
        let own = self.clone();
        let asked = if question.is_long() {
            tokio::task::spawn_blocking(move || own.ask(&question)).await.map_err(stopped)?
        } else {
            own.ask(&question)
        };
        match asked {
            Some(Ok(found)) => Ok(Some(found)),
            Some(Err(missing)) => {
                self.grow(directory, missing);
                Ok(None)
            }
            None => Ok(None),
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn size(&self) -> usize {
        match &*self.read() {
            State::Ready(ready) => ready.rows.size(),
            _ => 0,
        }
    }

    /// Brings it up to date with the store. False if there is none.
    async fn read_changes(&self, directory: &Directory) -> Result<bool> {
        let _one = self.reading.lock().await;
        let from = match &*self.read() {
            State::Ready(ready) => ready.next,
            _ => return Ok(false),
        };
        let changes = directory
            .store
            .read((self.kind, from), |(kind, from), tx| {
                Box::pin(async move { Ok(changes::since(tx, *kind, *from).await?) })
            })
            .await?;
        let Changes::Read { shown, gone, next } = changes else {
            *self.write() = State::None;
            return Ok(false);
        };
        if next == from && shown.is_empty() && gone.is_empty() {
            return Ok(true);
        }
        let mut state = self.write();
        let State::Ready(ready) = &mut *state else { return Ok(false) };
        gone.iter().for_each(|id| ready.rows.remove(id));
        shown.iter().for_each(|shown| ready.rows.put(shown));
        ready.next = next;
        Ok(true)
    }

    /// The answer, or what is missing for one.
    fn ask(&self, question: &Question) -> Option<std::result::Result<Found, Missing>> {
        match &*self.read() {
            State::Ready(ready) => {
                let missing = question.missing(&ready.rows);
                Some(if missing == Missing::default() { Ok(question.answer(&ready.rows)) } else { Err(missing) })
            }
            _ => None,
        }
    }

    /// Begins to make it, if there is none.
    fn make(self: &Arc<Self>, directory: &Directory) {
        let mut state = self.write();
        if matches!(*state, State::None) {
            *state = State::Making;
            let (own, directory) = (self.clone(), directory.clone());
            tokio::spawn(async move {
                let made = own.load(&directory).await;
                own.put_back(&directory, made);
            });
        }
    }

    /// Begins to add what a question needs. While that goes on the database answers.
    fn grow(self: &Arc<Self>, directory: &Directory, missing: Missing) {
        let limit = directory.rolls.limits.memory;
        let size = directory.rolls.size();
        let mut state = self.write();
        let State::Ready(ready) = &*state else { return };
        if size + 16 * ready.rows.count() > limit {
            return;
        }
        let State::Ready(ready) = std::mem::replace(&mut *state, State::Making) else { return };
        let (own, directory) = (self.clone(), directory.clone());
        tokio::spawn(async move {
            let grown = own.add(&directory, *ready, missing).await;
            own.put_back(&directory, grown);
        });
    }

    /// Everything, as it was at some moment at or after the one that its number of changes stands for.
    async fn load(&self, directory: &Directory) -> Result<Ready> {
        let next = directory.store.read((), |(), tx| Box::pin(async move { Ok(changes::next(tx).await?) })).await?;
        let mut ready = Ready { rows: Rows::default(), next };
        self.each_piece(directory, |shown| {
            ready.rows.load(shown);
            ready.rows.size() <= directory.rolls.limits.memory
        })
        .await?;
        let load = move || {
            ready.rows.loaded();
            ready
        };
        tokio::task::spawn_blocking(load).await.map_err(stopped)
    }

    async fn add(&self, directory: &Directory, mut ready: Ready, missing: Missing) -> Result<Ready> {
        for number in missing.numbers {
            ready.rows.add_number(number);
            let kind = self.kind;
            let mut behind = Some(Uuid::nil());
            while let Some(from) = behind {
                let (values, last) = directory
                    .store
                    .scan((kind, number, from), |(kind, number, from), tx| {
                        Box::pin(async move { Ok(changes::numbers_behind(tx, *kind, *number, from).await?) })
                    })
                    .await?;
                ready.rows.set_number(number, &values);
                behind = last;
            }
        }
        let Some(order) = missing.order else { return Ok(ready) };
        let sort = move || {
            ready.rows.add_order(order);
            ready
        };
        tokio::task::spawn_blocking(sort).await.map_err(stopped)
    }

    /// Reads all accounts, until it is told that this is enough.
    async fn each_piece(&self, directory: &Directory, mut take: impl FnMut(&[Shown]) -> bool) -> Result<()> {
        let mut behind = Uuid::nil();
        loop {
            let (piece, last) = directory
                .store
                .scan((self.kind, behind), |(kind, behind), tx| {
                    Box::pin(async move { Ok(changes::behind(tx, *kind, behind).await?) })
                })
                .await?;
            match last {
                Some(last) if take(&piece) => behind = last,
                _ => return Ok(()),
            }
        }
    }

    fn put_back(&self, directory: &Directory, made: Result<Ready>) {
        let others = directory.rolls.size();
        *self.write() = match made {
            Ok(ready) if others + ready.rows.size() > directory.rolls.limits.memory => State::TooLarge,
            Ok(ready) => State::Ready(Box::new(ready)),
            Err(fault) => {
                tracing::warn!(%fault, "the accounts were not read into memory; lists go on without");
                State::None
            }
        };
    }

    fn put_away_if_idle(&self) {
        if self.age().saturating_sub(self.asked.load(Ordering::Relaxed)) >= IDLE.as_secs() {
            let mut state = self.write();
            if !matches!(*state, State::Making) {
                *state = State::None;
            }
        }
    }
}

fn stopped(fault: tokio::task::JoinError) -> Error {
    Error::Internal(fault.to_string())
}
