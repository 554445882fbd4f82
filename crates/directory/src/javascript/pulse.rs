//! How a worker shows that it is alive, and learns that it was given up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Shared by a worker and whoever waits for it.
#[derive(Default)]
pub(super) struct Pulse {
    beats: AtomicU64,
    is_abandoned: AtomicBool,
}

impl Pulse {
    /// A sign of life.
    pub(super) fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// How many signs there have been.
    pub(super) fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// Tells the worker to end when it can.
    pub(super) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Release);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }
}
