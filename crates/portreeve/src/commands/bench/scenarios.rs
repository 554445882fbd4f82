//! The measurements and the limits beside them.

use std::time::Duration;

use anyhow::{Context, ensure};
use portreeve_directory::passwords;

use super::{
    BenchArguments,
    client::{Connection, Load, load, request},
    server::Server,
};

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

fn check(load: &Load, what: &str) -> anyhow::Result<()> {
    ensure!(load.others == 0, "{} {what} were answered with another status", load.others);
    Ok(())
}

/// Logins, and as many bare hashes as the same workers compute.
pub async fn login(arguments: &BenchArguments) -> anyhow::Result<String> {
    let server = Server::start(arguments.database.as_deref())?;
    let (mut rates, mut limits, mut ratios, mut p50, mut p99) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..arguments.rounds {
        let time = arguments.duration();
        let limit = tokio::task::spawn_blocking(move || passwords::hash_rate(cores(), time)).await??;
        let logins = load(server.address, 32, time, 200, |_| Server::admin_login()).await?;
        check(&logins, "logins")?;
        ratios.push(logins.per_second / limit);
        (rates.push(logins.per_second), limits.push(limit));
        (p50.push(millis(logins.p50)), p99.push(millis(logins.p99)));
    }
    Ok(format!(
        "login      {:>8.0} /s   raw hashes {:>8.0} /s   ratio {:.2}   p50 {:.1} ms  p99 {:.1} ms  (32 in flight)",
        median(rates),
        median(limits),
        median(ratios),
        median(p50),
        median(p99)
    ))
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
    let (mut rates, mut limits, mut ratios, mut p50, mut p99) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..arguments.rounds {
        let (one, other) = (get.clone(), get.clone());
        let limit = load(bare.address, 32, arguments.duration(), 200, move |_| one.clone()).await?;
        let reads = load(server.address, 32, arguments.duration(), 200, move |_| other.clone()).await?;
        check(&reads, "reads")?;
        ratios.push(reads.per_second / limit.per_second);
        (rates.push(reads.per_second), limits.push(limit.per_second));
        (p50.push(millis(reads.p50)), p99.push(millis(reads.p99)));
    }
    Ok(format!(
        "read by id {:>8.0} /s   bare answer {:>7.0} /s   ratio {:.2}   p50 {:.2} ms  p99 {:.2} ms  (32 in flight)",
        median(rates),
        median(limits),
        median(ratios),
        median(p50),
        median(p99)
    ))
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
    let (mut rates, mut p50, mut p99) = (vec![], vec![], vec![]);
    for round in 0..arguments.rounds {
        let creates = create_for(&server, arguments.duration(), &format!("bench-{round}")).await?;
        check(&creates, "creates")?;
        rates.push(creates.per_second);
        (p50.push(millis(creates.p50)), p99.push(millis(creates.p99)));
    }
    let (p50, p99) = (median(p50), median(p99));
    Ok(format!("create     {:>8.0} /s   durable   p50 {p50:.1} ms  p99 {p99:.1} ms  (64 in flight)", median(rates)))
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
    load(server.address, 256, arguments.duration(), 200, |_| Server::admin_login()).await?;
    let (_, peak) = server.memory()?;
    // A worker that has nothing to do gives its memory back after ten seconds.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let (after, _) = server.memory()?;
    #[expect(clippy::cast_precision_loss, reason = "a size to be read")]
    let size = std::fs::metadata(std::env::current_exe()?)?.len() as f64 / 1_048_576.0;
    Ok(format!(
        "footprint  start to first answer {:.0} ms   memory {idle:.1} MiB idle with {ACCOUNTS} accounts, {peak:.1} MiB at \
         the peak of 256 logins in flight on {} workers, {after:.1} MiB afterwards   program {size:.1} MiB",
        median(starts),
        cores()
    ))
}
