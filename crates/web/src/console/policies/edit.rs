//! A form for a new policy, and one for a policy that there is, with an editor for its expression.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use portreeve_directory::{
    Directory, attributes,
    caller::{PrivilegeType, Target},
    configuration::PolicyType,
    error::Error,
    policies::{self, Policy, PolicyInput},
};
use uuid::Uuid;

use super::{
    TYPES,
    trial::{self, Checked, Tried},
    view,
};
use crate::{
    console::{
        form::{self, Form, Sent},
        objects,
        page::{Answer, Chrome, Note, Section},
        problem::Problem,
        session::SignedIn,
        text::filters,
    },
    extract::Id,
};

/// Roles from which on there is a field to find some of them.
const MANY_ROLES: usize = 12;

/// A role that can be given.
struct RoleBox {
    id: String,
    name: String,
    ticked: bool,
}

#[derive(Template)]
#[template(path = "console/policy_edit.html")]
struct Page {
    chrome: Chrome,
    /// Of the policy that there is.
    id: String,
    name: Option<String>,
    action: String,
    back: String,
    form: Form,
    types: &'static [(PolicyType, &'static str)],
    roles: Vec<RoleBox>,
    many_roles: bool,
    /// What an expression can ask for, with what it is.
    claims: Vec<(String, &'static str)>,
    checked: Option<Checked>,
    tried: Option<Tried>,
}

impl Page {
    async fn of(
        directory: &Directory,
        me: &SignedIn,
        existing: Option<(Uuid, String)>,
        form: Form,
    ) -> Result<Self, Problem> {
        let path = Section::Policies.path();
        let (id, name, action, back) = match existing {
            None => (String::new(), None, format!("{path}/new"), path.to_owned()),
            Some((id, name)) => (id.to_string(), Some(name), format!("{path}/{id}/edit"), format!("{path}/{id}")),
        };
        let roles = roles(directory, me, &form).await?;
        Ok(Self {
            chrome: me.chrome(Section::Policies),
            id,
            name,
            action,
            back,
            types: &TYPES,
            many_roles: roles.len() > MANY_ROLES,
            roles,
            claims: claims(directory, me).await?,
            form,
            checked: None,
            tried: None,
        })
    }
}

/// The roles that can be chosen. Those that the policy gives already stay in it, even if the reader may not see them.
async fn roles(directory: &Directory, me: &SignedIn, form: &Form) -> Result<Vec<RoleBox>, Problem> {
    let known = objects::roles(directory, me).await?;
    let ticked = |id: &str| form.has_value("roles", id);
    let of = |(id, name): (Uuid, String)| RoleBox { ticked: ticked(&id.to_string()), id: id.to_string(), name };
    let mut boxes: Vec<RoleBox> = known.into_iter().map(of).collect();
    for id in form.all("roles") {
        if boxes.iter().all(|role| role.id != id) {
            boxes.push(RoleBox { id: id.to_owned(), name: id.to_owned(), ticked: true });
        }
    }
    Ok(boxes)
}

/// The claims that an expression can ask for, as far as the reader may know of them.
async fn claims(directory: &Directory, me: &SignedIn) -> Result<Vec<(String, &'static str)>, Problem> {
    if !me.sees(Target::IdentityProvider) {
        return Ok(Vec::new());
    }
    let names = attributes::names(directory, &me.caller).await?;
    let groups = [("user", names.user), ("device", names.device), ("system", names.system)];
    let claims = groups.into_iter().flat_map(|(group, names)| {
        names.into_iter().map(move |name| (format!("claims.{group}.{}", name.claim_name), name.claim_type))
    });
    Ok(claims.collect())
}

fn form_of(policy: &Policy) -> Form {
    let own = [
        ("name", policy.name.clone()),
        ("notes", policy.notes.clone()),
        ("tags", policy.tags.join("\n")),
        ("type", policy.policy_type.to_string()),
        ("expression", policy.expression.clone()),
        ("updated", policy.updated.to_string()),
    ];
    let roles = policy.administrative_roles.iter().map(|id| ("roles", id.to_string()));
    let disabled = policy.disabled.then(|| ("disabled", "true".to_owned()));
    Form::of(own.into_iter().chain(roles).chain(disabled))
}

