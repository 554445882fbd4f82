//! The pages of the two Identity Providers: what each holds for its accounts, in words, and a form for it.

mod edit;
mod words;

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    routing::get,
};
use portreeve_directory::{
    Directory,
    caller::Target,
    error::Result,
    identity_providers::{self, IdentityProvider, PeopleSettings, ProviderType},
    list::Request,
    scripts::{self, UserScript},
};
use uuid::Uuid;

use super::{
    history::{self, Entry},
    listing::{Asked, Rows},
    page::{Answer, Chrome, Section},
    session::SignedIn,
    text::filters,
};
use crate::{App, extract::Id};

const SECTION: Section = Section::IdentityProviders;

pub(super) fn routes() -> Router<App> {
    let at = |rest: &str| format!("{}{rest}", SECTION.path());
    Router::new()
        .route(&at(""), get(list))
        .route(&at("/words"), get(words::partial))
        .route(&at("/{id}"), get(page))
        .route(&at("/{id}/edit"), get(edit::page).post(edit::save))
        .route(&at("/{id}/history"), get(history))
}

/// Whether its accounts are people.
fn is_of_people(provider: &IdentityProvider) -> bool {
    provider.provider_type == ProviderType::LocalDatabase
}

#[derive(Template)]
#[template(path = "console/identity_providers.html")]
struct ListPage {
    chrome: Chrome,
    rows: Rows<Row>,
}

struct Row {
    id: Uuid,
    name: String,
    is_person: bool,
    words: Vec<String>,
}

/// `GET /ui/identity-providers`.
async fn list(State(directory): State<Directory>, me: SignedIn, RawQuery(query): RawQuery) -> Answer {
    let asked = Asked::new(SECTION.path(), query.as_deref());
    let listing = identity_providers::list(&directory, &me.caller, asked.request(&[])).await?;
    let row = |provider: IdentityProvider| Row {
        id: provider.id,
        is_person: is_of_people(&provider),
        words: words::of(&provider),
        name: provider.name,
    };
    let page = ListPage { chrome: me.chrome(SECTION), rows: Rows::read(asked, listing).await?.map(row) };
    me.page(StatusCode::OK, &page)
}

/// A script that a provider can run.
#[derive(Debug, Clone)]
struct Choice {
    id: String,
    name: String,
}

/// The scripts that the reader may see; nothing if there can be none.
async fn choices(directory: &Directory, me: &SignedIn) -> Result<Option<Vec<Choice>>> {
    if !me.sees(Target::UserClaimScript) {
        return Ok(None);
    }
    let mut listing = scripts::list::<UserScript>(directory, &me.caller, Request::default()).await?;
    let mut choices = Vec::new();
    loop {
        let rows = listing.next_rows().await?;
        if rows.is_empty() {
            return Ok(Some(choices));
        }
        choices.extend(rows.into_iter().map(|script| Choice { id: script.0.id.to_string(), name: script.0.name }));
    }
}

/// What stands at the head of each page of a provider.
struct Head {
    name: String,
    /// Where the provider's pages are.
    path: String,
    /// Which of them this is.
    here: &'static str,
    may_see_history: bool,
}

impl Head {
    fn of(me: &SignedIn, provider: &IdentityProvider, here: &'static str) -> Self {
        Self {
            name: provider.name.clone(),
            path: format!("{}/{}", SECTION.path(), provider.id),
            here,
            may_see_history: me.sees_all(Target::AuditLog),
        }
    }
}

#[derive(Template)]
#[template(path = "console/identity_provider.html")]
struct Page {
    chrome: Chrome,
    head: Head,
    words: Vec<String>,
    /// Names of the scripts that it runs, and how many there are besides that the reader may not see.
    scripts: Vec<String>,
    hidden_scripts: usize,
    may_edit: bool,
    provider: IdentityProvider,
}

impl Page {
    fn people(&self) -> Option<&PeopleSettings> {
        self.provider.settings.people.as_ref()
    }
}

/// `GET /ui/identity-providers/{id}`.
async fn page(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    let provider = identity_providers::get(&directory, &me.caller, id).await?.object;
    let choices = choices(&directory, &me).await?.unwrap_or_default();
    let run = &provider.settings.user_scripts;
    let name = |id: &String| choices.iter().find(|choice| choice.id == *id).map(|choice| choice.name.clone());
    let scripts: Vec<String> = run.iter().filter_map(name).collect();
    let page = Page {
        chrome: me.chrome(SECTION),
        head: Head::of(&me, &provider, ""),
        words: words::of(&provider),
        hidden_scripts: run.len() - scripts.len(),
        scripts,
        may_edit: me.caller.authorize_edit(Target::IdentityProvider).is_ok(),
        provider,
    };
    me.page(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "console/identity_provider_history.html")]
struct HistoryPage {
    chrome: Chrome,
    head: Head,
    rows: Rows<Entry>,
}

/// `GET /ui/identity-providers/{id}/history`.
async fn history(State(directory): State<Directory>, me: SignedIn, Id(id): Id, RawQuery(query): RawQuery) -> Answer {
    let provider = identity_providers::get(&directory, &me.caller, id).await?.object;
    let head = Head::of(&me, &provider, "history");
    let rows = history::of_object(&directory, &me, &head.path, id, query.as_deref()).await?;
    me.page(StatusCode::OK, &HistoryPage { chrome: me.chrome(SECTION), head, rows })
}
