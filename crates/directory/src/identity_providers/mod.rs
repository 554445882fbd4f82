//! Identity Providers: the two that are built in, one for each kind of account, and their settings.

mod input;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Directory,
    audit::{self, Record},
    caller::{Caller, PrivilegeType, Target},
    entity::Faults,
    error::{Error, Result},
    kind::AccountKind,
    list::{self, Listing},
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
const LOCAL_ID: Uuid = Uuid::from_u128(0x0199_8f00_0000_7000_8000_0000_0000_0001);
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

static TABLE: list::Table = list::Table {
    name: "identity_providers",
    kind: None,
    columns: store::identity_providers::COLUMNS,
    own_fields: &[],
};

/// Identity Providers that match.
pub async fn list(directory: &Directory, caller: &Caller, request: list::Request) -> Result<Listing<IdentityProvider>> {
    caller.authorize(PrivilegeType::View, Target::IdentityProvider)?;
    Listing::open(directory, &TABLE, request, |row| store::identity_providers::from_row(row).map(Into::into)).await
}

fn versioned(provider: Provider) -> Versioned<IdentityProvider> {
    Versioned { version: provider.version, object: provider.into() }
}

fn not_found(id: Uuid) -> Error {
    Error::NotFound(format!("there is no Identity Provider with the id {id}"))
}

async fn find(directory: &Directory, id: Uuid) -> Result<Provider> {
    let found = directory
        .store
        .read(id, |id, tx| Box::pin(async move { Ok(store::identity_providers::find(tx, id).await?) }))
        .await?;
    found.ok_or_else(|| not_found(id))
}

/// One Identity Provider.
pub async fn get(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Versioned<IdentityProvider>> {
    caller.authorize(PrivilegeType::View, Target::IdentityProvider)?;
    find(directory, id).await.map(versioned)
}

/// Refused: the two that are built in are all there are.
pub fn create(caller: &Caller) -> Error {
    caller.authorize(PrivilegeType::Create, Target::IdentityProvider).err().unwrap_or_else(|| {
        Error::Forbidden("the providers local and service are built in; no others can be created".into())
    })
}

/// Refused: a provider that is built in cannot be deleted.
pub async fn delete(directory: &Directory, caller: &Caller, id: Uuid) -> Error {
    if let Err(refused) = caller.authorize(PrivilegeType::Delete, Target::IdentityProvider) {
        return refused;
    }
    match find(directory, id).await {
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
    caller.authorize(PrivilegeType::Edit, Target::IdentityProvider)?;
    let old = find(directory, id).await?;
    let mut faults = Faults::default();
    let (common, settings) = input.check(&old, &mut faults);
    faults.check()?;
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (id, expected, common, settings, caller.clone(), audit_id);
    directory
        .store
        .write(context, |(id, expected, common, settings, caller, audit_id), tx| {
            Box::pin(async move {
                let before = store::identity_providers::hold(tx, id).await?.ok_or_else(|| not_found(*id))?;
                expected.check(before.version - 1)?;
                let mut after = before.clone();
                (after.common, after.settings, after.updated) = (common.clone(), settings.clone(), tx.now());
                store::identity_providers::update(tx, &after).await?;
                store::tags::delete(tx, TABLE.name, id).await?;
                store::tags::insert(tx, TABLE.name, id, &after.common.tags).await?;
                record(tx, audit_id, caller, before.into(), after.clone().into()).await?;
                Ok(versioned(after))
            })
        })
        .await
}

async fn record(
    tx: &mut Tx,
    audit_id: &Uuid,
    caller: &Caller,
    before: IdentityProvider,
    after: IdentityProvider,
) -> Result<()> {
    let changes = audit::changes(Some(&before), Some(&after), false);
    let record = Record {
        actor: caller.audit_name(),
        act: "edit",
        object_kind: "IdentityProvider",
        object_id: Some(after.id),
        object_name: &after.name,
        outcome: audit::DONE,
        reason: "",
        origin: caller.origin(),
        changes: &changes,
    };
    audit::write(tx, audit_id, &record).await
}

/// The names of the providers with which administrators may log in. Anyone may ask.
pub async fn names(directory: &Directory) -> Result<Vec<String>> {
    let all = directory
        .store
        .read((), |(), tx| Box::pin(async move { Ok(store::identity_providers::all(tx).await?) }))
        .await?;
    let for_administrators = |provider: &Provider| provider.settings.people.as_ref().is_some_and(|p| p.admin_provider);
    Ok(all.into_iter().filter(for_administrators).map(|provider| provider.name).collect())
}
