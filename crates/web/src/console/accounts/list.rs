//! The list of accounts of a kind: search, filters, order, pages, and ticks for what is to be done to several.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
};
use portreeve_directory::{
    Directory,
    accounts::{Condition, Overview},
    caller::PrivilegeType,
    time::Timestamp,
};

use super::kind::Kind;
use crate::console::{
    listing::{Asked, Rows},
    page::{Answer, Chrome},
    session::SignedIn,
    text::filters,
};

/// Parameters of the address and the fields that they ask about.
const FILTERS: [(&str, &str); 2] = [("state", "state"), ("tag", "tags")];

/// The states that can be asked for.
const STATES: [(&str, &str); 5] = [
    ("enabled", "state-enabled"),
    ("disabled", "state-disabled"),
    ("locked", "state-locked"),
    ("blocked", "state-blocked"),
    ("unused", "state-unused"),
];

/// Tags that are shown of an account before "and so many more".
const TAGS_SHOWN: usize = 4;

/// A row.
struct Row {
    id: String,
    name: String,
    /// Of a person the whole name, of a service its labels.
    about: String,
    states: Vec<StateWord>,
    tags: Vec<String>,
    more_tags: usize,
    updated: Timestamp,
}

/// A word for how an account stands, with the colour that it has.
pub(crate) struct StateWord {
    pub(crate) name: &'static str,
    pub(crate) colour: &'static str,
}

/// How an account stands, the most pressing first.
pub(crate) fn state_of(disabled: bool, condition: &Condition) -> Vec<StateWord> {
    let all = [
        (condition.blocked, "state-blocked", "bad"),
        (condition.locked_until.is_some(), "state-locked", "bad"),
        (disabled, "state-disabled", "off"),
        (condition.without_password, "state-without-password", "warn"),
        // Of one that has no password that goes without saying.
        (condition.never_used && !condition.without_password, "state-unused", "warn"),
    ];
    let states = all.into_iter().filter(|(is, ..)| *is).map(|(_, name, colour)| StateWord { name, colour });
    let states: Vec<StateWord> = states.collect();
    if states.is_empty() { vec![StateWord { name: "state-enabled", colour: "good" }] } else { states }
}

#[derive(Template)]
#[template(path = "console/accounts.html")]
struct Page {
    chrome: Chrome,
    is_person: bool,
    rows: Rows<Row>,
    states: &'static [(&'static str, &'static str)],
    may_create: bool,
    may_edit: bool,
    may_delete: bool,
}

fn row<K: Kind>(seen: Overview<K>) -> Row {
    let common = seen.object.common();
    let about = match seen.object.labels() {
        None => {
            let names: Vec<&str> = seen.object.facts().iter().take(2).map(|(_, value)| *value).collect();
            names.join(" ")
        }
        Some(labels) => {
            let labels: Vec<String> = labels.iter().take(3).map(|(key, value)| format!("{key}={value}")).collect();
            labels.join(", ")
        }
    };
    Row {
        id: common.id.to_string(),
        name: common.name.to_owned(),
        about,
        states: state_of(common.disabled, &seen.condition),
        tags: common.tags.iter().take(TAGS_SHOWN).cloned().collect(),
        more_tags: common.tags.len().saturating_sub(TAGS_SHOWN),
        updated: common.updated,
    }
}

/// `GET /ui/local-users`, `GET /ui/service-users`.
pub(super) async fn page<K: Kind>(
    State(directory): State<Directory>,
    me: SignedIn,
    RawQuery(query): RawQuery,
) -> Answer {
    let asked = Asked::new(K::SECTION.path(), query.as_deref());
    let listing = K::overview(&directory, &me.caller, asked.request(&FILTERS)).await?;
    let page = Page {
        chrome: me.chrome(K::SECTION),
        is_person: K::IS_PERSON,
        rows: Rows::read(asked, listing).await?.map(row),
        states: &STATES,
        may_create: me.may(PrivilegeType::Create, K::TARGET),
        may_edit: me.may(PrivilegeType::Edit, K::TARGET) || me.may(PrivilegeType::Tag, K::TARGET),
        may_delete: me.may(PrivilegeType::Delete, K::TARGET),
    };
    me.page(StatusCode::OK, &page)
}
