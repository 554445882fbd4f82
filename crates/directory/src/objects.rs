//! The rules of roles, policies, scripts and pools, once for all of them. What only one of them has is in its own file.

use uuid::Uuid;

use crate::{
    Directory, audit,
    caller::{Caller, Missing, PrivilegeType, out_of_scope},
    entity::Faults,
    error::{Error, Failure, Result},
    kind::ObjectKind,
    list::{self, Listing, Table},
    privileges::Reach,
    references,
    rise::{self, Ground},
    store::{self, Tx, objects::Object, scope},
    version::{Expected, Versioned},
};

/// How a kind of object looks to a client.
pub(crate) trait View: serde::Serialize + Send + 'static {
    const KIND: ObjectKind;
    const TABLE: &'static Table;

    fn from_object(object: Object) -> Result<Self, Failure>
    where
        Self: Sized;
}

/// The list table of a kind.
pub(crate) const fn table(kind: ObjectKind) -> Table {
    Table::entities("objects", Some(kind.as_str()), store::objects::COLUMNS)
}

/// An object as a client wants it.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) id: Option<Uuid>,
    pub(crate) name: String,
    pub(crate) notes: String,
    pub(crate) tags: Vec<String>,
    pub(crate) body: serde_json::Map<String, serde_json::Value>,
}

impl Draft {
    /// The fields of every object, checked. `own` is the id of an object that is being replaced.
    pub(crate) fn new(
        own: Option<Uuid>,
        id: Option<String>,
        name: Option<String>,
        notes: Option<String>,
        tags: Option<Vec<String>>,
        faults: &mut Faults,
    ) -> Self {
        let id = match own {
            Some(own) => {
                faults.same_id(id, own);
                Some(own)
            }
            None => faults.id("id", id),
        };
        let (name, notes, tags) = (faults.name(name), faults.notes(notes), faults.tags(tags));
        Self { id, name, notes, tags, body: serde_json::Map::new() }
    }
}

pub(crate) fn not_found(kind: ObjectKind, id: Uuid) -> Error {
    Error::NotFound(format!("there is no {} with the id {id}", kind.noun()))
}

fn view<V: View>(object: Object) -> Result<Versioned<V>> {
    Ok(Versioned { version: object.version, object: V::from_object(object)? })
}

pub(crate) async fn list<V: View>(
    directory: &Directory,
    caller: &Caller,
    request: list::Request,
) -> Result<Listing<V>> {
    let reach = caller.authorize(PrivilegeType::View, V::KIND.target())?;
    Listing::open(directory, V::TABLE, reach, request, |row| V::from_object(store::objects::from_row(row)?)).await
}

async fn find<V: View>(directory: &Directory, reach: Reach, id: Uuid) -> Result<Object> {
    let found = list::one(directory, V::TABLE, reach, id, store::objects::from_row).await?;
    found.ok_or_else(|| not_found(V::KIND, id))
}

