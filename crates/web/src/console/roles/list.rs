//! The list of roles.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
};
use portreeve_directory::{
    Directory,
    caller::{PrivilegeType, Target},
    privileges::Privilege,
    roles::{self, AdministrativeRole},
    time::Timestamp,
};

use crate::console::{
    listing::{Asked, Rows},
    page::{Answer, Chrome, Section},
    session::SignedIn,
    text::filters,
};

/// Privileges and tags that are shown of a role before "and so many more".
const SHOWN: usize = 4;

/// A row.
struct Row {
    id: String,
    name: String,
    privileges: Vec<String>,
    more_privileges: usize,
    tags: Vec<String>,
    more_tags: usize,
    updated: Timestamp,
}

#[derive(Template)]
#[template(path = "console/roles.html")]
struct Page {
    chrome: Chrome,
    rows: Rows<Row>,
    may_create: bool,
}

fn row(role: AdministrativeRole) -> Row {
    let words = |privilege: &Privilege| format!("{} · {}", privilege.privilege_type, privilege.target);
    Row {
        id: role.id.to_string(),
        name: role.name,
        privileges: role.privileges.iter().take(SHOWN).map(words).collect(),
        more_privileges: role.privileges.len().saturating_sub(SHOWN),
        tags: role.tags.iter().take(SHOWN).cloned().collect(),
        more_tags: role.tags.len().saturating_sub(SHOWN),
        updated: role.updated,
    }
}

/// `GET /ui/roles`.
pub(super) async fn page(State(directory): State<Directory>, me: SignedIn, RawQuery(query): RawQuery) -> Answer {
    let asked = Asked::new(Section::Roles.path(), query.as_deref());
    let listing = roles::list(&directory, &me.caller, asked.request(&[("tag", "tags")])).await?;
    let page = Page {
        chrome: me.chrome(Section::Roles),
        rows: Rows::read(asked, listing).await?.map(row),
        may_create: me.may(PrivilegeType::Create, Target::AdministrativeRole),
    };
    me.page(StatusCode::OK, &page)
}
