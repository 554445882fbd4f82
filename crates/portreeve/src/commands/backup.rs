//! `portreeve backup`: the whole directory in one file, for operators who hold the data, with the server running or not.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use portreeve_directory::{
    backup::{self, About, At, Stage},
    error::Error,
};
use tempfile::TempPath;

use super::serve::Signals;
use crate::{
    Misconfigured,
    settings::{Given, Settings},
    terminal::{self, Progress},
};

const AFTER: &str = "\
The file holds one consistent state of everything, whichever database it comes from, and can be restored into either. It
has the hashes of all passwords: keep it as you keep the database.

  portreeve backup /backup/monday.portreeve --data /var/lib/portreeve
  portreeve backup --check /backup/monday.portreeve
  portreeve restore /backup/monday.portreeve --data /var/lib/portreeve-drill

See docs/operate.md.";

/// What is written where.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct BackupArguments {
    /// The file to write, readable by its owner alone
    file: PathBuf,
    /// Write nothing: read FILE, and say whether it is whole (exit code 0) or a byte of it is damaged (1)
    #[arg(long, conflicts_with = "force")]
    check: bool,
    /// Replace FILE if it is there, once the new backup is whole
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    given: Given,
}

/// Does it.
pub fn run(arguments: &BackupArguments) -> anyhow::Result<()> {
    if super::is_standard(&arguments.file) {
        bail!(Misconfigured("a backup is read again once it is written: name a file, and not -".into()));
    }
    let runtime = super::runtime()?;
    if arguments.check {
        return runtime.block_on(check(&arguments.file));
    }
    let settings = Settings::resolve(&arguments.given)?;
    let written = runtime.block_on(write(&settings, &arguments.file, arguments.force));
    // What was interrupted may still be at work on a file that is gone.
    runtime.shutdown_background();
    written
}

async fn check(file: &Path) -> anyhow::Result<()> {
    let mut stages = Staged::default();
    let about = backup::check(file, &mut |at| stages.set(at)).await?;
    stages.end();
    terminal::say(&format!("{} is whole: {}", file.display(), described(&about)));
    Ok(())
}

async fn write(settings: &Settings, file: &Path, force: bool) -> anyhow::Result<()> {
    let shown = || file.display().to_string();
    let from = super::end(settings);
    if from.location.has(file) {
        bail!("{} would be taken for a part of the directory itself; name a file elsewhere", shown());
    }
    if file.is_dir() {
        bail!("{} is a folder; name a file in it", shown());
    }
    if !force && file.exists() {
        bail!("{} is there already; name another file, or add --force to replace it", shown());
    }
    let signals = Signals::listen()?;
    // Under another name until it is whole. It goes when this ends before.
    let unfinished = tempfile::Builder::new().prefix(".portreeve-backup-").tempfile_in(super::folder_of(file));
    let unfinished = unfinished.with_context(shown)?.into_temp_path();
    let path = unfinished.to_path_buf();
    let taking = tokio::spawn(async move {
        let mut stages = Staged::default();
        let about = backup::take(&from, &path, &mut |at| stages.set(at)).await;
        stages.end();
        about
    });
    let about = tokio::select! {
        taken = taking => match taken.context("the backup stopped")? {
            Err(Error::Invalid(faults)) => return Err(super::misconfigured(&faults)),
            taken => taken.context("no backup was made")?,
        },
        () = signals.wait() => bail!("interrupted; no backup was made"),
    };
    place(unfinished, file, force).with_context(shown)?;
    terminal::say(&format!("{} is whole: {}", shown(), described(&about)));
    Ok(())
}

/// Gives the file its name, for good.
fn place(unfinished: TempPath, file: &Path, force: bool) -> anyhow::Result<()> {
    if force {
        unfinished.persist(file)?
    } else {
        unfinished.persist_noclobber(file)?
    };
    // The name is the folder's.
    Ok(File::open(super::folder_of(file))?.sync_all()?)
}

/// What people want to know of a backup.
pub(super) fn described(about: &About) -> String {
    format!(
        "the directory as of {}, by portreeve {} with tables of version {}; {} accounts, {} rows in all",
        about.taken,
        about.portreeve,
        about.tables,
        about.accounts,
        about.rows()
    )
}

/// The progress of one stage after the other, and how each went.
#[derive(Default)]
pub(super) struct Staged(Option<(Stage, Progress, u64)>);

impl Staged {
    pub(super) fn set(&mut self, At { stage, done, whole }: At) {
        if self.0.as_ref().is_none_or(|(before, ..)| *before != stage) {
            self.end();
            let unit = if stage == Stage::Bytes { "bytes" } else { "rows" };
            self.0 = Some((stage, Progress::of(Some(whole), unit), done));
        }
        if let Some((_, progress, last)) = &mut self.0 {
            progress.set(done, done);
            *last = done;
        }
    }

    /// Says how the last stage went.
    pub(super) fn end(&mut self) {
        let Some((stage, progress, done)) = self.0.take() else { return };
        let said = progress.end(done);
        match stage {
            Stage::Copy => terminal::say(&format!("copied: {done} rows {said}")),
            Stage::Compare => terminal::say(&format!("read again and compared: {done} rows {said}")),
            Stage::Bytes => {}
        }
    }
}
