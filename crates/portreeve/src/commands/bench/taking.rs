//! What the system says that a process takes.

use std::time::Duration;

use anyhow::Context;

/// Ticks of a second in which Linux counts the time of processes, on every architecture.
const TICKS: u64 = 100;

/// Resident memory in MiB: now, and the most there ever was.
pub fn memory(pid: u32) -> anyhow::Result<(f64, f64)> {
    let status = look(pid, "status")?;
    let field = |name: &str| -> Option<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
    };
    Ok((field("VmRSS:").context("VmRSS")?, field("VmHWM:").context("VmHWM")?))
}

/// Its state (`Z` if it has ended and nobody has waited for it), and the time that the processors worked for it, for itself and in
/// the system.
pub fn state(pid: u32) -> anyhow::Result<(String, Duration)> {
    let stat = look(pid, "stat")?;
    // The second field is the program's name in parentheses, which may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')').context("/proc/…/stat")?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).context("/proc/…/stat");
    let ticks = ticks(11)? + ticks(12)?;
    Ok(((*fields.first().context("/proc/…/stat")?).to_owned(), Duration::from_millis(ticks * 1_000 / TICKS)))
}

fn look(pid: u32, what: &str) -> anyhow::Result<String> {
    let file = format!("/proc/{pid}/{what}");
    std::fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))
}
