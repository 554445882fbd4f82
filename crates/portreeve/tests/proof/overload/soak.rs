//! Hours of everything: nothing may grow that need not.

use std::{
    fmt::{self, Display, Formatter},
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    super::{
        course::{figure, seeded, size},
        support::{Client, Place, Server, Stop},
    },
    PASSWORD, process,
};

const CLIENTS: usize = 6;
/// Accounts that each client has at most: then it deletes before it makes one.
const ACCOUNTS: usize = 30;
/// How many looks there are.
const LOOKS: u32 = 40;

/// What may not grow.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    memory: f64,
    handles: usize,
    log: u64,
}

impl Seen {
    fn look(server: &Server, place: &Place) -> Self {
        let log = place.path().join("portreeve.db-wal");
        Self { memory: process::memory(server), handles: process::handles(server), log: length(&log) }
    }

    fn most(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            handles: self.handles.max(other.handles),
            log: self.log.max(other.log),
        }
    }
}

impl Display for Seen {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        write!(to, "memory {:.1} MiB, handles {}, log {} KiB", self.memory, self.handles, self.log / 1024)
    }
}

fn length(file: &Path) -> u64 {
    // PostgreSQL has none.
    file.metadata().map_or(0, |metadata| metadata.len())
}

#[test]
fn hours_of_everything_take_no_more_than_minutes_do() {
    let mut chance = seeded("soak");
    let place = Place::new();
    let server = Server::start_with(&place, |command| command.args(["--log-level", "error"]));
    let admin = server.admin();
    let time = Duration::from_secs(size(12, 8 * 3_600) as u64);
    let time = std::env::var("SOAK_SECONDS")
        .map_or(time, |seconds| Duration::from_secs(seconds.parse().expect("SOAK_SECONDS is a number")));
    let (stop, acts) = (AtomicBool::new(false), AtomicU64::new(0));
    let looks: Vec<Seen> = std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (admin, stop, acts) = (&admin, &stop, &acts);
            let mut chance = fastrand::Rng::with_seed(chance.u64(..));
            scope.spawn(move || {
                let mut mine = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    act(admin, number, &mut chance, &mut mine, acts.fetch_add(1, Ordering::Relaxed));
                }
            });
        }
        let _stop = Stop(&stop);
        let began = Instant::now();
        (1..=LOOKS)
            .map(|look| {
                std::thread::sleep((began + time * look / LOOKS).saturating_duration_since(Instant::now()));
                let seen = Seen::look(&server, &place);
                // Nobody waits for hours without a word; and what was seen until then is known if it is ended.
                figure("soak", &format!("{look} of {LOOKS}, {} acts: {seen}", acts.load(Ordering::Relaxed)));
                seen
            })
            .collect()
    });
    let most = |part: &[Seen]| part.iter().copied().fold(Seen::default(), Seen::most);
    // The first tenth fills pools and caches.
    let (begin, half) = (looks.len() / 10, looks.len() / 2);
    let (before, after) = (most(&looks[begin..half]), most(&looks[half..]));
    figure(
        "soak",
        &format!(
            "{} s, {} acts: at most, in the first half {before}, and in the second {after}",
            time.as_secs(),
            acts.load(Ordering::Relaxed),
        ),
    );
    assert!(after.memory < before.memory * 1.1 + 2.0, "memory grows");
    assert!(after.handles <= before.handles + CLIENTS, "handles grow");
    assert!(after.log <= before.log * 2, "the log grows");
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

/// One of everything that clients do all day.
fn act(admin: &Client, number: usize, chance: &mut fastrand::Rng, mine: &mut Vec<(String, String)>, turn: u64) {
    let any = (!mine.is_empty()).then(|| chance.usize(..mine.len()));
    match (chance.u8(..100), any) {
        (0..10, _) if mine.len() < ACCOUNTS => {
            let name = format!("soak-{number}-{turn}");
            mine.push((admin.create_user(&name, PASSWORD), name));
        }
        (10..20, Some(any)) if mine.len() > ACCOUNTS / 2 => {
            assert_eq!(admin.delete(&format!("/local-users/{}", mine.swap_remove(any).0)).status, 204);
        }
        (20..45, Some(any)) => {
            let (id, name) = &mine[any];
            let body = json!({"name": name, "firstName": "S", "lastName": "O", "notes": turn.to_string()});
            admin.put(&format!("/local-users/{id}"), &body).ok();
        }
        (45..60, Some(any)) => {
            let user = admin.logged_in("local", &mine[any].1, PASSWORD);
            assert_eq!(user.get("/local-users").status, 403);
            assert_eq!(user.post("/authentication/logout", &json!({})).status, 204);
        }
        (60..65, Some(any)) => {
            assert_eq!(admin.try_login("local", &mine[any].1, "a wrong password").status, 401);
            admin.try_login("local", &mine[any].1, PASSWORD).ok();
        }
        (65..75, _) => drop(admin.get("/local-users?query=soak&range=0-49").ok()),
        (75..80, _) => drop(admin.get("/audit-logs?range=0-19").ok()),
        (_, Some(any)) => drop(admin.get(&format!("/local-users/{}", mine[any].0)).ok()),
        _ => {}
    }
}
