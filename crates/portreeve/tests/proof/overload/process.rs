//! What a server's process has.

use std::path::PathBuf;

use super::super::support::Server;

/// Resident memory, in MiB.
#[expect(clippy::cast_precision_loss, reason = "a size in MiB")]
pub fn memory(server: &Server) -> f64 {
    let path = format!("/proc/{}/status", server.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(path).expect("the process is there");
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

fn names(server: &Server) -> impl Iterator<Item = PathBuf> {
    let folder = std::fs::read_dir(format!("/proc/{}/fd", server.pid().as_raw_nonzero()));
    let folder = folder.expect("the process is there, and root looks at it");
    // One that has just been closed has no name.
    folder.filter_map(|entry| entry.ok()?.path().read_link().ok())
}
