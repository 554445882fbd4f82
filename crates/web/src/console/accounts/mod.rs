//! The pages of Local Users and Service Users, once for both: a list, an account, and what can be done to it.

pub(super) mod acts;
mod bulk;
mod edit;
pub(super) mod kind;
mod list;
mod password;
mod view;

use axum::{Router, routing::get};
use portreeve_directory::{Directory, local_users::LocalUser, service_users::ServiceUser, time::Timestamp};

use crate::App;
use kind::Kind;

pub(super) fn routes() -> Router<App> {
    of_kind::<LocalUser>().merge(of_kind::<ServiceUser>())
}

fn of_kind<K: Kind>() -> Router<App> {
    let at = |rest: &str| format!("{}{rest}", K::SECTION.path());
    Router::new()
        .route(&at(""), get(list::page::<K>))
        .route(&at("/bulk"), get(list::page::<K>).post(bulk::run::<K>))
        .route(&at("/new"), get(edit::new::<K>).post(edit::create::<K>))
        .route(&at("/{id}"), get(view::page::<K>).post(view::act::<K>))
        .route(&at("/{id}/edit"), get(edit::page::<K>).post(edit::save::<K>))
        .route(&at("/{id}/password"), get(password::page::<K>).post(password::set::<K>))
        .route(&at("/{id}/delete"), get(view::ask_to_delete::<K>).post(view::delete::<K>))
        .route(&at("/{id}/rights"), get(view::rights::<K>))
        .route(&at("/{id}/sessions"), get(view::sessions::<K>).post(view::end_sessions::<K>))
        .route(&at("/{id}/history"), get(view::history::<K>))
}

/// In how many minutes a moment will be past, at least one.
pub(super) fn minutes_left(directory: &Directory, until: Timestamp) -> i64 {
    (until.micros() - directory.now().micros()).max(0) / 60_000_000 + 1
}
