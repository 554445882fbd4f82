//! What a client may rely on, asked of the real router over a real database: SQLite in a temporary folder or, with
//! `TEST_DATABASE_URL`, PostgreSQL in a schema of its own for each test.

#![allow(clippy::unwrap_used, reason = "in a test that is how one asks")]
#![allow(clippy::print_stdout, reason = "shown when a test fails: then it says what was tried")]

mod client;
mod harness;

mod account;
mod accounts;
mod audit;
mod audit_logs;
mod authority;
mod blacklist;
mod browsers;
mod console;
mod console_access;
mod console_audit_log;
mod console_confirm;
mod console_doors;
mod console_forms;
mod console_identity_providers;
mod console_policies;
mod console_roles;
mod console_sessions;
mod errors;
mod etags;
mod explain;
mod global_settings;
mod identity_providers;
mod import;
mod ip_pools;
mod lists;
mod lists_in_memory;
mod local_users;
mod lockout;
mod lockout_parallel;
mod login;
mod names;
mod negotiation;
mod on_boarded_devices;
mod openapi;
mod policies;
mod remembered;
mod remembered_ends;
mod revocation;
mod rise;
mod rise_by_tags;
mod rise_world;
mod roles;
mod scopes;
mod scopes_by_provider;
mod scripts;
mod service_users;
mod sessions;
mod tags;
mod tags_everywhere;
mod validation;
mod walk;
