//! Objects that name others by their ids: the ids must be there, and one that is deleted drops out of where it is named.

use uuid::Uuid;

use crate::{
    Directory,
    entity::Faults,
    error::Result,
    kind::{AccountKind, ObjectKind},
    privileges::{Privilege, ScopeKind, Target, scope_kind},
    store::{self, Tx},
};

/// What the ids of a scope are ids of.
#[derive(Debug, Clone, Copy)]
enum Named {
    Account(AccountKind),
    Object(ObjectKind),
    Provider,
}

impl Named {
    /// Nothing if ids of the target are not ours to judge.
    fn by(privilege: &Privilege) -> Option<Self> {
        if scope_kind(privilege.privilege_type, privilege.target) == Some(ScopeKind::Providers) {
            return Some(Self::Provider);
        }
        if privilege.target == Target::IdentityProvider {
            return Some(Self::Provider);
        }
        let account = AccountKind::of_target(privilege.target).map(Self::Account);
        account.or_else(|| ObjectKind::of_target(privilege.target).map(Self::Object))
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Account(kind) => kind.noun(),
            Self::Object(kind) => kind.noun(),
            Self::Provider => "Identity Provider",
        }
    }

    async fn exists(self, tx: &mut Tx, id: &Uuid) -> Result<bool> {
        Ok(match self {
            Self::Account(kind) => store::accounts::find(tx, kind, id).await?.is_some(),
            Self::Object(kind) => store::objects::exists(tx, kind, id).await?,
            Self::Provider => store::identity_providers::find(tx, id).await?.is_some(),
        })
    }
}

async fn missing_ids(directory: &Directory, named: Named, ids: Vec<Uuid>) -> Result<Vec<usize>> {
    directory
        .store
        .read((named, ids), |(named, ids), tx| {
            Box::pin(async move {
                let mut missing = Vec::new();
                for (index, id) in ids.iter().enumerate() {
                    if !named.exists(tx, id).await? {
                        missing.push(index);
                    }
                }
                Ok(missing)
            })
        })
        .await
}

/// Notes the ids of a privilege's scope that are ids of nothing. `own` is the id of the role that is being written.
pub(crate) async fn check_scope(
    directory: &Directory,
    field: &str,
    privilege: &Privilege,
    own: Option<Uuid>,
    faults: &mut Faults,
) -> Result<()> {
    let ids = privilege.scope.as_ref().map(|scope| scope.ids.clone()).unwrap_or_default();
    let Some(named) = Named::by(privilege).filter(|_| !ids.is_empty()) else { return Ok(()) };
    for index in missing_ids(directory, named, ids.clone()).await? {
        if Some(ids[index]) != own {
            faults.add(&format!("{field}.scope.ids[{index}]"), format!("there is no {} with this id", named.noun()));
        }
    }
    Ok(())
}

/// Reads ids of objects of a kind, each once, and notes those that are ids of nothing.
pub(crate) async fn check_ids(
    directory: &Directory,
    field: &str,
    kind: ObjectKind,
    given: Vec<String>,
    faults: &mut Faults,
) -> Result<Vec<Uuid>> {
    if given.len() > MOST_IDS {
        faults.add(field, format!("may have at most {MOST_IDS} entries"));
        return Ok(Vec::new());
    }
    let mut ids: Vec<Uuid> = Vec::new();
    let mut places = Vec::new();
    for (index, id) in given.into_iter().enumerate() {
        let path = format!("{field}[{index}]");
        if let Some(id) = faults.id(&path, Some(id)).filter(|id| !ids.contains(id)) {
            ids.push(id);
            places.push(path);
        }
    }
    for index in missing_ids(directory, Named::Object(kind), ids.clone()).await? {
        faults.add(&places[index], format!("there is no {} with this id", kind.noun()));
    }
    Ok(ids)
}

/// Ids that one object may name in one list.
const MOST_IDS: usize = 200;

/// Drops an object that is deleted from the scopes, policies and providers that name it. Says whether any did.
pub(crate) async fn forget(tx: &mut Tx, kind: ObjectKind, id: &Uuid) -> Result<bool> {
    let mut changed = forget_in_scopes(tx, id).await?;
    if kind == ObjectKind::Role {
        changed |= forget_in(tx, ObjectKind::Policy, "administrativeRoles", id).await?;
    }
    if kind == ObjectKind::UserScript {
        for provider in store::identity_providers::all(tx).await? {
            if is_among(&provider.settings.user_scripts, id)
                && let Some(mut held) = store::identity_providers::hold(tx, &provider.id).await?
            {
                held.settings.user_scripts.retain(|script| !script.eq_ignore_ascii_case(&id.to_string()));
                held.updated = tx.now();
                store::identity_providers::update(tx, &held).await?;
                changed = true;
            }
        }
    }
    Ok(changed)
}

fn is_among(ids: &[String], id: &Uuid) -> bool {
    ids.iter().any(|listed| listed.eq_ignore_ascii_case(&id.to_string()))
}

/// Drops the id of an object that is deleted from the scopes of roles, so that no later object with it falls under them.
pub(crate) async fn forget_in_scopes(tx: &mut Tx, id: &Uuid) -> Result<bool> {
    forget_in(tx, ObjectKind::Role, "privileges", id).await
}

async fn forget_in(tx: &mut Tx, kind: ObjectKind, field: &str, id: &Uuid) -> Result<bool> {
    let text = id.to_string();
    let mut changed = false;
    for object in store::objects::naming(tx, kind, &text).await? {
        let Some(mut held) = store::objects::hold(tx, kind, &object.id).await? else { continue };
        if let Some(value) = held.body.get_mut(field) {
            drop_text(value, &text);
        }
        held.updated = tx.now();
        store::objects::update(tx, &held).await?;
        changed = true;
    }
    Ok(changed)
}

/// Removes a text from every list in a JSON value.
fn drop_text(value: &mut serde_json::Value, text: &str) {
    match value {
        serde_json::Value::Array(items) => {
            items.retain(|item| item.as_str() != Some(text));
            items.iter_mut().for_each(|item| drop_text(item, text));
        }
        serde_json::Value::Object(fields) => fields.values_mut().for_each(|field| drop_text(field, text)),
        _ => {}
    }
}
