//! Where requests come from.

use std::net::IpAddr;

/// Where a request came from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The address of the client; nothing for the command line.
    pub source: Option<IpAddr>,
    /// The id under which the log knows the request.
    pub request_id: String,
}
