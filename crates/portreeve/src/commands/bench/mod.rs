//! `portreeve bench`: measures this machine and this program on it. Every figure stands beside its limit, measured in
//! the same run, as machines differ and are rarely quiet.

mod accounts;
mod authority;
mod bare;
mod client;
mod compare;
mod engine;
mod footprint;
mod load;
mod places;
mod plans;
mod process;
mod refusals;
mod report;
mod server;
mod taking;
mod transfer;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum, value_parser};
use tokio::signal::unix::{SignalKind, signal};

use crate::{Misconfigured, terminal};
use engine::Engine;
use places::Places;
use report::{Output, Report, Sheet};
use server::Ground;

/// How long what is under way may take to end when the measurement is stopped.
const END: Duration = Duration::from_secs(5);

/// What to measure, in the order in which it is measured: what leaves more accounts behind comes late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Scenario {
    /// Start to the first answer; memory when idle, in a storm of logins, and afterwards
    Footprint,
    /// Logins of people, each of them hashed, against the raw hash rate
    Login,
    /// One Service User that logs in again and again, and is recognized, against the raw hash rate
    MachineLogin,
    /// The cheapest request that checks a token, against a bare answer of the web framework
    TokenCheck,
    /// Accounts by id, against a bare answer
    Read,
    /// The first page of 50, against a bare answer
    List,
    /// A page of 50 anywhere in the list, against a bare answer
    DeepPage,
    /// Searches for what all accounts have, a handful, and none, against bare answers
    Search,
    /// Mostly reads and token checks, with some logins, pages and changes
    Mixed,
    /// Reads and pages of a caller who sees one account in a hundred, against one who sees all
    Scopes,
    /// Accounts replaced, against raw commits of changed rows
    Update,
    /// Accounts made, against raw commits of new rows
    Create,
    /// Logins with 1, 10 and 100 policies, against logins without
    Policies,
    /// Rows a second that come in by the command, against a raw bulk insert
    Import,
    /// Rows a second that go out by the command
    Export,
    /// Whether refusals of every kind take the same time; fails if they do not. Not measured unless it is named
    Refusals,
}

const ALL: [Scenario; 15] = [
    Scenario::Footprint,
    Scenario::Login,
    Scenario::MachineLogin,
    Scenario::TokenCheck,
    Scenario::Read,
    Scenario::List,
    Scenario::DeepPage,
    Scenario::Search,
    Scenario::Mixed,
    Scenario::Scopes,
    Scenario::Update,
    Scenario::Create,
    Scenario::Policies,
    Scenario::Import,
    Scenario::Export,
];

impl Scenario {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether it can only be measured on a server of our own.
    fn needs_own(self) -> bool {
        matches!(self, Self::Footprint | Self::Scopes | Self::Policies | Self::Import | Self::Export | Self::Refusals)
    }

    /// Whether it is measured as machines find it, which are recognized; the others have every login hashed.
    fn remembers(self) -> bool {
        matches!(self, Self::MachineLogin | Self::Mixed)
    }

    /// Whether requests can be sent at their times.
    fn has_open_loop(self) -> bool {
        !matches!(self, Self::Footprint | Self::Import | Self::Export | Self::Refusals)
    }
}

/// What to do, and how.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_value_name = "COMMAND",
    subcommand_help_heading = "Commands besides measuring",
    after_help = "The data is in a temporary folder (TMPDIR says where), which should be on the disk that is meant. How to read the \
                  figures: docs/performance.md"
)]
pub struct BenchArguments {
    #[command(subcommand)]
    command: Option<BenchCommand>,
    #[command(flatten)]
    measuring: Measuring,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Print what has changed between two reports, and whether that is more than noise
    Compare {
        /// What `--json` wrote before a change
        before: PathBuf,
        /// What it wrote after it
        after: PathBuf,
    },
    /// Write the accounts that are measured with, for `portreeve import`: to measure a server with --url
    Rows {
        /// The file to write, as NDJSON
        file: PathBuf,
        /// How many
        #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = value_parser!(u64).range(1..))]
        accounts: u64,
    },
    /// Serve the bare answers that others are measured against
    #[command(hide = true)]
    Bare,
}

