//! What is seen of a server around its worst moments: that it writes, how soon it is ready again, that its data is sound.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use super::support::{ADMIN_PASSWORD, Client, Place, Server, program, wait_for};

/// How long starts took, to the first answer of `/readyz`.
#[derive(Default)]
pub struct Starts(Vec<Duration>);

impl Starts {
    pub fn start(&mut self, place: &Place) -> Server {
        let began = Instant::now();
        let server = Server::start(place);
        let client = Client::new(&server.url);
        wait_for("a server that is ready", || (client.get("/readyz").status == 200).then_some(()));
        self.0.push(began.elapsed());
        server
    }

    pub fn longest(&self) -> Duration {
        self.0.iter().max().copied().unwrap_or_default()
    }

    pub fn tell(&mut self) -> String {
        self.0.sort();
        let (median, longest) = (self.0[self.0.len() / 2], self.0[self.0.len() - 1]);
        format!("ready {} ms after the start (longest {})", median.as_millis(), longest.as_millis())
    }
}

/// Waits until so many more were acknowledged.
pub fn wait_for_writes(acknowledged: &AtomicU64, more: u64) {
    let before = acknowledged.load(Ordering::Relaxed);
    wait_for("writes", || (acknowledged.load(Ordering::Relaxed) >= before + more).then_some(()));
}

/// Kills a start that is under way, after something else has happened to it.
pub fn kill_a_start(place: &Place, flags: &[&str], after: Duration, happens: impl FnOnce()) {
    let mut command = program();
    command.arg("serve").args(place.arguments()).args(flags);
    command.env("PORTREEVE_ADMIN_PASSWORD", ADMIN_PASSWORD).env("PORTREEVE_LISTEN", "127.0.0.1:0");
    let mut child = command.spawn().expect("starts");
    std::thread::sleep(after);
    happens();
    child.kill().expect("is ours");
    child.wait().expect("is ours");
}

/// The database's own opinion.
pub fn is_sound(place: &Place) {
    if place.is_shared() {
        place.sql("CREATE EXTENSION IF NOT EXISTS amcheck");
        place.sql(
            "SELECT bt_index_check(index => pg_class.oid, heapallindexed => true) FROM pg_class
             WHERE relkind = 'i' AND relnamespace = current_schema()::regnamespace",
        );
    } else {
        assert_eq!(place.sql("PRAGMA integrity_check"), [["ok"]]);
        assert!(place.sql("PRAGMA foreign_key_check").is_empty(), "foreign keys do not hold");
    }
}
