//! Identity Providers: the two that are built in, one for each kind of account, and their settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Directory,
    accounts::{AccountKind, Versioned},
    audit::{self, Record},
    caller::{Caller, PrivilegeType, Target},
    entity::{Faults, LINE_PATTERN, TEXT_PATTERN, parse_uuid},
    error::{Error, Result},
    list::{self, Field, Listing, Values},
    store::{self, Tx},
    time::Timestamp,
};

/// The same on every installation, so that nodes that start together agree.
const LOCAL_ID: Uuid = Uuid::from_u128(0x0199_8f00_0000_7000_8000_0000_0000_0001);
const SERVICE_ID: Uuid = Uuid::from_u128(0x0199_8f00_0000_7000_8000_0000_0000_0002);

const LOCAL_MAPPINGS: [(&str, &str, bool); 7] = [
    ("email", "emails", true),
    ("firstName", "firstName", false),
    ("id", "id", false),
    ("lastName", "lastName", false),
    ("phone", "phone", false),
    ("tags", "tags", true),
    ("username", "username", false),
];
const SERVICE_MAPPINGS: [(&str, &str, bool); 4] =
    [("id", "id", false), ("labels", "labels", false), ("tags", "tags", true), ("username", "username", false)];

/// Which attribute of an account becomes which claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimMapping {
    /// The attribute of the account.
    #[schemars(example = &"email")]
    pub attribute_name: String,
    /// The claim that it becomes.
    #[schemars(example = &"emails")]
    pub claim_name: String,
    /// Whether the claim is a list even of one value.
    pub list: bool,
    /// Whether clients are to keep the claim encrypted.
    pub encrypt: bool,
}

/// A claim mapping as a client sends it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimMappingInput {
    /// The attribute of the account.
    #[schemars(required, length(min = 1, max = 255), regex(pattern = LINE_PATTERN), example = &"email")]
    pub attribute_name: Option<String>,
    /// The claim that it becomes.
    #[schemars(required, length(min = 1, max = 255), regex(pattern = LINE_PATTERN), example = &"emails")]
    pub claim_name: Option<String>,
    /// Whether the claim is a list even of one value.
    pub list: Option<bool>,
    /// Whether clients are to keep the claim encrypted.
    pub encrypt: Option<bool>,
}

/// What both providers have and the directory itself uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Common {
    pub(crate) notes: String,
    pub(crate) tags: Vec<String>,
    pub(crate) user_lockout_threshold: i64,
    pub(crate) user_lockout_duration_minutes: i64,
    pub(crate) min_password_length: i64,
}

/// What is stored and given back, as one piece of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Which attributes of an account become which claims.
    pub claim_mappings: Vec<ClaimMapping>,
    /// Scripts that add claims, by id.
    pub user_scripts: Vec<String>,
    /// A pool of IPv4 addresses. Portreeve keeps the value and assigns no addresses.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ip_pool_v4: Option<Uuid>,
    /// A pool of IPv6 addresses. Portreeve keeps the value and assigns no addresses.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ip_pool_v6: Option<Uuid>,
    /// Name servers for clients. Portreeve keeps the value.
    pub dns_servers: Vec<String>,
    /// Search domains for clients. Portreeve keeps the value.
    pub dns_search_domains: Vec<String>,
    /// Devices that one account may use.
    #[schemars(range(min = 1))]
    pub device_limit_per_user: i64,
    /// What only a provider of people has.
    #[serde(flatten, skip_serializing_if = "Option::is_none", default)]
    pub people: Option<PeopleSettings>,
}

/// What only a provider of people has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeopleSettings {
    /// Whether administrators may log in with it.
    pub admin_provider: bool,
    /// Minutes without activity after which a client logs out; 0 for never. Portreeve keeps the value.
    #[schemars(range(min = 0))]
    pub inactivity_timeout_minutes: i64,
    /// Whether network traffic counts as activity. Portreeve keeps the value.
    pub network_inactivity_timeout_enabled: bool,
    /// Whether clients block local name servers. Portreeve keeps the value.
    pub block_local_dns_requests: bool,
    /// Second factor when a device is first used. Portreeve keeps the value.
    #[serde(rename = "onBoarding2FA", skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub on_boarding_2fa: Option<serde_json::Value>,
    /// Claims that clients collect when asked. Portreeve keeps the value.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pub on_demand_claim_mappings: Vec<serde_json::Value>,
}

/// A provider as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provider {
    pub(crate) id: Uuid,
    pub(crate) kind: AccountKind,
    pub(crate) name: String,
    pub(crate) common: Common,
    pub(crate) settings: Settings,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) version: i64,
}

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

