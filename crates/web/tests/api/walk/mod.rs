//! The API as somebody who means ill goes through it: every operation that its document names, none of them by hand, so that one
//! that is added is attacked from its first day.

mod assignment;
mod document;

mod pages;
mod roles;
mod samples;
mod snapshot;
mod spoofing;
mod swapping;
mod texts;
mod tokens;
