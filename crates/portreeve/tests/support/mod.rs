//! What the tests of the program and those in a browser stand on: a place for the data, a running program, and a client.

mod balancer;
mod client;
mod collector;
pub mod gathered;
pub mod place;
pub mod program;
mod server;
mod traffic;
mod wire;

use std::{
    sync::{
        Barrier, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

pub use balancer::Balancer;
pub use client::{Answer, Client, broken_bodies, login};
pub use collector::collector;
pub use gathered::Gathered;
pub use place::{Place, sqlite};
pub use program::{Ended, program, run};
pub use server::{ADMIN_PASSWORD, Server, free_port};
pub use traffic::Traffic;
pub use wire::{Counted, Wire};

/// A test that is still waiting after this long hangs. No measure of speed.
pub const WATCHDOG: Duration = Duration::from_secs(180);
/// The pause between two looks at something that is about to happen.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks again and again until there is something to see.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < WATCHDOG, "waited in vain for {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Does something many times in the same moment.
pub fn all_at_once<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(count);
    std::thread::scope(|scope| {
        let (act, barrier) = (&act, &barrier);
        let threads: Vec<_> = (0..count)
            .map(|number| {
                scope.spawn(move || {
                    barrier.wait();
                    act(number)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a request panicked")).collect()
    })
}

/// Ends what goes on beside, also when what went on meanwhile panicked.
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Held by tests that keep every core busy, so that they do not do so at the same time.
pub fn busy() -> MutexGuard<'static, ()> {
    static BUSY: Mutex<()> = Mutex::new(());
    BUSY.lock().unwrap_or_else(PoisonError::into_inner)
}
