//! What a server's process has.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::super::{support::Server, taking};

/// How much of the machine's processors works for a server, from now on.
pub struct Work<'a> {
    server: &'a Server,
    began: Instant,
    before: Duration,
}

impl<'a> Work<'a> {
    pub fn of(server: &'a Server) -> Self {
        Self { server, began: Instant::now(), before: worked(server) }
    }

    /// Seconds of work in a second.
    pub fn so_far(&self) -> f64 {
        (worked(self.server) - self.before).as_secs_f64() / self.began.elapsed().as_secs_f64()
    }
}

fn worked(server: &Server) -> Duration {
    taking::state(pid(server)).expect("the process is there").1
}

/// Resident memory, in MiB.
pub fn memory(server: &Server) -> f64 {
    taking::memory(pid(server)).expect("the process is there").0
}

/// Open files and connections.
pub fn handles(server: &Server) -> usize {
    names(server).count()
}

/// Open connections, and what listens for them.
pub fn sockets(server: &Server) -> usize {
    names(server).filter(|name| name.to_string_lossy().starts_with("socket:")).count()
}

fn pid(server: &Server) -> u32 {
    server.pid().as_raw_nonzero().get().unsigned_abs()
}

fn names(server: &Server) -> impl Iterator<Item = PathBuf> {
    let folder = std::fs::read_dir(format!("/proc/{}/fd", pid(server)));
    let folder = folder.expect("the process is there, and root looks at it");
    // One that has just been closed has no name.
    folder.filter_map(|entry| entry.ok()?.path().read_link().ok())
}
