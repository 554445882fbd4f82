//! What a client sends of an Identity Provider, and what is wrong with it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::provider_type;
use crate::{
    entity::{Faults, LINE_PATTERN, TEXT_PATTERN},
    kind::AccountKind,
    store::identity_providers::{ClaimMapping, Common, PeopleSettings, Provider, Settings},
};

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
    /// Minutes without activity after which a client logs out; 0 for never. A session of the console ends then, and after
    /// 30 minutes if it is 0. For people only.
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

impl IdentityProviderInput {
    /// The settings that are asked for; what is wrong with them goes to `faults`.
    pub(super) fn check(self, old: &Provider, faults: &mut Faults) -> (Common, Settings) {
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
            // Whether they are there is asked where the store is at hand.
            user_scripts: self.user_scripts.unwrap_or_default(),
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
