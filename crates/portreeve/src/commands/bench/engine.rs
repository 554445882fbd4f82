//! Measures plans: each is warmed up, then taken in turn with its limit, round by round.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use portreeve_directory::{limits, passwords};

use super::{
    Measuring,
    client::{Api, Request},
    load::{Demand, Load, Requests, load},
    places::{Place, Places},
    plans::{Limit, Plan, always},
    process::Process,
    report::{Report, Round, cores},
    server::{Ground, start_bare},
};
use crate::terminal;

/// Requests of an open loop that may be under way at once.
const OPEN: u64 = 256;

/// What all measurements of a run have in common.
pub struct Engine<'a> {
    pub arguments: &'a Measuring,
    pub places: &'a Places,
}

/// What a limit needs for as long as it is measured.
enum Ready {
    Nothing,
    Hashes,
    Bare { _process: Process, api: Api, requests: Requests },
    Commits { place: Place, new: bool, accounts: u64 },
    Load { api: Api, requests: Requests },
}

impl Engine<'_> {
    /// The duration of a measurement, and of one to warm up.
    fn times(&self) -> (Duration, Duration) {
        let whole = self.arguments.time();
        (whole, (whole / 4).min(Duration::from_secs(1)))
    }

    /// Measures a plan on a server.
    pub async fn measure(&self, ground: &Ground, plan: &Plan) -> anyhow::Result<Report> {
        let process = ground.own.as_ref().map(|own| &own.process);
        self.measure_on(&ground.api, process, ground.accounts, plan).await
    }

    /// As `measure`, with the process if it is ours, and the number of accounts that it knows.
    pub async fn measure_on(
        &self,
        api: &Api,
        process: Option<&Process>,
        accounts: u64,
        plan: &Plan,
    ) -> anyhow::Result<Report> {
        let (time, warm) = self.times();
        let Measuring { rounds, rate, in_flight, .. } = *self.arguments;
        terminal::note(&format!("measuring {}: {rounds} rounds of {} s and its limit…", plan.name, time.as_secs_f64()));
        let at_once = in_flight.unwrap_or(plan.in_flight);
        let demand = |rate: Option<u64>, time| {
            let in_flight = if rate.is_some() { in_flight.unwrap_or(OPEN) } else { at_once };
            Demand { in_flight, rate, time }
        };
        let mut left_out = Vec::new();
        let ready = self.ready(api, process.is_some(), accounts, plan, &mut left_out).await?;
        let next = Arc::new(AtomicU64::new(0));
        load(api.address, demand(rate, warm), &next, &plan.requests).await?;
        if matches!(ready, Ready::Bare { .. } | Ready::Load { .. }) {
            ready.measure(demand(None, warm), 0).await?;
        }
        let mut all = Vec::new();
        for round in 0..rounds {
            let limit = ready.measure(demand(None, time), round).await?;
            let before = process.map(Process::cpu).transpose()?;
            let load = load(api.address, demand(rate, time), &next, &plan.requests).await?;
            let cpu = process.map(Process::cpu).transpose()?.zip(before).map(|(after, before)| after - before);
            all.push(round_of(&load, cpu, limit));
        }
        if let Ready::Commits { place, .. } = ready {
            self.places.give_back(place).await?;
        }
        let memory = process.map(Process::memory).transpose()?;
        if process.is_none() {
            left_out.push("memory and processor time, as the server is not ours".into());
        }
        let report = Report {
            name: plan.name.clone(),
            what: plan.what.clone(),
            in_flight: Some(demand(rate, time).in_flight),
            rate,
            limit_name: all.iter().any(|round| round.limit.is_some()).then(|| plan.limit.name().into()),
            memory_mib: memory.map(|(now, _)| now),
            memory_peak_mib: memory.map(|(_, peak)| peak),
            figures: plan.figures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
            left_out,
            ..Report::default()
        };
        Ok(report.with_rounds(all))
    }

    /// Prepares a limit, or says why there is none.
    async fn ready(
        &self,
        api: &Api,
        own: bool,
        accounts: u64,
        plan: &Plan,
        left_out: &mut Vec<String>,
    ) -> anyhow::Result<Ready> {
        let here = own || api.address.ip().is_loopback();
        Ok(match &plan.limit {
            Limit::None => Ready::Nothing,
            Limit::Commits { .. } if !own => {
                left_out.push(format!("the limit of {}, as the database is not ours", plan.limit.name()));
                Ready::Nothing
            }
            Limit::Hashes | Limit::Bare(_) if !here => {
                left_out.push(format!("the limit of {}, as the server is on another machine", plan.limit.name()));
                Ready::Nothing
            }
            Limit::Hashes => Ready::Hashes,
            Limit::Bare(path) => {
                let (process, address) = start_bare().await?;
                let api = Api::at(address);
                Ready::Bare { _process: process, requests: always(bare(&api, path, plan)), api }
            }
            Limit::Commits { new } => {
                terminal::note(&format!("preparing the limit: {accounts} rows…"));
                let place = self.places.make().await?;
                limits::prepare(&place.location(), accounts).await?;
                limits::settle(&place.location()).await?;
                Ready::Commits { place, new: *new, accounts }
            }
            Limit::Load { api, requests, .. } => Ready::Load { api: api.clone(), requests: requests.clone() },
        })
    }
}

