//! Whether a refusal says by its time why it was given. Kinds are timed in turn, in random order within each turn, so that
//! what else the machine does falls on all alike.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Instant,
};

use anyhow::{bail, ensure};
use serde_json::json;

use super::{
    BenchArguments,
    client::{Connection, request},
    server::{Server, login_request},
};

const KINDS: [&str; 5] = ["unknown", "wrong", "locked", "disabled", "passwordless"];
/// How far a median may be from that of a wrong password.
const MARGIN: f64 = 0.02;
/// Two-sided, for four comparisons at one in a thousand (Bonferroni).
const CRITICAL_Z: f64 = 3.66;
/// Wrong passwords before the account is unlocked again; its provider locks at 100.
const UNLOCK_EVERY: usize = 40;

/// Times refusals and fails if their kinds can be told apart.
pub async fn compare(arguments: &BenchArguments) -> anyhow::Result<String> {
    let server = Server::start(arguments.database.as_deref())?;
    let token = server.log_in().await?;
    let mut connection = Connection::open(server.address).await?;
    let wrong = prepare(&mut connection, &token).await?;
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); KINDS.len()];
    let requests = KINDS.map(|kind| login_request("local", kind, "not the password"));
    for round in 0..arguments.samples + 20 {
        if round % UNLOCK_EVERY == 0 {
            let unlocked = connection.call(&wrong).await?;
            ensure!(unlocked.status == 200, "an unlock was answered {}", unlocked.status);
        }
        for kind in shuffled() {
            let began = Instant::now();
            let answer = connection.call(&requests[kind]).await?;
            let took = began.elapsed().as_secs_f64() * 1_000.0;
            ensure!(answer.status == 401, "a refusal was answered {}", answer.status);
            // The first ones warm up.
            if round >= 20 {
                samples[kind].push(took);
            }
        }
    }
    judge(samples)
}

/// Makes an account of each kind. Gives the request that unlocks the one whose passwords are wrong.
async fn prepare(connection: &mut Connection, token: &str) -> anyhow::Result<Vec<u8>> {
    let providers = connection.call(&request("GET", "/identity-providers?name=local", Some(token), "")).await?;
    let providers: serde_json::Value = serde_json::from_slice(&providers.body)?;
    let mut provider = providers["data"][0].clone();
    provider["userLockoutThreshold"] = json!(100);
    let path = format!("/identity-providers/{}", provider["id"].as_str().unwrap_or_default());
    let changed = connection.call(&request("PUT", &path, Some(token), &provider.to_string())).await?;
    ensure!(changed.status == 200, "the threshold was not set: {}", changed.status);
    let mut unlock = Vec::new();
    for kind in &KINDS[1..] {
        let mut user = json!({"name": kind, "firstName": "Ben", "lastName": "Marker"});
        if *kind != "passwordless" {
            user["password"] = json!("what-nobody-guesses-42");
        }
        if *kind == "locked" {
            user["lockStart"] = json!("2999-01-01T00:00:00Z");
        }
        user["disabled"] = json!(*kind == "disabled");
        let made = connection.call(&request("POST", "/local-users", Some(token), &user.to_string())).await?;
        ensure!(made.status == 200, "the account {kind} was not made: {}", made.status);
        if *kind == "wrong" {
            let mut made: serde_json::Value = serde_json::from_slice(&made.body)?;
            (made["failedLoginAttempts"], made["lockStart"]) = (json!(0), json!(null));
            let path = format!("/local-users/{}", made["id"].as_str().unwrap_or_default());
            unlock = request("PUT", &path, Some(token), &made.to_string());
        }
    }
    Ok(unlock)
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

fn judge(mut samples: Vec<Vec<f64>>) -> anyhow::Result<String> {
    let wrong = samples[1].clone();
    let mut text = String::from("refusals");
    let mut told_apart = false;
    let base = median(&mut samples[1]);
    for (kind, name) in KINDS.iter().enumerate() {
        let z = mann_whitney(&samples[kind], &wrong);
        let median = median(&mut samples[kind]);
        let off = median / base - 1.0;
        told_apart |= off.abs() > MARGIN || z.abs() > CRITICAL_Z;
        let count = samples[kind].len();
        text += &format!("\n  {name:<13} median {median:.3} ms  {:+.2} %  z {z:+.2}  ({count} samples)", off * 100.0);
    }
    if told_apart {
        bail!("{text}\nrefusals can be told apart by their time (over 2 %, or |z| over {CRITICAL_Z})");
    }
    Ok(text + "\n  none can be told apart")
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
        assert!(judge(samples(0.2)).is_err());
        assert!(judge(samples(0.0)).is_ok());
    }
}
