//! Bounded, fair hashing. As many workers as cores, each with one block of memory that it uses again; before them a queue
//! that no single account or source can fill or keep to itself.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    error::{Error, Result},
    metrics::Metrics,
    passwords::hasher::Hasher,
};

/// Attempts that may wait. Past that, the one that is furthest from its turn is told to come back.
const QUEUE_LIMIT: usize = 4_096;
/// Attempts let in per worker. More than one, so that hashing goes on while others wait for the database.
const SLOTS_PER_WORKER: usize = 8;
/// A worker that had nothing to do for this long gives its memory back.
const IDLE: Duration = Duration::from_secs(10);
/// What is told to one who gets no turn.
const TOO_MANY: Error = Error::Overloaded { retry_after_seconds: 2 };

/// Whose turn it is counted as: nobody's flood delays those who share neither with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Flow {
    source: String,
    account: String,
}

impl Flow {
    /// A source is an address, or for IPv6 the network of a subscriber (/64).
    pub(crate) fn new(source: Option<IpAddr>, account: String) -> Self {
        let source = match source {
            Some(IpAddr::V6(address)) => format!("{:x}", address.to_bits() >> 64),
            Some(IpAddr::V4(address)) => address.to_string(),
            None => String::new(),
        };
        Self { source, account }
    }
}

/// A place in the queue: virtual finishing time, then order of arrival (start-time fair queueing).
type Ticket = (u64, u64);
type Work = Box<dyn FnOnce(&mut Hasher) + Send>;

pub(crate) struct Governor {
    state: Mutex<State>,
    workers: Workers,
    metrics: Metrics,
}

/// What computes hashes.
enum Workers {
    Threads(Sender<Work>),
    #[cfg(test)]
    Simulated(crate::simulation::steps::Steps),
}

#[derive(Default)]
struct State {
    free_slots: usize,
    waiting: BTreeMap<Ticket, Waiter>,
    running: HashMap<String, usize>,
    source_tags: HashMap<String, u64>,
    account_tags: HashMap<String, u64>,
    virtual_time: u64,
    arrivals: u64,
}

struct Waiter {
    flow: Flow,
    lanes: usize,
    turn: oneshot::Sender<Permit>,
    /// What it put in the state's lists for its ticket; nothing if it came with one.
    tags: Option<Tags>,
}

/// Where a flow stands for its source, and for its account.
#[derive(Clone, Copy)]
struct Tags {
    source: u64,
    account: u64,
}

/// The right to hash. Given back when dropped.
pub(crate) struct Permit {
    governor: Arc<Governor>,
    account: String,
    ticket: Ticket,
}

impl Permit {
    /// The place it had, with which it can queue again without losing its turn.
    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Does some work on a worker.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Hasher) -> T + Send + 'static,
    {
        let (done, result) = oneshot::channel();
        let work: Work = Box::new(move |hasher| drop(done.send(work(hasher))));
        match &self.governor.workers {
            Workers::Threads(queue) => {
                queue.send(work).map_err(|_| Error::Internal("the hash workers have stopped".into()))?;
            }
            #[cfg(test)]
            Workers::Simulated(steps) => steps.hash(move || work(&mut Hasher::cheap(8))).await,
        }
        result.await.map_err(|_| Error::Internal("a hash worker panicked".into()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let governor = self.governor.clone();
        let mut state = governor.lock();
        state.free_slots += 1;
        if let Some(running) = state.running.get_mut(&self.account) {
            *running -= 1;
            if *running == 0 {
                state.running.remove(&self.account);
            }
        }
        governor.admit_next(state);
    }
}

/// Takes a waiter out of the queue when the one who waits is gone.
struct Waiting<'a> {
    governor: &'a Governor,
    ticket: Ticket,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let gone = {
            let mut state = self.governor.lock();
            let gone = state.waiting.remove(&self.ticket);
            self.governor.metrics.hash_queue_depth.set(i64::try_from(state.waiting.len()).unwrap_or(i64::MAX));
            gone
        };
        drop(gone);
    }
}

