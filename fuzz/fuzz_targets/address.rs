//! See `fuzzing::address` of the program, which is no library: what is needed of it is taken as it is.

#![no_main]
#![allow(dead_code, reason = "the program uses the rest")]

#[path = "../../crates/portreeve/src/fuzzing.rs"]
mod fuzzing;
#[path = "../../crates/portreeve/src/settings.rs"]
mod settings;

/// As the program has it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misconfigured(pub String);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::address(bytes));
