//! The blacklist: accounts, by provider and name, that may not log in. The gate and the check of every token look at it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Directory, accounts, audit,
    caller::{Caller, Missing, PrivilegeType, Target, out_of_scope},
    dn,
    entity::{Faults, NAME_PATTERN, TEXT_PATTERN, fold},
    error::{Error, Failure, Result},
    list::{self, Field, Listing, Scoped, Table, Values},
    privileges::Reach,
    rise::{self, Ground},
    store::{self, Tx, accounts::Account, blacklist::Entry, list::Select, scope},
    time::Timestamp,
    version::{Expected, Versioned},
};

/// An account that may not log in, whether there is one of that name or not.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlacklistedUser {
    /// Names the account: `CN=<name>,OU=<provider>`.
    #[schemars(example = &"CN=bobby,OU=local")]
    pub user_distinguished_name: String,
    /// The name of the account.
    #[schemars(example = &"bobby")]
    pub username: String,
    /// The name of its provider.
    #[schemars(example = &"local")]
    pub provider_name: String,
    /// Why it was listed.
    pub reason: String,
    /// When it was listed.
    pub blacklisted_at: Timestamp,
}

/// An account to be listed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlacklistedUserInput {
    /// Names the account: `CN=<name>,OU=<provider>` as in RFC 4514; the provider is `local` or `service`.
    #[schemars(required, length(min = 1, max = 4096), regex(pattern = NAME_PATTERN), example = &"CN=bobby,OU=local")]
    pub user_distinguished_name: Option<String>,
    /// Why it is listed.
    #[schemars(length(max = 4096), regex(pattern = TEXT_PATTERN))]
    pub reason: Option<String>,
}

impl From<Entry> for BlacklistedUser {
    fn from(entry: Entry) -> Self {
        Self {
            user_distinguished_name: entry.account.to_string(),
            username: entry.account.name,
            provider_name: entry.account.kind.as_str().into(),
            reason: entry.reason,
            blacklisted_at: entry.blacklisted_at,
        }
    }
}

/// Of the blacklist. The numbers are those of the fields in the search text.
static TABLE: Table = Table {
    name: "blacklist",
    from: None,
    kind: None,
    columns: store::blacklist::COLUMNS,
    fields: &[&[
        Field::text("username", "name_key"),
        Field::text("providerName", "kind"),
        Field::part("reason", 3),
        Field::of("blacklistedAt", "blacklisted_at", Values::Time),
    ]],
    order: ("username", false),
    scoped: Scoped::ByProvider,
};

const TARGET: Target = Target::Blacklist;
/// How the audit log calls an entry.
const OBJECT_KIND: &str = "Blacklist";

fn versioned(entry: Entry) -> Versioned<BlacklistedUser> {
    Versioned { version: entry.version, object: entry.into() }
}

fn not_found(account: &dn::Account) -> Error {
    Error::NotFound(format!("{account} is not blacklisted"))
}

/// Entries that match.
pub async fn list(directory: &Directory, caller: &Caller, request: list::Request) -> Result<Listing<BlacklistedUser>> {
    let reach = caller.authorize(PrivilegeType::View, TARGET)?;
    Listing::open(directory, &TABLE, reach, request, |row| store::blacklist::from_row(row).map(Into::into)).await
}

async fn find(directory: &Directory, reach: Reach, account: &dn::Account) -> Result<Entry> {
    let found = directory
        .store
        .read((account.kind, fold(&account.name), reach), |(kind, name_key, reach), tx| {
            Box::pin(async move {
                let Some(id) = store::blacklist::find(tx, *kind, name_key).await? else { return Ok(None) };
                Ok(Select::one(&TABLE, id, reach.clone()).read(tx, store::blacklist::from_row).await?)
            })
        })
        .await?;
    found.ok_or_else(|| not_found(account))
}

/// The entry that lists an account.
pub async fn get(directory: &Directory, caller: &Caller, account: &dn::Account) -> Result<Versioned<BlacklistedUser>> {
    let reach = caller.authorize(PrivilegeType::View, TARGET)?;
    find(directory, reach, account).await.map(versioned)
}

/// Lists an account: its sessions end, and none can be opened any more.
pub async fn create(
    directory: &Directory,
    caller: &Caller,
    input: BlacklistedUserInput,
) -> Result<Versioned<BlacklistedUser>> {
    caller.authorize(PrivilegeType::Create, TARGET)?;
    let mut faults = Faults::default();
    let account = check_account(input.user_distinguished_name, &mut faults);
    let reason = faults.lines("reason", input.reason);
    faults.check()?;
    let account = account.ok_or_else(|| Error::Internal("an account was neither read nor refused".into()))?;
    let (made, ended) = rise::settle(directory, caller, (account, reason), |directory, caller, (account, reason)| {
        Box::pin(try_create(directory, caller, account, reason))
    })
    .await?;
    directory.metrics.sessions_ended.inc_by(ended);
    Ok(made)
}

/// Reads a name that an account can have.
fn check_account(text: Option<String>, faults: &mut Faults) -> Option<dn::Account> {
    const FIELD: &str = "userDistinguishedName";
    let Some(text) = text else {
        faults.missing(FIELD);
        return None;
    };
    match dn::Account::parse(&text) {
        Err(wrong) => faults.add(FIELD, wrong),
        Ok(account) if account.name.trim() != account.name => {
            faults.add(FIELD, "may not have a name that begins or ends with white space");
        }
        Ok(account) if account.name.chars().count() > crate::entity::NAME_LENGTH => {
            faults.add(FIELD, format!("may not have a name of more than {} characters", crate::entity::NAME_LENGTH));
        }
        Ok(account) => return Some(account),
    }
    None
}

