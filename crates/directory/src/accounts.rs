//! The rules of an account, once for both kinds. What only a Local User or only a Service User has is in
//! `local_users` and `service_users`.

use uuid::Uuid;

use crate::{
    Directory,
    audit::{self, Record},
    caller::{Caller, PrivilegeType, Target, is_administrator},
    entity::Faults,
    error::{Error, Failure, Result},
    kind::AccountKind,
    list::{self, Listing},
    login::governor::Flow,
    passwords::{self, Password},
    store::{
        self, Tx,
        accounts::{Account, NEVER, Profile},
    },
    time::Timestamp,
    version::{Expected, Versioned},
};

/// The largest number of failed attempts that may be written.
const MAX_FAILED_ATTEMPTS: i64 = i32::MAX as i64;

/// What both kinds of account take from a client besides their profile.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccountInput {
    pub(crate) id: Option<String>,
    pub(crate) password: Option<Password>,
    pub(crate) failed_attempts: Option<serde_json::Number>,
    pub(crate) lock_start: LockStart,
}

/// `lockStart` as a client sent it. Leaving it out keeps the lock; `null` ends it.
#[derive(Debug, Clone, Default)]
pub(crate) enum LockStart {
    #[default]
    Absent,
    Null,
    At(String),
}

impl From<Option<Option<String>>> for LockStart {
    fn from(given: Option<Option<String>>) -> Self {
        match given {
            None => Self::Absent,
            Some(None) => Self::Null,
            Some(Some(text)) => Self::At(text),
        }
    }
}

/// Reads a field so that one that is absent differs from one that is `null`. For `#[serde(default, deserialize_with)]`.
pub(crate) fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<String>>, D::Error> {
    serde::Deserialize::deserialize(deserializer).map(Some)
}

/// The checked part of [`AccountInput`].
struct Counters {
    failed_attempts: Option<i64>,
    lock_start: Option<Timestamp>,
}

fn check_counters(input: &AccountInput, faults: &mut Faults) -> Counters {
    let failed_attempts = faults.integer("failedLoginAttempts", input.failed_attempts.clone(), 0..=MAX_FAILED_ATTEMPTS);
    let lock_start = match &input.lock_start {
        LockStart::Absent => None,
        LockStart::Null => Some(NEVER),
        LockStart::At(text) => Timestamp::parse(text).or_else(|| {
            faults.add("lockStart", "must be a time such as 2026-11-21T16:35:14.988161Z, or null");
            None
        }),
    };
    Counters { failed_attempts, lock_start }
}

/// How a kind of account looks to a client.
pub(crate) trait View: From<Account> + serde::Serialize + Send + 'static {
    const KIND: AccountKind;
}

/// Says yes if the caller may, in the words of this kind.
fn authorize(caller: &Caller, kind: AccountKind, wanted: PrivilegeType) -> Result<()> {
    let target = match kind {
        AccountKind::Local => Target::LocalUser,
        AccountKind::Service => Target::ServiceUser,
    };
    caller.authorize(wanted, target)
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
    table: &'static list::Table,
    request: list::Request,
) -> Result<Listing<V>> {
    authorize(caller, V::KIND, PrivilegeType::View)?;
    Listing::open(directory, table, request, |row| store::accounts::from_row(row).map(V::from)).await
}