pub(crate) async fn get<V: View>(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Versioned<V>> {
    let reach = caller.authorize(PrivilegeType::View, V::KIND.target())?;
    view(find::<V>(directory, reach, id).await?)
}

/// Makes an object of a draft in which nothing is wrong.
pub(crate) async fn create<V: View>(directory: &Directory, caller: &Caller, mut draft: Draft) -> Result<Versioned<V>> {
    let target = V::KIND.target();
    caller.authorize(PrivilegeType::Create, target)?;
    let mut faults = Faults::default();
    faults.add_tags(&mut draft.tags, caller.authority().default_tags(target));
    faults.check()?;
    let now = directory.store.now();
    let object = Object {
        id: draft.id.unwrap_or_else(|| directory.random.uuid(now)),
        kind: V::KIND,
        name: draft.name,
        notes: draft.notes,
        tags: draft.tags,
        body: draft.body,
        fault: None,
        created: now,
        updated: now,
        version: 0,
    };
    rise::settle(directory, caller, object, |directory, caller, object| {
        Box::pin(try_create::<V>(directory, caller, object))
    })
    .await
}

async fn try_create<V: View>(directory: &Directory, caller: Caller, object: &Object) -> Result<Versioned<V>> {
    let reach = caller.authorize(PrivilegeType::Create, V::KIND.target())?;
    let ground = rise::object_change(directory, &caller, None, Some(object)).await?;
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (object.clone(), caller, reach, ground, audit_id);
    directory
        .store
        .write(context, |(object, caller, reach, ground, audit_id), tx| {
            Box::pin(create_in::<V>(tx, object.clone(), caller, reach, ground, audit_id))
        })
        .await
}

async fn create_in<V: View>(
    tx: &mut Tx,
    mut object: Object,
    caller: &Caller,
    reach: &Reach,
    ground: &Ground,
    audit_id: &Uuid,
) -> Result<Versioned<V>> {
    ground.hold(tx).await?;
    (object.created, object.updated, object.version) = (tx.now(), tx.now(), tx.now().micros());
    insert(tx, &object).await?;
    if !scope::includes(tx, V::TABLE, &object.id, reach).await? {
        return Err(out_of_scope(Missing(PrivilegeType::Create, V::KIND.target())));
    }
    store::configuration::raise(tx).await?;
    let made = view::<V>(object.clone())?;
    record(tx, audit_id, caller, "create", &object, &audit::changes(None, Some(&made.object), false)).await?;
    Ok(made)
}

/// Adds an object with its tags.
pub(crate) async fn insert(tx: &mut Tx, object: &Object) -> Result<()> {
    if !store::objects::insert(tx, object).await? {
        let taken = store::objects::exists(tx, object.kind, &object.id).await?;
        let (what, value) = if taken { ("id", object.id.to_string()) } else { ("name", object.name.clone()) };
        return Err(Error::Conflict(format!("there is already a {} with the {what} {value}", object.kind.noun())));
    }
    Ok(store::tags::insert(tx, object.kind.as_str(), &object.id, &object.tags).await?)
}

/// The object as it is, for a caller who may see it and change it, or only its tags.
pub(crate) async fn for_edit<V: View>(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Object> {
    caller.authorize_edit(V::KIND.target())?;
    let seen = caller.reach(PrivilegeType::View, V::KIND.target());
    find::<V>(directory, seen, id).await
}

/// Replaces an object by a draft in which nothing is wrong.
pub(crate) async fn replace<V: View>(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    expected: Expected,
    draft: Draft,
) -> Result<Versioned<V>> {
    rise::settle(directory, caller, (id, expected, draft), |directory, caller, (id, expected, draft)| {
        Box::pin(try_replace::<V>(directory, caller, *id, expected, draft))
    })
    .await
}

async fn try_replace<V: View>(
    directory: &Directory,
    caller: Caller,
    id: Uuid,
    expected: &Expected,
    draft: &Draft,
) -> Result<Versioned<V>> {
    let before = for_edit::<V>(directory, &caller, id).await?;
    let mut after = before.clone();
    (after.name, after.notes, after.body) = (draft.name.clone(), draft.notes.clone(), draft.body.clone());
    let only_tags = after == before;
    after.tags.clone_from(&draft.tags);
    let ground = rise::object_change(directory, &caller, Some(&before), Some(&after)).await?;
    let edit = rise::edit_reach(&caller, V::KIND.target(), only_tags);
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (before, after, expected.clone(), caller, edit, ground, audit_id);
    directory
        .store
        .write(context, |(before, after, expected, caller, edit, ground, audit_id), tx| {
            Box::pin(async move {
                let held = hold::<V>(tx, before, expected, ground).await?;
                rise::check_scope(tx, V::TABLE, &held.id, edit).await?;
                ground.check_tags(tx, V::TABLE, &held.id).await?;
                let mut after = after.clone();
                (after.updated, after.version, after.fault) = (tx.now(), held.version, None);
                if let Err(failure) = store::objects::update(tx, &after).await {
                    return Err(name_taken(failure, &after));
                }
                store::tags::replace(tx, V::KIND.as_str(), &held.id, &held.tags, &after.tags).await?;
                rise::check_scope(tx, V::TABLE, &held.id, edit).await?;
                store::configuration::raise(tx).await?;
                let (old, new) = (V::from_object(held)?, view::<V>(after.clone())?);
                let changes = audit::changes(Some(&old), Some(&new.object), false);
                record(tx, audit_id, caller, "edit", &after, &changes).await?;
                Ok(new)
            })
        })
        .await
}

/// Holds the object as it is until the transaction ends, with its next version. Refused if what was decided about it was
/// decided about another state of it.
async fn hold<V: View>(tx: &mut Tx, before: &Object, expected: &Expected, ground: &Ground) -> Result<Object> {
    ground.hold(tx).await?;
    let held = store::objects::hold(tx, V::KIND, &before.id).await?;
    let held = held.ok_or_else(|| not_found(V::KIND, before.id))?;
    expected.check(held.version - 1)?;
    if held.updated == before.updated { Ok(held) } else { Err(Failure::Moved.into()) }
}

fn name_taken(failure: Failure, object: &Object) -> Error {
    match failure {
        Failure::Clash(_) => {
            Error::Conflict(format!("there is already a {} with the name {}", object.kind.noun(), object.name))
        }
        other => other.into(),
    }
}

pub(crate) async fn delete<V: View>(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    expected: Expected,
) -> Result<()> {
    rise::settle(directory, caller, (id, expected), |directory, caller, (id, expected)| {
        Box::pin(try_delete::<V>(directory, caller, *id, expected))
    })
    .await
}

async fn try_delete<V: View>(directory: &Directory, caller: Caller, id: Uuid, expected: &Expected) -> Result<()> {
    let target = V::KIND.target();
    let reach = caller.authorize(PrivilegeType::Delete, target)?;
    let before = find::<V>(directory, caller.reach(PrivilegeType::View, target), id).await?;
    let ground = rise::object_change(directory, &caller, Some(&before), None).await?;
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (before, expected.clone(), caller, reach, ground, audit_id);
    directory
        .store
        .write(context, |(before, expected, caller, reach, ground, audit_id), tx| {
            Box::pin(async move {
                let held = hold::<V>(tx, before, expected, ground).await?;
                if !scope::includes(tx, V::TABLE, &held.id, reach).await? {
                    return Err(out_of_scope(Missing(PrivilegeType::Delete, V::KIND.target())));
                }
                store::tags::delete(tx, V::KIND.as_str(), &held.id).await?;
                store::objects::delete(tx, V::KIND, &held.id).await?;
                references::forget(tx, V::KIND, &held.id).await?;
                store::configuration::raise(tx).await?;
                let old = V::from_object(held.clone())?;
                record(tx, audit_id, caller, "delete", &held, &audit::changes(Some(&old), None, false)).await?;
                Ok(())
            })
        })
        .await
}

async fn record(
    tx: &mut Tx,
    audit_id: &Uuid,
    caller: &Caller,
    act: &str,
    object: &Object,
    changes: &str,
) -> Result<()> {
    audit::write(
        tx,
        audit_id,
        &audit::done(caller, act, (object.kind.as_str(), Some(object.id), &object.name), changes),
    )
    .await
}
