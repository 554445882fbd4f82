//! Tags: the words by which objects are grouped. One that an object carries is there by itself; here it gets notes and a
//! colour, and another name wherever it is.

mod retagging;
mod view;

use uuid::Uuid;

use crate::{
    Directory, audit,
    caller::{Caller, PrivilegeType, Target},
    error::{Error, Failure, Result},
    list::{self, Field, Listing, Table, Values},
    privileges::Reach,
    rise::{self, Ground},
    store::{self, Tx, accounts::Account, table::Scoped, tags::TagRow},
    version::{Expected, Versioned},
};
use retagging::{Carrier, Retagging};
use view::{Draft, all_links, details, tag, uses};

pub use view::{COLOR_NAMES, Tag, TagDetails, TagInput};

const FIELDS: &[Field] = &[
    Field::text("name", "name_key"),
    Field::of("id", "id", Values::Id),
    Field::long_part("notes", 2),
    Field::of("created", "created", Values::Time),
    Field::of("updated", "updated", Values::Time),
    Field::of("colorCode", "color_code", Values::Int),
];

static TABLE: Table =
    Table { scoped: Scoped::Not, ..Table::entities("tags", None, store::tags::COLUMNS).with(&[FIELDS]) };

/// What is said of all objects needs the right to see all objects.
const TARGET: Target = Target::All;

fn not_found(id: Uuid) -> Error {
    Error::NotFound(format!("there is no Tag with the id {id}"))
}

fn name_taken(name: &str) -> Error {
    Error::Conflict(format!("there is already a Tag with the name {name}"))
}

/// Tags that match.
pub async fn list(directory: &Directory, caller: &Caller, request: list::Request) -> Result<Listing<Tag>> {
    caller.authorize_all(PrivilegeType::View, TARGET)?;
    let links = all_links(&directory.configuration_now().await?.rows)?;
    let listing = Listing::open(directory, &TABLE, Reach::Everything, request, |row| {
        Ok(tag(store::tags::from_row(row)?, row.int(7)?, 0))
    });
    Ok(listing.await?.completed_by(move |tag| {
        tag.linked_occurrences = links.get(&tag.name).copied().unwrap_or(0);
    }))
}

