//! JSON bodies. Those of requests are read strictly: what two parsers could read differently is refused.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

pub use portreeve_directory::json::parse;

/// The type of every body that we send.
pub const TYPE: HeaderValue = HeaderValue::from_static("application/json");

/// An answer of that body.
pub fn respond(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, TYPE)], bytes).into_response(),
        // Of our own types none fails to be written; the layer around us says which request it was.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
