//! Identity Providers: the statements.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Row, Tx, json};
use crate::{
    entity::{fold, search_text},
    error::{Failure, Result},
    kind::AccountKind,
    time::Timestamp,
};

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
    /// Minutes without activity after which a client logs out; 0 for never. A session of the console ends then, and after
    /// 30 minutes if it is 0.
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

/// What `from_row` reads, in its order.
pub(crate) const COLUMNS: &str = "id, kind, name, notes, tags, lockout_threshold, lockout_minutes, min_password_length, \
     settings, created, updated, version";

pub(crate) fn from_row(row: &Row<'_>) -> Result<Provider, Failure> {
    Ok(Provider {
        id: row.uuid(0)?,
        kind: AccountKind::from_text(&row.text(1)?)?,
        name: row.text(2)?,
        common: Common {
            notes: row.text(3)?,
            tags: row.json(4)?,
            user_lockout_threshold: row.int(5)?,
            user_lockout_duration_minutes: row.int(6)?,
            min_password_length: row.int(7)?,
        },
        settings: row.json(8)?,
        created: row.time(9)?,
        updated: row.time(10)?,
        version: row.int(11)?,
    })
}

fn search(provider: &Provider) -> String {
    let tags = provider.common.tags.iter().map(String::as_str).collect();
    search_text(&[&provider.name, &provider.common.notes], &[tags])
}

/// Does nothing if the provider is already there.
pub(crate) async fn insert(tx: &mut Tx, provider: &Provider) -> Result<bool, Failure> {
    let sql = "INSERT INTO identity_providers (id, kind, name, name_key, notes, tags, search, lockout_threshold,
           lockout_minutes, min_password_length, settings, created, updated, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $12) ON CONFLICT DO NOTHING";
    let (now, name_key) = (tx.now(), fold(&provider.name));
    let common = &provider.common;
    let (tags, settings, search) = (json(&common.tags)?, json(&provider.settings)?, search(provider));
    let values = [
        (&provider.id).into(),
        provider.kind.as_str().into(),
        (&provider.name).into(),
        (&name_key).into(),
        (&common.notes).into(),
        (&tags).into(),
        (&search).into(),
        common.user_lockout_threshold.into(),
        common.user_lockout_duration_minutes.into(),
        common.min_password_length.into(),
        (&settings).into(),
        now.into(),
    ];
    Ok(tx.execute(sql, &values).await? == 1)
}

/// Raises the version, which holds the row until the transaction ends, and gives the provider.
pub(crate) async fn hold(tx: &mut Tx, id: &Uuid) -> Result<Option<Provider>, Failure> {
    let sql = "UPDATE identity_providers SET version = version + 1 WHERE id = $1
         RETURNING id, kind, name, notes, tags, lockout_threshold, lockout_minutes, min_password_length, settings,
           created, updated, version";
    tx.first(sql, &[id.into()], from_row).await
}

/// Writes what can change. The version was raised when the provider was held.
pub(crate) async fn update(tx: &mut Tx, provider: &Provider) -> Result<(), Failure> {
    let sql = "UPDATE identity_providers SET notes = $1, tags = $2, search = $3, lockout_threshold = $4,
           lockout_minutes = $5, min_password_length = $6, settings = $7, updated = $8 WHERE id = $9";
    let common = &provider.common;
    let (tags, settings, search) = (json(&common.tags)?, json(&provider.settings)?, search(provider));
    let values = [
        (&common.notes).into(),
        (&tags).into(),
        (&search).into(),
        common.user_lockout_threshold.into(),
        common.user_lockout_duration_minutes.into(),
        common.min_password_length.into(),
        (&settings).into(),
        provider.updated.into(),
        (&provider.id).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub(crate) async fn find(tx: &mut Tx, id: &Uuid) -> Result<Option<Provider>, Failure> {
    let sql = "SELECT id, kind, name, notes, tags, lockout_threshold, lockout_minutes, min_password_length, settings,
           created, updated, version FROM identity_providers WHERE id = $1";
    tx.first(sql, &[id.into()], from_row).await
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Provider>, Failure> {
    let sql = "SELECT id, kind, name, notes, tags, lockout_threshold, lockout_minutes, min_password_length, settings,
           created, updated, version FROM identity_providers ORDER BY name_key";
    tx.query(sql, &[], from_row).await
}

pub(crate) async fn min_password_length(tx: &mut Tx, kind: AccountKind) -> Result<i64, Failure> {
    let sql = "SELECT min_password_length FROM identity_providers WHERE kind = $1";
    let found = tx.first(sql, &[kind.as_str().into()], |row| row.int(0)).await?;
    found.ok_or_else(|| Failure::Broken(format!("the provider {} is missing", kind.as_str())))
}
