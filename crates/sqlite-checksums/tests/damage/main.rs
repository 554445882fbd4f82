//! Files that were damaged on purpose.

mod log;
mod pages;
mod support;