/// A provider as a client sends it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityProviderInput {
    /// Must be the one in the path.
    #[schemars(extend("format" = "uuid"))]
    pub id: Option<String>,
    /// A built-in provider keeps its name.
    #[schemars(required, example = &"local")]
    pub name: Option<String>,
    /// A built-in provider keeps its type.
    #[serde(rename = "type")]
    #[schemars(example = &"LocalDatabase")]
    pub provider_type: Option<String>,
    /// Whatever should be remembered about it.
    #[schemars(length(max = 4096), regex(pattern = TEXT_PATTERN))]
    pub notes: Option<String>,
    /// Words by which objects are grouped.
    #[schemars(length(max = 200), extend("items" = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LINE_PATTERN}))]
    pub tags: Option<Vec<String>>,
    /// Wrong passwords in a row that lock an account; 5 if left out.
    #[schemars(with = "Option<i64>", range(min = 1, max = 100))]
    pub user_lockout_threshold: Option<serde_json::Number>,
    /// Minutes that a lock lasts; 1 if left out.
    #[schemars(with = "Option<i64>", range(min = 1, max = 525_600))]
    pub user_lockout_duration_minutes: Option<serde_json::Number>,
    /// Characters that a new password must have; 8 if left out.
    #[schemars(with = "Option<i64>", range(min = 0, max = 1024))]
    pub min_password_length: Option<serde_json::Number>,
    /// Devices that one account may use; 100 if left out.
    #[schemars(with = "Option<i64>", range(min = 1, max = 1_000_000))]
    pub device_limit_per_user: Option<serde_json::Number>,
    /// Which attributes of an account become which claims.
    #[schemars(length(max = 200))]
    pub claim_mappings: Option<Vec<ClaimMappingInput>>,
    /// Scripts that add claims, by id.
    #[schemars(length(max = 200), extend("items" = {"type": "string", "format": "uuid"}))]
    pub user_scripts: Option<Vec<String>>,
    /// A pool of IPv4 addresses. Portreeve keeps the value and assigns no addresses.
    #[schemars(extend("format" = "uuid"))]
    pub ip_pool_v4: Option<String>,
    /// A pool of IPv6 addresses. Portreeve keeps the value and assigns no addresses.
    #[schemars(extend("format" = "uuid"))]
    pub ip_pool_v6: Option<String>,
    /// Name servers for clients. Portreeve keeps the value.
    #[schemars(length(max = 200), extend("items" = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": LINE_PATTERN}))]
    pub dns_servers: Option<Vec<String>>,
    /// Search domains for clients. Portreeve keeps the value.
    #[schemars(length(max = 200), extend("items" = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": LINE_PATTERN}))]
    pub dns_search_domains: Option<Vec<String>>,
    /// Whether administrators may log in with it. For people only.
    pub admin_provider: Option<bool>,
    /// Minutes without activity after which a client logs out; 0 for never. For people only.
    #[schemars(with = "Option<i64>", range(min = 0, max = 525_600))]
    pub inactivity_timeout_minutes: Option<serde_json::Number>,
    /// Whether network traffic counts as activity. For people only.
    pub network_inactivity_timeout_enabled: Option<bool>,
    /// Whether clients block local name servers. For people only.
    pub block_local_dns_requests: Option<bool>,
    /// Second factor when a device is first used. For people only.
    #[serde(rename = "onBoarding2FA")]
    pub on_boarding_2fa: Option<serde_json::Map<String, serde_json::Value>>,
    /// Claims that clients collect when asked. For people only.
    #[schemars(length(max = 200))]
    pub on_demand_claim_mappings: Option<Vec<serde_json::Map<String, serde_json::Value>>>,
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

impl IdentityProviderInput {
    fn check(self, old: &Provider, faults: &mut Faults) -> (Common, Settings) {
        faults.same_id(self.id, old.id);
        check_fixed(self.name, self.provider_type, old, faults);
        let mut integer = |field: &str, number, range, default| faults.integer(field, number, range).unwrap_or(default);
        let user_lockout_threshold = integer("userLockoutThreshold", self.user_lockout_threshold, 1..=100, 5);
        let user_lockout_duration_minutes =
            integer("userLockoutDurationMinutes", self.user_lockout_duration_minutes, 1..=525_600, 1);
        let min_password_length = integer("minPasswordLength", self.min_password_length, 0..=1_024, 8);
        let device_limit_per_user = integer("deviceLimitPerUser", self.device_limit_per_user, 1..=1_000_000, 100);
        let inactivity = integer("inactivityTimeoutMinutes", self.inactivity_timeout_minutes, 0..=525_600, 0);
        let people = (old.kind == AccountKind::Local).then(|| PeopleSettings {
            admin_provider: self.admin_provider.unwrap_or(true),
            inactivity_timeout_minutes: inactivity,
            network_inactivity_timeout_enabled: self.network_inactivity_timeout_enabled.unwrap_or(false),
            block_local_dns_requests: self.block_local_dns_requests.unwrap_or(false),
            on_boarding_2fa: self.on_boarding_2fa.map(Into::into),
            on_demand_claim_mappings: self.on_demand_claim_mappings.into_iter().flatten().map(Into::into).collect(),
        });
        let common = Common {
            notes: faults.notes(self.notes),
            tags: faults.tags(self.tags),
            user_lockout_threshold,
            user_lockout_duration_minutes,
            min_password_length,
        };
        let settings = Settings {
            claim_mappings: check_mappings(self.claim_mappings, old.kind, faults),
            user_scripts: check_items("userScripts", self.user_scripts, faults),
            ip_pool_v4: faults.id("ipPoolV4", self.ip_pool_v4),
            ip_pool_v6: faults.id("ipPoolV6", self.ip_pool_v6),
            dns_servers: check_items("dnsServers", self.dns_servers, faults),
            dns_search_domains: check_items("dnsSearchDomains", self.dns_search_domains, faults),
            device_limit_per_user,
            people,
        };
        (common, settings)
    }
}

