//! `portreeve check`: whether the data is as it was written, for operators, with the server running or not.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use portreeve_directory::{error::Error, store::check::check};

use crate::{
    settings::{Given, Settings},
    terminal::{self, Stages},
};

const ABOUT: &str = "\
Exit codes: 0 it is sound, 1 something is damaged or could not be looked at. What is damaged is named on standard error, a line
each. Nothing is changed. Run it as the server's user, while the server runs or not; it reads everything, which takes a while.
See \"Damage\" in docs/operate.md.";

/// Which data.
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub struct CheckArguments {
    #[command(flatten)]
    given: Given,
}

/// Does it.
pub fn run(arguments: &CheckArguments) -> anyhow::Result<()> {
    let settings = Settings::resolve(&arguments.given)?;
    let shown = settings.location_text();
    if !settings.location().has_data() {
        bail!("there is no directory in {shown}; name its folder with --data");
    }
    let mut stages = Stages::new();
    let looked =
        super::runtime()?.block_on(check(&settings.location(), &mut |what, at, whole| stages.set(what, at, whole)));
    let took = stages.end();
    let report = match looked {
        Err(Error::Invalid(faults)) => return Err(super::misconfigured(&faults)),
        looked => looked.with_context(|| format!("looking at {shown}"))?,
    };
    for note in &report.notes {
        terminal::complain(&format!("note: {note}"));
    }
    for fault in &report.faults {
        terminal::complain(fault);
    }
    if !report.faults.is_empty() {
        bail!("{shown} is damaged: stop the server, and restore a backup");
    }
    terminal::say(&format!("{shown} is sound: {}, {}", report.looked_at.join(", "), seconds(took)));
    Ok(())
}

fn seconds(took: Duration) -> String {
    format!("in {:.1} s", took.as_secs_f64())
}
