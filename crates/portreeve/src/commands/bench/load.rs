//! Load on a server. In a closed loop so many requests are always under way, each sent when the one before it was answered. In an
//! open loop requests are due at their times, whatever became of earlier ones, and how long each took is counted from then: a
//! server that stalls is not asked less for it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::bail;
use tokio::{sync::Semaphore, task::JoinSet, time::timeout_at};

use super::client::{Answer, Connection, Request};

/// Makes the request of a number.
pub type Requests = Arc<dyn Fn(u64) -> Request + Send + Sync>;

/// How much is asked of a server.
#[derive(Debug, Clone, Copy)]
pub struct Demand {
    /// Requests under way at once: always, or in an open loop at most.
    pub in_flight: u64,
    /// Requests that are due in a second, in an open loop.
    pub rate: Option<u64>,
    /// For how long requests are sent.
    pub time: Duration,
}

/// What a load came to.
pub struct Load {
    /// Good answers, and how many a second.
    pub answers: u64,
    pub per_second: f64,
    /// Answers that told to come back (503).
    pub refused: u64,
    /// Requests of an open loop that were due and had no answer when as long again had passed.
    pub unanswered: u64,
    /// The mean length of a body.
    pub bytes: f64,
    /// How long requests took, in nanoseconds, in order: those that were refused, and all others.
    refused_took: Vec<u64>,
    took: Vec<u64>,
}

impl Load {
    /// The time, in milliseconds, within which this share of the requests (in hundredths) was answered: the nearest rank,
    /// of all that were not refused.
    pub fn percentile(&self, hundredths: usize) -> f64 {
        percentile(&self.took, hundredths)
    }

    /// The same of those that were told to come back; none if there were none.
    pub fn refused_percentile(&self, hundredths: usize) -> Option<f64> {
        (!self.refused_took.is_empty()).then(|| percentile(&self.refused_took, hundredths))
    }
}

fn percentile(took: &[u64], hundredths: usize) -> f64 {
    let rank = (took.len() * hundredths).div_ceil(100).max(1);
    let nanoseconds = took.get(rank - 1).copied().unwrap_or_default();
    Duration::from_nanos(nanoseconds).as_secs_f64() * 1_000.0
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    took: Vec<u64>,
    refused_took: Vec<u64>,
    answers: u64,
    unanswered: u64,
    bytes: u64,
    /// The first answer of an unwanted status.
    other: Option<String>,
}

impl Seen {
    fn note(&mut self, answer: &Answer, since: Instant, wanted: u16) {
        let took = if answer.status == 503 { &mut self.refused_took } else { &mut self.took };
        took.push(nanoseconds(since.elapsed()));
        self.bytes += answer.body.len() as u64;
        if answer.status == wanted {
            self.answers += 1;
        } else if answer.status != 503 && self.other.is_none() {
            self.other = Some(format!("{} in place of {wanted}", answer.shown()));
        }
    }

