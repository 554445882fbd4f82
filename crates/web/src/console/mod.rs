//! The console: pages under `/ui/` for administrators, and for everybody who has an account. They call the rules that the
//! API calls, with the same proof of who asks, so that nobody sees or does more here than there. Everything that they
//! are made of is part of the program; they work without scripts, which only make them quicker.

mod accounts;
mod assets;
mod audit_log;
mod blacklist;
mod form;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod history;
mod home;
mod identity_providers;
mod listing;
mod objects;
mod own;
mod page;
mod policies;
mod problem;
mod reader;
mod roles;
mod session;
mod settings;
mod sign_in;
mod tags;
pub(crate) mod text;

use axum::{
    Router,
    http::{HeaderMap, header},
    middleware::from_fn,
    response::{IntoResponse, Redirect, Response},
    routing::{any, get, post},
};

use crate::{App, error::Refusal};
use problem::{Problem, around};

/// Whoever comes with a browser is shown to the console; a client is told what it is told everywhere else.
async fn front(headers: HeaderMap) -> Response {
    let wanted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if wanted.into_iter().any(|value| value.contains("text/html")) {
        Redirect::to("/ui/").into_response()
    } else {
        Refusal::NoRoute.into_response()
    }
}

/// All pages.
pub(crate) fn routes() -> Router<App> {
    pages().route("/", any(front))
}

fn pages() -> Router<App> {
    Router::new()
        .route("/ui", get(|| async { Redirect::to("/ui/") }))
        .route("/ui/", get(home::page))
        .route("/ui/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/ui/sign-out", post(sign_in::sign_out))
        .route("/ui/account", get(own::page))
        .route("/ui/account/password", get(own::page).post(own::change_password))
        .route("/ui/account/sessions", get(own::page).post(own::end_sessions))
        .route("/ui/account/theme", get(own::page).post(own::set_theme))
        .route("/ui/assets/{name}", get(assets::asset))
        .merge(accounts::routes())
        .merge(identity_providers::routes())
        .merge(tags::routes())
        .merge(blacklist::routes())
        .merge(audit_log::routes())
        .merge(settings::routes())
        .merge(roles::routes())
        .merge(policies::routes())
        .route("/ui/{*rest}", any(|| async { Problem::no_page() }))
        .layer(from_fn(around))
}