/// The policy as it was filled in. What it has besides stays as it is, and its roles in their order.
fn input_of(form: &Form, existing: Option<&Policy>) -> PolicyInput {
    let tags = existing.map(|policy| policy.tags.as_slice()).unwrap_or_default();
    let had = existing.map(|policy| policy.administrative_roles.iter().map(ToString::to_string).collect::<Vec<_>>());
    let had = had.unwrap_or_default();
    let mut roles: Vec<String> = form.all("roles").map(str::to_owned).collect();
    roles.sort_by_key(|id| had.iter().position(|own| own == id).unwrap_or(usize::MAX));
    PolicyInput {
        id: None,
        name: form.some("name"),
        notes: form.some("notes"),
        tags: Some(form::lines(form.get("tags"), tags)),
        policy_type: form.some("type"),
        expression: form.some("expression"),
        administrative_roles: Some(roles),
        disabled: Some(form.has("disabled")),
        other: existing.map(|policy| policy.other.clone()).unwrap_or_default(),
    }
}

/// `GET /ui/policies/new`.
pub(super) async fn new(State(directory): State<Directory>, me: SignedIn) -> Answer {
    me.caller.authorize(PrivilegeType::Create, Target::Policy)?;
    let form = Form::of([("type", PolicyType::Admin.to_string())]);
    let page = Page::of(&directory, &me, None, form).await?;
    me.page(StatusCode::OK, &page)
}

/// `POST /ui/policies/new`.
pub(super) async fn create(State(directory): State<Directory>, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    me.caller.authorize(PrivilegeType::Create, Target::Policy)?;
    // It may give anybody all that its maker holds.
    if !me.confirm(&directory, &mut form).await? {
        return show(&directory, me, None, form, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    match policies::create(&directory, &me.caller, input_of(&form, None)).await {
        Ok(made) => {
            let path = format!("{}/{}", Section::Policies.path(), made.object.id);
            me.go(&path, Note::new("done-created", made.object.name))
        }
        Err(error) => {
            let status = form.refused(error)?;
            show(&directory, me, None, form, status).await
        }
    }
}

/// `GET /ui/policies/{id}/edit`.
pub(super) async fn page(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    me.caller.authorize_edit(Target::Policy)?;
    let policy = policies::get(&directory, &me.caller, id).await?.object;
    let form = form_of(&policy);
    show(&directory, me, Some((id, policy.name)), form, StatusCode::OK).await
}

/// `POST /ui/policies/{id}/edit`.
pub(super) async fn save(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    let name = policies::get(&directory, &me.caller, id).await?.object.name;
    if !me.confirm(&directory, &mut form).await? {
        return show(&directory, me, Some((id, name)), form, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let saved = view::write(&directory, &me, id, |policy| {
        // That its expression failed meanwhile is no reason to lose what was filled in.
        if policy.updated.to_string() == form.get("updated") {
            Ok(input_of(&form, Some(policy)))
        } else {
            Err(Error::PreconditionFailed)
        }
    })
    .await;
    match saved {
        Ok(()) => me.go(&format!("{}/{id}", Section::Policies.path()), Note::new("done-saved", form.get("name"))),
        Err(error) => {
            let status = form.refused(error)?;
            show(&directory, me, Some((id, name)), form, status).await
        }
    }
}

async fn show(
    directory: &Directory,
    me: SignedIn,
    existing: Option<(Uuid, String)>,
    form: Form,
    status: StatusCode,
) -> Answer {
    // What is wrong with the expression stands where it goes away as soon as it is put right.
    let checked = match form.fault("expression") {
        Some(_) => Some(trial::look(directory, &me, &form).await?),
        None => None,
    };
    let page = Page { checked, ..Page::of(directory, &me, existing, form).await? };
    me.page(status, &page)
}

/// The form again, with what was found of the expression.
pub(super) async fn show_looked_at(
    directory: &Directory,
    me: SignedIn,
    mut form: Form,
    checked: Option<Checked>,
    tried: Option<Tried>,
) -> Answer {
    // A password that stands in it already was not asked for.
    form.take("confirm");
    let existing = match Uuid::try_parse(form.get("id")) {
        Ok(id) => Some((id, policies::get(directory, &me.caller, id).await?.object.name)),
        Err(_) => None,
    };
    let page = Page { checked, tried, ..Page::of(directory, &me, existing, form).await? };
    me.page(StatusCode::OK, &page)
}
