//! What is said to whoever started the program: results on standard output, complaints on standard error.

use std::io::Write;

/// Prints a line. A reader who is gone is no fault of ours.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Prints what went wrong.
pub fn complain(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "portreeve: {text}"));
}
