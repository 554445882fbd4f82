//! Whether a refusal says by its time why it was given. Kinds are timed in turn, in random order within each turn, so that
//! what else the machine does falls on all alike.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hasher, RandomState},
    time::Instant,
};

use anyhow::{Context, ensure};
use serde_json::json;

use super::{
    client::{Api, Connection, Request},
    engine::Engine,
    report::Report,
    server::{Server, login},
};

const KINDS: [&str; 5] = ["unknown", "wrong", "locked", "disabled", "passwordless"];
/// How far a median may be from that of a wrong password.
const MARGIN: f64 = 0.02;
/// Two-sided, for four comparisons at one in a thousand (Bonferroni).
const CRITICAL_Z: f64 = 3.66;
/// Wrong passwords before the account is unlocked again; its provider locks at 100.
const UNLOCK_EVERY: usize = 40;

/// Times refusals. What was found, and whether their kinds can be told apart.
pub async fn measure(engine: &Engine<'_>) -> anyhow::Result<(Report, Verdict)> {
    let server = Server::on_nothing(engine.places).await?;
    let wrong = prepare(&server.api).await?;
    let mut connection = Connection::open(server.api.address).await?;
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); KINDS.len()];
    let requests = KINDS.map(|kind| login(&server.api, "local", kind, "not the password"));
    for round in 0..engine.arguments.samples + 20 {
        if round % UNLOCK_EVERY == 0 {
            let unlocked = connection.call(&wrong).await?;
            ensure!(unlocked.status == 200, "an unlock was answered {}", unlocked.shown());
        }
        for kind in shuffled() {
            let began = Instant::now();
            let answer = connection.call(&requests[kind]).await?;
            let took = began.elapsed().as_secs_f64() * 1_000.0;
            ensure!(answer.status == 401, "a refusal was answered {}", answer.shown());
            // The first ones warm up.
            if round >= 20 {
                samples[kind].push(took);
            }
        }
    }
    drop(server.process);
    engine.places.give_back(server.place).await?;
    Ok(judge(samples))
}

/// Makes an account of each kind. Gives the request that unlocks the one whose passwords are wrong.
async fn prepare(api: &Api) -> anyhow::Result<Request> {
    let providers = api.call("GET", "/identity-providers?name=local", "").await?;
    let mut provider = providers["data"][0].clone();
    provider["userLockoutThreshold"] = json!(100);
    let path = format!("/identity-providers/{}", provider["id"].as_str().unwrap_or_default());
    api.call("PUT", &path, &provider.to_string()).await?;
    let mut unlock = None;
    for kind in &KINDS[1..] {
        let mut user = json!({"name": kind, "firstName": "Ben", "lastName": "Marker"});
        if *kind != "passwordless" {
            user["password"] = json!("what-nobody-guesses-42");
        }
        if *kind == "locked" {
            user["lockStart"] = json!("2999-01-01T00:00:00Z");
        }
        user["disabled"] = json!(*kind == "disabled");
        let mut made = api.call("POST", "/local-users", &user.to_string()).await?;
        if *kind == "wrong" {
            (made["failedLoginAttempts"], made["lockStart"]) = (json!(0), json!(null));
            let path = format!("/local-users/{}", made["id"].as_str().unwrap_or_default());
            unlock = Some(api.request("PUT", &path, &made.to_string()));
        }
    }
    unlock.context("no account has a wrong password")
}

fn shuffled() -> [usize; KINDS.len()] {
    let mut order = [0, 1, 2, 3, 4];
    let state = RandomState::new();
    order.sort_by_cached_key(|kind| {
        let mut hasher = state.build_hasher();
        hasher.write_usize(*kind);
        hasher.finish()
    });
    order
}

/// What the times of refusals say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Alike,
    ToldApart,
}

impl Verdict {
    /// Fails if they can be told apart.
    pub fn check(self) -> anyhow::Result<()> {
        ensure!(
            self == Self::Alike,
            "refusals can be told apart by their time (a median over {} % off, or |z| over {CRITICAL_Z})",
            MARGIN * 100.0
        );
        Ok(())
    }
}

fn judge(mut samples: Vec<Vec<f64>>) -> (Report, Verdict) {
    let wrong = samples[1].clone();
    let (mut figures, mut verdict) = (BTreeMap::new(), Verdict::Alike);
    let base = median(&mut samples[1]);
    for (kind, name) in KINDS.iter().enumerate() {
        let z = mann_whitney(&samples[kind], &wrong);
        let median = median(&mut samples[kind]);
        let off = median / base - 1.0;
        if off.abs() > MARGIN || z.abs() > CRITICAL_Z {
            verdict = Verdict::ToldApart;
        }
        figures.insert(format!("{name}MedianMs"), median);
        figures.insert(format!("{name}OffPercent"), off * 100.0);
        figures.insert(format!("{name}Z"), z);
    }
    let what = format!("whether five kinds take the same time, {} of each", wrong.len());
    (Report { name: "refusals".into(), what, figures, ..Report::default() }, verdict)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The Mann-Whitney U test's z, by the normal approximation; times hardly ever tie.
#[expect(clippy::cast_precision_loss, reason = "counts of samples are small")]
fn mann_whitney(one: &[f64], other: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = one.iter().map(|&time| (time, true)).collect();
    all.extend(other.iter().map(|&time| (time, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ranks: f64 = all.iter().enumerate().filter(|(_, (_, first))| *first).map(|(rank, _)| rank as f64 + 1.0).sum();
    let (n, m) = (one.len() as f64, other.len() as f64);
    let u = ranks - n * (n + 1.0) / 2.0;
    (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_of_a_percent_is_found_and_none_is_not() {
        let spread = |shift: f64| -> Vec<f64> {
            let noise = |index: u64| (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1_u64 << 53) as f64;
            (0..2_000).map(|index| 5.0 + noise(index + (shift * 1e6) as u64) * 0.5 + shift).collect()
        };
        assert!(mann_whitney(&spread(0.05), &spread(0.0)).abs() > CRITICAL_Z);
        assert!(mann_whitney(&spread(0.000_001), &spread(0.0)).abs() < CRITICAL_Z);
        let samples = |off: f64| vec![spread(off), spread(0.0), spread(0.0), spread(0.0), spread(0.0)];
        assert_eq!(judge(samples(0.2)).1, Verdict::ToldApart);
        assert_eq!(judge(samples(0.0)).1, Verdict::Alike);
    }
}
