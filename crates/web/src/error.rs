//! How what goes wrong is told to a client: one shape, `id` and `message`, for every status.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use portreeve_directory::error::{Error, Failure, Fault};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    json,
    negotiate::{HIGHEST_VERSION, LOWEST_VERSION},
};

/// Seconds after which a client should come back when the store is not available.
pub const UNAVAILABLE_RETRY_SECONDS: u64 = 5;

/// Any error.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorBody {
    /// What went wrong, for machines.
    #[schemars(example = &"not found")]
    pub id: String,
    /// What went wrong, for people.
    #[schemars(example = &"there is no Local User with the id 4c07bc67-57ea-42dd-b702-c2d6c45419fc")]
    pub message: String,
}

/// Values that cannot be accepted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InvalidBody {
    /// Always `unprocessable entity`.
    #[schemars(example = &"unprocessable entity")]
    pub id: String,
    /// A summary.
    pub message: String,
    /// Every fault.
    pub errors: Vec<Fault>,
}

/// No form of the answer is acceptable to the client.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotAcceptableBody {
    /// Always `not acceptable`.
    #[schemars(example = &"not acceptable")]
    pub id: String,
    /// What would be.
    pub message: String,
    /// The oldest version that is spoken.
    #[schemars(example = 19)]
    pub min_supported_version: u32,
    /// The newest version that is spoken.
    #[schemars(example = 23)]
    pub max_supported_version: u32,
}

/// A login was refused. The bytes are the same whatever the reason.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginRefusedBody {
    /// Always `unauthorized`.
    #[schemars(example = &"unauthorized")]
    pub id: String,
    /// Always the same.
    #[schemars(example = &"Invalid username or password.")]
    pub message: String,
    /// Always `Login`.
    #[schemars(example = &"Login")]
    pub failure_type: String,
    /// Always the same.
    #[schemars(example = &"Invalid username or password.")]
    pub reason: String,
}

/// Why a request is answered with an error.
#[derive(Debug)]
pub enum Refusal {
    /// What the directory says.
    Directory(Error),
    /// The request is not what the route takes.
    BadRequest(String),
    /// The client accepts nothing that we send.
    NotAcceptable,
    /// There is no such route.
    NoRoute,
    /// The body is longer than this many bytes.
    TooLarge(usize),
    /// The body did not come in time.
    TooSlow,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Directory(error)
    }
}

/// What is behind a 500, 503 or 507: for the log, never for the client.
#[derive(Debug, Clone)]
pub struct Cause(pub String);

/// An error of a status without anything particular to say.
pub fn plain(status: StatusCode, message: &str) -> Response {
    let id = status.canonical_reason().unwrap_or("error").to_ascii_lowercase();
    json::respond(status, &ErrorBody { id, message: message.into() })
}

fn with_cause(mut response: Response, cause: String) -> Response {
    response.extensions_mut().insert(Cause(cause));
    response
}

/// The store does not answer, or there is too much to do.
pub fn unavailable(message: &str, retry_after_seconds: u64) -> Response {
    later(plain(StatusCode::SERVICE_UNAVAILABLE, message), retry_after_seconds)
}

fn later(mut response: Response, retry_after_seconds: u64) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
    response
}

/// The store does not say whether it was done.
fn in_doubt() -> Response {
    let message = "the database has not said whether this was done; look before you do it again".into();
    let body = ErrorBody { id: "in doubt".into(), message };
    later(json::respond(StatusCode::SERVICE_UNAVAILABLE, &body), UNAVAILABLE_RETRY_SECONDS)
}

fn unauthorized(error: &Error) -> Response {
    let mut response = plain(StatusCode::UNAUTHORIZED, &error.to_string());
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = match self {
            Self::Directory(error) => error,
            Self::BadRequest(message) => return plain(StatusCode::BAD_REQUEST, &message),
            Self::NotAcceptable => return not_acceptable(),
            Self::NoRoute => return plain(StatusCode::NOT_FOUND, "there is nothing at this path; see /docs"),
            Self::TooLarge(limit) => {
                return plain(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body may have at most {limit} bytes"));
            }
            Self::TooSlow => return plain(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
        };
        match error {
            Error::LoginRefused => login_refused(),
            Error::Unauthorized => unauthorized(&error),
            Error::Forbidden(message) => plain(StatusCode::FORBIDDEN, &message),
            Error::NotFound(message) => plain(StatusCode::NOT_FOUND, &message),
            Error::Conflict(message) => plain(StatusCode::CONFLICT, &message),
            Error::PreconditionFailed => plain(StatusCode::PRECONDITION_FAILED, &error.to_string()),
            Error::Invalid(errors) => invalid(errors),
            Error::Overloaded { retry_after_seconds } => unavailable(&error.to_string(), retry_after_seconds),
            Error::Store(Failure::Full(_)) => {
                let message = "there is no room left where the data is kept: it can be read, and not be written until \
                    somebody makes room";
                let response = later(plain(StatusCode::INSUFFICIENT_STORAGE, message), UNAVAILABLE_RETRY_SECONDS);
                with_cause(response, error.to_string())
            }
            Error::Store(Failure::InDoubt(_)) => with_cause(in_doubt(), error.to_string()),
            Error::Store(Failure::Unavailable(_) | Failure::Lost(_) | Failure::Contention(_) | Failure::Moved) => {
                let message = "the database is not available at the moment; try again";
                with_cause(unavailable(message, UNAVAILABLE_RETRY_SECONDS), error.to_string())
            }
            Error::Store(_) | Error::Internal(_) => {
                with_cause(plain(StatusCode::INTERNAL_SERVER_ERROR, ""), error.to_string())
            }
        }
    }
}

fn invalid(errors: Vec<Fault>) -> Response {
    let message = match errors.len() {
        1 => "a value cannot be accepted; see errors".into(),
        several => format!("{several} values cannot be accepted; see errors"),
    };
    let id = "unprocessable entity".into();
    json::respond(StatusCode::UNPROCESSABLE_ENTITY, &InvalidBody { id, message, errors })
}

fn not_acceptable() -> Response {
    let message = format!(
        "accept application/json or application/vnd.appgate.peer-vN+json, N from {LOWEST_VERSION} to {HIGHEST_VERSION}"
    );
    let body = NotAcceptableBody {
        id: "not acceptable".into(),
        message,
        min_supported_version: LOWEST_VERSION,
        max_supported_version: HIGHEST_VERSION,
    };
    json::respond(StatusCode::NOT_ACCEPTABLE, &body)
}

fn login_refused() -> Response {
    let reason = Error::LoginRefused.to_string();
    let body =
        LoginRefusedBody { id: "unauthorized".into(), message: reason.clone(), failure_type: "Login".into(), reason };
    json::respond(StatusCode::UNAUTHORIZED, &body)
}
