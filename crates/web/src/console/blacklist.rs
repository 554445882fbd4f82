//! The pages of the blacklist: who is on it and why, listing somebody, and taking somebody off.

use askama::Template;
use axum::{
    Router,
    extract::{Query, RawQuery, State},
    http::StatusCode,
    routing::get,
};
use portreeve_directory::{
    Directory,
    blacklist::{self, BlacklistedUser, BlacklistedUserInput},
    caller::{PrivilegeType, Target},
    dn::Account,
    error::Error,
    kind::AccountKind,
    version::Expected,
};
use serde::Deserialize;

use super::{
    form::{Form, Sent},
    listing::{Asked, Rows},
    page::{Answer, Chrome, Note, Section},
    problem::Problem,
    session::SignedIn,
    text::{filters, t},
};
use crate::App;

const SECTION: Section = Section::Blacklist;

pub(super) fn routes() -> Router<App> {
    let at = |rest: &str| format!("{}{rest}", SECTION.path());
    Router::new()
        .route(&at(""), get(list))
        .route(&at("/new"), get(new).post(create))
        .route(&at("/remove"), get(ask_to_remove).post(remove))
}

#[derive(Template)]
#[template(path = "console/blacklist.html")]
struct ListPage {
    chrome: Chrome,
    rows: Rows<BlacklistedUser>,
    may_create: bool,
    may_delete: bool,
    sees_people: bool,
    sees_services: bool,
}

impl ListPage {
    /// Where the account is found that is listed, if there is one and the reader may see such.
    fn accounts(&self, entry: &BlacklistedUser) -> Option<String> {
        let (sees, section) = match entry.provider_name.as_str() {
            "local" => (self.sees_people, Section::LocalUsers),
            _ => (self.sees_services, Section::ServiceUsers),
        };
        sees.then(|| Asked::new(section.path(), None).with("q", &entry.username))
    }
}

/// `GET /ui/blacklist`.
async fn list(State(directory): State<Directory>, me: SignedIn, RawQuery(query): RawQuery) -> Answer {
    let asked = Asked::new(SECTION.path(), query.as_deref());
    let listing = blacklist::list(&directory, &me.caller, asked.request(&[])).await?;
    let page = ListPage {
        chrome: me.chrome(SECTION),
        rows: Rows::read(asked, listing).await?,
        may_create: me.may(PrivilegeType::Create, Target::Blacklist),
        may_delete: me.may(PrivilegeType::Delete, Target::Blacklist),
        sees_people: me.sees(Target::LocalUser),
        sees_services: me.sees(Target::ServiceUser),
    };
    me.page(StatusCode::OK, &page)
}

/// An account by the names that addresses and forms give it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    provider: String,
    name: String,
}

impl Named {
    fn of(form: &Form) -> Self {
        Self { provider: form.get("provider").to_owned(), name: form.get("name").to_owned() }
    }

    /// Nothing if there is no such provider.
    fn account(self) -> Option<Account> {
        let kinds = [AccountKind::Local, AccountKind::Service];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == self.provider)?;
        Some(Account { kind, name: self.name })
    }
}

/// Where an account is listed: the form for it, filled in.
pub(super) fn new_path(account: &Account) -> String {
    let path = format!("{}/new", SECTION.path());
    let provider = Asked::new(path, Some(&format!("provider={}", account.kind.as_str())));
    provider.with("name", &account.name)
}

#[derive(Template)]
#[template(path = "console/blacklist_new.html")]
struct NewPage {
    chrome: Chrome,
    form: Form,
}

/// `GET /ui/blacklist/new`.
async fn new(me: SignedIn, Query(named): Query<Named>) -> Answer {
    me.caller.authorize(PrivilegeType::Create, Target::Blacklist)?;
    let form = Form::of([("provider", named.provider), ("name", named.name)]);
    me.page(StatusCode::OK, &NewPage { chrome: me.chrome(SECTION), form })
}

/// `POST /ui/blacklist/new`.
async fn create(State(directory): State<Directory>, sent: Sent) -> Answer {
    let Sent { me, mut form } = sent;
    me.caller.authorize(PrivilegeType::Create, Target::Blacklist)?;
    let account = Named::of(&form).account().ok_or_else(Problem::stale_form)?;
    if account.name.is_empty() {
        form.add_fault("name", t("blacklist-name-missing"));
        return me.page(StatusCode::UNPROCESSABLE_ENTITY, &NewPage { chrome: me.chrome(SECTION), form });
    }
    let input =
        BlacklistedUserInput { user_distinguished_name: Some(account.to_string()), reason: form.some("reason") };
    match blacklist::create(&directory, &me.caller, input).await {
        Ok(made) => me.go(SECTION.path(), Note::new("done-blacklisted", made.object.username)),
        Err(error) => {
            let status = form.refused(at_the_name(error))?;
            me.page(status, &NewPage { chrome: me.chrome(SECTION), form })
        }
    }
}

/// What is wrong with the distinguished name is wrong with the name that it is made of.
fn at_the_name(error: Error) -> Error {
    let Error::Invalid(mut faults) = error else { return error };
    for fault in &mut faults {
        if fault.field == "userDistinguishedName" {
            "name".clone_into(&mut fault.field);
        }
    }
    Error::Invalid(faults)
}

#[derive(Template)]
#[template(path = "console/blacklist_remove.html")]
struct RemovePage {
    chrome: Chrome,
    entry: BlacklistedUser,
    form: Form,
}

async fn show_removal(
    directory: &Directory,
    me: SignedIn,
    account: &Account,
    status: StatusCode,
    form: Form,
) -> Answer {
    let entry = blacklist::get(directory, &me.caller, account).await?.object;
    me.page(status, &RemovePage { chrome: me.chrome(SECTION), entry, form })
}

/// `GET /ui/blacklist/remove`.
async fn ask_to_remove(State(directory): State<Directory>, me: SignedIn, Query(named): Query<Named>) -> Answer {
    me.caller.authorize(PrivilegeType::Delete, Target::Blacklist)?;
    let account = named.account().ok_or_else(Problem::no_page)?;
    show_removal(&directory, me, &account, StatusCode::OK, Form::default()).await
}

/// `POST /ui/blacklist/remove`.
async fn remove(State(directory): State<Directory>, sent: Sent) -> Answer {
    let Sent { me, mut form } = sent;
    me.caller.authorize(PrivilegeType::Delete, Target::Blacklist)?;
    let account = Named::of(&form).account().ok_or_else(Problem::stale_form)?;
    match blacklist::delete(&directory, &me.caller, &account, Expected::Any).await {
        Ok(()) => me.go(SECTION.path(), Note::new("done-unblacklisted", account.name)),
        Err(error) => {
            let status = form.refused(error)?;
            show_removal(&directory, me, &account, status, form).await
        }
    }
}
