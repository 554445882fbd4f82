//! What the pages of roles and of policies share: the head of each page of one, its history, and names of roles.

use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use portreeve_directory::{
    Directory,
    caller::Target,
    error::Result,
    list::Request,
    policies::{self, Policy},
    roles,
};
use uuid::Uuid;

use super::{
    history::{self, Entry},
    listing::Rows,
    page::{Answer, Chrome, Section},
    session::SignedIn,
    text::filters,
};

/// Names that are read at most, where all are.
const MOST_NAMES: u64 = 2_000;

/// What stands at the head of each page of a role or policy.
pub(crate) struct Head {
    /// The name of the section that it is of, and where that begins.
    pub(crate) section: (&'static str, &'static str),
    /// What the first of its pages is called.
    pub(crate) tab: &'static str,
    pub(crate) name: String,
    /// Where its pages are.
    pub(crate) path: String,
    /// Which of them this is.
    pub(crate) here: &'static str,
    /// Words for how it stands, with their colours.
    pub(crate) states: Vec<(&'static str, &'static str)>,
    pub(crate) may_see_history: bool,
}

impl Head {
    pub(crate) fn of_role(me: &SignedIn, id: Uuid, name: &str, here: &'static str) -> Self {
        Self {
            section: ("menu-roles", Section::Roles.path()),
            tab: "roles-tab",
            name: name.to_owned(),
            path: format!("{}/{id}", Section::Roles.path()),
            here,
            states: Vec::new(),
            may_see_history: me.sees_all(Target::AuditLog),
        }
    }

    pub(crate) fn of_policy(me: &SignedIn, policy: &Policy, here: &'static str) -> Self {
        Self {
            section: ("menu-policies", Section::Policies.path()),
            tab: "policies-tab",
            name: policy.name.clone(),
            path: format!("{}/{}", Section::Policies.path(), policy.id),
            here,
            states: policy_states(policy),
            may_see_history: me.sees_all(Target::AuditLog),
        }
    }
}

/// How a policy stands, the most pressing first.
pub(crate) fn policy_states(policy: &Policy) -> Vec<(&'static str, &'static str)> {
    let failing = policy.script_error.is_some().then_some(("state-failing", "bad"));
    let state = if policy.disabled { ("state-disabled", "off") } else { ("state-enabled", "good") };
    failing.into_iter().chain([state]).collect()
}

#[derive(Template)]
#[template(path = "console/object_history.html")]
struct HistoryPage {
    chrome: Chrome,
    head: Head,
    rows: Rows<Entry>,
}

/// The page of the history of a role or policy.
pub(crate) async fn history(
    directory: &Directory,
    me: &SignedIn,
    section: Section,
    head: Head,
    id: Uuid,
    query: Option<&str>,
) -> Answer {
    let rows = history::of_object(directory, me, &head.path, id, query).await?;
    me.page(StatusCode::OK, &HistoryPage { chrome: me.chrome(section), head, rows })
}

/// The roles that the reader may see, by name.
pub(crate) async fn roles(directory: &Directory, me: &SignedIn) -> Result<Vec<(Uuid, String)>> {
    if !me.sees(Target::AdministrativeRole) {
        return Ok(Vec::new());
    }
    let request = Request { range: Some(format!("0-{}", MOST_NAMES - 1)), ..Request::default() };
    let mut listing = roles::list(directory, &me.caller, request).await?;
    let mut named = Vec::new();
    loop {
        let rows = listing.next_rows().await?;
        if rows.is_empty() {
            return Ok(named);
        }
        named.extend(rows.into_iter().map(|role| (role.id, role.name)));
    }
}

/// A role that a policy gives. Of one that the reader may not see, the id takes the place of its name.
#[derive(Debug, Clone)]
pub(crate) struct RoleName {
    pub(crate) name: String,
    pub(crate) path: Option<String>,
}

/// Names of the roles that policies give.
pub(crate) fn role_names(known: &[(Uuid, String)], roles: &[Uuid]) -> Vec<RoleName> {
    let known: BTreeMap<&Uuid, &String> = known.iter().map(|(id, name)| (id, name)).collect();
    let of = |id: &Uuid| match known.get(id) {
        Some(name) => RoleName { name: (*name).clone(), path: Some(format!("{}/{id}", Section::Roles.path())) },
        None => RoleName { name: id.to_string(), path: None },
    };
    roles.iter().map(of).collect()
}

/// The policies that give a role, as far as the reader may see any.
pub(crate) async fn giving(directory: &Directory, me: &SignedIn, role: Uuid) -> Result<Option<Vec<Policy>>> {
    if !me.sees(Target::Policy) {
        return Ok(None);
    }
    policies::giving(directory, &me.caller, role).await.map(Some)
}
