//! The pages of tags: which there are, where each is, and giving one another name, or taking it away, everywhere.

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    routing::get,
};
use portreeve_directory::{
    Directory,
    caller::{PrivilegeType, Target},
    error::{Error, Result},
    tags::{self, COLOR_NAMES, Tag, TagDetails, TagInput},
    version::Expected,
};
use uuid::Uuid;

use super::{
    form::{Form, Sent},
    listing::{Asked, Rows},
    page::{Answer, Chrome, Note, Section},
    problem::Problem,
    session::SignedIn,
    text::{filters, t_with},
};
use crate::{App, extract::Id};

const SECTION: Section = Section::Tags;
/// How often a change is tried again when meanwhile something else carries the tag, or nothing does any more.
const TRIES: usize = 5;

pub(super) fn routes() -> Router<App> {
    let at = |rest: &str| format!("{}{rest}", SECTION.path());
    Router::new()
        .route(&at(""), get(list))
        .route(&at("/new"), get(new).post(create))
        .route(&at("/{id}"), get(page).post(save))
        .route(&at("/{id}/delete"), get(ask_to_delete).post(delete))
}

/// Whether the reader may decide about tags.
fn may_tag(me: &SignedIn) -> bool {
    me.caller.authorize_all(PrivilegeType::Tag, Target::All).is_ok()
}

#[derive(Template)]
#[template(path = "console/tags.html")]
struct ListPage {
    chrome: Chrome,
    rows: Rows<Tag>,
    may_tag: bool,
}

/// `GET /ui/tags`.
async fn list(State(directory): State<Directory>, me: SignedIn, RawQuery(query): RawQuery) -> Answer {
    let asked = Asked::new(SECTION.path(), query.as_deref());
    let listing = tags::list(&directory, &me.caller, asked.request(&[])).await?;
    let page = ListPage { chrome: me.chrome(SECTION), may_tag: may_tag(&me), rows: Rows::read(asked, listing).await? };
    me.page(StatusCode::OK, &page)
}

/// Objects of a kind that carry a tag.
struct Carriers {
    words: String,
    /// The list of them, where there is one that can be asked for a tag.
    path: Option<&'static str>,
}

/// The name of the text that counts objects of a kind.
fn counted(target: Target) -> Option<(&'static str, Option<&'static str>)> {
    Some(match target {
        Target::LocalUser => ("tag-on-local-user", Some(Section::LocalUsers.path())),
        Target::ServiceUser => ("tag-on-service-user", Some(Section::ServiceUsers.path())),
        Target::AdministrativeRole => ("tag-on-role", None),
        Target::Policy => ("tag-on-policy", None),
        Target::CriteriaScript => ("tag-on-criteria-script", None),
        Target::UserClaimScript => ("tag-on-user-script", None),
        Target::IdentityProvider => ("tag-on-provider", None),
        Target::IpPool => ("tag-on-ip-pool", None),
        _ => return None,
    })
}

/// Where a tag is, and what it is.
struct Seen {
    name: String,
    /// Where its pages are.
    path: String,
    carriers: Vec<Carriers>,
    privileges: i64,
}

impl Seen {
    fn of(details: &TagDetails) -> Self {
        let carriers = details.tagged_occurrences_by_entity_type.iter().map(|(target, count)| {
            let (words, path) = counted(*target).map_or_else(
                || (format!("{target}: {count}"), None),
                |(name, path)| (t_with(name, "count", *count), path),
            );
            Carriers { words, path }
        });
        let tag = &details.tag;
        Self {
            name: tag.name.clone(),
            path: format!("{}/{}", SECTION.path(), tag.id),
            carriers: carriers.collect(),
            privileges: tag.linked_occurrences,
        }
    }

    fn is_nowhere(&self) -> bool {
        self.carriers.is_empty() && self.privileges == 0
    }
}

#[derive(Template)]
#[template(path = "console/tag.html")]
struct Page {
    chrome: Chrome,
    /// The tag that there is; nothing of a new one.
    seen: Option<Seen>,
    may_tag: bool,
    form: Form,
}

impl Page {
    fn of(me: &SignedIn, details: Option<&TagDetails>, form: Form) -> Self {
        Self { chrome: me.chrome(SECTION), seen: details.map(Seen::of), may_tag: may_tag(me), form }
    }

    fn action(&self) -> String {
        self.seen.as_ref().map_or_else(|| format!("{}/new", SECTION.path()), |seen| seen.path.clone())
    }