/// One tag.
pub async fn get(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Versioned<TagDetails>> {
    caller.authorize_all(PrivilegeType::View, TARGET)?;
    directory
        .store
        .scan(id, |id, tx| {
            Box::pin(async move {
                let found = store::tags::find_tag(tx, id).await?.ok_or_else(|| not_found(*id))?;
                let uses = uses(tx, &found.name).await?;
                Ok(details(found, uses))
            })
        })
        .await
}

/// Makes a tag that nothing carries yet.
pub async fn create(directory: &Directory, caller: &Caller, input: TagInput) -> Result<Versioned<TagDetails>> {
    caller.authorize_all(PrivilegeType::Tag, TARGET)?;
    let draft = input.check(None)?;
    let (id, audit_id) = (directory.random.uuid(directory.store.now()), directory.random.uuid(directory.store.now()));
    directory
        .store
        .write((caller.clone(), draft, id, audit_id), |(caller, draft, id, audit_id), tx| {
            Box::pin(async move {
                let Draft { id: own, name, notes, color_code } = draft.clone();
                let (created, version) = (tx.now(), tx.now().micros());
                let id = own.unwrap_or(*id);
                let row = TagRow { id, name, notes, color_code, created, updated: created, version };
                if !store::tags::insert_tag(tx, &row).await? {
                    let taken = store::tags::find_tag(tx, &row.id).await?.is_some();
                    let id_taken = || Error::Conflict(format!("there is already a Tag with the id {}", row.id));
                    return Err(if taken { id_taken() } else { name_taken(&row.name) });
                }
                let uses = uses(tx, &row.name).await?;
                let made = details(row, uses);
                record(tx, audit_id, caller, "create", (None, Some(&made.object))).await?;
                Ok(made)
            })
        })
        .await
}

/// Replaces what is said of a tag and, if it has another name now, the tag wherever it is. `expected` is the version that
/// it must still have.
pub async fn replace(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    expected: Expected,
    input: TagInput,
) -> Result<Versioned<TagDetails>> {
    caller.authorize_all(PrivilegeType::Tag, TARGET)?;
    find(directory, id).await?;
    let draft = input.check(Some(id))?;
    rise::settle(directory, caller, (id, expected, draft), |directory, caller, (id, expected, draft)| {
        Box::pin(try_replace(directory, caller, *id, expected, draft))
    })
    .await
}

async fn find(directory: &Directory, id: Uuid) -> Result<TagRow> {
    let found =
        directory.store.read(id, |id, tx| Box::pin(async move { Ok(store::tags::find_tag(tx, id).await?) })).await?;
    found.ok_or_else(|| not_found(id))
}

async fn decide(directory: &Directory, caller: &Caller, change: &Retagging) -> Result<Ground> {
    let configuration = directory.configuration_now().await?;
    let rows = change.rows(&configuration.rows)?;
    let targets: Vec<Target> = Carrier::all().map(Carrier::target).collect();
    let as_it_will_be = |mut account: Account| {
        change.apply(&mut account.profile.tags);
        Some(account)
    };
    let to = (change.to.as_deref(), targets.as_slice());
    rise::tag_name_change(directory, caller, &configuration, to, rows, &as_it_will_be).await
}

async fn try_replace(
    directory: &Directory,
    caller: Caller,
    id: Uuid,
    expected: &Expected,
    draft: &Draft,
) -> Result<Versioned<TagDetails>> {
    caller.authorize_all(PrivilegeType::Tag, TARGET)?;
    let before = find(directory, id).await?;
    let renamed = before.name != draft.name;
    let change = renamed.then(|| Retagging { from: before.name.clone(), to: Some(draft.name.clone()) });
    let ground = match &change {
        Some(change) => decide(directory, &caller, change).await?,
        None => Ground::default(),
    };
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (before, expected.clone(), draft.clone(), change, caller, ground, audit_id);
    directory
        .store
        .write(context, |(before, expected, draft, change, caller, ground, audit_id), tx| {
            Box::pin(async move {
                let (held, before) = hold(tx, before, expected, ground).await?;
                let Draft { name, notes, color_code, .. } = draft.clone();
                let after = TagRow { name, notes, color_code, updated: tx.now(), ..held };
                match store::tags::update_tag(tx, &after).await {
                    Err(Failure::Clash(_)) => return Err(name_taken(&after.name)),
                    done => done?,
                }
                if let Some(change) = change {
                    change.run(tx).await?;
                    store::configuration::raise(tx).await?;
                }
                let uses = uses(tx, &after.name).await?;
                let after = details(after, uses);
                record(tx, audit_id, caller, "edit", (Some(&before), Some(&after.object))).await?;
                Ok(after)
            })
        })
        .await
}

/// Holds the tag as it is until the transaction ends, with its next version, and says how it looks.
async fn hold(tx: &mut Tx, before: &TagRow, expected: &Expected, ground: &Ground) -> Result<(TagRow, TagDetails)> {
    ground.hold(tx).await?;
    let held = store::tags::hold_tag(tx, &before.id).await?.ok_or_else(|| not_found(before.id))?;
    let uses = uses(tx, &held.name).await?;
    let seen = details(TagRow { version: held.version - 1, ..held.clone() }, uses);
    expected.check(seen.version)?;
    if held.updated == before.updated { Ok((held, seen.object)) } else { Err(Failure::Moved.into()) }
}

/// Deletes a tag, which goes from whatever carries it and from the roles that name it. One that is used again later is there
/// again.
pub async fn delete(directory: &Directory, caller: &Caller, id: Uuid, expected: Expected) -> Result<()> {
    rise::settle(directory, caller, (id, expected), |directory, caller, (id, expected)| {
        Box::pin(try_delete(directory, caller, *id, expected))
    })
    .await
}

async fn try_delete(directory: &Directory, caller: Caller, id: Uuid, expected: &Expected) -> Result<()> {
    caller.authorize_all(PrivilegeType::Tag, TARGET)?;
    let before = find(directory, id).await?;
    let change = Retagging { from: before.name.clone(), to: None };
    let ground = decide(directory, &caller, &change).await?;
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (before, expected.clone(), change, caller, ground, audit_id);
    directory
        .store
        .write(context, |(before, expected, change, caller, ground, audit_id), tx| {
            Box::pin(async move {
                let (held, before) = hold(tx, before, expected, ground).await?;
                store::tags::delete_tag(tx, &held.id).await?;
                change.run(tx).await?;
                store::configuration::raise(tx).await?;
                record(tx, audit_id, caller, "delete", (Some(&before), None)).await
            })
        })
        .await
}

/// One row for the tag, however many objects carry it.
async fn record(
    tx: &mut Tx,
    audit_id: &Uuid,
    caller: &Caller,
    act: &str,
    (before, after): (Option<&TagDetails>, Option<&TagDetails>),
) -> Result<()> {
    let Some(subject) = after.or(before) else { return Ok(()) };
    let changes = audit::changes(before, after, false);
    audit::write(tx, audit_id, &audit::done(caller, act, ("Tag", Some(subject.tag.id), &subject.tag.name), &changes))
        .await
}
