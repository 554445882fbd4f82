//! Whether the process is alive, and whether it is to be sent requests.

use axum::{extract::State, http::StatusCode, response::Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{App, answer::Said, error, json, server::Phase};

/// How things stand.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Health {
    /// Always `ok`.
    #[schemars(example = &"ok")]
    pub status: &'static str,
}

const OK: Health = Health { status: "ok" };

/// The process answers.
pub async fn live() -> Said<Health> {
    Said(OK)
}

/// The process answers, so does its store, and it is not about to end.
pub async fn ready(State(app): State<App>) -> Response {
    if *app.phase.borrow() != Phase::Serving {
        return error::unavailable("the server is about to stop", error::UNAVAILABLE_RETRY_SECONDS);
    }
    match app.directory.ping().await {
        Ok(()) => json::respond(StatusCode::OK, &OK),
        Err(cause) => {
            tracing::warn!(%cause, "not ready");
            error::unavailable("the store does not answer", error::UNAVAILABLE_RETRY_SECONDS)
        }
    }
}
