//! What was measured: for people as lines, for machines as JSON.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::Measuring;
use crate::terminal;

/// What every report calls itself.
const SCHEMA: &str = "portreeve-bench";
/// Raised by every change after which an older program would misread a report.
const VERSION: u32 = 1;

/// All of one run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sheet {
    schema: String,
    schema_version: u32,
    /// The version of the program, and whether it was built to be fast.
    pub program: String,
    pub build: String,
    /// The processor's name, and how many cores this process may use.
    pub cpu: String,
    pub cores: usize,
    /// `sqlite`, `postgresql`, or `unknown` behind an address.
    pub database: String,
    pub arguments: Arguments,
    pub results: Vec<Report>,
}

/// What was asked for.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Arguments {
    pub scenarios: Vec<String>,
    pub accounts: u64,
    pub seconds: f64,
    pub rounds: usize,
    pub in_flight: Option<u64>,
    pub rate: Option<u64>,
    pub samples: usize,
    pub url: Option<String>,
}

/// The middle of several rounds, and how far they were apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// None of no values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { median, min, max })
    }
}

/// One round of a measurement and its limit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    /// Good answers, or rows: how many, and how many a second.
    pub count: u64,
    pub throughput: f64,
    /// Milliseconds within which so many in a hundred requests were answered.
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// Answers that told to come back, the milliseconds within which 99 in a hundred of them came, and requests that had no
    /// answer.
    pub refused: u64,
    #[serde(default)]
    pub refused_p99_ms: Option<f64>,
    pub unanswered: u64,
    /// Processor time of the server for each, in microseconds.
    pub cpu_micros: Option<f64>,
    /// The mean length of an answer's body, of ours and of the limit's.
    pub answer_bytes: Option<f64>,
    pub limit_bytes: Option<f64>,
    /// What else the machine would do a second, and our share of it.
    pub limit: Option<f64>,
    pub ratio: Option<f64>,
}

/// One measurement.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub name: String,
    pub what: String,
    /// Requests under way at once; in an open loop at most.
    pub in_flight: Option<u64>,
    /// Requests that were due a second, in an open loop.
    pub rate: Option<u64>,
    pub throughput: Option<Spread>,
    pub p50_ms: Option<Spread>,
    pub p95_ms: Option<Spread>,
    pub p99_ms: Option<Spread>,
    pub cpu_micros: Option<Spread>,
    /// What the limit is of.
    pub limit_name: Option<String>,
    pub limit: Option<Spread>,
    pub ratio: Option<Spread>,
    /// Resident memory of the process in MiB: afterwards, and at most.
    pub memory_mib: Option<f64>,
    pub memory_peak_mib: Option<f64>,
    /// What else was found, each with its unit in its name.
    pub figures: BTreeMap<String, f64>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
    pub rounds: Vec<Round>,
}

impl Report {
    /// With the rounds, and what they come to.
    pub fn with_rounds(self, rounds: Vec<Round>) -> Self {
        let of = |field: fn(&Round) -> Option<f64>| Spread::of(rounds.iter().filter_map(field));
        Self {
            throughput: of(|round| Some(round.throughput)),
            p50_ms: of(|round| round.p50_ms),
            p95_ms: of(|round| round.p95_ms),
            p99_ms: of(|round| round.p99_ms),
            cpu_micros: of(|round| round.cpu_micros),
            limit: of(|round| round.limit),
            ratio: of(|round| round.ratio),
            rounds,
            ..self
        }
    }

    /// For people.
    pub fn lines(&self) -> String {
        let mut lines = vec![format!("{:<18} {}", self.name, self.what)];
        if let Some(throughput) = self.throughput {
            let mut line = format!("{}/s", number(throughput.median));
            if let (Some(limit), Some(ratio), Some(name)) = (self.limit, self.ratio, &self.limit_name) {
                let (limit, Spread { median, min, max }) = (number(limit.median), ratio);
                line += &format!("   {median:.2} of {limit} {name}/s ({min:.2} to {max:.2})");
            }
            lines.push(line);
        }
        if let (Some(p50), Some(p95), Some(p99)) = (self.p50_ms, self.p95_ms, self.p99_ms) {
            let mut line = format!("p50 {:.2}   p95 {:.2}   p99 {:.2} ms", p50.median, p95.median, p99.median);
            if let Some(rate) = self.rate {
                line += &format!("   from when each was due, {} a second", number_of(rate));
            } else if let Some(in_flight) = self.in_flight {
                line += &format!("   {in_flight} in flight");
            }
            lines.push(line);
        }
        let lost = |field: fn(&Round) -> u64| self.rounds.iter().map(field).sum::<u64>();
        let (refused, unanswered) = (lost(|round| round.refused), lost(|round| round.unanswered));
        if refused + unanswered > 0 {
            let slow = self.rounds.iter().filter_map(|round| round.refused_p99_ms).fold(0.0, f64::max);
            lines.push(format!("{refused} told to come back (p99 {slow:.2} ms), {unanswered} without an answer"));
        }
        let mut costs = Vec::new();
        if let Some(cpu) = self.cpu_micros {
            costs.push(format!("processors {} µs each", number(cpu.median)));
        }
        if let (Some(now), Some(peak)) = (self.memory_mib, self.memory_peak_mib) {
            costs.push(format!("memory {now:.1} MiB, at most {peak:.1}"));
        } else if let Some(peak) = self.memory_peak_mib {
            costs.push(format!("memory at most {peak:.1} MiB"));
        }
        lines.extend((!costs.is_empty()).then(|| costs.join("   ")));
        lines.extend(self.figures.iter().map(|(name, value)| format!("{name} {}", number(*value))));
        lines.extend(self.left_out.iter().map(|what| format!("left out: {what}")));
        lines.join("\n    ")
    }
}

