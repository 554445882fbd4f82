//! The rules of an account, once for both kinds. What only a Local User or only a Service User has is in
//! `local_users` and `service_users`.

mod condition;
mod create;
mod input;

use uuid::Uuid;

use crate::{
    Directory, audit,
    caller::{Caller, Missing, PrivilegeType, out_of_scope},
    entity::Faults,
    error::{Error, Failure, Result},
    kind::AccountKind,
    list::{self, Listing},
    login::governor::Flow,
    passwords::{self, Password},
    privileges::Reach,
    references,
    rise::{self, Ground},
    store::{
        self, Tx,
        accounts::{Account, Profile},
        scope,
    },
    version::{Expected, Versioned},
};
use input::only_tags_differ;

pub use condition::{Condition, Overview};
pub(crate) use condition::{look_at, overview, some};
pub(crate) use create::{create, create_in, new, settle_new};
pub(crate) use input::{AccountInput, Counters, LockStart, Wanted, changed, check_counters, present};

/// How a kind of account looks to a client.
pub(crate) trait View: From<Account> + serde::Serialize + Send + Sync + 'static {
    const KIND: AccountKind;
    const TABLE: &'static list::Table;
}

fn not_found(kind: AccountKind, id: Uuid) -> Error {
    Error::NotFound(format!("there is no {} with the id {id}", kind.noun()))
}

fn view<V: View>(account: Account) -> Versioned<V> {
    Versioned { version: account.version, object: V::from(account) }
}

pub(crate) async fn list<V: View>(
    directory: &Directory,
    caller: &Caller,
    request: list::Request,
) -> Result<Listing<V>> {
    let reach = caller.authorize(PrivilegeType::View, V::KIND.target())?;
    Listing::open(directory, V::TABLE, reach, request, |row| store::accounts::from_row(row).map(V::from)).await
}

async fn find<V: View>(directory: &Directory, reach: Reach, id: Uuid) -> Result<Account> {
    let found = list::one(directory, V::TABLE, reach, id, store::accounts::from_row).await?;
    found.ok_or_else(|| not_found(V::KIND, id))
}

