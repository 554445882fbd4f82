//! Identity Providers: the two that are built in, one for each kind of account, and their settings.

mod input;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Directory, audit,
    caller::{Caller, Missing, PrivilegeType, Target},
    entity::Faults,
    error::{Error, Failure, Result},
    kind::{AccountKind, ObjectKind},
    list::{self, Listing},
    privileges::Reach,
    references,
    rise::{self, Ground},
    store::{
        self, Tx,
        identity_providers::{Common, Provider},
    },
    time::Timestamp,
    version::{Expected, Versioned},
};

pub use crate::store::identity_providers::{ClaimMapping, PeopleSettings, Settings};
pub use input::{ClaimMappingInput, IdentityProviderInput};

/// The same on every installation, so that nodes that start together agree.
pub(crate) const LOCAL_ID: Uuid = Uuid::from_u128(0x0199_8f00_0000_7000_8000_0000_0000_0001);
const SERVICE_ID: Uuid = Uuid::from_u128(0x0199_8f00_0000_7000_8000_0000_0000_0002);

/// What kind of accounts a provider has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum ProviderType {
    /// People, kept here.
    LocalDatabase,
    /// Machines, kept here.
    ServiceDatabase,
}

/// A provider of accounts, with what holds for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityProvider {
    /// Identifies the object.
    pub id: Uuid,
    /// The name that logins give as `providerName`.
    #[schemars(example = &"local")]
    pub name: String,
    /// Whatever should be remembered about it.
    pub notes: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Words by which objects are grouped.
    #[schemars(example = ["builtin"])]
    pub tags: Vec<String>,
    /// What kind of accounts it has.
    #[serde(rename = "type")]
    pub provider_type: ProviderType,
    /// Wrong passwords in a row that lock an account.
    #[schemars(range(min = 1, max = 100))]
    pub user_lockout_threshold: i64,
    /// Minutes that a lock lasts.
    #[schemars(range(min = 1, max = 525_600))]
    pub user_lockout_duration_minutes: i64,
    /// Characters that a new password must have.
    #[schemars(range(min = 0, max = 1024))]
    pub min_password_length: i64,
    /// Everything else.
    #[serde(flatten)]
    pub settings: Settings,
}

impl From<Provider> for IdentityProvider {
    fn from(provider: Provider) -> Self {
        Self {
            id: provider.id,
            name: provider.name,
            notes: provider.common.notes,
            created: provider.created,
            updated: provider.updated,
            tags: provider.common.tags,
            provider_type: provider_type(provider.kind),
            user_lockout_threshold: provider.common.user_lockout_threshold,
            user_lockout_duration_minutes: provider.common.user_lockout_duration_minutes,
            min_password_length: provider.common.min_password_length,
            settings: provider.settings,
        }
    }
}

fn provider_type(kind: AccountKind) -> ProviderType {
    match kind {
        AccountKind::Local => ProviderType::LocalDatabase,
        AccountKind::Service => ProviderType::ServiceDatabase,
    }
}

/// Adds the built-in providers where they are missing.
pub(crate) async fn install(tx: &mut Tx) -> Result<()> {
    for (id, kind) in [(LOCAL_ID, AccountKind::Local), (SERVICE_ID, AccountKind::Service)] {
        let (created, name) = (tx.now(), kind.as_str().to_owned());
        let mut provider = Provider {
            id,
            kind,
            name: name.clone(),
            common: Common {
                notes: String::new(),
                tags: Vec::new(),
                user_lockout_threshold: 0,
                user_lockout_duration_minutes: 0,
                min_password_length: 0,
            },
            settings: Settings::default(),
            created,
            updated: created,
            version: 0,
        };
        // The defaults are what an empty request sets.
        let mut faults = Faults::default();
        let empty = IdentityProviderInput { name: Some(name), ..IdentityProviderInput::default() };
        (provider.common, provider.settings) = empty.check(&provider, &mut faults);
        faults.check()?;
        provider.common.tags = vec!["builtin".into()];
        if store::identity_providers::insert(tx, &provider).await? {
            store::tags::insert(tx, TABLE.name, &id, &provider.common.tags).await?;
            store::accounts::insert_decoys(tx).await?;
        }
    }
    Ok(())
}

/// Of Identity Providers.
pub(crate) static TABLE: list::Table =
    list::Table::entities("identity_providers", None, store::identity_providers::COLUMNS);

const TARGET: Target = Target::IdentityProvider;

/// Identity Providers that match.
pub async fn list(directory: &Directory, caller: &Caller, request: list::Request) -> Result<Listing<IdentityProvider>> {
    let reach = caller.authorize(PrivilegeType::View, TARGET)?;
    Listing::open(directory, &TABLE, reach, request, |row| store::identity_providers::from_row(row).map(Into::into))
        .await
}

fn versioned(provider: Provider) -> Versioned<IdentityProvider> {
    Versioned { version: provider.version, object: provider.into() }
}

pub(crate) fn not_found(id: Uuid) -> Error {
    Error::NotFound(format!("there is no Identity Provider with the id {id}"))
}

/// A provider, if it is in reach.
async fn find(directory: &Directory, reach: Reach, id: Uuid) -> Result<Provider> {
    let found = list::one(directory, &TABLE, reach, id, store::identity_providers::from_row).await?;
    found.ok_or_else(|| not_found(id))
}

