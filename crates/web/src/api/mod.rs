//! The REST API, one file a noun. A handler proves who asks, calls the rule, and says what came of it.

pub mod account;
pub mod audit_logs;
pub mod blacklist;
pub mod claims;
pub mod explain;
pub mod global_settings;
pub mod identity_providers;
pub mod import;
pub mod ip_pools;
pub mod local_users;
pub mod login;
pub mod on_boarded_devices;
pub mod policies;
pub mod roles;
pub mod scripts;
pub mod service_users;
pub mod tags;
pub mod version;
