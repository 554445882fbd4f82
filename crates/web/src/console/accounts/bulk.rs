//! The same done to several accounts: first what would change, then, once it is confirmed, the change itself, account by
//! account, with what became of each.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use portreeve_directory::{
    Directory,
    caller::PrivilegeType,
    error::{Error, Result},
};
use uuid::Uuid;

use super::{
    acts::{self, Act},
    kind::{Common, Kind},
    list::{StateWord, state_of},
};
use crate::console::{
    form::{Form, Sent},
    page::{Answer, Chrome, Note},
    problem::Problem,
    session::SignedIn,
    text::{filters, t},
};

/// Accounts that may be ticked at once: those of a page.
const MOST: usize = 50;

/// What is to be done to all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Enable,
    Disable,
    Unlock,
    AddTag,
    RemoveTag,
    Delete,
}

impl Wish {
    fn of(form: &Form) -> Option<Self> {
        let instead = form.filled("instead");
        Some(match instead.as_deref().unwrap_or(form.get("act")) {
            "enable" => Self::Enable,
            "disable" => Self::Disable,
            "unlock" => Self::Unlock,
            "add-tag" => Self::AddTag,
            "remove-tag" => Self::RemoveTag,
            "delete" => Self::Delete,
            _ => return None,
        })
    }

    fn question(self) -> &'static str {
        match self {
            Self::Enable => "bulk-enable",
            Self::Disable => "bulk-disable",
            Self::Unlock => "bulk-unlock",
            Self::AddTag => "bulk-add-tag",
            Self::RemoveTag => "bulk-remove-tag",
            Self::Delete => "bulk-delete",
        }
    }

    fn takes_tag(self) -> bool {
        matches!(self, Self::AddTag | Self::RemoveTag)
    }

    fn act(self, tag: &str) -> Act {
        match self {
            Self::Enable => Act::Enable,
            Self::Disable => Act::Disable,
            Self::Unlock => Act::Unlock,
            Self::AddTag => Act::AddTag(tag.to_owned()),
            Self::RemoveTag => Act::RemoveTag(tag.to_owned()),
            Self::Delete => Act::Delete,
        }
    }

    /// Whether it changes nothing of the account.
    fn is_done(self, account: Common<'_>, locked: bool, tag: &str) -> bool {
        let has = |tag: &str| account.tags.iter().any(|own| own == tag);
        match self {
            Self::Enable => !account.disabled,
            Self::Disable => account.disabled,
            Self::Unlock => !locked && account.failed_attempts == 0,
            Self::AddTag => !tag.is_empty() && has(tag),
            Self::RemoveTag => !tag.is_empty() && !has(tag),
            Self::Delete => false,
        }
    }
}

/// An account of those that are ticked.
struct Row {
    id: Uuid,
    name: String,
    states: Vec<StateWord>,
    tags: Vec<String>,
    /// Whether nothing of it would change.
    is_done: bool,
    /// Why it was not done, if that was tried.
    refused: Option<String>,
}

#[derive(Template)]
#[template(path = "console/accounts_bulk.html")]
struct Page {
    chrome: Chrome,
    path: &'static str,
    question: &'static str,
    takes_tag: bool,
    deletes: bool,
    form: Form,
    rows: Vec<Row>,
    /// Whether it has been tried, so that the rows are what is left of it.
    tried: bool,
}

impl Page {
    fn of<K: Kind>(me: &SignedIn, wish: Wish, form: Form, rows: Vec<Row>, tried: bool) -> Self {
        Self {
            chrome: me.chrome(K::SECTION),
            path: K::SECTION.path(),
            question: wish.question(),
            takes_tag: wish.takes_tag(),
            deletes: wish == Wish::Delete,
            form,
            rows,
            tried,
        }
    }
}

/// The accounts that are ticked, as far as they are still there.
async fn ticked<K: Kind>(directory: &Directory, me: &SignedIn, wish: Wish, form: &Form) -> Result<Vec<Row>> {
    let ids = form.all("id").filter_map(|id| Uuid::try_parse(id).ok());
    let tag = form.get("tag").trim();
    let mut rows: Vec<Row> = Vec::new();
    for id in ids.take(MOST) {
        let seen = match K::look_at(directory, &me.caller, id).await {
            Err(Error::NotFound(_)) => continue,
            seen => seen?,
        };
        let common = seen.object.common();
        let locked = seen.condition.locked_until.is_some() || seen.condition.blocked;
        rows.push(Row {
            id,
            name: common.name.to_owned(),
            states: state_of(common.disabled, &seen.condition),
            tags: common.tags.to_vec(),
            is_done: wish.is_done(common, locked, tag),
            refused: None,
        });
    }
    Ok(rows)
}

/// `POST …/bulk`.
pub(super) async fn run<K: Kind>(State(directory): State<Directory>, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    me.caller.authorize(PrivilegeType::View, K::TARGET)?;
    let wish = Wish::of(&form).ok_or_else(Problem::stale_form)?;
    let rows = ticked::<K>(&directory, &me, wish, &form).await?;
    if !form.has("sure") || rows.is_empty() {
        return me.page(StatusCode::OK, &Page::of::<K>(&me, wish, form, rows, false));
    }
    if wish.takes_tag() && form.get("tag").trim().is_empty() {
        form.add_fault("tag", t("bulk-tag-missing"));
    }
    let confirmed = wish != Wish::Delete || me.confirm(&directory, &mut form).await?;
    if !confirmed || !form.faults().is_empty() {
        let page = Page::of::<K>(&me, wish, form, rows, false);
        return me.page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let act = wish.act(form.get("tag").trim());
    let (mut done, mut refused) = (0_u64, Vec::new());
    for row in rows {
        match acts::run::<K>(&directory, &me.caller, row.id, &act).await {
            Ok(()) => done += 1,
            // Somebody else was faster.
            Err(Error::NotFound(_)) if wish == Wish::Delete => {}
            Err(error @ (Error::Store(_) | Error::Internal(_) | Error::Overloaded { .. } | Error::Unauthorized)) => {
                return Err(error.into());
            }
            Err(error) => refused.push(Row { refused: Some(words(error)), ..row }),
        }
    }
    if refused.is_empty() {
        return me.go(K::SECTION.path(), Note::new("done-bulk", done.to_string()));
    }
    form.stopped(crate::console::text::t_with("bulk-partly", "count", done));
    me.page(StatusCode::CONFLICT, &Page::of::<K>(&me, wish, form, refused, true))
}

/// Why a rule refused, in one line.
fn words(error: Error) -> String {
    match error {
        Error::Invalid(faults) => {
            let faults: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect();
            faults.join("; ")
        }
        other => other.to_string(),
    }
}
