//! `portreeve export`: accounts to a file, for operators who hold the data, with the server running or not.

use std::{
    io::{BufWriter, ErrorKind, Write, stdout},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;
use portreeve_directory::{
    Directory,
    caller::Caller,
    kind::AccountKind,
    store::Use,
    transfer::{self, Writer},
};

use super::{Format, Kind};
use crate::{
    settings::{Given, Settings},
    terminal::{self, Progress},
};

/// What is written, and how.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The file to write, readable by its owner alone; - for standard output
    file: PathBuf,
    /// Which accounts
    #[arg(long, value_enum)]
    kind: Kind,
    /// How the rows are written down [default: what the file's ending says]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// With the hashes of the passwords, from which weak passwords can be guessed: keep such a file as you keep the database
    #[arg(long)]
    with_hashes: bool,
    #[command(flatten)]
    given: Given,
}

/// Does it.
pub fn run(arguments: &ExportArguments) -> anyhow::Result<()> {
    let settings = Settings::resolve(&arguments.given)?;
    let format = super::format_of(arguments.format, &arguments.file)?;
    super::runtime()?.block_on(async {
        let directory = super::open_existing(&settings, Use::Requests).await?;
        if super::is_standard(&arguments.file) {
            return match write(&directory, arguments, format, BufWriter::new(stdout().lock())).await {
                // A reader who has seen enough is no fault.
                Err(fault) if is_closed(&fault) => Ok(()),
                written => written.map(drop),
            };
        }
        let shown = || arguments.file.display().to_string();
        // Under another name until it is whole: what is there under this one is either an export or what was there before.
        let file = tempfile::NamedTempFile::new_in(super::folder_of(&arguments.file)).with_context(shown)?;
        let said = write(&directory, arguments, format, BufWriter::new(file.as_file())).await.with_context(shown)?;
        file.as_file().sync_all().with_context(shown)?;
        file.persist(&arguments.file).with_context(shown)?;
        terminal::say(&said);
        Ok(())
    })
}

fn is_closed(fault: &anyhow::Error) -> bool {
    fault.downcast_ref::<std::io::Error>().is_some_and(|fault| fault.kind() == ErrorKind::BrokenPipe)
}

async fn write(
    directory: &Directory,
    arguments: &ExportArguments,
    format: transfer::Format,
    output: impl Write,
) -> anyhow::Result<String> {
    let kind = AccountKind::from(arguments.kind);
    let caller = Caller::operator("command line".into());
    let mut export = transfer::export(directory, &caller, kind, arguments.with_hashes).await?;
    let mut progress = Progress::new(Some(export.count()));
    let mut writer = Writer::new(output, format, kind, arguments.with_hashes)?;
    let mut count = 0;
    loop {
        let rows = export.next_rows().await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            writer.write(row)?;
        }
        count += rows.len() as u64;
        progress.set(count, count);
    }
    writer.flush()?;
    Ok(format!("{count} written, {}", progress.end(count)))
}
