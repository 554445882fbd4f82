//! The measurements and the limits beside them.

use std::time::Duration;

use anyhow::{Context, ensure};
use portreeve_directory::passwords;

use super::{
    BenchArguments,
    client::{Connection, Load, load, request},
    server::{Server, login_request},
};

/// Logins at once when the most memory is measured.
const STORM: u64 = 2_000;
/// Machines that log in again and again.
const MACHINES: u64 = 100;
const MACHINE_PASSWORD: &str = "what-machines-say-42";
/// Accounts in the store when its memory is measured.
const ACCOUNTS: u64 = 10_000;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// What several rounds of one measurement came to.
#[derive(Default)]
pub(super) struct Rounds {
    rates: Vec<f64>,
    limits: Vec<f64>,
    ratios: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Rounds {
    pub(super) fn add(&mut self, load: &Load, limit: f64) -> anyhow::Result<()> {
        ensure!(load.others == 0, "{} requests were answered with another status", load.others);
        self.rates.push(load.per_second);
        self.limits.push(limit);
        self.ratios.push(load.per_second / limit);
        self.p50.push(millis(load.p50));
        self.p99.push(millis(load.p99));
        Ok(())
    }

    /// `of`, a rate, its limit where there is one, and how long single requests took.
    pub(super) fn line(self, of: &str, limit: &str) -> String {
        let limit = if limit.is_empty() {
            String::new()
        } else {
            format!("   {limit} {:.0} /s   ratio {:.2}", median(self.limits), median(self.ratios))
        };
        let (rate, p50, p99) = (median(self.rates), median(self.p50), median(self.p99));
        format!("{of:<34} {rate:>7.0} /s{limit}   p50 {p50:.2} ms  p99 {p99:.2} ms")
    }
}

/// Logins, and as many bare hashes as the same workers compute.
pub async fn login(arguments: &BenchArguments) -> anyhow::Result<String> {
    let server = Server::start(arguments.database.as_deref())?;
    let mut rounds = Rounds::default();
    for _ in 0..arguments.rounds {
        let time = arguments.duration();
        let limit = tokio::task::spawn_blocking(move || passwords::hash_rate(cores(), time)).await??;
        let logins = load(server.address, 32, time, 200, |_| Server::admin_login()).await?;
        rounds.add(&logins, limit)?;
    }
    Ok(rounds.line("logins, 32 in flight", "raw hashes"))
}

/// Logins of accounts that are remembered: of one over and over, then of a hundred in turn.
pub async fn remembered(arguments: &BenchArguments) -> anyhow::Result<String> {
    let server = Server::start_remembering(arguments.database.as_deref())?;
    let token = server.log_in().await?;
    let mut connection = Connection::open(server.address).await?;
    for number in 0..MACHINES {
        let body = serde_json::json!({"name": machine(number), "password": MACHINE_PASSWORD}).to_string();
        let answer = connection.call(&request("POST", "/service-users", Some(&token), &body)).await?;
        ensure!(answer.status == 200, "a create was answered {}", answer.status);
    }
    drop(connection);
    let mut lines = Vec::new();
    for machines in [1, MACHINES] {
        let mut rounds = Rounds::default();
        for _ in 0..arguments.rounds {
            let log_in = move |number| login_request("service", &machine(number % machines), MACHINE_PASSWORD);
            rounds.add(&load(server.address, 64, arguments.duration(), 200, log_in).await?, f64::NAN)?;
        }
        lines.push(rounds.line(&format!("remembered logins of {machines}, 64 in flight"), ""));
    }
    Ok(lines.join("\n"))
}

fn machine(number: u64) -> String {
    format!("machine-{number}")
}

async fn create_account(server: &Server, token: &str, name: &str) -> anyhow::Result<String> {
    let body = serde_json::json!({"name": name, "firstName": "Ben", "lastName": "Marker"}).to_string();
    let request = request("POST", "/local-users", Some(token), &body);
    let answer = Connection::open(server.address).await?.call(&request).await?;
    let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
    Ok(body["id"].as_str().context("no id")?.to_owned())
}

/// Reads by id with a token, and the framework's answer of the same size.
pub async fn read(arguments: &BenchArguments) -> anyhow::Result<String> {
    let server = Server::start(arguments.database.as_deref())?;
    let bare = Server::start_bare()?;
    let token = server.log_in().await?;
    let id = create_account(&server, &token, "bench-0").await?;
    let get = request("GET", &format!("/local-users/{id}"), Some(&token), "");
    let mut rounds = Rounds::default();
    for _ in 0..arguments.rounds {
        let (one, other) = (get.clone(), get.clone());
        let limit = load(bare.address, 32, arguments.duration(), 200, move |_| one.clone()).await?;
        let reads = load(server.address, 32, arguments.duration(), 200, move |_| other.clone()).await?;
        rounds.add(&reads, limit.per_second)?;
    }
    Ok(rounds.line("reads by id, 32 in flight", "bare answers"))
}

async fn create_for(server: &Server, time: Duration, prefix: &str) -> anyhow::Result<Load> {
    let (token, prefix) = (server.log_in().await?, prefix.to_owned());
    load(server.address, 64, time, 200, move |number| {
        let body = format!(r#"{{"name":"{prefix}-{number}","firstName":"Ben","lastName":"Marker"}}"#);
        request("POST", "/local-users", Some(&token), &body)
    })
    .await
}

/// Creates of accounts without password.
pub async fn create(arguments: &BenchArguments) -> anyhow::Result<String> {
    let server = Server::start(arguments.database.as_deref())?;
    let mut rounds = Rounds::default();
    for round in 0..arguments.rounds {
        let creates = create_for(&server, arguments.duration(), &format!("bench-{round}")).await?;
        rounds.add(&creates, f64::NAN)?;
    }
    Ok(rounds.line("durable creates, 64 in flight", ""))
}

/// Start, memory, and the size of the program.
pub async fn footprint(arguments: &BenchArguments) -> anyhow::Result<String> {
    let database = arguments.database.as_deref();
    let server = Server::start(database)?;
    let token = server.log_in().await?;
    let mut connection = Connection::open(server.address).await?;
    for number in 0..ACCOUNTS {
        let body = format!(r#"{{"name":"bench-{number}","firstName":"Ben","lastName":"Marker"}}"#);
        let answer = connection.call(&request("POST", "/local-users", Some(&token), &body)).await?;
        ensure!(answer.status == 200, "a create was answered {}", answer.status);
    }
    drop(connection);
    let (mut server, mut starts) = (server, vec![]);
    for _ in 0..arguments.rounds {
        let (again, took) = server.restart(database).await?;
        server = again;
        starts.push(millis(took));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (idle, _) = server.memory()?;
    let storm = load(server.address, STORM, arguments.duration(), 200, |_| Server::admin_login()).await?;
    let (_, peak) = server.memory()?;
    // A worker that has nothing to do gives its memory back after ten seconds.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let (after, _) = server.memory()?;
    #[expect(clippy::cast_precision_loss, reason = "a size to be read")]
    let size = std::fs::metadata(std::env::current_exe()?)?.len() as f64 / 1_048_576.0;
    Ok(format!(
        "footprint  start to first answer {:.0} ms   memory {idle:.1} MiB idle with {ACCOUNTS} accounts, {peak:.1} MiB at \
         the peak of {STORM} logins in flight on {} workers ({} let in, {} told to come back), {after:.1} MiB afterwards   program {size:.1} MiB",
        median(starts),
        cores(),
        storm.done,
        storm.others
    ))
}
