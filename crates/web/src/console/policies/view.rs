//! One policy: whom it matches, what it gives, what went wrong with it, its history, and its end.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
};
use portreeve_directory::{
    Directory,
    caller::{PrivilegeType, Target},
    configuration::PolicyType,
    error::{Error, Result},
    policies::{self, Policy, PolicyInput},
    version::Expected,
};
use uuid::Uuid;

use super::{about_type, is_ours};
use crate::{
    console::{
        form::{Form, Sent},
        objects::{self, Head, RoleName},
        page::{Answer, Chrome, Note, Section},
        problem::Problem,
        session::SignedIn,
        text::filters,
    },
    extract::Id,
};

/// How often a change is tried again when a failing expression was noted in between.
const TRIES: usize = 5;

#[derive(Template)]
#[template(path = "console/policy.html")]
struct Page {
    chrome: Chrome,
    head: Head,
    policy: Policy,
    about_type: &'static str,
    stops: bool,
    is_ours: bool,
    roles: Vec<RoleName>,
    may_edit: bool,
    may_delete: bool,
}

/// `GET /ui/policies/{id}`.
pub(super) async fn page(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    let policy = policies::get(&directory, &me.caller, id).await?.object;
    let known = objects::roles(&directory, &me).await?;
    let may = |wanted| me.may(wanted, Target::Policy);
    let page = Page {
        chrome: me.chrome(Section::Policies),
        head: Head::of_policy(&me, &policy, ""),
        about_type: about_type(policy.policy_type),
        stops: policy.policy_type == PolicyType::Stop,
        is_ours: is_ours(policy.policy_type),
        roles: objects::role_names(&known, &policy.administrative_roles),
        may_edit: may(PrivilegeType::Edit) || may(PrivilegeType::Tag),
        may_delete: may(PrivilegeType::Delete),
        policy,
    };
    me.page(StatusCode::OK, &page)
}

/// The policy as somebody would send it who changes nothing.
pub(super) fn input_of(policy: &Policy) -> PolicyInput {
    PolicyInput {
        id: None,
        name: Some(policy.name.clone()),
        notes: Some(policy.notes.clone()),
        tags: Some(policy.tags.clone()),
        policy_type: Some(policy.policy_type.to_string()),
        expression: Some(policy.expression.clone()),
        administrative_roles: Some(policy.administrative_roles.iter().map(ToString::to_string).collect()),
        disabled: Some(policy.disabled),
        other: policy.other.clone(),
    }
}

/// Reads the policy, and writes what `change` makes of it, unless something changed in between: then anew.
pub(super) async fn write(
    directory: &Directory,
    me: &SignedIn,
    id: Uuid,
    change: impl Fn(&Policy) -> Result<PolicyInput> + Send + Sync,
) -> Result<()> {
    for _ in 0..TRIES {
        let seen = policies::get(directory, &me.caller, id).await?;
        let input = change(&seen.object)?;
        let expected = Expected::OneOf(vec![seen.version]);
        match policies::replace(directory, &me.caller, id, expected, input).await {
            Err(Error::PreconditionFailed) => {}
            result => return result.map(drop),
        }
    }
    Err(Error::PreconditionFailed)
}

#[derive(Template)]
#[template(path = "console/policy_act.html")]
struct ActPage {
    chrome: Chrome,
    head: Head,
    disables: bool,
    stops: bool,
    form: Form,
}

/// `POST /ui/policies/{id}`: enables or disables it, with the password where that is due.
pub(super) async fn act(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    let (disables, note) = match form.get("act") {
        "enable" => (false, "done-enabled"),
        "disable" => (true, "done-policy-disabled"),
        _ => return Err(Problem::stale_form()),
    };
    let policy = policies::get(&directory, &me.caller, id).await?.object;
    let stops = policy.policy_type == PolicyType::Stop;
    let head = Head::of_policy(&me, &policy, "act");
    // A button alone cannot have asked for the password yet.
    if !me.is_fresh() && !form.has("confirm") {
        let page = ActPage { chrome: me.chrome(Section::Policies), head, disables, stops, form };
        return me.page(StatusCode::OK, &page);
    }
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if me.confirm(&directory, &mut form).await? {
        let change = |policy: &Policy| Ok(PolicyInput { disabled: Some(disables), ..input_of(policy) });
        match write(&directory, &me, id, change).await {
            Ok(()) => {
                return me.go(&format!("{}/{id}", Section::Policies.path()), Note::new(note, policy.name));
            }
            Err(error) => status = form.refused(error)?,
        }
    }
    let page = ActPage { chrome: me.chrome(Section::Policies), head, disables, stops, form };
    me.page(status, &page)
}

#[derive(Template)]
#[template(path = "console/policy_delete.html")]
struct DeletePage {
    chrome: Chrome,
    head: Head,
    disabled: bool,
    stops: bool,
    may_edit: bool,
    form: Form,
}

async fn show_delete(directory: &Directory, me: SignedIn, id: Uuid, status: StatusCode, form: Form) -> Answer {
    let policy = policies::get(directory, &me.caller, id).await?.object;
    let page = DeletePage {
        chrome: me.chrome(Section::Policies),
        head: Head::of_policy(&me, &policy, "delete"),
        disabled: policy.disabled,
        stops: policy.policy_type == PolicyType::Stop,
        may_edit: me.may(PrivilegeType::Edit, Target::Policy),
        form,
    };
    me.page(status, &page)
}

/// `GET /ui/policies/{id}/delete`.
pub(super) async fn ask_to_delete(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    me.caller.authorize(PrivilegeType::Delete, Target::Policy)?;
    show_delete(&directory, me, id, StatusCode::OK, Form::default()).await
}

/// `POST /ui/policies/{id}/delete`.
pub(super) async fn delete(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    let name = policies::get(&directory, &me.caller, id).await?.object.name;
    if !me.confirm(&directory, &mut form).await? {
        return show_delete(&directory, me, id, StatusCode::UNPROCESSABLE_ENTITY, form).await;
    }
    match policies::delete(&directory, &me.caller, id, Expected::Any).await {
        Ok(()) => me.go(Section::Policies.path(), Note::new("done-deleted", name)),
        Err(error) => {
            let status = form.refused(error)?;
            show_delete(&directory, me, id, status, form).await
        }
    }
}

/// `GET /ui/policies/{id}/history`.
pub(super) async fn history(
    State(directory): State<Directory>,
    me: SignedIn,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Answer {
    let policy = policies::get(&directory, &me.caller, id).await?.object;
    let head = Head::of_policy(&me, &policy, "history");
    objects::history(&directory, &me, Section::Policies, head, id, query.as_deref()).await
}
