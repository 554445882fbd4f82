//! A form for a new role, and one for a role that there is.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use portreeve_directory::{
    Directory,
    caller::{PrivilegeType, Target},
    error::{Error, Fault, Result},
    roles::{self, AdministrativeRole, AdministrativeRoleInput},
    version::{Expected, Versioned},
};
use uuid::Uuid;

use super::{
    matrix::{self, Matrix},
    privileges::{self, Limited},
};
use crate::{
    console::{
        form::{self, Form, Sent},
        page::{Answer, Chrome, Note, Section},
        session::SignedIn,
        text::filters,
    },
    extract::Id,
};

/// Empty rows for privileges with limits, below those that there are.
const SPARE_ROWS: usize = 2;

/// Words to choose from: those that mean something here, and those that are kept for others.
struct Choices<T>(Vec<T>, Vec<T>);

#[derive(Template)]
#[template(path = "console/role_edit.html")]
struct Page {
    chrome: Chrome,
    /// Of the role that there is.
    name: Option<String>,
    action: String,
    back: String,
    form: Form,
    own: Matrix,
    others: Matrix,
    limited: Vec<Limited>,
    types: Choices<PrivilegeType>,
    targets: Choices<Target>,
}

impl Page {
    fn of(me: &SignedIn, existing: Option<(Uuid, String)>, form: Form) -> Self {
        let path = Section::Roles.path();
        let (name, action, back) = match existing {
            None => (None, format!("{path}/new"), path.to_owned()),
            Some((id, name)) => (Some(name), format!("{path}/{id}/edit"), format!("{path}/{id}")),
        };
        let (own, others) = Matrix::both(&form);
        let mut limited = privileges::limited(&form);
        limited.extend(std::iter::repeat_n(Limited::default(), SPARE_ROWS));
        let ((ours, theirs), (targets, their_targets)) = (matrix::types(), matrix::targets());
        let (types, targets) = (Choices(ours, theirs), Choices(targets, their_targets));
        Self { chrome: me.chrome(Section::Roles), name, action, back, form, own, others, limited, types, targets }
    }
}

fn form_of(role: &AdministrativeRole) -> Form {
    let own = [
        ("name", role.name.clone()),
        ("notes", role.notes.clone()),
        ("tags", role.tags.join("\n")),
        ("updated", role.updated.to_string()),
    ];
    Form::of(own.into_iter().chain(privileges::values(&role.privileges)))
}

/// The role as it was filled in, and what makes its faults those of the form.
fn input_of(
    form: &Form,
    existing: Option<&AdministrativeRole>,
) -> (AdministrativeRoleInput, impl Fn(Error) -> Error + use<>) {
    let had = existing.map(|role| role.privileges.as_slice()).unwrap_or_default();
    let tags = existing.map(|role| role.tags.as_slice()).unwrap_or_default();
    let (places, privileges) = privileges::inputs(form, had);
    let input = AdministrativeRoleInput {
        id: None,
        name: form.some("name"),
        notes: form.some("notes"),
        tags: Some(form::lines(form.get("tags"), tags)),
        privileges: Some(privileges),
    };
    let placed = move |error| match error {
        Error::Invalid(faults) => {
            let faults: Vec<Fault> = faults.into_iter().map(|fault| privileges::placed(fault, &places)).collect();
            Error::Invalid(faults)
        }
        other => other,
    };
    (input, placed)
}

/// `GET /ui/roles/new`.
pub(super) async fn new(me: SignedIn) -> Answer {
    me.caller.authorize(PrivilegeType::Create, Target::AdministrativeRole)?;
    me.page(StatusCode::OK, &Page::of(&me, None, Form::default()))
}

/// `POST /ui/roles/new`.
pub(super) async fn create(State(directory): State<Directory>, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    me.caller.authorize(PrivilegeType::Create, Target::AdministrativeRole)?;
    if !me.confirm(&directory, &mut form).await? {
        return me.page(StatusCode::UNPROCESSABLE_ENTITY, &Page::of(&me, None, form));
    }
    let (input, placed) = input_of(&form, None);
    match roles::create(&directory, &me.caller, input).await {
        Ok(Versioned { object, .. }) => {
            me.go(&format!("{}/{}", Section::Roles.path(), object.id), Note::new("done-created", object.name))
        }
        Err(error) => {
            let status = form.refused(placed(error))?;
            me.page(status, &Page::of(&me, None, form))
        }
    }
}

/// `GET /ui/roles/{id}/edit`.
pub(super) async fn page(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    me.caller.authorize_edit(Target::AdministrativeRole)?;
    let role = roles::get(&directory, &me.caller, id).await?.object;
    let form = form_of(&role);
    me.page(StatusCode::OK, &Page::of(&me, Some((id, role.name)), form))
}

/// `POST /ui/roles/{id}/edit`.
pub(super) async fn save(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    let role = roles::get(&directory, &me.caller, id).await?;
    let existing = Some((id, role.object.name.clone()));
    if !me.confirm(&directory, &mut form).await? {
        return me.page(StatusCode::UNPROCESSABLE_ENTITY, &Page::of(&me, existing, form));
    }
    let (input, placed) = input_of(&form, Some(&role.object));
    match write(&directory, &me, &role, &form, input).await {
        Ok(()) => me.go(&format!("{}/{id}", Section::Roles.path()), Note::new("done-saved", form.get("name"))),
        Err(error) => {
            let status = form.refused(placed(error))?;
            me.page(status, &Page::of(&me, existing, form))
        }
    }
}

/// Replaces the role, unless it is another one than the form was made of.
async fn write(
    directory: &Directory,
    me: &SignedIn,
    role: &Versioned<AdministrativeRole>,
    form: &Form,
    input: AdministrativeRoleInput,
) -> Result<()> {
    if role.object.updated.to_string() != form.get("updated") {
        return Err(Error::PreconditionFailed);
    }
    let expected = Expected::OneOf(vec![role.version]);
    roles::replace(directory, &me.caller, role.object.id, expected, input).await.map(drop)
}