impl Governor {
    /// Starts the workers.
    pub(crate) fn start(workers: usize, metrics: Metrics) -> Result<Arc<Self>> {
        let (work, jobs) = crossbeam_channel::unbounded::<Work>();
        for number in 0..workers {
            let jobs = jobs.clone();
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || serve(&jobs))
                .map_err(|cause| Error::Internal(format!("a hash worker cannot be started: {cause}")))?;
        }
        Ok(Self::of(workers, Workers::Threads(work), metrics))
    }

    /// One whose hashes are steps of a simulation.
    #[cfg(test)]
    pub(crate) fn simulated(workers: usize, steps: crate::simulation::steps::Steps, metrics: Metrics) -> Arc<Self> {
        Self::of(workers, Workers::Simulated(steps), metrics)
    }

    fn of(count: usize, workers: Workers, metrics: Metrics) -> Arc<Self> {
        let state = State { free_slots: count * SLOTS_PER_WORKER, ..State::default() };
        Arc::new(Self { state: Mutex::new(state), workers, metrics })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refused if one who came now would be sent away at once, as the furthest from its turn in a full queue.
    pub(crate) fn check_room(&self, flow: &Flow) -> Result<()> {
        let state = self.lock();
        if state.waiting.len() < QUEUE_LIMIT {
            return Ok(());
        }
        let place = state.next(&state.source_tags, &flow.source).max(state.next(&state.account_tags, &flow.account));
        // Of two with the same place the later one is further away.
        match state.waiting.last_key_value() {
            Some(((furthest, _), _)) if place >= *furthest => Err(TOO_MANY),
            _ => Ok(()),
        }
    }

    /// Waits for a turn. `lanes` is how many of the account's attempts may be let in at once; `ticket` is the place it
    /// had before, if it had one. Nobody is given a turn once the deadline is over, even if one is free: it may be asked for
    /// again and again by one whose account has no slot.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        flow: &Flow,
        lanes: usize,
        ticket: Option<Ticket>,
        deadline: Instant,
    ) -> Result<Permit> {
        let began = Instant::now();
        if began >= deadline {
            return Err(TOO_MANY);
        }
        let (turn, wait) = oneshot::channel();
        let evicted = {
            let mut state = self.lock();
            let (ticket, tags) = match ticket {
                Some(ticket) => (ticket, None),
                None => state.draw_ticket(flow),
            };
            state.waiting.insert(ticket, Waiter { flow: flow.clone(), lanes, turn, tags });
            let evicted = (state.waiting.len() > QUEUE_LIMIT).then(|| state.send_away());
            self.admit_next(state);
            (ticket, evicted)
        };
        let (ticket, evicted) = evicted;
        drop(evicted);
        let waiting = Waiting { governor: self, ticket };
        let permit = tokio::time::timeout_at(deadline, wait).await;
        drop(waiting);
        self.metrics.hash_wait.observe(began.elapsed().as_secs_f64());
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(TOO_MANY),
        }
    }

    /// Lets in whoever is next, as long as there are slots.
    fn admit_next(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let mut refused = Vec::new();
        while state.free_slots > 0 {
            let next = state.waiting.iter().find(|(_, waiter)| {
                state.running.get(&waiter.flow.account).is_none_or(|running| *running < waiter.lanes)
            });
            let Some((&ticket, _)) = next else { break };
            let Some(waiter) = state.waiting.remove(&ticket) else { break };
            state.virtual_time = state.virtual_time.max(ticket.0);
            state.free_slots -= 1;
            *state.running.entry(waiter.flow.account.clone()).or_default() += 1;
            let permit = Permit { governor: self.clone(), account: waiter.flow.account, ticket };
            // One who is gone leaves the permit with us; dropping it takes the lock, so not here.
            refused.extend(waiter.turn.send(permit).err());
        }
        self.metrics.hash_queue_depth.set(i64::try_from(state.waiting.len()).unwrap_or(i64::MAX));
        drop(state);
        drop(refused);
    }
}

impl State {
    /// The tag that a source, or an account, would be given.
    fn next(&self, tags: &HashMap<String, u64>, key: &str) -> u64 {
        tags.get(key).copied().unwrap_or(0).max(self.virtual_time) + 1
    }

    fn draw_ticket(&mut self, flow: &Flow) -> (Ticket, Option<Tags>) {
        let now = self.virtual_time;
        let tags = Tags {
            source: self.next(&self.source_tags, &flow.source),
            account: self.next(&self.account_tags, &flow.account),
        };
        self.source_tags.insert(flow.source.clone(), tags.source);
        self.account_tags.insert(flow.account.clone(), tags.account);
        // A tag that lies in the past says nothing; keeping it would let strangers fill the memory.
        if self.source_tags.len() + self.account_tags.len() > 4 * QUEUE_LIMIT {
            self.source_tags.retain(|_, tag| *tag > now);
            self.account_tags.retain(|_, tag| *tag > now);
        }
        self.arrivals += 1;
        ((tags.source.max(tags.account), self.arrivals), Some(tags))
    }

    /// Takes the one that is furthest from its turn out of the queue. What was not served is not held against anybody: else whoever
    /// was sent away often would stand behind all others long after that, and strangers would fill the memory.
    fn send_away(&mut self) -> Option<Waiter> {
        let (_, waiter) = self.waiting.pop_last()?;
        if let Some(tags) = waiter.tags {
            take_back(&mut self.source_tags, &waiter.flow.source, tags.source, self.virtual_time);
            take_back(&mut self.account_tags, &waiter.flow.account, tags.account, self.virtual_time);
        }
        Some(waiter)
    }
}

/// Takes a tag back, if it was the last that was given.
fn take_back(tags: &mut HashMap<String, u64>, key: &str, given: u64, now: u64) {
    if tags.get(key) == Some(&given) {
        if given > now + 1 {
            tags.insert(key.to_owned(), given - 1);
        } else {
            tags.remove(key);
        }
    }
}

fn serve(jobs: &Receiver<Work>) {
    let mut hasher = Hasher::default();
    loop {
        let work = match jobs.recv_timeout(IDLE) {
            Ok(work) => work,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                hasher = Hasher::default();
                let Ok(work) = jobs.recv() else { return };
                work
            }
        };
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&mut hasher))).is_err() {
            hasher = Hasher::default();
        }
    }
}

#[cfg(test)]
mod tests;