impl Limit {
    fn name(&self) -> &'static str {
        match self {
            Self::None => "",
            Self::Hashes => "raw hashes",
            Self::Bare(_) => "bare answers",
            Self::Commits { .. } => "raw commits",
            Self::Load { name, .. } => name,
        }
    }
}

impl Ready {
    /// What there is of it a second, and how long its answers are. A closed loop, whatever it stands beside.
    async fn measure(&self, demand: Demand, round: usize) -> anyhow::Result<Option<(f64, Option<f64>)>> {
        Ok(match self {
            Self::Nothing => None,
            Self::Hashes => {
                let time = demand.time;
                let rate = tokio::task::spawn_blocking(move || passwords::hash_rate(cores(), time)).await??;
                Some((rate, None))
            }
            Self::Bare { api, requests, .. } | Self::Load { api, requests } => {
                let load = load(api.address, demand, &Arc::default(), requests).await?;
                Some((load.per_second, Some(load.bytes)))
            }
            Self::Commits { place, new, accounts } => {
                // Far behind those of earlier rounds.
                let first = (round as u64 + 1) << 32;
                let write = if *new { limits::Write::Insert(first) } else { limits::Write::Update(*accounts) };
                let writers = usize::try_from(demand.in_flight)?;
                Some((limits::commit_rate(&place.location(), writers, write, demand.time).await?, None))
            }
        })
    }
}

/// A request for a bare answer, to be answered as the measured one is.
fn bare(api: &Api, path: &str, plan: &Plan) -> Request {
    Request { wanted: (plan.requests)(0).wanted, ..api.get(path) }
}

fn round_of(load: &Load, cpu: Option<Duration>, limit: Option<(f64, Option<f64>)>) -> Round {
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    let count = load.answers.max(1) as f64;
    Round {
        count: load.answers,
        throughput: load.per_second,
        p50_ms: Some(load.percentile(50)),
        p95_ms: Some(load.percentile(95)),
        p99_ms: Some(load.percentile(99)),
        refused: load.refused,
        refused_p99_ms: load.refused_percentile(99),
        unanswered: load.unanswered,
        cpu_micros: cpu.map(|cpu| cpu.as_secs_f64() * 1_000_000.0 / count),
        answer_bytes: Some(load.bytes),
        limit_bytes: limit.and_then(|(_, bytes)| bytes),
        limit: limit.map(|(rate, _)| rate),
        ratio: limit.map(|(rate, _)| load.per_second / rate),
    }
}