fn check_fixed(name: Option<String>, provider_type_given: Option<String>, old: &Provider, faults: &mut Faults) {
    match name {
        None => faults.missing("name"),
        Some(name) if name != old.name => faults.add("name", format!("must be {}: it is built in", old.name)),
        Some(_) => {}
    }
    let own = format!("{:?}", provider_type(old.kind));
    if provider_type_given.is_some_and(|given| given != own) {
        faults.add("type", format!("must be {own}: it is built in"));
    }
}

fn check_items(field: &str, items: Option<Vec<String>>, faults: &mut Faults) -> Vec<String> {
    let items = items.unwrap_or_default();
    if items.len() > 200 {
        faults.add(field, "may have at most 200 entries");
        return Vec::new();
    }
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| {
            let path = format!("{field}[{index}]");
            if field == "userScripts" && parse_uuid(&item).is_none() {
                faults.add(&path, "must be the UUID of a script");
            }
            faults.required(&path, Some(item))
        })
        .collect()
}

fn check_mappings(
    mappings: Option<Vec<ClaimMappingInput>>,
    kind: AccountKind,
    faults: &mut Faults,
) -> Vec<ClaimMapping> {
    let Some(mappings) = mappings else { return default_mappings(kind) };
    if mappings.len() > 200 {
        faults.add("claimMappings", "may have at most 200 entries");
        return Vec::new();
    }
    let checked = mappings.into_iter().enumerate().map(|(index, mapping)| ClaimMapping {
        attribute_name: faults.required(&format!("claimMappings[{index}].attributeName"), mapping.attribute_name),
        claim_name: faults.required(&format!("claimMappings[{index}].claimName"), mapping.claim_name),
        list: mapping.list.unwrap_or(false),
        encrypt: mapping.encrypt.unwrap_or(false),
    });
    checked.collect()
}

fn default_mappings(kind: AccountKind) -> Vec<ClaimMapping> {
    let seed: &[(&str, &str, bool)] = match kind {
        AccountKind::Local => &LOCAL_MAPPINGS,
        AccountKind::Service => &SERVICE_MAPPINGS,
    };
    let mapping = |&(attribute, claim, list): &(&str, &str, bool)| ClaimMapping {
        attribute_name: attribute.into(),
        claim_name: claim.into(),
        list,
        encrypt: false,
    };
    seed.iter().map(mapping).collect()
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
            store::identity_providers::insert_tag(tx, &id, "builtin").await?;
        }
    }
    Ok(())
}

static TABLE: list::Table = list::Table {
    name: "identity_providers",
    kind: None,
    columns: store::identity_providers::COLUMNS,
    fields: &[
        Field::text("name", "name_key"),
        Field::of("id", "id", Values::Id),
        Field::text("notes", "split_part(search, '\u{1}', 2)"),
        Field::of("created", "created", Values::Time),
        Field::of("updated", "updated", Values::Time),
        Field::TAGS,
    ],
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

/// Replaces the settings of an Identity Provider. `if_match` is the version that it must still have.
pub async fn replace(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    if_match: Option<i64>,
    input: IdentityProviderInput,
) -> Result<Versioned<IdentityProvider>> {
    caller.authorize(PrivilegeType::Edit, Target::IdentityProvider)?;
    let old = find(directory, id).await?;
    let mut faults = Faults::default();
    let (common, settings) = input.check(&old, &mut faults);
    faults.check()?;
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (id, if_match, common, settings, caller.clone(), audit_id);
    directory
        .store
        .write(context, |(id, if_match, common, settings, caller, audit_id), tx| {
            Box::pin(async move {
                let before = store::identity_providers::hold(tx, id).await?.ok_or_else(|| not_found(*id))?;
                if if_match.is_some_and(|version| version != before.version - 1) {
                    return Err(Error::PreconditionFailed);
                }
                let mut after = before.clone();
                (after.common, after.settings, after.updated) = (common.clone(), settings.clone(), tx.now());
                store::identity_providers::update(tx, &after).await?;
                store::identity_providers::delete_tags(tx, id).await?;
                for tag in &after.common.tags {
                    store::identity_providers::insert_tag(tx, id, tag).await?;
                }
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