/// A number as people read it: three digits that count, and thousands apart.
pub fn number(value: f64) -> String {
    if value.abs() < 100.0 && value.fract() != 0.0 || value < 0.0 {
        return format!("{value:.2}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "is rounded and not negative")]
    number_of(value.round() as u64)
}

fn number_of(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Sheet {
    /// Of this program on this machine, with nothing measured yet.
    pub fn new(arguments: &Measuring, scenarios: Vec<String>) -> anyhow::Result<Self> {
        let database = match (&arguments.url, &arguments.database) {
            (Some(_), _) => "unknown",
            (None, Some(_)) => "postgresql",
            (None, None) => "sqlite",
        };
        let cpu = std::fs::read_to_string("/proc/cpuinfo").context("reading which processor this is")?;
        let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Ok(Self {
            schema: SCHEMA.into(),
            schema_version: VERSION,
            program: env!("CARGO_PKG_VERSION").into(),
            build: if cfg!(debug_assertions) { "debug" } else { "release" }.into(),
            cpu: cpu.map_or("unknown", |(_, name)| name.trim()).into(),
            cores: cores(),
            database: database.into(),
            arguments: Arguments {
                scenarios,
                accounts: arguments.accounts,
                seconds: arguments.seconds,
                rounds: arguments.rounds,
                in_flight: arguments.in_flight,
                rate: arguments.rate,
                samples: arguments.samples,
                url: arguments.url.clone(),
            },
            results: Vec::new(),
        })
    }

    /// Reads a report that was written by `--json`.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let shown = file.display();
        let bytes = std::fs::read(file).with_context(|| format!("{shown} cannot be read"))?;
        let no_report = || format!("{shown} is no report of `portreeve bench --json`");
        let value: serde_json::Value = serde_json::from_slice(&bytes).with_context(no_report)?;
        if value["schema"] != SCHEMA {
            bail!("{}: its field schema is not {SCHEMA}", no_report());
        }
        if value["schemaVersion"] != VERSION {
            let version = &value["schemaVersion"];
            bail!(
                "{shown} has version {version} of the report; this program reads {VERSION}: measure both with one program"
            );
        }
        serde_json::from_value(value).with_context(no_report)
    }
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Where the JSON goes.
pub enum Output {
    Standard,
    /// Under another name until it is whole.
    File(NamedTempFile, PathBuf),
}

impl Output {
    /// Sees to it, before anything is measured, that there will be a file.
    pub fn open(file: &Path) -> anyhow::Result<Self> {
        if super::super::is_standard(file) {
            return Ok(Self::Standard);
        }
        let shown = || format!("{} cannot be written", file.display());
        if file.is_dir() {
            return Err(std::io::Error::from(ErrorKind::IsADirectory)).with_context(shown);
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self::File(NamedTempFile::new_in(folder).with_context(shown)?, file.to_owned()))
    }

    /// Writes it.
    pub fn write(self, sheet: &Sheet) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(sheet)?;
        match self {
            Self::Standard => terminal::say(&text),
            Self::File(mut out, file) => {
                let shown = || format!("{} cannot be written", file.display());
                writeln!(out, "{text}").with_context(shown)?;
                out.persist(&file).with_context(shown)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        let numbers = [0.5, -0.5, 7.0, 99.994, 999.6, 1_234_567.0].map(number);
        assert_eq!(numbers, ["0.50", "-0.50", "7", "99.99", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_spread_is_the_middle_and_both_ends() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([3.0, 1.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([]), None);
    }
}
