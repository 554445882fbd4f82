//! How long a start takes, and how much memory: with nothing to do, in a storm of logins, and afterwards.

use std::{sync::Arc, time::Duration};

use anyhow::Context;

use super::{
    engine::Engine,
    load::{Demand, Requests, load},
    report::{Report, Spread, cores},
    server::Ground,
};
use crate::terminal;

/// Logins at once when the most memory is measured.
const STORM: u64 = 2_000;
/// A worker that has nothing to do gives its memory back after ten seconds.
const CALM: Duration = Duration::from_secs(12);
/// Until what a start needs has been given back.
const SETTLED: Duration = Duration::from_millis(500);

/// Start, memory, and the size of the program.
pub async fn measure(engine: &Engine<'_>, ground: &mut Ground) -> anyhow::Result<Report> {
    let mut starts = Vec::new();
    for _ in 0..engine.arguments.rounds {
        starts.extend(ground.refresh(false).await?.map(|took| took.as_secs_f64() * 1_000.0));
    }
    tokio::time::sleep(SETTLED).await;
    let process = &ground.own.as_ref().context("a footprint is that of a server of our own")?.process;
    let (idle, _) = process.memory()?;
    let in_flight = engine.arguments.in_flight.unwrap_or(STORM);
    let demand = Demand { in_flight, rate: None, time: engine.arguments.time() };
    let requests: Requests = Arc::new(ground.logins());
    let storm = load(ground.api.address, demand, &Arc::default(), &requests).await?;
    let (_, peak) = process.memory()?;
    terminal::note("waiting until memory has been given back…");
    tokio::time::sleep(CALM).await;
    let (after, _) = process.memory()?;
    let start = Spread::of(starts).context("there was no start")?;
    #[expect(clippy::cast_precision_loss, reason = "sizes and counts to be read")]
    let (size, admitted, refused, workers) = (
        std::fs::metadata(std::env::current_exe()?)?.len() as f64 / 1_048_576.0,
        storm.answers as f64,
        storm.refused as f64,
        cores() as f64,
    );
    let figures = [
        ("startMs", start.median),
        ("startMsMin", start.min),
        ("startMsMax", start.max),
        ("idleMib", idle),
        ("stormPeakMib", peak),
        ("afterwardsMib", after),
        ("programMib", size),
        ("stormLogins", admitted),
        ("stormToldToComeBack", refused),
        ("hashWorkers", workers),
    ];
    Ok(Report {
        name: "footprint".into(),
        what: format!("start to the first answer, and memory with {} accounts", ground.accounts),
        in_flight: Some(in_flight),
        memory_mib: Some(after),
        memory_peak_mib: Some(peak),
        figures: figures.map(|(name, value)| (name.to_owned(), value)).into(),
        ..Report::default()
    })
}
