//! One role: what it allows, which policies give it, its history, and its end.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
};
use portreeve_directory::{
    Directory,
    caller::{PrivilegeType, Target},
    policies::Policy,
    privileges::{Privilege, ScopeKind, scope_kind},
    roles::{self, AdministrativeRole},
    version::Expected,
};
use uuid::Uuid;

use crate::{
    console::{
        form::{Form, Sent},
        objects::{self, Head},
        page::{Answer, Chrome, Note, Section},
        session::SignedIn,
        text::{filters, scope_words, t},
    },
    extract::Id,
};

/// A privilege as people read it.
struct Words {
    what: String,
    /// With which objects.
    which: String,
    /// The ids that the scope names, each with the page of its object if there is one.
    ids: Vec<(Uuid, Option<String>)>,
    default_tags: Vec<String>,
    functions: Vec<String>,
}

/// Where the pages are of what ids in the scope of a privilege name.
fn section_of(privilege: &Privilege) -> Option<Section> {
    if scope_kind(privilege.privilege_type, privilege.target) == Some(ScopeKind::Providers) {
        return Some(Section::IdentityProviders);
    }
    match privilege.target {
        Target::LocalUser => Some(Section::LocalUsers),
        Target::ServiceUser => Some(Section::ServiceUsers),
        Target::AdministrativeRole => Some(Section::Roles),
        Target::Policy => Some(Section::Policies),
        Target::IdentityProvider => Some(Section::IdentityProviders),
        _ => None,
    }
}

fn words(privilege: &Privilege) -> Words {
    let section = section_of(privilege);
    let ids = privilege.scope.as_ref().map(|scope| scope.ids.clone()).unwrap_or_default();
    let is_whole = scope_kind(privilege.privilege_type, privilege.target) == Some(ScopeKind::None);
    Words {
        what: format!("{} · {}", privilege.privilege_type, privilege.target),
        which: if is_whole { t("roles-whole").into_owned() } else { scope_words(privilege) },
        ids: ids.into_iter().map(|id| (id, section.map(|section| format!("{}/{id}", section.path())))).collect(),
        default_tags: privilege.default_tags.clone().unwrap_or_default(),
        functions: privilege.functions.iter().flatten().map(super::privileges::word).collect(),
    }
}

#[derive(Template)]
#[template(path = "console/role.html")]
struct Page {
    chrome: Chrome,
    head: Head,
    role: AdministrativeRole,
    privileges: Vec<Words>,
    /// Nothing if the reader may see none.
    policies: Option<Vec<Policy>>,
    may_edit: bool,
    may_delete: bool,
}

/// `GET /ui/roles/{id}`.
pub(super) async fn page(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    let role = roles::get(&directory, &me.caller, id).await?.object;
    let may = |wanted| me.may(wanted, Target::AdministrativeRole);
    let page = Page {
        chrome: me.chrome(Section::Roles),
        head: Head::of_role(&me, id, &role.name, ""),
        privileges: role.privileges.iter().map(words).collect(),
        policies: objects::giving(&directory, &me, id).await?,
        may_edit: may(PrivilegeType::Edit) || may(PrivilegeType::Tag),
        may_delete: may(PrivilegeType::Delete),
        role,
    };
    me.page(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "console/role_delete.html")]
struct DeletePage {
    chrome: Chrome,
    head: Head,
    policies: Option<Vec<Policy>>,
    form: Form,
}

async fn show_delete(directory: &Directory, me: SignedIn, id: Uuid, status: StatusCode, form: Form) -> Answer {
    let role = roles::get(directory, &me.caller, id).await?.object;
    let page = DeletePage {
        chrome: me.chrome(Section::Roles),
        head: Head::of_role(&me, id, &role.name, "delete"),
        policies: objects::giving(directory, &me, id).await?,
        form,
    };
    me.page(status, &page)
}

/// `GET /ui/roles/{id}/delete`.
pub(super) async fn ask_to_delete(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    me.caller.authorize(PrivilegeType::Delete, Target::AdministrativeRole)?;
    show_delete(&directory, me, id, StatusCode::OK, Form::default()).await
}

/// `POST /ui/roles/{id}/delete`.
pub(super) async fn delete(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    let name = roles::get(&directory, &me.caller, id).await?.object.name;
    if !me.confirm(&directory, &mut form).await? {
        return show_delete(&directory, me, id, StatusCode::UNPROCESSABLE_ENTITY, form).await;
    }
    match roles::delete(&directory, &me.caller, id, Expected::Any).await {
        Ok(()) => me.go(Section::Roles.path(), Note::new("done-deleted", name)),
        Err(error) => {
            let status = form.refused(error)?;
            show_delete(&directory, me, id, status, form).await
        }
    }
}

/// `GET /ui/roles/{id}/history`.
pub(super) async fn history(
    State(directory): State<Directory>,
    me: SignedIn,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Answer {
    let role = roles::get(&directory, &me.caller, id).await?.object;
    let head = Head::of_role(&me, id, &role.name, "history");
    objects::history(&directory, &me, Section::Roles, head, id, query.as_deref()).await
}
