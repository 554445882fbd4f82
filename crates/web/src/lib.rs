//! How the world reaches the directory: negotiation, limits, errors, the REST API and its document. It knows no SQL.
//!
//! A request passes [`request`] (id, log, metrics, headers), the router, the extractors in [`extract`] (which prove that
//! the answer's form is acceptable and who asks), and a handler in [`api`] of about five lines that calls a rule.

pub mod answer;
pub mod api;
pub(crate) mod console;
pub mod error;
pub mod extract;
pub mod health;
pub mod json;
pub mod negotiate;
pub mod openapi;
mod paging;
pub mod request;
pub mod router;
pub mod server;

use std::sync::Arc;

use axum::extract::FromRef;
use ipnet::IpNet;
use portreeve_directory::Directory;

/// What every request works with.
#[derive(Clone)]
pub struct App {
    /// The directory.
    pub directory: Directory,
    /// Proxies whose word on where a request came from is taken.
    pub proxies: Arc<[IpNet]>,
    /// What is counted of requests.
    pub metrics: request::Metrics,
    /// Whether requests are traced.
    pub traced: bool,
}

impl App {
    /// An application that trusts no proxy and traces nothing.
    pub fn new(directory: Directory) -> Self {
        Self { directory, proxies: Arc::new([]), metrics: request::Metrics::default(), traced: false }
    }
}

impl FromRef<App> for Directory {
    fn from_ref(app: &App) -> Self {
        app.directory.clone()
    }
}