    /// Numbers and names of colours.
    fn colours() -> Vec<(String, &'static str)> {
        COLOR_NAMES.iter().zip(1..).map(|(name, number): (_, i64)| (number.to_string(), *name)).collect()
    }
}

fn form_of(tag: &Tag) -> Form {
    Form::of([
        ("name", tag.name.clone()),
        ("notes", tag.notes.clone()),
        ("colorCode", tag.color_code.to_string()),
        ("updated", tag.updated.to_string()),
    ])
}

fn input_of(form: &Form) -> TagInput {
    TagInput { id: None, name: form.some("name"), notes: form.some("notes"), color_code: form.number("colorCode") }
}

/// `GET /ui/tags/new`.
async fn new(me: SignedIn) -> Answer {
    me.caller.authorize_all(PrivilegeType::Tag, Target::All)?;
    me.page(StatusCode::OK, &Page::of(&me, None, Form::default()))
}

/// `POST /ui/tags/new`.
async fn create(State(directory): State<Directory>, sent: Sent) -> Answer {
    let Sent { me, mut form } = sent;
    match tags::create(&directory, &me.caller, input_of(&form)).await {
        Ok(made) => me.go(SECTION.path(), Note::new("done-created", made.object.tag.name)),
        Err(error) => {
            let status = form.refused(error)?;
            me.page(status, &Page::of(&me, None, form))
        }
    }
}

/// `GET /ui/tags/{id}`.
async fn page(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    let seen = tags::get(&directory, &me.caller, id).await?.object;
    me.page(StatusCode::OK, &Page::of(&me, Some(&seen), form_of(&seen.tag)))
}

/// Writes what was filled in, unless somebody else changed the tag since. That more or less carries it is no change of it.
async fn write(directory: &Directory, me: &SignedIn, id: Uuid, form: &Form) -> Result<()> {
    for _ in 0..TRIES {
        let seen = tags::get(directory, &me.caller, id).await?;
        if seen.object.tag.updated.to_string() != form.get("updated") {
            break;
        }
        let expected = Expected::OneOf(vec![seen.version]);
        match tags::replace(directory, &me.caller, id, expected, input_of(form)).await {
            Err(Error::PreconditionFailed) => {}
            result => return result.map(drop),
        }
    }
    Err(Error::PreconditionFailed)
}

/// `POST /ui/tags/{id}`.
async fn save(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { me, mut form } = sent;
    me.caller.authorize_all(PrivilegeType::Tag, Target::All)?;
    match write(&directory, &me, id, &form).await {
        Ok(()) => me.go(SECTION.path(), Note::new("done-saved", form.get("name"))),
        Err(error) => {
            let status = form.refused(error)?;
            let seen = tags::get(&directory, &me.caller, id).await?.object;
            me.page(status, &Page::of(&me, Some(&seen), form))
        }
    }
}

#[derive(Template)]
#[template(path = "console/tag_delete.html")]
struct DeletePage {
    chrome: Chrome,
    seen: Seen,
    version: i64,
    form: Form,
}

async fn show_delete(directory: &Directory, me: SignedIn, id: Uuid, status: StatusCode, form: Form) -> Answer {
    let found = tags::get(directory, &me.caller, id).await?;
    let page = DeletePage { chrome: me.chrome(SECTION), seen: Seen::of(&found.object), version: found.version, form };
    me.page(status, &page)
}

/// `GET /ui/tags/{id}/delete`.
async fn ask_to_delete(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    me.caller.authorize_all(PrivilegeType::Tag, Target::All)?;
    show_delete(&directory, me, id, StatusCode::OK, Form::default()).await
}

/// `POST /ui/tags/{id}/delete`. If it is on more or less by now than the page said, it is asked again.
async fn delete(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    me.caller.authorize_all(PrivilegeType::Tag, Target::All)?;
    let name = tags::get(&directory, &me.caller, id).await?.object.tag.name;
    let version = form.get("version").parse().map_err(|_| Problem::stale_form())?;
    if !me.confirm(&directory, &mut form).await? {
        return show_delete(&directory, me, id, StatusCode::UNPROCESSABLE_ENTITY, form).await;
    }
    match tags::delete(&directory, &me.caller, id, Expected::OneOf(vec![version])).await {
        Ok(()) => me.go(SECTION.path(), Note::new("done-deleted", name)),
        Err(error) => {
            let status = form.refused(error)?;
            show_delete(&directory, me, id, status, form).await
        }
    }
}
