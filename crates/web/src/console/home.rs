//! The first page: what needs attention.

use std::time::Duration;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use portreeve_directory::{
    Directory, audit,
    caller::{PrivilegeType, Target},
    list::Request,
    local_users::LocalUser,
    service_users::ServiceUser,
};

use super::{
    accounts::{kind::Kind, minutes_left},
    history::Entry,
    page::{Answer, Chrome, Section},
    problem::Problem,
    session::SignedIn,
    text::filters,
};

/// Accounts that are shown of each group.
const SHOWN: u64 = 5;
/// Refused logins that are shown.
const REFUSED_SHOWN: u64 = 8;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The states that need attention, the most pressing first.
const STATES: [(&str, &str); 4] =
    [("blocked", "home-blocked"), ("locked", "home-locked"), ("disabled", "home-disabled"), ("unused", "home-unused")];

/// Accounts of a kind that need attention for one reason.
struct Group {
    name: &'static str,
    state: &'static str,
    /// The name of the kind.
    kind: &'static str,
    path: &'static str,
    count: u64,
    accounts: Vec<Account>,
    /// Whether it is wrong passwords that keep them out.
    is_shut: bool,
    may_edit: bool,
}

struct Account {
    id: String,
    name: String,
    /// Until a lock ends.
    minutes_left: Option<i64>,
    failed_attempts: i64,
}

#[derive(Template)]
#[template(path = "console/home.html")]
struct Page {
    chrome: Chrome,
    message: String,
    groups: Vec<Group>,
    /// Nothing if the reader may not see the audit log.
    refused: Option<(Vec<Entry>, u64)>,
    version: &'static str,
}

async fn groups<K: Kind>(directory: &Directory, me: &SignedIn, kind: &'static str) -> Result<Vec<Group>, Problem> {
    let mut groups = Vec::new();
    if !me.sees(K::TARGET) {
        return Ok(groups);
    }
    for (state, name) in STATES {
        let request = Request {
            range: Some(format!("0-{}", SHOWN - 1)),
            filters: vec![("state".into(), state.into())],
            ..Request::default()
        };
        let (rows, count) = K::some(directory, &me.caller, request).await?;
        let accounts = rows.iter().map(|seen| {
            let common = seen.object.common();
            Account {
                id: common.id.to_string(),
                name: common.name.to_owned(),
                minutes_left: seen.condition.locked_until.map(|until| minutes_left(directory, until)),
                failed_attempts: common.failed_attempts,
            }
        });
        let accounts: Vec<Account> = accounts.collect();
        if count > 0 {
            let (is_shut, may_edit) = (matches!(state, "locked" | "blocked"), me.may(PrivilegeType::Edit, K::TARGET));
            groups.push(Group { name, state, kind, path: K::SECTION.path(), count, accounts, is_shut, may_edit });
        }
    }
    Ok(groups)
}

/// `GET /ui/`.
pub(super) async fn page(State(directory): State<Directory>, me: SignedIn) -> Answer {
    if me.caller.authority().privileges().is_empty() {
        return Ok(Redirect::to(Section::Account.path()).into_response());
    }
    let mut found = groups::<LocalUser>(&directory, &me, "home-people").await?;
    found.extend(groups::<ServiceUser>(&directory, &me, "home-services").await?);
    let refused = match me.sees_all(Target::AuditLog) {
        false => None,
        true => {
            let request = Request { range: Some(format!("0-{}", REFUSED_SHOWN - 1)), ..Request::default() };
            let since = directory.now().minus(DAY);
            let (records, count) = audit::refused_logins(&directory, &me.caller, since, request).await?;
            Some((records.into_iter().map(Entry::from).collect(), count))
        }
    };
    let page = Page {
        chrome: me.chrome(Section::Home),
        message: portreeve_directory::login::message_of_the_day(&directory).await?,
        groups: found,
        refused,
        version: env!("CARGO_PKG_VERSION"),
    };
    me.page(StatusCode::OK, &page)
}
