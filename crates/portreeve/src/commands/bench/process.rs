//! Processes that are measured: they end when they are dropped.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::sync::oneshot;

use super::taking;

/// The pause between two looks at a process.
const PAUSE: Duration = Duration::from_millis(5);

/// A process that ends when this is dropped.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It is a bench: what it holds is thrown away.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What a process took from its beginning to its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    pub cpu: Duration,
    /// Resident memory in MiB at most.
    pub peak: f64,
}

impl Process {
    /// Starts a server that says where it listens, and waits until it does.
    pub async fn serving(mut command: Command) -> anyhow::Result<(Self, SocketAddr)> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut process = Self(child.context("starting a server")?);
        let out = process.0.stdout.take().context("the server has no output")?;
        let (sender, address) = oneshot::channel();
        std::thread::spawn(move || {
            let mut lines = std::io::BufRead::lines(std::io::BufReader::new(out));
            let address = lines.find_map(|line| {
                let line = line.ok()?;
                line.split_once("http://")?.1.split_whitespace().next()?.parse().ok()
            });
            if let Some(address) = address {
                // Nobody waits for it if the measurement was given up.
                sender.send(address).ok();
            }
            // Goes on reading, so that the server never writes into a closed pipe.
            lines.for_each(drop);
        });
        match address.await {
            Ok(address) => Ok((process, address)),
            Err(_) => bail!("the server ended before it said where it listens: {}", process.0.wait()?),
        }
    }

    /// Runs a command to its good end. Gives what it said and what it took.
    pub async fn run(mut command: Command, what: &str) -> anyhow::Result<(String, Taken)> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut process = Self(child.with_context(|| format!("starting {what}"))?);
        let mut out = process.0.stdout.take().context("a command has no output")?;
        let said = std::thread::spawn(move || {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut out, &mut text).map(|_| text)
        });
        let mut taken = Taken::default();
        loop {
            // Once it has ended there is no memory to tell of, but the time is told until somebody has waited for it.
            if let Ok((_, peak)) = process.memory() {
                taken.peak = peak;
            }
            let (state, cpu) = taking::state(process.0.id())?;
            taken.cpu = cpu;
            if state == "Z" {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let status = process.0.wait()?;
        if !status.success() {
            bail!("{what} failed: {status}");
        }
        let said = said.join().unwrap_or_else(|_| Ok(String::new()))?;
        Ok((said, taken))
    }

    /// Resident memory in MiB: now, and the most there ever was.
    pub fn memory(&self) -> anyhow::Result<(f64, f64)> {
        taking::memory(self.0.id())
    }

    /// The time that the processors worked for it, for itself and in the system.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        Ok(taking::state(self.0.id())?.1)
    }
}
