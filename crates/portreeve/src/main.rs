//! Portreeve: a directory of people and machines, and the door they log in through. See `ARCHITECTURE.md`.

mod certificates;
mod commands;
#[cfg(test)]
mod fuzzing;
mod memory;
mod settings;
mod telemetry;
mod terminal;
mod tls;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use commands::{
    admin::AdminCommand, backup::BackupArguments, bench::BenchArguments, check::CheckArguments,
    export::ExportArguments, healthcheck::HealthcheckArguments, import::ImportArguments,
    migrate_store::MigrateStoreArguments, restore::RestoreArguments,
};
use settings::{Given, Settings};

/// A self-hosted directory of people and machines, and the door they log in through.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 it could not be done, 2 the command line or the configuration is wrong, 3 some rows of an import \
     were refused.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the directory
    Serve(Given),
    /// Print the configuration in force, and where each value comes from
    Config(Given),
    /// Help an administrator who is locked out
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Read accounts from a file of NDJSON or CSV, with the server running or not
    Import(ImportArguments),
    /// Write accounts to a file of NDJSON or CSV, with the server running or not
    Export(ExportArguments),
    /// Write the whole directory into one file, or check such a file
    Backup(BackupArguments),
    /// Make a directory of a backup, in an empty place
    Restore(RestoreArguments),
    /// Bring the directory into another store: into PostgreSQL, or back
    MigrateStore(MigrateStoreArguments),
    /// Look at all of the data: whether it is as it was written, or damaged, and where
    Check(CheckArguments),
    /// Print the API's document (OpenAPI 3.1)
    Openapi,
    /// Ask a running server whether it is ready; for process supervisors
    Healthcheck(HealthcheckArguments),
    /// Measure this program on this machine, each figure beside its limit
    Bench(BenchArguments),
    /// Print a script that completes commands in a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// The configuration cannot be used: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misconfigured(pub String);

/// Some of what was asked was done, and the rest was refused: exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PartlyRefused(pub String);

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            terminal::complain(&format!("{fault:#}"));
            ExitCode::from(match () {
                () if fault.is::<Misconfigured>() => 2,
                () if fault.is::<PartlyRefused>() => 3,
                () => 1,
            })
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(given) => commands::serve::run(Settings::resolve(&given)?),
        Command::Config(given) => {
            terminal::say(&Settings::resolve(&given)?.describe());
            Ok(())
        }
        Command::Admin { command } => commands::admin::run(command),
        Command::Import(arguments) => commands::import::run(&arguments),
        Command::Export(arguments) => commands::export::run(&arguments),
        Command::Backup(arguments) => commands::backup::run(&arguments),
        Command::Restore(arguments) => commands::restore::run(&arguments),
        Command::MigrateStore(arguments) => commands::migrate_store::run(&arguments),
        Command::Check(arguments) => commands::check::run(&arguments),
        Command::Openapi => commands::openapi::run(),
        Command::Healthcheck(arguments) => commands::healthcheck::run(&arguments),
        Command::Bench(arguments) => commands::bench::run(&arguments),
        Command::Completions { shell } => {
            // Not straight to standard output: it would panic when the reader is gone.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "portreeve", &mut script);
            terminal::say(String::from_utf8_lossy(&script).trim_end());
            Ok(())
        }
    }
}
