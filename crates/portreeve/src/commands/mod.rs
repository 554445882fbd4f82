//! One file a command.

pub mod admin;
pub mod bench;
pub mod healthcheck;
pub mod openapi;
pub mod serve;

use anyhow::Context;
use portreeve_directory::{Directory, Options, error::Error};

use crate::{Misconfigured, settings::Settings};

/// Opens the directory that the configuration names.
pub async fn open(settings: &Settings) -> anyhow::Result<Directory> {
    let mut options = Options::new(settings.location());
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
