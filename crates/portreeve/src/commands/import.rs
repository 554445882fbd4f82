//! `portreeve import`: accounts from a file, for operators who hold the data, with the server running or not.

use std::{
    fs::File,
    io::{Read, stdin},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use portreeve_directory::{
    caller::Caller,
    error::Error,
    kind::AccountKind,
    store::Use,
    transfer::{Importer, LARGE_BATCH, Outcome, Row, RowResult, Rows, Rule},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc::{Receiver, channel},
};

use super::{Format, Kind};
use crate::{
    PartlyRefused,
    settings::{Given, Settings},
    terminal::{self, Progress},
};

/// What is read, and how.
#[derive(Debug, Args)]
#[command(after_help = "What rows look like, and which hashes are taken: docs/import.md")]
pub struct ImportArguments {
    /// The file to read; - for standard input
    file: PathBuf,
    /// What the rows are
    #[arg(long, value_enum)]
    kind: Kind,
    /// How the rows are written down [default: what the file's ending says]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write nothing, and say what would become of every row
    #[arg(long)]
    dry_run: bool,
    /// Change accounts that are there already, where the row says otherwise, rather than refusing the row
    #[arg(long)]
    upsert: bool,
    /// Take no row behind one that is refused
    #[arg(long)]
    stop_on_fault: bool,
    /// Begin with the row on this line; to go on where an import was interrupted
    #[arg(long, value_name = "LINE")]
    from_line: Option<u64>,
    #[command(flatten)]
    given: Given,
}

/// Does it.
pub fn run(arguments: &ImportArguments) -> anyhow::Result<()> {
    let settings = Settings::resolve(&arguments.given)?;
    let format = super::format_of(arguments.format, &arguments.file)?;
    let kind = AccountKind::from(arguments.kind);
    super::runtime()?.block_on(async {
        let directory = super::open_existing(&settings, Use::Bulk).await?;
        let caller = Caller::operator("command line".into());
        let rule = Rule { upsert: arguments.upsert, dry_run: arguments.dry_run };
        let importer = Importer::new(&directory, &caller, kind, rule)?;
        // One by one where one that is refused is to be the last.
        let batch = if arguments.stop_on_fault { 1 } else { LARGE_BATCH };
        let (input, whole) = open(&arguments.file)?;
        let rows = Rows::new(input, format, kind).with_context(|| shown(&arguments.file))?;
        let import = Import { arguments, importer, progress: Progress::new(whole), counted: Counted::default() };
        import.run(read(rows, batch, arguments.from_line.unwrap_or(0))).await
    })
}

fn shown(file: &Path) -> String {
    if super::is_standard(file) { "standard input".into() } else { file.display().to_string() }
}

/// What is read, and how many bytes it has if that is known.
fn open(file: &Path) -> anyhow::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if super::is_standard(file) {
        return Ok((Box::new(stdin()), None));
    }
    let opened = File::open(file).with_context(|| shown(file))?;
    let whole = opened.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
    Ok((Box::new(opened), whole))
}

/// Rows, and how many bytes have been read with them.
type Batch = std::io::Result<(Vec<Row>, u64)>;

/// Reads on a thread of its own, a batch ahead: standard input may make it wait for ever.
fn read(mut rows: Rows<Box<dyn Read + Send>>, most: usize, from_line: u64) -> Receiver<Batch> {
    let (sender, batches) = channel(1);
    std::thread::spawn(move || {
        loop {
            let batch = match rows.next_rows(most) {
                Ok(batch) if batch.is_empty() => return,
                Ok(mut batch) => {
                    batch.retain(|row| row.line >= from_line);
                    Ok((batch, rows.bytes_read()))
                }
                Err(fault) => Err(fault),
            };
            let failed = batch.is_err();
            if sender.blocking_send(batch).is_err() || failed {
                return;
            }
        }
    });
    batches
}

#[derive(Default)]
struct Counted {
    created: u64,
    changed: u64,
    unchanged: u64,
    refused: u64,
    /// The last line that was taken.
    last_line: u64,
}

impl Counted {
    fn rows(&self) -> u64 {
        self.created + self.changed + self.unchanged + self.refused
    }
}

struct Import<'a> {
    arguments: &'a ImportArguments,
    importer: Importer,
    progress: Progress,
    counted: Counted,
}

