//! `portreeve bench`: measures this machine and this program on it. Every figure stands beside its limit, measured in
//! the same run, as machines differ and are rarely quiet.

mod authority;
mod client;
mod refusals;
mod scenarios;
mod server;

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::terminal;

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Logins against the raw hash rate
    Login,
    /// Logins of machines whose password is remembered, 64 in flight
    Remembered,
    /// Reads by id with a token against a bare answer of the web framework
    Read,
    /// Durable creates of accounts without password, 64 in flight
    Create,
    /// Start, memory when idle with 10,000 accounts and in a storm of logins
    Footprint,
    /// Reads and lists of a caller who sees one account in a hundred, beside one who sees all
    Scopes,
    /// Logins with 1, 10 and 100 policies
    Policies,
    /// Whether refusals of every kind take the same time; fails if they do not
    Refusals,
}

/// How to measure.
#[derive(Debug, Args)]
pub struct BenchArguments {
    /// What to measure; all but refusals if nothing is named
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// Seconds that each measurement takes
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Times that a measurement and its limit are taken in turn; the medians count
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Refusals of each kind that are timed
    #[arg(long, default_value_t = 2_000)]
    samples: usize,
    /// A PostgreSQL database to measure on, in place of an embedded one; it must be empty
    #[arg(long, env = "PORTREEVE_BENCH_DATABASE", value_name = "URL", hide_env_values = true)]
    database: Option<String>,
    /// Serve the bare answer that reads are measured against
    #[arg(long, hide = true)]
    bare: bool,
}

impl BenchArguments {
    fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// Measures.
pub fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    let runtime = super::runtime()?;
    if arguments.bare {
        return runtime.block_on(server::serve_bare());
    }
    let all = [
        Scenario::Login,
        Scenario::Remembered,
        Scenario::Read,
        Scenario::Create,
        Scenario::Scopes,
        Scenario::Policies,
        Scenario::Footprint,
    ];
    let wanted = if arguments.scenarios.is_empty() { all.to_vec() } else { arguments.scenarios.clone() };
    for scenario in wanted {
        if let Some(name) = scenario.to_possible_value() {
            terminal::note(&format!("measuring {}…", name.get_name()));
        }
        let report = runtime.block_on(async {
            match scenario {
                Scenario::Login => scenarios::login(arguments).await,
                Scenario::Remembered => scenarios::remembered(arguments).await,
                Scenario::Read => scenarios::read(arguments).await,
                Scenario::Create => scenarios::create(arguments).await,
                Scenario::Footprint => scenarios::footprint(arguments).await,
                Scenario::Scopes => authority::scopes(arguments).await,
                Scenario::Policies => authority::policies(arguments).await,
                Scenario::Refusals => refusals::compare(arguments).await,
            }
        })?;
        terminal::say(&report);
    }
    Ok(())
}
