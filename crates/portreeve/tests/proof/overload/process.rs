//! What a server's process has.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::super::support::Server;

/// Ticks of a second in which Linux counts the time of processes, on every architecture.
const TICKS: u64 = 100;

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
    let stat = look(server, "stat");
    // The second field is the program's name in parentheses, which may hold anything.
    let fields = stat.rsplit_once(')').expect("a name").1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 1_000 / TICKS)
}

/// Resident memory, in MiB.
#[expect(clippy::cast_precision_loss, reason = "a size in MiB")]
pub fn memory(server: &Server) -> f64 {
    let status = look(server, "status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib as f64 / 1024.0
}

/// Open files and connections.
pub fn handles(server: &Server) -> usize {
    names(server).count()
}

/// Open connections, and what listens for them.
pub fn sockets(server: &Server) -> usize {
    names(server).filter(|name| name.to_string_lossy().starts_with("socket:")).count()
}

fn look(server: &Server, what: &str) -> String {
    let path = format!("/proc/{}/{what}", server.pid().as_raw_nonzero());
    std::fs::read_to_string(path).expect("the process is there")
}

fn names(server: &Server) -> impl Iterator<Item = PathBuf> {
    let folder = std::fs::read_dir(format!("/proc/{}/fd", server.pid().as_raw_nonzero()));
    let folder = folder.expect("the process is there, and root looks at it");
    // One that has just been closed has no name.
    folder.filter_map(|entry| entry.ok()?.path().read_link().ok())
}