impl Import<'_> {
    async fn run(mut self, mut batches: Receiver<Batch>) -> anyhow::Result<()> {
        let listen = |kind| signal(kind).context("signals cannot be listened for");
        let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        loop {
            // A signal that comes while rows are planned is found here after it.
            let batch = tokio::select! {
                biased;
                _ = interrupt.recv() => return Err(self.interrupted("stopped").await),
                _ = terminate.recv() => return Err(self.interrupted("stopped").await),
                written = self.importer.finish(), if self.importer.is_under_way() => {
                    self.go_on_if(written).await?;
                    continue;
                }
                batch = batches.recv() => batch,
            };
            let Some(batch) = batch else {
                let written = self.importer.finish().await;
                self.go_on_if(written).await?;
                return self.end();
            };
            let (rows, bytes) = match batch {
                Ok(batch) => batch,
                Err(fault) => {
                    let file = shown(&self.arguments.file);
                    let said = self.interrupted(&format!("{file} cannot be read")).await;
                    return Err(anyhow::Error::from(fault).context(said));
                }
            };
            let pushed = self.importer.push(rows).await;
            self.go_on_if(pushed).await?;
            self.progress.set(bytes, self.counted.rows());
            if self.arguments.stop_on_fault {
                // Whether the row is refused is to be known before the next.
                let written = self.importer.finish().await;
                self.go_on_if(written).await?;
                if self.counted.refused > 0 {
                    let said = self.interrupted("stopped at a fault").await;
                    return Err(PartlyRefused(said.to_string()).into());
                }
            }
        }
    }

    /// Counts what has become of rows. Stops if the store failed.
    async fn go_on_if(&mut self, taken: Result<(), Error>) -> anyhow::Result<()> {
        self.importer.done().iter().for_each(|outcome| self.count(outcome));
        match taken {
            Ok(()) => Ok(()),
            Err(fault) => Err(anyhow::Error::from(fault).context(self.interrupted("it could not go on").await)),
        }
    }

    fn count(&mut self, outcome: &Outcome) {
        self.counted.last_line = outcome.line;
        match &outcome.result {
            RowResult::Created => self.counted.created += 1,
            RowResult::Changed => self.counted.changed += 1,
            RowResult::Unchanged => self.counted.unchanged += 1,
            RowResult::Refused(faults) => {
                self.counted.refused += 1;
                for fault in faults {
                    let (file, line) = (shown(&self.arguments.file), outcome.line);
                    let field = if fault.field.is_empty() { String::new() } else { format!("{} ", fault.field) };
                    self.progress.complain(&format!("{file}:{line}: {field}{}", fault.message));
                }
            }
        }
    }

    /// What was taken stands, also what is being written: says how far it came, and how to go on.
    async fn interrupted(&mut self, why: &str) -> anyhow::Error {
        if let Err(fault) = self.importer.finish().await {
            return anyhow::Error::from(fault).context(self.how_far(why));
        }
        self.importer.done().iter().for_each(|outcome| self.count(outcome));
        self.how_far(why)
    }

    fn how_far(&self, why: &str) -> anyhow::Error {
        let Counted { created, changed, last_line, .. } = self.counted;
        let go_on = if self.arguments.dry_run {
            "nothing was written".to_owned()
        } else {
            format!("{created} made and {changed} changed; go on with --from-line {}", last_line + 1)
        };
        anyhow::anyhow!("{why} after line {last_line}: {go_on}")
    }

    fn end(self) -> anyhow::Result<()> {
        let rows = self.counted.rows();
        let took = self.progress.end(rows);
        let Counted { created, changed, unchanged, refused, .. } = self.counted;
        let dry = if self.arguments.dry_run { "Nothing was written. It would be: " } else { "" };
        terminal::say(&format!(
            "{dry}{created} made, {changed} changed, {unchanged} unchanged, {refused} refused, {took}"
        ));
        if refused > 0 {
            bail!(PartlyRefused(format!("{refused} of {rows} rows were refused")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_begins_where_it_should() {
        let text: Box<dyn Read + Send> = Box::new(&b"{}\n{}\n\n{}\n"[..]);
        let rows =
            Rows::new(text, portreeve_directory::transfer::Format::Ndjson, AccountKind::Local).expect("begins well");
        let mut batches = read(rows, 1, 2);
        let mut lines = Vec::new();
        while let Some(batch) = batches.blocking_recv() {
            lines.extend(batch.expect("is read").0.iter().map(|row| row.line));
        }
        assert_eq!(lines, [2, 4]);
    }
}
