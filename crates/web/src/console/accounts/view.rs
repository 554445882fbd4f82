//! One account: what it is, how it stands, what can be done to it, what it may do, its sessions and its history.

use askama::Template;
use axum::{
    extract::{Query, RawQuery, State},
    http::StatusCode,
};
use portreeve_directory::{
    Directory,
    accounts::{Condition, Overview},
    blacklist::{self, BlacklistedUser},
    caller::{PrivilegeType, Target},
    dn,
    error::Error,
    explain::{self, ExplainInput, Explanation, Rights},
    on_boarded_devices::{self, OnBoardedDevice, RevocationInput},
    privileges,
    sessions::{self, Live},
    time::Timestamp,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    acts::{self, Act},
    kind::Kind,
    list::{StateWord, state_of},
    minutes_left,
};
use crate::{
    console::{
        blacklist::new_path as blacklist_new,
        form::{Form, Sent},
        history::{self, Entry},
        listing::{Asked, Rows},
        page::{Answer, Chrome, Note},
        problem::Problem,
        session::SignedIn,
        text::{filters, t},
    },
    extract::Id,
};

/// What stands at the head of each page of an account.
struct Head {
    id: Uuid,
    name: String,
    /// Where the account's pages are.
    path: String,
    /// Which of them this is.
    here: &'static str,
    states: Vec<StateWord>,
    may_see_rights: bool,
    may_see_sessions: bool,
    may_see_history: bool,
}

impl Head {
    fn of<K: Kind>(me: &SignedIn, seen: &Overview<K>, here: &'static str) -> Self {
        let common = seen.object.common();
        Self {
            id: common.id,
            name: common.name.to_owned(),
            path: format!("{}/{}", K::SECTION.path(), common.id),
            here,
            states: state_of(common.disabled, &seen.condition),
            may_see_rights: me.sees_all(Target::Policy) && me.sees_all(Target::AdministrativeRole),
            may_see_sessions: me.sees(Target::SessionInfo) || me.sees(Target::RegisteredDevice),
            may_see_history: me.sees_all(Target::AuditLog),
        }
    }
}