/// What to measure, and how.
#[derive(Debug, Args)]
pub struct Measuring {
    /// What to measure; all but refusals if nothing is named
    #[arg(value_enum, value_name = "SCENARIO")]
    scenarios: Vec<Scenario>,
    /// Local Users that are there
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = value_parser!(u64).range(1..), help_heading = "On what")]
    accounts: u64,
    /// A PostgreSQL database to measure on, in place of an embedded one: an empty one, in which schemas may be made; they
    /// are dropped in the end
    #[arg(
        long,
        env = "PORTREEVE_BENCH_DATABASE",
        value_name = "URL",
        hide_env_values = true,
        help_heading = "On what"
    )]
    database: Option<String>,
    /// A server that runs already: http://host:port. Accounts are made on it, and none is deleted; memory, processor time,
    /// and limits that need its data are left out
    #[arg(
        long,
        value_name = "URL",
        requires_all = ["user", "password_file"],
        conflicts_with_all = ["database", "accounts"],
        help_heading = "On what"
    )]
    url: Option<String>,
    /// A Local User of that server who may do everything
    #[arg(long, value_name = "NAME", requires = "url", help_heading = "On what")]
    user: Option<String>,
    /// A file whose first line is the password of that account
    #[arg(long, value_name = "FILE", requires = "url", help_heading = "On what")]
    password_file: Option<PathBuf>,
    /// Seconds that each measurement takes, and each limit
    #[arg(long, default_value_t = 3.0, value_name = "N", value_parser = seconds, help_heading = "How")]
    seconds: f64,
    /// Times that a measurement and its limit are taken in turn; the medians count
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = count, help_heading = "How")]
    rounds: usize,
    /// Requests under way at once [default: as fits the scenario; with --rate 256, and no more than that]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=10_000), help_heading = "How")]
    in_flight: Option<u64>,
    /// Requests that are due a second, sent at their times whatever became of earlier ones (an open loop); how long each
    /// takes is counted from when it was due [default: the next when one is answered]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=1_000_000), help_heading = "How")]
    rate: Option<u64>,
    /// Refusals of each kind that are timed
    #[arg(long, default_value_t = 2_000, value_name = "N", value_parser = count, help_heading = "How")]
    samples: usize,
    /// Write everything that was measured to a file, for machines and for `compare`; - for standard output, in place of
    /// the lines
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<f64, String> {
    let given = text.parse::<f64>().ok().filter(|seconds| (0.1..=86_400.0).contains(seconds));
    given.ok_or_else(|| "is no number of seconds from 0.1 to 86400".into())
}

fn count(text: &str) -> Result<usize, String> {
    text.parse::<usize>().ok().filter(|count| *count > 0).ok_or_else(|| "is no number above 0".into())
}

impl Measuring {
    /// How long each measurement takes.
    fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// What was named, or else all that can be measured so, in order.
    fn chosen(&self) -> anyhow::Result<Vec<Scenario>> {
        let refused = |scenario: &Scenario| {
            if self.url.is_some() && scenario.needs_own() {
                Some("--url")
            } else if self.rate.is_some() && !scenario.has_open_loop() {
                Some("--rate")
            } else {
                None
            }
        };
        if let Some((scenario, flag)) = self.scenarios.iter().find_map(|named| Some((named, refused(named)?))) {
            let why = if flag == "--url" { "needs a server of its own" } else { "sends no requests at given times" };
            return Err(Misconfigured(format!("{} cannot be measured with {flag}: it {why}", scenario.name())).into());
        }
        let mut chosen = self.scenarios.clone();
        if chosen.is_empty() {
            chosen = ALL.into_iter().filter(|scenario| refused(scenario).is_none()).collect();
            let left_out = ALL.into_iter().filter(|scenario| refused(scenario).is_some());
            for scenario in left_out {
                terminal::note(&format!("{} is left out: it cannot be measured like this", scenario.name()));
            }
        }
        chosen.sort_unstable();
        chosen.dedup();
        Ok(chosen)
    }
}