/// The account of a name, if there is one, once it is known that the caller may do this to accounts of its provider.
async fn account_in_scope(
    directory: &Directory,
    needed: Missing,
    reach: &Reach,
    named: &dn::Account,
) -> Result<Option<Account>> {
    let context = (needed, reach.clone(), named.kind, fold(&named.name));
    directory
        .store
        .read(context, |(needed, reach, kind, name_key), tx| {
            Box::pin(async move {
                if !scope::includes_provider(tx, *kind, reach).await? {
                    return Err(out_of_scope(*needed));
                }
                match store::accounts::find_named(tx, *kind, name_key).await? {
                    Some((id, _)) => Ok(store::accounts::find(tx, *kind, &id).await?),
                    None => Ok(None),
                }
            })
        })
        .await
}

async fn try_create(
    directory: &Directory,
    caller: Caller,
    account: &dn::Account,
    reason: &str,
) -> Result<(Versioned<BlacklistedUser>, u64)> {
    let reach = caller.authorize(PrivilegeType::Create, TARGET)?;
    let needed = Missing(PrivilegeType::Create, TARGET);
    let subject = account_in_scope(directory, needed, &reach, account).await?;
    let ground = rise::account_barred(directory, &caller, subject.as_ref()).await?;
    let now = directory.store.now();
    let id = directory.random.uuid(now);
    let (account, reason) = (account.clone(), reason.to_owned());
    let entry = Entry { id, account, reason, blacklisted_at: now, version: 0 };
    let audit_id = directory.random.uuid(now);
    let context = (entry, subject, caller, reach, ground, audit_id);
    directory
        .store
        .write(context, |(entry, subject, caller, reach, ground, audit_id), tx| {
            Box::pin(async move {
                ground.hold(tx).await?;
                let ended = bar(tx, entry, subject.as_ref()).await?;
                if !scope::includes_provider(tx, entry.account.kind, reach).await? {
                    return Err(out_of_scope(Missing(PrivilegeType::Create, TARGET)));
                }
                // Never a version that an earlier entry for the account may have had.
                let entry = Entry { blacklisted_at: tx.now(), version: tx.now().micros(), ..entry.clone() };
                if !store::blacklist::insert(tx, &entry).await? {
                    return Err(Error::Conflict(format!("{} is already blacklisted", entry.account)));
                }
                let made = versioned(entry.clone());
                let changes = audit::changes(None, Some(&made.object), false);
                record(tx, audit_id, caller, "create", &entry.account, &changes).await?;
                Ok((made, ended))
            })
        })
        .await
}

/// Ends the sessions of the account that is listed, if it is the one about which it was decided.
async fn bar(tx: &mut Tx, entry: &Entry, subject: Option<&Account>) -> Result<u64> {
    is_still(tx, &entry.account, subject).await?;
    let Some(subject) = subject else { return Ok(0) };
    let ended = accounts::end_sessions(tx, &subject.id).await?;
    // The row is held from here on: whoever changed the account before has done so.
    if store::accounts::profile_version(tx, &subject.id).await? != Some(subject.profile_version) {
        return Err(Failure::Moved.into());
    }
    Ok(ended)
}

/// Refused if the name is by now another account's than the one about which it was decided.
async fn is_still(tx: &mut Tx, named: &dn::Account, subject: Option<&Account>) -> Result<()> {
    let found = store::accounts::find_named(tx, named.kind, &fold(&named.name)).await?;
    if found.map(|(id, _)| id) == subject.map(|subject| subject.id) { Ok(()) } else { Err(Failure::Moved.into()) }
}

/// Takes an account off the list. `expected` is the version that the entry must still have.
pub async fn delete(directory: &Directory, caller: &Caller, account: &dn::Account, expected: Expected) -> Result<()> {
    rise::settle(directory, caller, (account.clone(), expected), |directory, caller, (account, expected)| {
        Box::pin(try_delete(directory, caller, account, expected))
    })
    .await
}

async fn try_delete(directory: &Directory, caller: Caller, account: &dn::Account, expected: &Expected) -> Result<()> {
    let reach = caller.authorize(PrivilegeType::Delete, TARGET)?;
    let entry = find(directory, caller.reach(PrivilegeType::View, TARGET), account).await?;
    let needed = Missing(PrivilegeType::Delete, TARGET);
    let subject = account_in_scope(directory, needed, &reach, account).await?;
    let ground = match &subject {
        Some(subject) => rise::account_unbarred(directory, &caller, subject).await?,
        None => Ground::default(),
    };
    let audit_id: Uuid = directory.random.uuid(directory.store.now());
    let context = (entry, expected.clone(), subject, caller, reach, ground, audit_id);
    directory
        .store
        .write(context, |(entry, expected, subject, caller, reach, ground, audit_id), tx| {
            Box::pin(async move {
                ground.hold(tx).await?;
                is_still(tx, &entry.account, subject.as_ref()).await?;
                if !scope::includes_provider(tx, entry.account.kind, reach).await? {
                    return Err(out_of_scope(Missing(PrivilegeType::Delete, TARGET)));
                }
                // An entry never changes, so the one that was found is the one that is there, or none is.
                expected.check(entry.version)?;
                if !store::blacklist::delete(tx, &entry.id).await? {
                    return Err(not_found(&entry.account));
                }
                let old = BlacklistedUser::from(entry.clone());
                let changes = audit::changes(Some(&old), None, false);
                record(tx, audit_id, caller, "delete", &entry.account, &changes).await
            })
        })
        .await
}

async fn record(
    tx: &mut Tx,
    audit_id: &Uuid,
    caller: &Caller,
    act: &str,
    account: &dn::Account,
    changes: &str,
) -> Result<()> {
    audit::write(tx, audit_id, &audit::done(caller, act, (OBJECT_KIND, None, &account.to_string()), changes)).await
}