#[derive(Template)]
#[template(path = "console/account.html")]
struct Page {
    chrome: Chrome,
    head: Head,
    is_person: bool,
    facts: Vec<(&'static str, String)>,
    labels: Vec<(String, String)>,
    tags: Vec<String>,
    notes: String,
    created: Timestamp,
    updated: Timestamp,
    disabled: bool,
    failed_attempts: i64,
    condition: Condition,
    /// Until a lock ends.
    minutes_left: i64,
    blacklisted: Option<BlacklistedUser>,
    /// Where the account is blacklisted, if the reader may do so and it is not listed yet.
    blacklist: Option<String>,
    may_edit: bool,
    may_delete: bool,
}

fn account_of<K: Kind>(name: &str) -> dn::Account {
    dn::Account { kind: K::ACCOUNTS, name: name.to_owned() }
}

/// The entry of the blacklist that keeps an account out, as far as the reader may see it.
async fn blacklisted<K: Kind>(
    directory: &Directory,
    me: &SignedIn,
    name: &str,
) -> Result<Option<BlacklistedUser>, Problem> {
    if !me.sees(Target::Blacklist) {
        return Ok(None);
    }
    match blacklist::get(directory, &me.caller, &account_of::<K>(name)).await {
        Ok(entry) => Ok(Some(entry.object)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `GET …/{id}`.
pub(super) async fn page<K: Kind>(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    let seen = K::look_at(&directory, &me.caller, id).await?;
    let common = seen.object.common();
    let blacklisted = blacklisted::<K>(&directory, &me, common.name).await?;
    let may_list = blacklisted.is_none() && me.may(PrivilegeType::Create, Target::Blacklist);
    let page = Page {
        chrome: me.chrome(K::SECTION),
        head: Head::of(&me, &seen, ""),
        is_person: K::IS_PERSON,
        facts: seen.object.facts().into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
        labels: seen.object.labels().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect(),
        tags: common.tags.to_vec(),
        notes: common.notes.to_owned(),
        created: common.created,
        updated: common.updated,
        disabled: common.disabled,
        failed_attempts: common.failed_attempts,
        condition: seen.condition,
        minutes_left: seen.condition.locked_until.map_or(0, |until| minutes_left(&directory, until)),
        blacklisted,
        blacklist: may_list.then(|| blacklist_new(&account_of::<K>(common.name))),
        may_edit: me.may(PrivilegeType::Edit, K::TARGET) || me.may(PrivilegeType::Tag, K::TARGET),
        may_delete: me.may(PrivilegeType::Delete, K::TARGET),
    };
    me.page(StatusCode::OK, &page)
}

/// `POST …/{id}`: what takes no more than pressing a button.
pub(super) async fn act<K: Kind>(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { me, form } = sent;
    let (act, note) = match form.get("act") {
        "unlock" => (Act::Unlock, "done-unlocked"),
        "enable" => (Act::Enable, "done-enabled"),
        "disable" => (Act::Disable, "done-disabled"),
        _ => return Err(Problem::stale_form()),
    };
    let name = K::look_at(&directory, &me.caller, id).await?.object.common().name.to_owned();
    acts::run::<K>(&directory, &me.caller, id, &act).await?;
    me.go(&format!("{}/{id}", K::SECTION.path()), Note::new(note, name))
}

#[derive(Template)]
#[template(path = "console/account_delete.html")]
struct DeletePage {
    chrome: Chrome,
    head: Head,
    disabled: bool,
    may_edit: bool,
    form: Form,
}

async fn show_delete<K: Kind>(directory: &Directory, me: SignedIn, id: Uuid, status: StatusCode, form: Form) -> Answer {
    let seen = K::look_at(directory, &me.caller, id).await?;
    let page = DeletePage {
        chrome: me.chrome(K::SECTION),
        head: Head::of(&me, &seen, "delete"),
        disabled: seen.object.common().disabled,
        may_edit: me.may(PrivilegeType::Edit, K::TARGET),
        form,
    };
    me.page(status, &page)
}

/// `GET …/{id}/delete`.
pub(super) async fn ask_to_delete<K: Kind>(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    me.caller.authorize(PrivilegeType::Delete, K::TARGET)?;
    show_delete::<K>(&directory, me, id, StatusCode::OK, Form::default()).await
}

/// `POST …/{id}/delete`.
pub(super) async fn delete<K: Kind>(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    let name = K::look_at(&directory, &me.caller, id).await?.object.common().name.to_owned();
    if !me.confirm(&directory, &mut form).await? {
        return show_delete::<K>(&directory, me, id, StatusCode::UNPROCESSABLE_ENTITY, form).await;
    }
    match acts::run::<K>(&directory, &me.caller, id, &Act::Delete).await {
        Ok(()) => me.go(K::SECTION.path(), Note::new("done-deleted", name)),
        Err(error) => {
            let status = form.refused(error)?;
            show_delete::<K>(&directory, me, id, status, form).await
        }
    }
}

/// What somebody wants to know of an account.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Question {
    #[serde(default, rename = "type")]
    wanted: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    object: String,
}

#[derive(Template)]
#[template(path = "console/account_rights.html")]
struct RightsPage {
    chrome: Chrome,
    head: Head,
    rights: Rights,
    types: Vec<PrivilegeType>,
    targets: Vec<Target>,
    form: Form,
    answer: Option<Explanation>,
}

/// `GET …/{id}/rights`.
pub(super) async fn rights<K: Kind>(
    State(directory): State<Directory>,
    me: SignedIn,
    Id(id): Id,
    Query(question): Query<Question>,
) -> Answer {
    let seen = K::look_at(&directory, &me.caller, id).await?;
    let actor = account_of::<K>(seen.object.common().name);
    let rights = explain::rights(&directory, &me.caller, &actor).await?;
    let asks = !question.wanted.is_empty();
    let mut form = Form::of([
        ("type", question.wanted.clone()),
        ("target", question.target.clone()),
        ("object", question.object.clone()),
    ]);
    let input = ExplainInput {
        actor: Some(actor.to_string()),
        privilege_type: Some(question.wanted),
        target: Some(question.target),
        id: Some(question.object).filter(|id| !id.is_empty()),
    };
    let mut status = StatusCode::OK;
    let answer = match asks {
        false => None,
        true => match explain::explain(&directory, &me.caller, input).await {
            Ok(answer) => Some(answer),
            Err(Error::NotFound(message)) => {
                form.add_fault("object", message);
                None
            }
            Err(error) => {
                status = form.refused(error)?;
                None
            }
        },
    };
    let (mut types, mut targets): (Vec<_>, Vec<_>) = privileges::all_pairs().unzip();
    types.sort_unstable();
    types.dedup();
    targets.sort_unstable();
    targets.dedup();
    let head = Head::of(&me, &seen, "rights");
    let page = RightsPage { chrome: me.chrome(K::SECTION), head, rights, types, targets, form, answer };
    me.page(status, &page)
}

#[derive(Template)]
#[template(path = "console/account_sessions.html")]
struct SessionsPage {
    chrome: Chrome,
    head: Head,
    /// Nothing if the reader may not see them.
    sessions: Option<Vec<Live>>,
    devices: Option<Rows<OnBoardedDevice>>,
    may_end: bool,
}

/// `GET …/{id}/sessions`.
pub(super) async fn sessions<K: Kind>(
    State(directory): State<Directory>,
    me: SignedIn,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Answer {
    let seen = K::look_at(&directory, &me.caller, id).await?;
    let account = account_of::<K>(seen.object.common().name);
    let sessions = match me.sees(Target::SessionInfo) {
        true => Some(sessions::of_account(&directory, &me.caller, account.kind, id).await?),
        false => None,
    };
    let devices = match me.sees(Target::RegisteredDevice) {
        true => {
            let asked = Asked::new(format!("{}/{id}/sessions", K::SECTION.path()), query.as_deref());
            let listing = on_boarded_devices::of_account(&directory, &me.caller, id, asked.request(&[])).await?;
            Some(Rows::read(asked, listing).await?)
        }
        false => None,
    };
    let page = SessionsPage {
        chrome: me.chrome(K::SECTION),
        head: Head::of(&me, &seen, "sessions"),
        sessions,
        devices,
        may_end: me.may(PrivilegeType::Delete, Target::RegisteredDevice),
    };
    me.page(StatusCode::OK, &page)
}

/// `POST …/{id}/sessions`: ends those from one device, or from all.
pub(super) async fn end_sessions<K: Kind>(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { me, form } = sent;
    let name = K::look_at(&directory, &me.caller, id).await?.object.common().name.to_owned();
    let path = format!("{}/{id}/sessions", K::SECTION.path());
    if let Some(device) = form.filled("forget") {
        let device = dn::Device::parse(&device).map_err(|wrong| Error::invalid("forget", wrong))?;
        on_boarded_devices::delete(&directory, &me.caller, &device).await?;
        return me.go(&path, Note::new("done-device-forgotten", name));
    }
    let input = RevocationInput {
        specific_distinguished_names: Some(form.all("device").map(str::to_owned).collect()),
        revocation_reason: Some(t("revoked-in-console").into_owned()),
        ..RevocationInput::default()
    };
    // Without a device, all would be meant, of all accounts.
    if form.has("device") {
        on_boarded_devices::revoke(&directory, &me.caller, input).await?;
    }
    me.go(&path, Note::new("done-sessions-ended", name))
}

#[derive(Template)]
#[template(path = "console/account_history.html")]
struct HistoryPage {
    chrome: Chrome,
    head: Head,
    rows: Rows<Entry>,
}

/// `GET …/{id}/history`.
pub(super) async fn history<K: Kind>(
    State(directory): State<Directory>,
    me: SignedIn,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Answer {
    let seen = K::look_at(&directory, &me.caller, id).await?;
    let head = Head::of(&me, &seen, "history");
    let rows = history::of_object(&directory, &me, &head.path, id, query.as_deref()).await?;
    let page = HistoryPage { chrome: me.chrome(K::SECTION), head, rows };
    me.page(StatusCode::OK, &page)
}