/// Does it.
pub fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    match &arguments.command {
        Some(BenchCommand::Compare { before, after }) => compare::run(before, after),
        Some(BenchCommand::Rows { file, accounts }) => {
            accounts::write(file, *accounts)?;
            terminal::say(&format!("{accounts} rows written; their password is {}", accounts::PASSWORD));
            Ok(())
        }
        Some(BenchCommand::Bare) => super::runtime()?.block_on(bare::serve()),
        None => measure(&arguments.measuring),
    }
}

fn measure(arguments: &Measuring) -> anyhow::Result<()> {
    let chosen = arguments.chosen()?;
    let output = arguments.json.as_deref().map(Output::open).transpose()?;
    let mut sheet = Sheet::new(arguments, chosen.iter().map(|scenario| scenario.name()).collect())?;
    let places = Places::new(arguments.database.as_deref())?;
    let runtime = super::runtime()?;
    let quiet = matches!(output, Some(Output::Standard));
    let measured = runtime.block_on(async {
        let stopped = stopped()?;
        let mut say = |report: Report| {
            if !quiet {
                terminal::say(&report.lines());
            }
            sheet.results.push(report);
        };
        // What is dropped unfinished ends its processes.
        tokio::select! {
            biased;
            () = stopped => Err(anyhow::anyhow!("stopped; the servers were ended, and their data was thrown away")),
            measured = all(arguments, &chosen, &places, &mut say) => measured,
        }
    });
    let cleared = runtime.block_on(places.clear());
    runtime.shutdown_timeout(END);
    drop(places);
    if let Some(output) = output.filter(|_| !sheet.results.is_empty()) {
        output.write(&sheet)?;
    }
    match (measured, cleared) {
        (Err(fault), Err(left)) => {
            terminal::complain(&format!("{left:#}"));
            Err(fault)
        }
        (measured, cleared) => measured.and(cleared),
    }
}

async fn all(
    arguments: &Measuring,
    chosen: &[Scenario],
    places: &Places,
    say: &mut impl FnMut(Report),
) -> anyhow::Result<()> {
    let engine = Engine { arguments, places };
    let mut ground = None;
    for scenario in chosen {
        if !matches!(scenario, Scenario::Policies | Scenario::Import | Scenario::Refusals) && ground.is_none() {
            ground = Some(match &arguments.url {
                Some(url) => Ground::elsewhere(arguments, url).await?,
                None => Ground::seeded(places, arguments.accounts).await?,
            });
        }
        one(*scenario, &engine, ground.as_mut(), say)
            .await
            .with_context(|| format!("measuring {}", scenario.name()))?;
    }
    Ok(())
}

async fn one(
    scenario: Scenario,
    engine: &Engine<'_>,
    ground: Option<&mut Ground>,
    say: &mut impl FnMut(Report),
) -> anyhow::Result<()> {
    match (scenario, ground) {
        (Scenario::Policies, _) => authority::policies(engine).await?.into_iter().for_each(say),
        (Scenario::Import, _) => say(transfer::imports(engine).await?),
        (Scenario::Refusals, _) => {
            let (report, verdict) = refusals::measure(engine).await?;
            say(report);
            verdict.check()?;
        }
        (Scenario::Footprint, Some(ground)) => say(footprint::measure(engine, ground).await?),
        (Scenario::Export, Some(ground)) => say(transfer::exports(engine, ground).await?),
        (Scenario::Scopes, Some(ground)) => authority::scopes(engine, ground).await?.into_iter().for_each(say),
        (_, Some(ground)) => {
            ground.refresh(scenario.remembers()).await?;
            for plan in plans::plans(scenario, ground).await? {
                say(engine.measure(ground, &plan).await?);
            }
        }
        (_, None) => anyhow::bail!("there is no server to measure"),
    }
    Ok(())
}

/// Comes back when the measurement is to end: Ctrl-C and its relatives.
fn stopped() -> anyhow::Result<impl Future<Output = ()>> {
    let listen = |kind| signal(kind).context("signals cannot be listened for");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}
