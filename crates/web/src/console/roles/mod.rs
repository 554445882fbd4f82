//! The pages of administrative roles: a list, one role, and a form with a table of what there is to be allowed.

mod edit;
mod list;
mod matrix;
mod privileges;
mod view;

use axum::{Router, routing::get};

use crate::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/ui/roles", get(list::page))
        .route("/ui/roles/new", get(edit::new).post(edit::create))
        .route("/ui/roles/{id}", get(view::page))
        .route("/ui/roles/{id}/edit", get(edit::page).post(edit::save))
        .route("/ui/roles/{id}/delete", get(view::ask_to_delete).post(view::delete))
        .route("/ui/roles/{id}/history", get(view::history))
}
