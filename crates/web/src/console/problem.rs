//! What goes wrong, as a page: what happened, what to do, and a way on.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use portreeve_directory::error::{Error, Failure};

use super::{
    assets,
    reader::Reader,
    text::{filters, t},
};
use crate::{
    error::{Cause, UNAVAILABLE_RETRY_SECONDS},
    request::Context,
};

/// Only what comes from this server, and no script or style within a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Why there is no page to show.
#[derive(Debug, Clone)]
pub(crate) enum Problem {
    /// Nobody has signed in, or not any more; where to go on afterwards.
    SignIn(String),
    /// Anything else.
    Page {
        status: StatusCode,
        message: String,
        retry_after_seconds: Option<u64>,
        /// For the log, never for the reader.
        cause: Option<String>,
    },
}

impl Problem {
    fn page(status: StatusCode, message: impl Into<String>) -> Self {
        Self::Page { status, message: message.into(), retry_after_seconds: None, cause: None }
    }

    /// To the page on which one signs in, and from there on to where the request went.
    pub(crate) fn sign_in(parts: &Parts) -> Self {
        let path = parts.uri.path_and_query().map_or("/ui/", |path| path.as_str());
        let next = if parts.method == axum::http::Method::GET { path } else { "/ui/" };
        Self::SignIn(next.to_owned())
    }

    /// There is nothing at this address.
    pub(crate) fn no_page() -> Self {
        Self::page(StatusCode::NOT_FOUND, t("problem-no-page"))
    }

    /// Of an answer that is no page: what the framework, or an extractor of the API, says of an address or a method.
    fn of(response: &Response) -> Option<Self> {
        let form = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let is_page = form.is_some_and(|form| form.starts_with(b"text/html"));
        // Where a script is sent to is no page either.
        let sends_on = response.headers().contains_key("hx-redirect");
        (response.status().is_client_error() && !is_page && !sends_on)
            .then(|| Self::page(response.status(), t("problem-no-page")))
    }

    /// A form of another session, or of none of ours.
    pub(crate) fn stale_form() -> Self {
        Self::page(StatusCode::FORBIDDEN, t("problem-stale-form"))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unauthorized | Error::LoginRefused => Self::SignIn("/ui/".into()),
            Error::Forbidden(message) => Self::page(StatusCode::FORBIDDEN, message),
            Error::NotFound(message) => Self::page(StatusCode::NOT_FOUND, message),
            Error::Conflict(message) => Self::page(StatusCode::CONFLICT, message),
            Error::PreconditionFailed => Self::page(StatusCode::PRECONDITION_FAILED, t("form-changed-meanwhile")),
            Error::Invalid(faults) => {
                let faults: Vec<String> =
                    faults.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect();
                Self::page(StatusCode::UNPROCESSABLE_ENTITY, faults.join("; "))
            }
            Error::Overloaded { retry_after_seconds } => Self::Page {
                status: StatusCode::SERVICE_UNAVAILABLE,
                message: t("problem-busy").into_owned(),
                retry_after_seconds: Some(retry_after_seconds),
                cause: None,
            },
            Error::Store(Failure::Full(_)) => Self::Page {
                status: StatusCode::INSUFFICIENT_STORAGE,
                message: t("problem-no-room").into_owned(),
                retry_after_seconds: Some(UNAVAILABLE_RETRY_SECONDS),
                cause: Some(error.to_string()),
            },
            Error::Store(
                failure @ (Failure::InDoubt(_)
                | Failure::Unavailable(_)
                | Failure::Lost(_)
                | Failure::Contention(_)
                | Failure::Moved),
            ) => {
                let in_doubt = matches!(failure, Failure::InDoubt(_));
                Self::Page {
                    status: StatusCode::SERVICE_UNAVAILABLE,
                    message: t(if in_doubt { "problem-in-doubt" } else { "problem-no-store" }).into_owned(),
                    retry_after_seconds: Some(UNAVAILABLE_RETRY_SECONDS),
                    cause: Some(failure.to_string()),
                }
            }
            Error::Store(_) | Error::Internal(_) => Self::Page {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                message: t("problem-ours").into_owned(),
                retry_after_seconds: None,
                cause: Some(error.to_string()),
            },
        }
    }
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        Error::Internal(format!("a page cannot be written: {error}")).into()
    }
}

impl IntoResponse for Problem {
    /// An answer that [`around`] still has to write, as it knows the request.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "console/problem.html")]
struct Page<'a> {
    status: u16,
    message: &'a str,
    request_id: &'a str,
    theme: &'static str,
    style: &'static str,
    icon: &'static str,
}

/// Around every page: problems are written, and the headers set that keep a page to itself.
pub(crate) async fn around(request: Request, next: Next) -> Response {
    let context = request.extensions().get::<Arc<Context>>().cloned();
    let reader = Reader::of(request.headers());
    let by_script = request.headers().contains_key("hx-request");
    let mut response = next.run(request).await;
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = problem.or_else(|| Problem::of(&response)) {
        let request_id = context.as_ref().map_or("", |context| context.origin.request_id.as_str());
        response = show(problem, request_id, &reader, by_script);
    }
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn show(problem: Problem, request_id: &str, reader: &Reader, by_script: bool) -> Response {
    let (status, message, retry_after_seconds, cause) = match problem {
        Problem::Page { status, message, retry_after_seconds, cause } => (status, message, retry_after_seconds, cause),
        Problem::SignIn(next) => {
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            let place = format!("/ui/sign-in?next={next}");
            if by_script && let Ok(place) = HeaderValue::try_from(&place) {
                // A script would put the page to sign in where a list was.
                return (StatusCode::UNAUTHORIZED, [("hx-redirect", place)]).into_response();
            }
            return Redirect::to(&place).into_response();
        }
    };
    let page = Page {
        status: status.as_u16(),
        message: &message,
        request_id,
        theme: reader.theme(),
        style: assets::style(),
        icon: assets::icon(),
    };
    let body = page.render().unwrap_or(message.clone());
    let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response();
    if let Some(seconds) = retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(cause) = cause {
        response.extensions_mut().insert(Cause(cause));
    }
    response
}
