//! When things happen, and what goes wrong meanwhile: each step of a node takes as long as the seed says.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

/// What nodes are exposed to: the same for all of them. Each is of a thousand steps.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// Steps that take seconds.
    pub(crate) slow: u32,
    /// Transactions that are run again, as others were in the way.
    pub(crate) conflicts: u32,
    /// Transactions of which no answer comes, be they committed or not.
    pub(crate) losses: u32,
    /// Transactions that begin, and then wait for a row that another holds.
    pub(crate) row_waits: u32,
}

/// The chance that all of a world shares.
#[derive(Clone)]
pub(crate) struct Chance(Arc<(Mutex<Rng>, AtomicBool)>);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new((Mutex::new(Rng::with_seed(seed)), AtomicBool::new(false))))
    }

    /// Nothing goes wrong any more.
    pub(crate) fn calm(&self) {
        self.0.1.store(true, Ordering::Relaxed);
    }

    /// Something by chance.
    pub(crate) fn draw<T>(&self, something: impl FnOnce(&mut Rng) -> T) -> T {
        something(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it is the turn of what goes wrong so often.
    fn hits(&self, per_thousand: u32) -> bool {
        per_thousand > 0 && self.draw(|d| d.u32(..1_000)) < per_thousand && !self.0.1.load(Ordering::Relaxed)
    }
}

/// What becomes of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Committed,
    /// Committed, but nobody learns of it.
    Unanswered,
    /// Not committed, and nobody learns of that either.
    Lost,
    /// Run in vain, and to be run again.
    Repeated,
}

/// The course of one node, from its start to its end.
#[derive(Clone)]
pub(crate) struct Steps(Arc<Node>);

struct Node {
    /// No two starts have the same.
    name: u64,
    chance: Chance,
    weather: Weather,
    is_dead: AtomicBool,
    death: Notify,
    /// Transactions whose answer was lost.
    losses: AtomicU64,
    paused_until: Mutex<Option<Instant>>,
}

impl Steps {
    pub(crate) fn new(chance: Chance, weather: Weather) -> Self {
        let (is_dead, losses) = (AtomicBool::new(false), AtomicU64::new(0));
        let (name, death, paused_until) = (chance.draw(|d| d.u64(..)), Notify::new(), Mutex::default());
        Self(Arc::new(Node { name, chance, weather, is_dead, death, losses, paused_until }))
    }

    /// By what the node is known, from this start on.
    pub(crate) fn name(&self) -> u64 {
        self.0.name
    }

    /// The node does nothing any more: whatever it is at comes no further than to its next step.
    pub(crate) fn crash(&self) {
        self.0.is_dead.store(true, Ordering::Relaxed);
        self.0.death.notify_waiters();
    }

    /// Comes when the node has crashed.
    pub(crate) async fn crashed(&self) {
        let death = self.0.death.notified();
        if !self.0.is_dead.load(Ordering::Relaxed) {
            death.await;
        }
    }

    /// The node stands still for a while.
    pub(crate) fn pause(&self, span: Duration) {
        *self.0.paused_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + span);
    }

    /// How many answers were lost by now.
    pub(crate) fn losses(&self) -> u64 {
        self.0.losses.load(Ordering::Relaxed)
    }

    /// Waits until it is the node's turn to do something, which is never if it is dead.
    pub(crate) async fn step(&self) {
        let span = self.span();
        self.wait(span).await;
    }

    /// Computes a hash.
    pub(crate) async fn hash(&self, work: impl FnOnce()) {
        let span = Duration::from_millis(self.0.chance.draw(|d| d.u64(1..60)));
        self.wait(span).await;
        self.step().await;
        work();
        self.step().await;
    }

    /// A transaction has begun, and may have to wait for a row.
    pub(crate) async fn wait_for_row(&self) {
        if self.0.chance.hits(self.0.weather.row_waits) {
            let span = Duration::from_millis(self.0.chance.draw(|d| d.u64(1..6_000)));
            self.wait(span).await;
        }
    }

    /// What becomes of the transaction that is to be run now.
    pub(crate) fn fate(&self) -> Fate {
        let Node { chance, weather, losses, .. } = &*self.0;
        if chance.hits(weather.conflicts) {
            return Fate::Repeated;
        }
        if !chance.hits(weather.losses) {
            return Fate::Committed;
        }
        losses.fetch_add(1, Ordering::Relaxed);
        if chance.draw(|d| d.bool()) { Fate::Unanswered } else { Fate::Lost }
    }

    fn span(&self) -> Duration {
        let is_slow = self.0.chance.hits(self.0.weather.slow);
        let millis = self.0.chance.draw(|chance| match chance.u32(..20) {
            _ if is_slow => chance.u64(100..7_000),
            0..10 => 0,
            10..17 => chance.u64(1..5),
            _ => chance.u64(5..50),
        });
        Duration::from_millis(millis)
    }

    async fn wait(&self, span: Duration) {
        if span.is_zero() {
            tokio::task::yield_now().await;
        } else {
            sleep(span).await;
        }
        loop {
            if self.0.is_dead.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            let until = *self.0.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => sleep_until(until).await,
                None => return,
            }
        }
    }
}
