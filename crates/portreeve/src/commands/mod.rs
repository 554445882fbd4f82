//! One file a command.

pub mod admin;
pub mod backup;
pub mod bench;
pub mod check;
pub mod export;
pub mod healthcheck;
pub mod import;
pub mod migrate_store;
pub mod openapi;
pub mod restore;
pub mod serve;

use std::{
    fs::{File, TryLockError},
    path::Path,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use portreeve_directory::{
    Directory, Options,
    error::Error,
    kind::AccountKind,
    relocation::End,
    store::{Location, Use},
    transfer,
};

use crate::{Misconfigured, settings::Settings};

/// Opens the directory that the configuration names, for a server.
pub async fn open(settings: &Settings) -> anyhow::Result<Directory> {
    let mut options = Options::new(settings.location());
    options.rolls.memory = usize::from(settings.list_memory.value) << 20;
    options.remember_logins = Duration::from_secs(settings.remember_logins.value);
    open_with(settings, options).await
}

async fn open_with(settings: &Settings, mut options: Options) -> anyhow::Result<Directory> {
    options.hash_workers = settings.hash_workers.value.unwrap_or(options.hash_workers);
    match Directory::open(options).await {
        Err(Error::Invalid(faults)) => Err(misconfigured(&faults)),
        opened => opened.with_context(|| format!("opening {}", settings.location_text())),
    }
}

/// Settings that the directory does not accept.
pub fn misconfigured(faults: &[portreeve_directory::error::Fault]) -> anyhow::Error {
    let said: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect();
    Misconfigured(said.join("; ")).into()
}

/// The runtime for what has to wait.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot be started")
}

/// Opens a directory that is there already: a mistyped folder makes none.
pub async fn open_existing(settings: &Settings, usage: Use) -> anyhow::Result<Directory> {
    if !settings.location().has_data() {
        bail!("there is no directory in {}; name its folder with --data", settings.location_text());
    }
    let mut options = Options::new(settings.location());
    options.usage = usage;
    // A command reads a list once: to keep what it is found by would only take memory.
    options.rolls.memory = 0;
    open_with(settings, options).await
}

/// An embedded database has one server. The lock goes with the process, however it ends.
pub fn lock(location: &Location) -> anyhow::Result<Option<File>> {
    let Location::Folder(folder) = location else { return Ok(None) };
    let shown = folder.display();
    location.prepare().with_context(|| format!("the data folder {shown} cannot be made"))?;
    let file = File::create(folder.join("portreeve.lock")).with_context(|| format!("the data folder {shown}"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => bail!("another portreeve is serving the data folder {shown}"),
        Err(TryLockError::Error(fault)) => Err(fault).with_context(|| format!("locking the data folder {shown}")),
    }
}

/// The directory that the configuration names, as what rows are carried from or to.
fn end(settings: &Settings) -> End {
    let location = match settings.location() {
        // Those that a server keeps may be fewer than are needed here.
        Location::Postgres { url, .. } => Location::Postgres { url, connections: migrate_store::CONNECTIONS },
        folder @ Location::Folder(_) => folder,
    };
    End { location, shown: settings.location_text() }
}

/// Which accounts are imported or exported.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    /// People
    LocalUsers,
    /// Machines
    ServiceUsers,
}

impl From<Kind> for AccountKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::LocalUsers => Self::Local,
            Kind::ServiceUsers => Self::Service,
        }
    }
}

/// How rows are written down.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    /// A JSON object a line
    Ndjson,
    /// Comma-separated values with a first line of names
    Csv,
}

/// The format that was named, or else the one that the file's ending says.
fn format_of(named: Option<Format>, file: &Path) -> Result<transfer::Format, Misconfigured> {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    match (named, ending.as_deref()) {
        (Some(Format::Ndjson), _) | (None, Some("ndjson" | "jsonl")) => Ok(transfer::Format::Ndjson),
        (Some(Format::Csv), _) | (None, Some("csv")) => Ok(transfer::Format::Csv),
        (None, _) => Err(Misconfigured("say with --format whether this is ndjson or csv".into())),
    }
}

/// The folder that a file is or will be in.
fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file that means standard input or output.
fn is_standard(file: &Path) -> bool {
    file == Path::new("-")
}
