//! `portreeve restore`: a directory made of a backup, for operators who hold the place.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use portreeve_directory::{
    backup::{Restoration, Stage},
    caller::Caller,
    error::Error,
    relocation::Carried,
};

use super::backup::{Staged, described};
use crate::{
    settings::{Given, Settings},
    terminal,
};

const AFTER: &str = "\
The place must be empty: a folder without a database, or a PostgreSQL database (or schema) without Portreeve's tables. What
is restored is as it was, but nobody is logged in any more. Interrupted, it is not served, and the command is run again.

  portreeve restore /backup/monday.portreeve --data /var/lib/portreeve-drill

See docs/operate.md.";

/// What is restored where.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct RestoreArguments {
    /// The file that portreeve backup wrote
    file: PathBuf,
    #[command(flatten)]
    given: Given,
}

/// Does it.
pub fn run(arguments: &RestoreArguments) -> anyhow::Result<()> {
    let settings = Settings::resolve(&arguments.given)?;
    super::runtime()?.block_on(restore(&settings, arguments))
}

async fn restore(settings: &Settings, arguments: &RestoreArguments) -> anyhow::Result<()> {
    let to = super::end(settings);
    let _only_one = super::lock(&to.location)?;
    let mut stages = Staged::default();
    let mut restoration = match Restoration::begin(&arguments.file, &to, &mut |at| stages.set(at)).await {
        Err(Error::Invalid(faults)) => return Err(super::misconfigured(&faults)),
        begun => begun.context("nothing was restored")?,
    };
    restoration.pass(Stage::Copy, &mut |at| stages.set(at)).await?;
    let proof = restoration.pass(Stage::Compare, &mut |at| stages.set(at)).await?;
    stages.end();
    let differed: u64 = proof.iter().map(Carried::differed).sum();
    if differed > 0 {
        bail!(
            "{differed} rows are not as they are in the backup; what is in {} is not served, run this again",
            to.shown
        );
    }
    let about = restoration.open(&Caller::operator("command line".into())).await?;
    terminal::say(&format!(
        "{} holds {}. Serve it there. Passwords are those of then, and nobody is logged in.",
        to.shown,
        described(&about)
    ));
    Ok(())
}
