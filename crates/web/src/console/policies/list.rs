//! The list of policies.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
};
use portreeve_directory::{
    Directory,
    caller::{PrivilegeType, Target},
    policies::{self, Policy},
    time::Timestamp,
};

use super::is_ours;
use crate::console::{
    listing::{Asked, Rows},
    objects::{self, RoleName},
    page::{Answer, Chrome, Section},
    session::SignedIn,
    text::filters,
};

/// Roles that are shown of a policy before "and so many more".
const SHOWN: usize = 4;

/// A row.
struct Row {
    id: String,
    name: String,
    policy_type: String,
    is_ours: bool,
    roles: Vec<RoleName>,
    more_roles: usize,
    states: Vec<(&'static str, &'static str)>,
    updated: Timestamp,
}

#[derive(Template)]
#[template(path = "console/policies.html")]
struct Page {
    chrome: Chrome,
    rows: Rows<Row>,
    may_create: bool,
}

/// `GET /ui/policies`.
pub(super) async fn page(State(directory): State<Directory>, me: SignedIn, RawQuery(query): RawQuery) -> Answer {
    let asked = Asked::new(Section::Policies.path(), query.as_deref());
    let listing = policies::list(&directory, &me.caller, asked.request(&[("tag", "tags")])).await?;
    let known = objects::roles(&directory, &me).await?;
    let row = |policy: Policy| Row {
        id: policy.id.to_string(),
        states: objects::policy_states(&policy),
        policy_type: policy.policy_type.to_string(),
        is_ours: is_ours(policy.policy_type),
        roles: objects::role_names(
            &known,
            policy.administrative_roles.get(..SHOWN).unwrap_or(&policy.administrative_roles),
        ),
        more_roles: policy.administrative_roles.len().saturating_sub(SHOWN),
        updated: policy.updated,
        name: policy.name,
    };
    let page = Page {
        chrome: me.chrome(Section::Policies),
        rows: Rows::read(asked, listing).await?.map(row),
        may_create: me.may(PrivilegeType::Create, Target::Policy),
    };
    me.page(StatusCode::OK, &page)
}