pub(crate) async fn get<V: View>(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Versioned<V>> {
    let reach = caller.authorize(PrivilegeType::View, V::KIND.target())?;
    find::<V>(directory, reach, id).await.map(view)
}

pub(crate) async fn replace<V: View>(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    expected: Expected,
    profile: Profile,
    input: AccountInput,
    mut faults: Faults,
) -> Result<Versioned<V>> {
    find_for_edit::<V>(directory, caller, id).await?;
    faults.same_id(input.id.clone(), id);
    let counters = check_counters(&input, &mut faults);
    check_password(directory, V::KIND, &profile, input.password.as_ref(), &mut faults).await?;
    faults.check()?;
    let hash = hash(directory, caller, V::KIND, &profile, input.password).await?;
    settle_replaced(directory, caller, id, expected, Wanted { profile, counters, hash, act: "edit" }).await
}

/// Replaces an account by what has been checked.
pub(crate) async fn settle_replaced<V: View>(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    expected: Expected,
    wanted: Wanted,
) -> Result<Versioned<V>> {
    let (changed, ended) =
        rise::settle(directory, caller, (id, expected, wanted), |directory, caller, (id, expected, wanted)| {
            Box::pin(try_replace(directory, caller, *id, expected, wanted))
        })
        .await?;
    directory.metrics.sessions_ended.inc_by(ended);
    Ok(changed)
}

async fn try_replace<V: View>(
    directory: &Directory,
    caller: Caller,
    id: Uuid,
    expected: &Expected,
    wanted: &Wanted,
) -> Result<(Versioned<V>, u64)> {
    let before = find_for_edit::<V>(directory, &caller, id).await?;
    let after = changed(&before, wanted, before.updated);
    let ground = rise::account_change(directory, &caller, Some(&before), Some(&after)).await?;
    let only_tags = wanted.hash.is_none() && only_tags_differ(&before, &after);
    let edit = rise::edit_reach(&caller, V::KIND.target(), only_tags);
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (before, expected.clone(), wanted.clone(), caller, edit, ground, audit_id);
    directory
        .store
        .write(context, |(before, expected, wanted, caller, edit, ground, audit_id), tx| {
            Box::pin(async move {
                let held = hold(tx, before, expected, ground).await?;
                replace_in::<V>(tx, held, wanted, caller, edit, ground, audit_id).await
            })
        })
        .await
}

/// The account as it is, for a caller who may see it and change it, or only its tags.
async fn find_for_edit<V: View>(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Account> {
    caller.authorize_edit(V::KIND.target())?;
    find::<V>(directory, caller.reach(PrivilegeType::View, V::KIND.target()), id).await
}

async fn replace_in<V: View>(
    tx: &mut Tx,
    before: Account,
    wanted: &Wanted,
    caller: &Caller,
    edit: &(Missing, Reach),
    ground: &Ground,
    audit_id: &Uuid,
) -> Result<(Versioned<V>, u64)> {
    let id = before.id;
    rise::check_scope(tx, V::TABLE, &id, edit).await?;
    ground.check_tags(tx, V::TABLE, &id).await?;
    let after = changed(&before, wanted, tx.now());
    if let Err(failure) = store::accounts::update(tx, &after).await {
        return Err(name_taken(failure, &after));
    }
    store::tags::replace(tx, V::KIND.as_str(), &id, &before.profile.tags, &after.profile.tags).await?;
    rise::check_scope(tx, V::TABLE, &id, edit).await?;
    let mut ended = 0;
    if let Some(hash) = &wanted.hash {
        store::accounts::set_password_hash(tx, &id, hash).await?;
    }
    if wanted.hash.is_some() || (after.profile.disabled && !before.profile.disabled) {
        ended = end_sessions(tx, &id).await?;
    }
    let name = after.profile.name.clone();
    let (before, after) = (V::from(before), view::<V>(after));
    let changes = audit::changes(Some(&before), Some(&after.object), wanted.hash.is_some());
    record(tx, audit_id, caller, wanted.act, (V::KIND, id, &name), &changes).await?;
    Ok((after, ended))
}

fn name_taken(failure: Failure, account: &Account) -> Error {
    match failure {
        Failure::Clash(_) => Error::Conflict(format!(
            "there is already a {} with the name {}",
            account.kind.noun(),
            account.profile.name
        )),
        other => other.into(),
    }
}

pub(crate) async fn delete<V: View>(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    expected: Expected,
) -> Result<()> {
    let ended = rise::settle(directory, caller, (id, expected), |directory, caller, (id, expected)| {
        Box::pin(try_delete::<V>(directory, caller, *id, expected))
    })
    .await?;
    directory.metrics.sessions_ended.inc_by(ended);
    Ok(())
}

/// Says how many sessions it ended.
async fn try_delete<V: View>(directory: &Directory, caller: Caller, id: Uuid, expected: &Expected) -> Result<u64> {
    let target = V::KIND.target();
    let reach = caller.authorize(PrivilegeType::Delete, target)?;
    let before = find::<V>(directory, caller.reach(PrivilegeType::View, target), id).await?;
    let ground = rise::account_change(directory, &caller, Some(&before), None).await?;
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (before, expected.clone(), caller, reach, ground, audit_id);
    directory
        .store
        .write(context, |(before, expected, caller, reach, ground, audit_id), tx| {
            Box::pin(async move {
                let (before, id) = (hold(tx, before, expected, ground).await?, &before.id);
                if !scope::includes(tx, V::TABLE, id, reach).await? {
                    return Err(out_of_scope(Missing(PrivilegeType::Delete, V::KIND.target())));
                }
                let ended = store::sessions::delete_of_account(tx, id).await?;
                store::attempts::forget(tx, id).await?;
                store::tags::delete(tx, V::KIND.as_str(), id).await?;
                store::accounts::delete(tx, id).await?;
                if references::forget_in_scopes(tx, id).await? {
                    store::configuration::raise(tx).await?;
                }
                let name = before.profile.name.clone();
                let changes = audit::changes(Some(&V::from(before)), None, false);
                record(tx, audit_id, caller, "delete", (V::KIND, *id, &name), &changes).await?;
                Ok(ended)
            })
        })
        .await
}

/// Holds an account as it is until the transaction ends, with its next version. Refused if what was decided about it was
/// decided about another state of it.
async fn hold(tx: &mut Tx, before: &Account, expected: &Expected, ground: &Ground) -> Result<Account> {
    ground.hold(tx).await?;
    let (kind, id) = (before.kind, before.id);
    let held = store::accounts::hold(tx, kind, &id).await?.ok_or_else(|| not_found(kind, id))?;
    expected.check(held.version - 1)?;
    if held.profile_version != before.profile_version {
        return Err(Failure::Moved.into());
    }
    ground.confirm(tx).await?;
    Ok(held)
}

/// Ends every session of an account, also those that are being opened at this moment.
pub(crate) async fn end_sessions(tx: &mut Tx, id: &Uuid) -> Result<u64, Failure> {
    store::accounts::raise_credential_version(tx, id).await?;
    store::sessions::delete_of_account(tx, id).await
}

/// Notes what is wrong with a new password, if there is one.
pub(crate) async fn check_password(
    directory: &Directory,
    kind: AccountKind,
    profile: &Profile,
    password: Option<&Password>,
    faults: &mut Faults,
) -> Result<()> {
    let Some(password) = password else { return Ok(()) };
    let min_length = min_password_length(directory, kind).await?;
    passwords::check(password, min_length, &[&profile.name, &profile.email], faults);
    Ok(())
}

pub(crate) async fn min_password_length(directory: &Directory, kind: AccountKind) -> Result<i64> {
    directory
        .store
        .read(kind, |kind, tx| {
            Box::pin(async move { Ok(store::identity_providers::min_password_length(tx, *kind).await?) })
        })
        .await
}

pub(crate) async fn hash(
    directory: &Directory,
    caller: &Caller,
    kind: AccountKind,
    profile: &Profile,
    password: Option<Password>,
) -> Result<Option<String>> {
    let Some(password) = password else { return Ok(None) };
    let flow = Flow::new(caller.origin().source, format!("{}/{}", kind.as_str(), profile.name_key()));
    directory.hash_password(&flow, password).await.map(Some)
}

pub(crate) async fn record(
    tx: &mut Tx,
    audit_id: &Uuid,
    caller: &Caller,
    act: &str,
    (kind, id, name): (AccountKind, Uuid, &str),
    changes: &str,
) -> Result<()> {
    audit::write(tx, audit_id, &audit::done(caller, act, (kind.object_kind(), Some(id), name), changes)).await
}
