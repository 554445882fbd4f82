//! `portreeve migrate-store`: a directory from one store into another, for operators who hold both.

use std::{fmt::Write as _, fs::File};

use anyhow::{Context, bail};
use clap::Args;
use portreeve_directory::{
    error::Error,
    relocation::{Begun, Carried, End, Relocation},
    store::Location,
};

use crate::{
    Misconfigured,
    settings::masked,
    terminal::{self, Progress},
};

/// Connections that are needed of each database at most.
pub(super) const CONNECTIONS: usize = 4;
/// So few rows that another pass would not leave less to do at the end.
const LITTLE: u64 = 1_000;
/// Passes after which it is left to the operator when less is written.
const MOST_PASSES: u32 = 6;

const EXAMPLE: &str = "\
From the embedded database to PostgreSQL, with the server stopped for seconds only:

  export PORTREEVE_MIGRATE_TO='postgres://portreeve:…@db.example.com/portreeve'
  portreeve migrate-store --from /var/lib/portreeve            # the server goes on
  systemctl stop portreeve
  portreeve migrate-store --from /var/lib/portreeve --finish
  # and serve it with PORTREEVE_DATABASE in place of --data

It can be interrupted at any moment and run again. See docs/operate.md.";

/// What is brought where.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub struct MigrateStoreArguments {
    /// Where the directory is: a data folder, or postgres://user:password@host/name. With a password, better from the
    /// environment: other users of the machine see command lines
    #[arg(long, env = "PORTREEVE_MIGRATE_FROM", value_name = "DIR|URL", hide_env_values = true)]
    from: String,
    /// Where it is to be: likewise; a folder is made if it is not there
    #[arg(long, env = "PORTREEVE_MIGRATE_TO", value_name = "DIR|URL", hide_env_values = true)]
    to: String,
    /// End it: the source, which nothing may serve any more, stops being the directory, and the target can be served
    #[arg(long)]
    finish: bool,
}

/// Does it.
pub fn run(arguments: &MigrateStoreArguments) -> anyhow::Result<()> {
    let (from, to) = (end("--from", &arguments.from)?, end("--to", &arguments.to)?);
    super::runtime()?.block_on(bring(&from, &to, arguments.finish))
}

fn end(flag: &str, text: &str) -> Result<End, Misconfigured> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        let location = Location::Postgres { url: text.to_owned(), connections: CONNECTIONS };
        return Ok(End { location, shown: masked(text) });
    }
    // Not a folder's name, most likely, and perhaps with a password in it.
    if text.is_empty() || text.contains("://") || text.contains("password=") {
        return Err(Misconfigured(format!("{flag} is neither a folder nor a URL that begins with postgres://")));
    }
    Ok(End { location: Location::Folder(text.into()), shown: text.to_owned() })
}

async fn bring(from: &End, to: &End, finish: bool) -> anyhow::Result<()> {
    if from.shown == to.shown {
        bail!(Misconfigured("--from and --to name the same place".into()));
    }
    let _source = if finish { hold_folder(from)? } else { None };
    let _target = super::lock(&to.location)?;
    let relocation = match Relocation::begin(from, to).await {
        Err(Error::Invalid(faults)) => return Err(super::misconfigured(&faults)),
        begun => match begun? {
            Begun::Passes(relocation) => relocation,
            Begun::Opening(relocation) => {
                if !finish {
                    bail!("{} has been left already, and only the last step is missing: add --finish", from.shown);
                }
                return open(&relocation, from, to).await;
            }
            Begun::Nothing => {
                terminal::say(&format!("the directory was brought to {} before: serve it there", to.shown));
                return Ok(());
            }
        },
    };
    let rows = relocation.count().await?;
    let mut sum = Sum::default();
    // A folder that nobody serves does not change: the last pass is the first.
    let still = finish && matches!(from.location, Location::Folder(_));
    let little = still || catch_up(&relocation, rows, &mut sum).await?;
    if !finish {
        terminal::say(&sum.table());
        return suggest(little, from);
    }
    let mut held = relocation.hold().await?;
    let mut progress = Progress::new(Some(rows));
    let last = held.pass(&mut |done| progress.set(done, done)).await?;
    say_pass("with the source held", &last, progress);
    sum.add(&last);
    let mut progress = Progress::new(Some(rows));
    let proof = held.pass(&mut |done| progress.set(done, done)).await?;
    let differed = say_pass("once more, as proof", &proof, progress);
    if differed > 0 {
        bail!(
            "{differed} rows still differed after the last pass; {} goes on as before, and nothing is lost",
            from.shown
        );
    }
    held.leave().await?;
    terminal::say(&sum.table());
    open(&relocation, from, to).await
}

/// At the end nobody may serve the source. A shared database is held when it comes to that.
fn hold_folder(from: &End) -> anyhow::Result<Option<File>> {
    if !from.location.has_data() {
        return Ok(None);
    }
    super::lock(&from.location).context("stop the server of the source before --finish")
}

/// Passes until little is left to be carried. Says whether it came to that.
async fn catch_up(relocation: &Relocation, rows: u64, sum: &mut Sum) -> anyhow::Result<bool> {
    for number in 1..=MOST_PASSES {
        let mut progress = Progress::new(Some(rows));
        let carried = relocation.pass(&mut |done| progress.set(done, done)).await?;
        sum.add(&carried);
        if say_pass(&format!("pass {number}"), &carried, progress) <= LITTLE {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says how a pass went, and gives how many rows differed.
fn say_pass(name: &str, carried: &[Carried], progress: Progress) -> u64 {
    let differed = carried.iter().map(Carried::differed).sum();
    let rows = carried.iter().map(|table| table.rows).sum();
    terminal::say(&format!("{name}: {differed} of {rows} rows differed, {}", progress.end(rows)));
    differed
}

fn suggest(little: bool, from: &End) -> anyhow::Result<()> {
    if !little {
        bail!("more is written to {} than can be carried meanwhile; run this again when less is written", from.shown);
    }
    terminal::say(&format!(
        "Nearly all is there. To end it: stop every server of {}, and run this again with --finish. Until then it can be \
         run again at any time, so that little is left to be carried at the end.",
        from.shown
    ));
    Ok(())
}

async fn open(relocation: &Relocation, from: &End, to: &End) -> anyhow::Result<()> {
    relocation.open().await?;
    let (from, to) = (&from.shown, &to.shown);
    terminal::say(&format!(
        "The directory is in {to} now: serve it there. What is in {from} stays, and is not served any more."
    ));
    Ok(())
}

/// What all passes came to.
#[derive(Default)]
struct Sum(Vec<Carried>);

impl Sum {
    fn add(&mut self, carried: &[Carried]) {
        if self.0.is_empty() {
            self.0 = carried.to_vec();
            return;
        }
        for (sum, one) in self.0.iter_mut().zip(carried) {
            sum.rows = one.rows;
            sum.inserted += one.inserted;
            sum.changed += one.changed;
            sum.deleted += one.deleted;
        }
    }

    fn table(&self) -> String {
        let mut text = format!("{:<20}{:>12}{:>12}{:>12}{:>12}", "table", "rows", "inserted", "changed", "deleted");
        for Carried { table, rows, inserted, changed, deleted } in &self.0 {
            let _ = write!(text, "\n{table:<20}{rows:>12}{inserted:>12}{changed:>12}{deleted:>12}");
        }
        text
    }
}
