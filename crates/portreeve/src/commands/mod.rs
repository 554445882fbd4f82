//! One file a command.

pub mod admin;
pub mod bench;
pub mod healthcheck;
pub mod openapi;
pub mod serve;

use anyhow::Context;

/// The runtime for what has to wait.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot be started")
}
