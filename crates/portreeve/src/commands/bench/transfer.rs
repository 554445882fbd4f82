//! Import and export: the commands as processes, and the raw bulk insert beside the import.

use std::time::{Duration, Instant};

use anyhow::Context;
use portreeve_directory::limits;

use super::{
    engine::Engine,
    process::{Process, Taken},
    report::{Report, Round},
    server::{Ground, empty_directory, import, rows},
};
use crate::terminal;

/// The peak of several processes, and what they came to.
#[derive(Default)]
struct Rounds {
    all: Vec<Round>,
    peak: f64,
}

impl Rounds {
    fn add(&mut self, count: u64, took: Duration, taken: Taken, limit: Option<f64>) {
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rows = count as f64;
        let throughput = rows / took.as_secs_f64();
        self.peak = self.peak.max(taken.peak);
        self.all.push(Round {
            count,
            throughput,
            cpu_micros: Some(taken.cpu.as_secs_f64() * 1_000_000.0 / rows.max(1.0)),
            limit,
            ratio: limit.map(|limit| throughput / limit),
            ..Round::default()
        });
    }

    fn report(self, name: &str, what: String) -> Report {
        let limited = self.all.iter().any(|round| round.limit.is_some());
        let report = Report {
            name: name.into(),
            what,
            limit_name: limited.then(|| "raw inserts".into()),
            memory_peak_mib: Some(self.peak),
            ..Report::default()
        };
        report.with_rounds(self.all)
    }
}

/// Rows that come in a second, with hashes from elsewhere and a tag each, into an empty directory; the whole command counts.
pub async fn imports(engine: &Engine<'_>) -> anyhow::Result<Report> {
    let (arguments, places) = (engine.arguments, engine.places);
    let accounts = arguments.accounts;
    let file = rows(places, accounts).await?;
    let mut rounds = Rounds::default();
    for round in 1..=arguments.rounds {
        terminal::note(&format!("measuring import: round {round} of {}…", arguments.rounds));
        let raw = places.make().await?;
        limits::prepare(&raw.location(), 0).await?;
        let began = Instant::now();
        limits::insert_in_bulk(&raw.location(), 0, accounts).await?;
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let limit = accounts as f64 / began.elapsed().as_secs_f64();
        places.give_back(raw).await?;
        let place = empty_directory(places).await?;
        let (taken, took) = import(&place, &file).await?;
        rounds.add(accounts, took, taken, Some(limit));
        places.give_back(place).await?;
    }
    std::fs::remove_file(&file).with_context(|| file.display().to_string())?;
    Ok(rounds.report("import", format!("{accounts} rows with hashes, as NDJSON, by the command")))
}

/// Rows that go out a second, all there are.
pub async fn exports(engine: &Engine<'_>, ground: &Ground) -> anyhow::Result<Report> {
    let own = ground.own.as_ref().context("an export is that of a server of our own")?;
    let mut rounds = Rounds::default();
    for round in 1..=engine.arguments.rounds {
        terminal::note(&format!("measuring export: round {round} of {}…", engine.arguments.rounds));
        let file = engine.places.file("export.ndjson");
        let mut command = own.place.command("export")?;
        command.arg(&file).args(["--kind", "local-users"]);
        let began = Instant::now();
        let (said, taken) = Process::run(command, "portreeve export").await?;
        let took = began.elapsed();
        let count = said.split_whitespace().next().and_then(|count| count.parse().ok());
        rounds.add(count.context("the export did not say how many rows it wrote")?, took, taken, None);
        std::fs::remove_file(&file).with_context(|| file.display().to_string())?;
    }
    Ok(rounds.report("export", "all accounts, as NDJSON, by the command".into()))
}
