//! Bounded, fair hashing. As many workers as cores, each with one block of memory that it uses again; before them a queue
//! that no single account or source can fill or keep to itself.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use tokio::sync::oneshot;

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
/// What an overloaded client is told to wait, in seconds.
const RETRY_AFTER_SECONDS: u64 = 2;

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
    work: Sender<Work>,
    metrics: Metrics,
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
        self.governor.work.send(work).map_err(|_| Error::Internal("the hash workers have stopped".into()))?;
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
        let state = State { free_slots: workers * SLOTS_PER_WORKER, ..State::default() };
        Ok(Arc::new(Self { state: Mutex::new(state), work, metrics }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn. `lanes` is how many of the account's attempts may be let in at once; `ticket` is the place it
    /// had before, if it had one.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        flow: &Flow,
        lanes: usize,
        ticket: Option<Ticket>,
        deadline: Instant,
    ) -> Result<Permit> {
        let began = Instant::now();
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
        let permit = tokio::time::timeout_at(deadline.into(), wait).await;
        drop(waiting);
        self.metrics.hash_wait.observe(began.elapsed().as_secs_f64());
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::Overloaded { retry_after_seconds: RETRY_AFTER_SECONDS }),
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
    fn draw_ticket(&mut self, flow: &Flow) -> (Ticket, Option<Tags>) {
        let now = self.virtual_time;
        let next = |tags: &mut HashMap<String, u64>, key: &String| {
            let last = tags.entry(key.clone()).or_default();
            *last = now.max(*last) + 1;
            *last
        };
        let tags = Tags {
            source: next(&mut self.source_tags, &flow.source),
            account: next(&mut self.account_tags, &flow.account),
        };
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
mod tests {
    use super::*;

    fn flow(source: u8, account: &str) -> Flow {
        Flow::new(Some(IpAddr::from([127, 0, 0, source])), account.into())
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    async fn order_of_arrival(waiters: Vec<(Flow, usize)>) -> Vec<String> {
        let governor = Governor::start(1, Metrics::default()).expect("starts");
        let held: Vec<Permit> =
            futures_util::future::join_all(
                (0..SLOTS_PER_WORKER).map(|number| {
                    let governor = governor.clone();
                    async move {
                        governor.admit(&flow(9, &format!("holder{number}")), 99, None, soon()).await.expect("is free")
                    }
                }),
            )
            .await;
        let (note, mut noted) = tokio::sync::mpsc::unbounded_channel();
        for (flow, lanes) in waiters {
            let (governor, note) = (governor.clone(), note.clone());
            tokio::spawn(async move {
                let permit = governor.admit(&flow, lanes, None, soon()).await.expect("gets its turn");
                note.send(flow.account.clone()).expect("is heard");
                drop(permit);
            });
            tokio::task::yield_now().await;
        }
        drop((held, note));
        let mut order = Vec::new();
        while let Some(account) = noted.recv().await {
            order.push(account);
        }
        order
    }

    #[tokio::test]
    async fn a_flood_delays_neither_other_sources_nor_other_accounts() {
        let mut waiters: Vec<_> = (0..50).map(|_| (flow(1, "victim"), 99)).collect();
        waiters.push((flow(2, "stranger"), 99));
        let order = order_of_arrival(waiters).await;
        assert_eq!(order.len(), 51);
        let place = order.iter().position(|account| account == "stranger").expect("got in");
        assert!(place <= 2, "the stranger came {place}th behind a flood");
    }

    #[tokio::test]
    async fn a_flood_that_names_others_does_not_delay_them() {
        let mut waiters: Vec<_> = (0..50).map(|number| (flow(1, &format!("name{number}")), 99)).collect();
        waiters.push((flow(2, "name49"), 99));
        let order = order_of_arrival(waiters).await;
        let place = order.iter().position(|account| account == "name49").expect("got in");
        assert!(place <= 3, "it came {place}th of {}", order.len());
    }

    #[test]
    fn who_was_sent_away_leaves_nothing_behind() {
        let mut state = State::default();
        let arrive = |state: &mut State, flow: Flow| {
            let (ticket, tags) = state.draw_ticket(&flow);
            let (turn, _) = oneshot::channel();
            state.waiting.insert(ticket, Waiter { flow, lanes: 1, turn, tags });
        };
        for _ in 0..3 {
            arrive(&mut state, flow(1, "victim"));
        }
        let before = state.source_tags.clone();
        for number in 0..100 {
            arrive(&mut state, flow(1, &format!("name{number}")));
            let away = state.send_away().expect("somebody is there");
            assert_eq!(away.flow.account, format!("name{number}"));
        }
        assert_eq!((state.source_tags, state.account_tags.len()), (before, 1));
    }

    #[tokio::test]
    async fn the_last_in_line_gives_way_when_the_queue_is_full() {
        let governor = Governor::start(1, Metrics::default()).expect("starts");
        let mut held = Vec::new();
        for number in 0..SLOTS_PER_WORKER {
            held.push(governor.admit(&flow(9, &format!("holder{number}")), 99, None, soon()).await.expect("is free"));
        }
        let flood: Vec<_> = (0..=QUEUE_LIMIT)
            .map(|_| {
                let governor = governor.clone();
                tokio::spawn(async move { governor.admit(&flow(1, "victim"), 99, None, soon()).await.map(drop) })
            })
            .collect();
        while governor.lock().waiting.len() < QUEUE_LIMIT {
            tokio::task::yield_now().await;
        }
        let stranger = {
            let governor = governor.clone();
            tokio::spawn(async move { governor.admit(&flow(2, "stranger"), 99, None, soon()).await.map(drop) })
        };
        tokio::task::yield_now().await;
        held.clear();
        assert!(stranger.await.expect("ran").is_ok());
        let mut refused = 0;
        for one in flood {
            refused += usize::from(one.await.expect("ran").is_err());
        }
        assert!((1..=3).contains(&refused), "{refused} of the flood were sent away");
    }

    #[tokio::test]
    async fn one_who_hangs_up_leaves_no_slot_taken() {
        let governor = Governor::start(1, Metrics::default()).expect("starts");
        for _ in 0..3 * SLOTS_PER_WORKER {
            let flow = flow(1, "a");
            let turn = governor.admit(&flow, 99, None, soon());
            tokio::select! { biased; permit = turn => drop(permit), () = std::future::ready(()) => {} }
        }
        assert_eq!(governor.lock().free_slots, SLOTS_PER_WORKER);
        assert!(governor.lock().running.is_empty());
    }
}
