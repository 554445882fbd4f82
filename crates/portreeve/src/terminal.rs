//! What is said to whoever started the program: results on standard output, complaints on standard error.

use std::io::{IsTerminal, Write};

/// Prints a line. A reader who is gone is no fault of ours.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Says what is going on, to people only.
pub fn note(text: &str) {
    let mut out = std::io::stderr().lock();
    if out.is_terminal() {
        drop(writeln!(out, "{text}"));
    }
}

/// Prints what went wrong.
pub fn complain(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "portreeve: {text}"));
}
