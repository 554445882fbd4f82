//! The pages of what holds for the whole installation.

use askama::Template;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use portreeve_directory::{
    Directory,
    caller::{PrivilegeType, Target},
    error::{Error, Result},
    global_settings::{self, GlobalSettings, GlobalSettingsInput},
};
use serde_json::{Map, Value};

use super::{
    form::{Form, Sent, as_sent},
    page::{Answer, Chrome, Note, Section},
    session::SignedIn,
    text::{filters, minutes_words, t, t_with},
};
use crate::{App, answer::digest_tag};

const SECTION: Section = Section::Settings;
/// What these pages show in words of their own. All the others are kept for other products.
const SHOWN: [&str; 4] = ["administrationTokenExpiration", "loginBannerMessage", "messageOfTheDay", "collectiveId"];

pub(super) fn routes() -> Router<App> {
    let at = |rest: &str| format!("{}{rest}", SECTION.path());
    Router::new()
        .route(&at(""), get(page))
        .route(&at("/edit"), get(edit).post(save))
        .route(&at("/reset"), get(ask_to_reset).post(reset))
}

fn fields(settings: &GlobalSettings) -> Result<Map<String, Value>> {
    as_sent(settings)
}

/// What settings are compared by: nobody counts their versions.
fn mark(settings: &GlobalSettings) -> Result<String> {
    Ok(digest_tag(Value::from(fields(settings)?).to_string().as_bytes()))
}

fn may_edit(me: &SignedIn) -> bool {
    me.caller.authorize_all(PrivilegeType::Edit, Target::GlobalSetting).is_ok()
}

#[derive(Template)]
#[template(path = "console/settings.html")]
struct Page {
    chrome: Chrome,
    session: String,
    /// What is kept for other products.
    others: Vec<(String, String)>,
    may_edit: bool,
    may_reset: bool,
    settings: GlobalSettings,
}

/// `GET /ui/settings`.
async fn page(State(directory): State<Directory>, me: SignedIn) -> Answer {
    let settings = global_settings::get(&directory, &me.caller).await?;
    let others = fields(&settings)?.into_iter().filter(|(name, _)| !SHOWN.contains(&name.as_str()));
    let page = Page {
        chrome: me.chrome(SECTION),
        session: t_with("settings-session-words", "span", minutes_words(settings.administration_token_expiration)),
        others: others.map(|(name, value)| (name, value.to_string())).collect(),
        may_edit: may_edit(&me),
        may_reset: me.caller.authorize_all(PrivilegeType::Delete, Target::GlobalSetting).is_ok(),
        settings,
    };
    me.page(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "console/settings_edit.html")]
struct EditPage {
    chrome: Chrome,
    form: Form,
}

impl EditPage {
    fn of(me: &SignedIn, form: Form) -> Self {
        Self { chrome: me.chrome(SECTION), form }
    }
}

/// `GET /ui/settings/edit`.
async fn edit(State(directory): State<Directory>, me: SignedIn) -> Answer {
    me.caller.authorize_all(PrivilegeType::Edit, Target::GlobalSetting)?;
    let settings = global_settings::get(&directory, &me.caller).await?;
    let form = Form::of([
        ("seen", mark(&settings)?),
        ("administrationTokenExpiration", settings.administration_token_expiration.to_string()),
        ("loginBannerMessage", settings.login_banner_message.clone()),
        ("messageOfTheDay", settings.message_of_the_day.clone()),
        ("collectiveId", settings.collective_id.clone()),
    ]);
    me.page(StatusCode::OK, &EditPage::of(&me, form))
}

/// Writes what was filled in, with all that the form does not show: what is left out would return to its default.
async fn write(directory: &Directory, me: &SignedIn, form: &Form) -> Result<()> {
    let settings = global_settings::get(directory, &me.caller).await?;
    if mark(&settings)? != form.get("seen") {
        return Err(Error::PreconditionFailed);
    }
    let mut input: GlobalSettingsInput = as_sent(&settings)?;
    input.administration_token_expiration = form.number("administrationTokenExpiration");
    input.login_banner_message = form.some("loginBannerMessage");
    input.message_of_the_day = form.some("messageOfTheDay");
    input.collective_id = form.some("collectiveId");
    global_settings::replace(directory, &me.caller, input).await
}

/// `POST /ui/settings/edit`.
async fn save(State(directory): State<Directory>, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    me.caller.authorize_all(PrivilegeType::Edit, Target::GlobalSetting)?;
    if form.get("administrationTokenExpiration").trim().is_empty() {
        form.add_fault("administrationTokenExpiration", t("settings-missing"));
    }
    if !me.confirm(&directory, &mut form).await? || !form.faults().is_empty() {
        return me.page(StatusCode::UNPROCESSABLE_ENTITY, &EditPage::of(&me, form));
    }
    match write(&directory, &me, &form).await {
        Ok(()) => me.go(SECTION.path(), Note::new("done-settings-saved", "")),
        Err(error) => {
            let status = form.refused(error)?;
            me.page(status, &EditPage::of(&me, form))
        }
    }
}

/// A setting that a reset would change.
struct Change {
    name: String,
    before: String,
    /// Nothing if there is no such setting by default.
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "console/settings_reset.html")]
struct ResetPage {
    chrome: Chrome,
    changes: Vec<Change>,
    may_edit: bool,
    form: Form,
}

/// A setting's value as people read it.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => t("settings-empty").into_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

async fn show_reset(directory: &Directory, me: SignedIn, status: StatusCode, form: Form) -> Answer {
    let present = fields(&global_settings::get(directory, &me.caller).await?)?;
    let default = fields(&GlobalSettings::default())?;
    let changed = present.iter().filter(|(name, value)| *name != "collectiveId" && default.get(*name) != Some(*value));
    let changes = changed.map(|(name, value)| Change {
        name: name.clone(),
        before: words(value),
        after: default.get(name).map(words),
    });
    let changes = changes.collect();
    let page = ResetPage { chrome: me.chrome(SECTION), changes, may_edit: may_edit(&me), form };
    me.page(status, &page)
}

/// `GET /ui/settings/reset`.
async fn ask_to_reset(State(directory): State<Directory>, me: SignedIn) -> Answer {
    me.caller.authorize_all(PrivilegeType::Delete, Target::GlobalSetting)?;
    show_reset(&directory, me, StatusCode::OK, Form::default()).await
}

/// `POST /ui/settings/reset`.
async fn reset(State(directory): State<Directory>, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    me.caller.authorize_all(PrivilegeType::Delete, Target::GlobalSetting)?;
    if !me.confirm(&directory, &mut form).await? {
        return show_reset(&directory, me, StatusCode::UNPROCESSABLE_ENTITY, form).await;
    }
    global_settings::reset(&directory, &me.caller).await?;
    me.go(SECTION.path(), Note::new("done-settings-reset", ""))
}
