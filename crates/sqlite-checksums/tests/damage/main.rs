//! Files that were damaged on purpose.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to end")]

mod log;
mod pages;
mod support;