pub(crate) async fn get<V: View>(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Versioned<V>> {
    authorize(caller, V::KIND, PrivilegeType::View)?;
    let found = directory
        .store
        .read((V::KIND, id), |(kind, id), tx| Box::pin(async move { Ok(store::accounts::find(tx, *kind, id).await?) }))
        .await?;
    found.map(view).ok_or_else(|| not_found(V::KIND, id))
}

pub(crate) async fn create<V: View>(
    directory: &Directory,
    caller: &Caller,
    profile: Profile,
    input: AccountInput,
    mut faults: Faults,
) -> Result<Versioned<V>> {
    authorize(caller, V::KIND, PrivilegeType::Create)?;
    let id = faults.id("id", input.id.clone());
    let counters = check_counters(&input, &mut faults);
    check_password(directory, V::KIND, &profile, input.password.as_ref(), &mut faults).await?;
    faults.check()?;
    let hash = hash(directory, caller, V::KIND, &profile, input.password).await?;
    let now = directory.store.now();
    let failed_attempts = counters.failed_attempts.unwrap_or(0);
    let account = Account {
        id: id.unwrap_or_else(|| directory.random.uuid(now)),
        kind: V::KIND,
        profile,
        failed_attempts,
        failures_since_reset: failed_attempts,
        lock_start: counters.lock_start.unwrap_or(NEVER),
        created: now,
        updated: now,
        version: 0,
    };
    let audit_id = directory.random.uuid(now);
    directory
        .store
        .write((account, hash, caller.clone(), audit_id), |(account, hash, caller, audit_id), tx| {
            Box::pin(async move {
                let mut account = account.clone();
                (account.created, account.updated) = (tx.now(), tx.now());
                // Never a version that an earlier object with this id may have had.
                account.version = tx.now().micros();
                insert(tx, &account, hash.as_deref().unwrap_or_default()).await?;
                let (object, name) = (V::from(account.clone()), account.profile.name.clone());
                let changes = audit::changes(None, Some(&object), hash.is_some());
                record(tx, audit_id, caller, "create", (V::KIND, account.id, &name), &changes).await?;
                Ok(Versioned { object, version: account.version })
            })
        })
        .await
}

async fn insert(tx: &mut Tx, account: &Account, hash: &str) -> Result<()> {
    if !store::accounts::insert(tx, account, hash).await? {
        let taken = store::accounts::find_any(tx, &account.id).await?;
        let (what, value) = if taken { ("id", account.id.to_string()) } else { ("name", account.profile.name.clone()) };
        return Err(Error::Conflict(format!("there is already a {} with the {what} {value}", account.kind.noun())));
    }
    Ok(store::tags::insert(tx, account.kind.as_str(), &account.id, &account.profile.tags).await?)
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
    authorize(caller, V::KIND, PrivilegeType::Edit)?;
    get::<V>(directory, caller, id).await?;
    faults.same_id(input.id.clone(), id);
    let counters = check_counters(&input, &mut faults);
    check_password(directory, V::KIND, &profile, input.password.as_ref(), &mut faults).await?;
    faults.check()?;
    let hash = hash(directory, caller, V::KIND, &profile, input.password).await?;
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (id, expected, profile, counters, hash, caller.clone(), audit_id);
    let (changed, ended) = directory
        .store
        .write(context, |(id, expected, profile, counters, hash, caller, audit_id), tx| {
            Box::pin(async move {
                let before = hold(tx, V::KIND, *id, expected).await?;
                keep_administrator(&before, Some(profile))?;
                let after = changed(&before, profile, counters, hash.is_some(), tx.now());
                if let Err(failure) = store::accounts::update(tx, &after).await {
                    return Err(name_taken(failure, &after));
                }
                if before.profile.tags != after.profile.tags {
                    store::tags::delete(tx, V::KIND.as_str(), id).await?;
                    store::tags::insert(tx, V::KIND.as_str(), id, &after.profile.tags).await?;
                }
                let mut ended = 0;
                if let Some(hash) = hash {
                    store::accounts::set_password_hash(tx, id, hash).await?;
                }
                if hash.is_some() || (after.profile.disabled && !before.profile.disabled) {
                    ended = end_sessions(tx, id).await?;
                }
                let name = after.profile.name.clone();
                let (before, after) = (V::from(before), view::<V>(after));
                let changes = audit::changes(Some(&before), Some(&after.object), hash.is_some());
                record(tx, audit_id, caller, "edit", (V::KIND, *id, &name), &changes).await?;
                Ok((after, ended))
            })
        })
        .await?;
    directory.metrics.sessions_ended.inc_by(ended);
    Ok(changed)
}

fn changed(before: &Account, profile: &Profile, counters: &Counters, new_password: bool, now: Timestamp) -> Account {
    let failed_attempts = counters.failed_attempts.unwrap_or(before.failed_attempts);
    let failures_since_reset = if new_password {
        0
    } else if failed_attempts == before.failed_attempts {
        before.failures_since_reset
    } else {
        failed_attempts
    };
    Account {
        profile: profile.clone(),
        failed_attempts,
        failures_since_reset,
        lock_start: counters.lock_start.unwrap_or(before.lock_start),
        updated: now,
        ..before.clone()
    }
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
    authorize(caller, V::KIND, PrivilegeType::Delete)?;
    let audit_id = directory.random.uuid(directory.store.now());
    let ended = directory
        .store
        .write((id, expected, caller.clone(), audit_id), |(id, expected, caller, audit_id), tx| {
            Box::pin(async move {
                let before = hold(tx, V::KIND, *id, expected).await?;
                keep_administrator(&before, None)?;
                let ended = store::sessions::delete_of_account(tx, id).await?;
                store::tags::delete(tx, V::KIND.as_str(), id).await?;
                store::accounts::delete(tx, id).await?;
                let name = before.profile.name.clone();
                let changes = audit::changes(Some(&V::from(before)), None, false);
                record(tx, audit_id, caller, "delete", (V::KIND, *id, &name), &changes).await?;
                Ok(ended)
            })
        })
        .await?;
    directory.metrics.sessions_ended.inc_by(ended);
    Ok(())
}

/// Reads an account and holds it as it is until the transaction ends. Its version is already the next one.
async fn hold(tx: &mut Tx, kind: AccountKind, id: Uuid, expected: &Expected) -> Result<Account> {
    let held = store::accounts::hold(tx, kind, &id).await?.ok_or_else(|| not_found(kind, id))?;
    expected.check(held.version - 1)?;
    Ok(held)
}

/// Without the account that may do everything nobody could do anything any more.
fn keep_administrator(before: &Account, after: Option<&Profile>) -> Result<()> {
    let keeps = |profile: &Profile| !profile.disabled && is_administrator(before.kind, &profile.name_key());
    if is_administrator(before.kind, &before.profile.name_key()) && !after.is_some_and(keeps) {
        let reason = "it is the only account that may do everything: it can be neither deleted, disabled nor renamed";
        return Err(Error::Conflict(reason.into()));
    }
    Ok(())
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
    let min_length = directory
        .store
        .read(kind, |kind, tx| {
            Box::pin(async move { Ok(store::identity_providers::min_password_length(tx, *kind).await?) })
        })
        .await?;
    passwords::check(password, min_length, &[&profile.name, &profile.email], faults);
    Ok(())
}

async fn hash(
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
    let record = Record {
        actor: caller.audit_name(),
        act,
        object_kind: kind.target(),
        object_id: Some(id),
        object_name: name,
        outcome: audit::DONE,
        reason: "",
        origin: caller.origin(),
        changes,
    };
    audit::write(tx, audit_id, &record).await
}
