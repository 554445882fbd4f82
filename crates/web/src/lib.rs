//! How the world reaches the directory: negotiation, limits, errors, the REST API and its document. It knows no SQL.
//!
//! A request passes [`request`] (id, log, metrics, headers), the router, the extractors in [`extract`] (which prove that
//! the answer's form is acceptable and who asks), and a handler in [`api`] of about five lines that calls a rule.

pub mod answer;
pub mod api;
pub(crate) mod console;
pub mod error;
pub mod extract;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod health;
pub mod json;
pub mod negotiate;
pub mod openapi;
mod paging;
pub mod request;
pub mod router;
pub mod server;

use std::{ops::Deref, sync::Arc};

use axum::extract::FromRef;
use ipnet::IpNet;
use portreeve_directory::Directory;
use server::Phase;
use tokio::sync::watch;

/// What every request works with. Cheap to clone, as each layer that a request passes does: one counter that cores share.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an application is made of.
pub struct Parts {
    /// The directory.
    pub directory: Directory,
    /// Proxies whose word on where a request came from is taken.
    pub proxies: Vec<IpNet>,
    /// What is counted of requests.
    pub metrics: request::Metrics,
    /// Whether requests are traced.
    pub traced: bool,
    /// Whether browsers are told to come over TLS alone from now on.
    pub tls_alone: bool,
    /// How far the server is from its end.
    pub phase: watch::Receiver<Phase>,
}

impl Parts {
    /// Of an application that trusts no proxy, traces nothing and never ends.
    pub fn new(directory: Directory) -> Self {
        let (proxies, metrics) = (Vec::new(), request::Metrics::default());
        Self { directory, proxies, metrics, traced: false, tls_alone: false, phase: watch::channel(Phase::Serving).1 }
    }
}

impl From<Parts> for App {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<App> for Directory {
    fn from_ref(app: &App) -> Self {
        app.directory.clone()
    }
}
