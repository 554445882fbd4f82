//! `portreeve admin`: for operators who hold the data, with the server running or not.

use clap::{Args, Subcommand};
use portreeve_directory::{caller::Caller, error::Error, login, store::Use};

use crate::{
    settings::{Given, Settings},
    terminal,
};

/// What an operator can do.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Give a Local User a new random password, unlock it, and end its sessions
    ResetPassword(ResetPassword),
}

/// Whose password.
#[derive(Debug, Args)]
pub struct ResetPassword {
    /// The name of the Local User
    name: String,
    /// Enable the account too, if it is disabled
    #[arg(long)]
    enable: bool,
    #[command(flatten)]
    given: Given,
}

/// Does it.
pub fn run(command: AdminCommand) -> anyhow::Result<()> {
    let AdminCommand::ResetPassword(ResetPassword { name, enable, given }) = command;
    let settings = Settings::resolve(&given)?;
    let caller = Caller::operator("command line".into());
    super::runtime()?.block_on(async {
        let directory = super::open_existing(&settings, Use::Requests).await?;
        let password =
            login::reset_password(&directory, &caller, &name, enable).await.map_err(|fault| match fault {
                Error::NotFound(message) => anyhow::anyhow!("{message} in {}", settings.location_text()),
                other => other.into(),
            })?;
        terminal::say(&format!("The new password of {name} is: {password}"));
        Ok(())
    })
}