/// One Identity Provider.
pub async fn get(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Versioned<IdentityProvider>> {
    let reach = caller.authorize(PrivilegeType::View, TARGET)?;
    find(directory, reach, id).await.map(versioned)
}

/// Refused: the two that are built in are all there are.
pub fn create(caller: &Caller) -> Error {
    caller.authorize(PrivilegeType::Create, TARGET).err().unwrap_or_else(|| {
        Error::Forbidden("the providers local and service are built in; no others can be created".into())
    })
}

/// Refused: a provider that is built in cannot be deleted.
pub async fn delete(directory: &Directory, caller: &Caller, id: Uuid) -> Error {
    if let Err(refused) = caller.authorize(PrivilegeType::Delete, TARGET) {
        return refused;
    }
    match find(directory, caller.reach(PrivilegeType::View, TARGET), id).await {
        Ok(provider) => Error::Forbidden(format!("the provider {} is built in and cannot be deleted", provider.name)),
        Err(error) => error,
    }
}

/// Replaces the settings of an Identity Provider. `expected` is the version that it must still have.
pub async fn replace(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    expected: Expected,
    input: IdentityProviderInput,
) -> Result<Versioned<IdentityProvider>> {
    let old = find_for_edit(directory, caller, id).await?;
    let mut faults = Faults::default();
    let (common, mut settings) = input.check(&old, &mut faults);
    let (scripts, kind) = (std::mem::take(&mut settings.user_scripts), ObjectKind::UserScript);
    let scripts = references::check_ids(directory, "userScripts", kind, scripts, &mut faults).await?;
    settings.user_scripts = scripts.iter().map(ToString::to_string).collect();
    faults.check()?;
    let context = (id, expected, common, settings);
    rise::settle(directory, caller, context, |directory, caller, (id, expected, common, settings)| {
        Box::pin(try_replace(directory, caller, *id, expected, common, settings))
    })
    .await
}

async fn try_replace(
    directory: &Directory,
    caller: Caller,
    id: Uuid,
    expected: &Expected,
    common: &Common,
    settings: &Settings,
) -> Result<Versioned<IdentityProvider>> {
    let before = find_for_edit(directory, &caller, id).await?;
    let mut after = before.clone();
    (after.common, after.settings) = (common.clone(), settings.clone());
    let (ground, edit) = decide(directory, &caller, &before, &after).await?;
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (before, after, expected.clone(), caller, edit, ground, audit_id);
    directory
        .store
        .write(context, |(before, after, expected, caller, edit, ground, audit_id), tx| {
            Box::pin(async move {
                ground.hold(tx).await?;
                let held = store::identity_providers::hold(tx, &before.id).await?;
                let held = held.ok_or_else(|| not_found(before.id))?;
                expected.check(held.version - 1)?;
                if held.updated != before.updated {
                    return Err(Failure::Moved.into());
                }
                rise::check_scope(tx, &TABLE, &held.id, edit).await?;
                ground.check_tags(tx, &TABLE, &held.id).await?;
                let mut after = after.clone();
                (after.version, after.updated) = (held.version, tx.now());
                store::identity_providers::update(tx, &after).await?;
                let tags = (&held.common.tags, &after.common.tags);
                store::tags::replace(tx, TABLE.name, &held.id, tags.0, tags.1).await?;
                rise::check_scope(tx, &TABLE, &held.id, edit).await?;
                store::configuration::raise(tx).await?;
                record(tx, audit_id, caller, held.into(), after.clone().into()).await?;
                Ok(versioned(after))
            })
        })
        .await
}

/// The provider as it is, for a caller who may see it and change it, or only its tags.
async fn find_for_edit(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Provider> {
    caller.authorize_edit(TARGET)?;
    find(directory, caller.reach(PrivilegeType::View, TARGET), id).await
}

async fn decide(
    directory: &Directory,
    caller: &Caller,
    before: &Provider,
    after: &Provider,
) -> Result<(Ground, (Missing, Reach))> {
    let tags = (&before.common.tags, &after.common.tags);
    let mut ground = rise::tag_change(directory, caller, TARGET, tags.0, tags.1).await?;
    let seen = |provider: &Provider| {
        let settings = &provider.settings;
        (settings.claim_mappings.clone(), settings.user_scripts.clone())
    };
    if seen(before) != seen(after) {
        let configuration = directory.configuration_now().await?;
        let mut rows = configuration.rows.clone();
        rows.providers.retain(|provider| provider.id != after.id);
        rows.providers.push(after.clone());
        ground = ground.and(rise::view_change(directory, caller, &configuration, rows, &Some).await?)?;
    }
    let mut untagged = after.clone();
    untagged.common.tags.clone_from(&before.common.tags);
    Ok((ground, rise::edit_reach(caller, TARGET, untagged == *before)))
}

async fn record(
    tx: &mut Tx,
    audit_id: &Uuid,
    caller: &Caller,
    before: IdentityProvider,
    after: IdentityProvider,
) -> Result<()> {
    let changes = audit::changes(Some(&before), Some(&after), false);
    audit::write(
        tx,
        audit_id,
        &audit::done(caller, "edit", ("IdentityProvider", Some(after.id), &after.name), &changes),
    )
    .await
}

/// The names of the providers with which administrators may log in, and what is to be shown before. Anyone may ask.
pub async fn names(directory: &Directory) -> Result<(Vec<String>, String)> {
    let configuration = directory.configuration_now().await?;
    let rows = &configuration.rows;
    let for_administrators = |provider: &&Provider| provider.settings.people.as_ref().is_some_and(|p| p.admin_provider);
    let names = rows.providers.iter().filter(for_administrators).map(|provider| provider.name.clone());
    Ok((names.collect(), rows.settings.login_banner_message.clone()))
}