    fn add(&mut self, other: Self) {
        self.took.extend(other.took);
        self.refused_took.extend(other.refused_took);
        self.answers += other.answers;
        self.unanswered += other.unanswered;
        self.bytes += other.bytes;
        self.other = self.other.take().or(other.other);
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Sends requests. Their numbers are those that come next, so that no two are alike if numbers are not. An answer of neither
/// the wanted status nor 503 is an error.
pub async fn load(
    address: SocketAddr,
    demand: Demand,
    next: &Arc<AtomicU64>,
    requests: &Requests,
) -> anyhow::Result<Load> {
    let mut connections = Vec::new();
    for _ in 0..demand.in_flight {
        connections.push(Connection::open(address).await?);
    }
    let began = Instant::now();
    let schedule = demand.rate.map(|rate| Schedule::begin(began, rate, demand));
    let mut lanes = JoinSet::new();
    for connection in connections {
        let (next, requests, schedule) = (next.clone(), requests.clone(), schedule.clone());
        lanes.spawn(async move {
            match schedule {
                None => closed(connection, began, demand, &next, &requests).await,
                Some(schedule) => open(connection, &schedule, &next, &requests).await,
            }
        });
    }
    let mut all = Seen::default();
    while let Some(lane) = lanes.join_next().await {
        all.add(lane??);
    }
    if let Some(other) = all.other {
        bail!("a request was answered {other}");
    }
    // The last request of an open loop is due a little before the time is over.
    let elapsed = began.elapsed().max(demand.time).as_secs_f64();
    all.took.sort_unstable();
    all.refused_took.sort_unstable();
    let Seen { took, refused_took, answers, unanswered, bytes, .. } = all;
    let refused = refused_took.len() as u64;
    #[expect(clippy::cast_precision_loss, reason = "a rate and a mean")]
    let (per_second, bytes) = (answers as f64 / elapsed, bytes as f64 / (answers + refused).max(1) as f64);
    Ok(Load { answers, per_second, refused, unanswered, bytes, refused_took, took })
}

async fn closed(
    mut connection: Connection,
    began: Instant,
    demand: Demand,
    next: &AtomicU64,
    requests: &Requests,
) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    while began.elapsed() < demand.time {
        let request = requests(next.fetch_add(1, Ordering::Relaxed));
        let sent = Instant::now();
        let answer = connection.call(&request).await?;
        seen.note(&answer, sent, request.wanted);
    }
    Ok(seen)
}

/// The times of an open loop.
#[derive(Clone)]
struct Schedule {
    began: Instant,
    rate: u64,
    whole: u64,
    taken: Arc<AtomicU64>,
    /// A permit for each request that is due.
    due: Arc<Semaphore>,
    /// When what is still unanswered is given up.
    end: Instant,
}

impl Schedule {
    fn begin(began: Instant, rate: u64, demand: Demand) -> Self {
        let whole = u128::from(rate) * demand.time.as_millis() / 1_000;
        let whole = u64::try_from(whole).unwrap_or(u64::MAX).max(1);
        let schedule = Self {
            began,
            rate,
            whole,
            taken: Arc::default(),
            due: Arc::new(Semaphore::new(0)),
            end: began + demand.time * 2,
        };
        // A thread of its own, as the timer of the runtime knows milliseconds only. It ends when nobody waits any more.
        let (due, times) = (Arc::downgrade(&schedule.due), (began, rate, whole));
        std::thread::spawn(move || {
            let (began, rate, whole) = times;
            let mut given = 0;
            while given < whole {
                std::thread::sleep(time_of(began, rate, given).saturating_duration_since(Instant::now()));
                let Some(due) = due.upgrade() else { return };
                while given < whole && time_of(began, rate, given) <= Instant::now() {
                    due.add_permits(1);
                    given += 1;
                }
            }
            // So that every lane sees that nothing is left.
            if let Some(due) = due.upgrade() {
                due.add_permits(usize::try_from(demand.in_flight).unwrap_or(Semaphore::MAX_PERMITS / 2));
            }
        });
        schedule
    }
}

fn time_of(began: Instant, rate: u64, turn: u64) -> Instant {
    let nanoseconds = u128::from(turn) * 1_000_000_000 / u128::from(rate.max(1));
    began + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

async fn open(
    mut connection: Connection,
    schedule: &Schedule,
    next: &AtomicU64,
    requests: &Requests,
) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    loop {
        schedule.due.acquire().await?.forget();
        let turn = schedule.taken.fetch_add(1, Ordering::Relaxed);
        if turn >= schedule.whole {
            return Ok(seen);
        }
        let due = time_of(schedule.began, schedule.rate, turn);
        if Instant::now() < schedule.end {
            let request = requests(next.fetch_add(1, Ordering::Relaxed));
            if let Ok(answer) = timeout_at(schedule.end.into(), connection.call(&request)).await {
                seen.note(&answer?, due, request.wanted);
                continue;
            }
        }
        // It took at least so long.
        seen.took.push(nanoseconds(due.elapsed()));
        seen.unanswered += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A server that answers nobody for so long after its first request.
    async fn stalling(time: Duration) -> SocketAddr {
        let first: Arc<OnceLock<Instant>> = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let first = first.clone();
                tokio::spawn(async move {
                    let mut request = [0; 1024];
                    while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                        let stalls = *first.get_or_init(Instant::now) + time;
                        tokio::time::sleep_until(stalls.into()).await;
                        drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await);
                    }
                });
            }
        });
        address
    }

    fn demand(rate: Option<u64>) -> Demand {
        Demand { in_flight: 2, rate, time: Duration::from_secs(1) }
    }

    fn requests() -> Requests {
        Arc::new(|_| Request { bytes: b"GET / HTTP/1.1\r\n\r\n".to_vec(), wanted: 200 })
    }

    #[tokio::test]
    async fn an_open_loop_counts_what_a_closed_one_hides() {
        // Half a second of the second nothing is answered: half of all requests took up to half a second, a quarter at least
        // a quarter of one. A closed loop sees the stall twice, once a lane.
        let address = stalling(Duration::from_millis(500)).await;
        let open = load(address, demand(Some(200)), &Arc::default(), &requests()).await.unwrap();
        assert_eq!((open.answers, open.unanswered), (200, 0));
        assert!(open.percentile(75) >= 200.0, "{}", open.percentile(75));
        let address = stalling(Duration::from_millis(500)).await;
        let closed = load(address, demand(None), &Arc::default(), &requests()).await.unwrap();
        assert!(closed.percentile(75) < 200.0, "{}", closed.percentile(75));
    }

    #[tokio::test]
    async fn what_is_never_answered_is_counted_with_the_time_that_it_waited() {
        let address = stalling(Duration::from_secs(3_600)).await;
        let open = load(address, demand(Some(20)), &Arc::default(), &requests()).await.unwrap();
        assert_eq!((open.answers, open.unanswered), (0, 20));
        // The last was due after 950 ms, and all were given up after two seconds.
        assert!(open.percentile(1) >= 1_000.0, "{}", open.percentile(1));
    }

    #[test]
    fn percentiles_are_ranks() {
        let of = |count: u64| {
            let took = (1..=count).map(|millis| millis * 1_000_000).collect();
            let load = Load {
                answers: count,
                per_second: 0.0,
                refused: 0,
                unanswered: 0,
                bytes: 0.0,
                refused_took: Vec::new(),
                took,
            };
            assert_eq!(load.refused_percentile(99), None);
            [50, 95, 99].map(|hundredths| load.percentile(hundredths))
        };
        assert_eq!(of(1), [1.0, 1.0, 1.0]);
        assert_eq!(of(10), [5.0, 10.0, 10.0]);
        assert_eq!(of(200), [100.0, 190.0, 198.0]);
    }
}
