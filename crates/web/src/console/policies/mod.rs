//! The pages of policies: a list, one policy, and a form in which its expression can be tried.

mod edit;
mod list;
mod trial;
mod view;

use axum::{
    Router,
    routing::{get, post},
};
use portreeve_directory::configuration::PolicyType;

use crate::App;

/// What the types do, those first that mean something here.
const TYPES: [(PolicyType, &str); 6] = [
    (PolicyType::Admin, "policies-type-admin"),
    (PolicyType::Mixed, "policies-type-mixed"),
    (PolicyType::Stop, "policies-type-stop"),
    (PolicyType::Access, "policies-type-other"),
    (PolicyType::Device, "policies-type-other"),
    (PolicyType::Dns, "policies-type-other"),
];

/// The name of the text that says what a type does.
fn about_type(policy_type: PolicyType) -> &'static str {
    TYPES.iter().find(|(own, _)| *own == policy_type).map_or("policies-type-other", |(_, about)| about)
}

/// Whether a type is one that Portreeve acts on.
fn is_ours(policy_type: PolicyType) -> bool {
    matches!(policy_type, PolicyType::Admin | PolicyType::Mixed | PolicyType::Stop)
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/ui/policies", get(list::page))
        .route("/ui/policies/new", get(edit::new).post(edit::create))
        .route("/ui/policies/check", post(trial::check))
        .route("/ui/policies/try", post(trial::try_on))
        .route("/ui/policies/{id}", get(view::page).post(view::act))
        .route("/ui/policies/{id}/edit", get(edit::page).post(edit::save))
        .route("/ui/policies/{id}/delete", get(view::ask_to_delete).post(view::delete))
        .route("/ui/policies/{id}/history", get(view::history))
}
