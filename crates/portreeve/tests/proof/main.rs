//! Proof that it holds on its worst day: what happens when the machine, the database, the disk or a client does the worst at
//! the worst moment. Not part of `cargo test`, as it takes minutes and kills what it starts: `scripts/prove` runs it, and
//! `docs/reliability.md` says what came out.

#![allow(clippy::print_stdout, reason = "figures are shown to whoever runs a suite")]

mod backup;
mod belongings;
mod canary;
mod clocks;
mod course;
mod crash;
mod damage;
mod deeds;
mod disk;
mod elsewhere;
mod errors;
mod failover;
mod fleet;
mod full;
mod health;
mod histories;
mod ledger;
mod lockout;
mod machine;
mod once;
mod overload;
mod postgres;
mod power;
// What `portreeve bench` puts load on a server with, and what it measures of one.
#[path = "../../src/commands/bench/client.rs"]
#[allow(dead_code)]
mod client;
#[path = "../../src/commands/bench/load.rs"]
#[allow(dead_code)]
mod load;
#[path = "../../src/commands/bench/taking.rs"]
#[allow(dead_code)]
mod taking;
// The tests of the program use the rest.
#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports)]
mod support;
