//! `portreeve openapi`.

use anyhow::Context;

use crate::terminal;

/// Prints the document, made anew from the code.
pub fn run() -> anyhow::Result<()> {
    let document = portreeve_web::router::describe();
    terminal::say(&serde_json::to_string_pretty(&document).context("the document cannot be written")?);
    Ok(())
}
