//! The program's pages as people meet them: a real server, a real browser. Not part of `cargo test`, as it needs Chromium:
//! `scripts/test-console` runs it. Stores are those of the tests of the program.

#![allow(clippy::print_stdout, reason = "figures are shown to whoever asks for them")]

mod accounts;
mod audit_log;
mod blacklist;
mod docs;
mod harness;
mod identity_providers;
mod own_account;
mod policies;
mod proof;
mod roles;
mod settings;
mod signing_in;
mod size;
mod tags;
// The tests of the program use the rest.
#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports)]
mod support;
