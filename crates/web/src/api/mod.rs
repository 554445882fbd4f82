//! The REST API, one file a noun. A handler proves who asks, calls the rule, and says what came of it.

pub mod account;
pub mod identity_providers;
pub mod local_users;
pub mod login;
pub mod service_users;
pub mod version;
