//! The REST API, one file a noun. A handler proves who asks, calls the rule, and says what came of it.

pub mod account;
pub mod claims;
pub mod explain;
pub mod identity_providers;
pub mod local_users;
pub mod login;
pub mod policies;
pub mod roles;
pub mod scripts;
pub mod service_users;
pub mod version;
