//! The program's pages as people meet them: a real server, a real browser. Not part of `cargo test`, as it needs Chromium:
//! `scripts/test-console` runs it. Stores are those of the tests of the program.

mod accounts;
mod docs;
mod harness;
mod own_account;
mod proof;
mod signing_in;
mod size;
// The tests of the program use the rest.
#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports)]
mod support;
