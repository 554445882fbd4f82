//! Accounts that are made.

use uuid::Uuid;

use super::{AccountInput, Counters, View, check_counters, check_password, hash, view};
use crate::{
    Directory, audit,
    caller::{Caller, Missing, PrivilegeType, out_of_scope},
    entity::Faults,
    error::{Error, Result},
    kind::AccountKind,
    privileges::Reach,
    rise,
    store::{
        self, Tx,
        accounts::{Account, NEVER, Profile},
        new_accounts::New,
        scope,
    },
    version::Versioned,
};

pub(crate) async fn create<V: View>(
    directory: &Directory,
    caller: &Caller,
    mut profile: Profile,
    input: AccountInput,
    mut faults: Faults,
) -> Result<Versioned<V>> {
    let target = V::KIND.target();
    caller.authorize(PrivilegeType::Create, target)?;
    faults.add_tags(&mut profile.tags, caller.authority().default_tags(target));
    let id = faults.id("id", input.id.clone());
    let counters = check_counters(&input, &mut faults);
    check_password(directory, V::KIND, &profile, input.password.as_ref(), &mut faults).await?;
    faults.check()?;
    let hash = hash(directory, caller, V::KIND, &profile, input.password).await?;
    let account = new(directory, V::KIND, id, profile, &counters, hash.is_some());
    settle_new(directory, caller, account, hash, "create").await
}

/// An account that is not there yet.
pub(crate) fn new(
    directory: &Directory,
    kind: AccountKind,
    id: Option<Uuid>,
    profile: Profile,
    counters: &Counters,
    has_password: bool,
) -> Account {
    let now = directory.store.now();
    let failed_attempts = counters.failed_attempts.unwrap_or(0);
    Account {
        id: id.unwrap_or_else(|| directory.random.uuid(now)),
        kind,
        profile,
        failed_attempts,
        failures_since_reset: failed_attempts,
        lock_start: counters.lock_start.unwrap_or(NEVER),
        created: now,
        updated: now,
        version: 0,
        profile_version: 0,
        used: false,
        has_password,
    }
}

/// Makes an account that has been checked.
pub(crate) async fn settle_new<V: View>(
    directory: &Directory,
    caller: &Caller,
    account: Account,
    hash: Option<String>,
    act: &'static str,
) -> Result<Versioned<V>> {
    rise::settle(directory, caller, (account, hash, act), |directory, caller, (account, hash, act)| {
        Box::pin(try_create(directory, caller, account, hash.as_deref(), act))
    })
    .await
}

async fn try_create<V: View>(
    directory: &Directory,
    caller: Caller,
    account: &Account,
    hash: Option<&str>,
    act: &'static str,
) -> Result<Versioned<V>> {
    let reach = caller.authorize(PrivilegeType::Create, V::KIND.target())?;
    let ground = rise::account_change(directory, &caller, None, Some(account)).await?;
    let new = [New::of(account.clone(), hash.map(str::to_owned))?];
    let audit_ids = [directory.random.uuid(directory.store.now())];
    directory
        .store
        .write((new, caller, reach, ground, audit_ids, act), |(new, caller, reach, ground, audit_ids, act), tx| {
            Box::pin(async move {
                ground.hold(tx).await?;
                let mut made = create_in(tx, new, caller, reach, audit_ids, act).await?;
                made.pop().unwrap_or_else(|| Err(Error::Internal("nothing became of an account".into())))
            })
        })
        .await
}

/// Makes accounts of one kind, and says of each, in their order, what became of it: one whose id or name is taken leaves the
/// others as they are. No two may have the same id or name. Each has its record, which gets one of `audit_ids`.
pub(crate) async fn create_in<V: View>(
    tx: &mut Tx,
    all: &[New],
    caller: &Caller,
    reach: &Reach,
    audit_ids: &[Uuid],
    act: &str,
) -> Result<Vec<Result<Versioned<V>>>> {
    let made = store::new_accounts::insert(tx, all).await?;
    let is_made = |new: &&New| made.contains(&new.account.id);
    let tagged: Vec<_> = all.iter().filter(is_made).map(|new| (&new.account.id, &*new.account.profile.tags)).collect();
    store::tags::insert_all(tx, V::KIND.as_str(), &tagged).await?;
    let mut results = Vec::with_capacity(all.len());
    for new in all {
        if !is_made(&new) {
            results.push(Err(taken(tx, &new.account).await?));
            continue;
        }
        if !scope::includes(tx, V::TABLE, &new.account.id, reach).await? {
            return Err(out_of_scope(Missing(PrivilegeType::Create, V::KIND.target())));
        }
        results.push(Ok(as_made(tx, new)));
    }
    record_all(tx, all, &results, caller, audit_ids, act).await?;
    Ok(results)
}

/// The account as it is in the transaction that made it.
fn as_made<V: View>(tx: &Tx, new: &New) -> Versioned<V> {
    let mut account = new.account.clone();
    (account.created, account.updated) = (tx.now(), tx.now());
    account.version = tx.now().micros();
    view(account)
}

/// That the id or the name is taken, whichever it is.
async fn taken(tx: &mut Tx, account: &Account) -> Result<Error> {
    let taken = store::accounts::find_any(tx, &account.id).await?;
    let (what, value) = if taken { ("id", account.id.to_string()) } else { ("name", account.profile.name.clone()) };
    Ok(Error::Conflict(format!("there is already a {} with the {what} {value}", account.kind.noun())))
}

async fn record_all<V: View>(
    tx: &mut Tx,
    all: &[New],
    results: &[Result<Versioned<V>>],
    caller: &Caller,
    audit_ids: &[Uuid],
    act: &str,
) -> Result<()> {
    let made = all.iter().zip(results).filter_map(|(new, result)| Some((new, &result.as_ref().ok()?.object)));
    let changes: Vec<(&New, String)> =
        made.map(|(new, object)| (new, audit::changes(None, Some(object), new.has_hash()))).collect();
    let records: Vec<audit::Record<'_>> = changes
        .iter()
        .map(|(New { account, .. }, changes)| {
            let subject = (V::KIND.object_kind(), Some(account.id), account.profile.name.as_str());
            audit::done(caller, act, subject, changes)
        })
        .collect();
    audit::write_all(tx, &audit_ids.iter().zip(&records).collect::<Vec<_>>()).await
}
