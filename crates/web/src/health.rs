//! Whether the process is alive, and whether it can serve.

use axum::{extract::State, http::StatusCode, response::Response};
use portreeve_directory::Directory;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{answer::Said, error, json};

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

/// The process answers and so does its store.
pub async fn ready(State(directory): State<Directory>) -> Response {
    match directory.ping().await {
        Ok(()) => json::respond(StatusCode::OK, &OK),
        Err(cause) => {
            tracing::warn!(%cause, "not ready");
            error::unavailable("the store does not answer", error::UNAVAILABLE_RETRY_SECONDS)
        }
    }
}
