//! The program as its users meet it: real processes, real sockets, real signals. Each test has a store of its own, which is
//! a schema of the database that `TEST_DATABASE_URL` names, or a temporary folder where there is none.

mod at_once;
mod backup;
mod bad_input;
mod balanced;
mod bench;
mod commands;
mod config;
mod cost;

mod crash;
mod damage;
mod exposure;
mod injection;
mod lockout;
mod logs;
mod lost;
mod migrations;
mod nodes;
mod relocation;
mod remembered;
mod secrets;
mod serve;
// The proofs use the rest.
#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports)]
mod support;
mod tour;
mod transfer;
mod watch;
