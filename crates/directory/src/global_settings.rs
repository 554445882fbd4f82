//! Global Settings: what holds for the whole installation. There is one of them, and it is always there.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use uuid::Uuid;

use crate::{
    Directory, audit,
    caller::{Caller, PrivilegeType, Target},
    entity::{Faults, LINE_PATTERN, TEXT_PATTERN},
    error::Result,
    store::{self, Tx},
};

pub use crate::store::configuration::GlobalSettings;

/// Settings as a client sends them. Those that are left out return to their defaults.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GlobalSettingsInput {
    /// Names this installation among others. Left out or empty, the present one stays.
    #[schemars(length(max = 255), regex(pattern = LINE_PATTERN))]
    pub collective_id: Option<String>,
    /// Minutes that a client's claims are good for; 1440 if left out. Portreeve keeps the value.
    #[schemars(with = "Option<i64>", range(min = 1, max = 525_600))]
    pub claims_token_expiration: Option<Number>,
    /// Minutes that a session lasts which is opened from now on; 720 if left out.
    #[schemars(with = "Option<i64>", range(min = 1, max = 525_600))]
    pub administration_token_expiration: Option<Number>,
    /// What is to be shown before a login.
    #[schemars(length(max = 4096), regex(pattern = TEXT_PATTERN))]
    pub login_banner_message: Option<String>,
    /// What is to be shown after a login.
    #[schemars(length(max = 4096), regex(pattern = TEXT_PATTERN))]
    pub message_of_the_day: Option<String>,
    /// Whether data on places is brought up to date. Portreeve keeps the value.
    pub geo_ip_updates: Option<bool>,
    /// How data on places is brought up to date. Portreeve keeps the value.
    pub geo_ip_settings: Option<Map<String, Value>>,
    /// Settings of other products, which are kept as they come.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

const TARGET: Target = Target::GlobalSetting;
const MINUTES: std::ops::RangeInclusive<i64> = 1..=525_600;

/// Secrets of other products, which they never answer with. Nothing here uses them, so nothing of them is kept.
const SECRETS: [&str; 1] = ["backupPassphrase"];

impl GlobalSettingsInput {
    /// With an empty `collective_id` if the present one is to stay.
    fn check(mut self) -> Result<GlobalSettings> {
        let mut faults = Faults::default();
        let default = GlobalSettings::default();
        let mut minutes = |field, number, default| faults.integer(field, number, MINUTES).unwrap_or(default);
        let claims_token_expiration =
            minutes("claimsTokenExpiration", self.claims_token_expiration, default.claims_token_expiration);
        let administration_token_expiration = minutes(
            "administrationTokenExpiration",
            self.administration_token_expiration,
            default.administration_token_expiration,
        );
        self.other.retain(|field, _| !SECRETS.contains(&field.as_str()));
        let settings = GlobalSettings {
            collective_id: faults.optional("collectiveId", self.collective_id),
            claims_token_expiration,
            administration_token_expiration,
            login_banner_message: faults.lines("loginBannerMessage", self.login_banner_message),
            message_of_the_day: faults.lines("messageOfTheDay", self.message_of_the_day),
            geo_ip_updates: self.geo_ip_updates.unwrap_or(default.geo_ip_updates),
            geo_ip_settings: self.geo_ip_settings.unwrap_or(default.geo_ip_settings),
            other: self.other,
        };
        faults.check()?;
        Ok(settings)
    }
}

/// The settings.
pub async fn get(directory: &Directory, caller: &Caller) -> Result<GlobalSettings> {
    caller.authorize_all(PrivilegeType::View, TARGET)?;
    directory.store.read((), |(), tx| Box::pin(async move { Ok(store::configuration::settings(tx).await?) })).await
}

/// Replaces the settings.
pub async fn replace(directory: &Directory, caller: &Caller, input: GlobalSettingsInput) -> Result<()> {
    caller.authorize_all(PrivilegeType::Edit, TARGET)?;
    set(directory, caller, "edit", input.check()?).await
}

/// Brings the settings back to their defaults. The collective's id stays: others may know it.
pub async fn reset(directory: &Directory, caller: &Caller) -> Result<()> {
    caller.authorize_all(PrivilegeType::Delete, TARGET)?;
    set(directory, caller, "delete", GlobalSettings::default()).await
}

async fn set(directory: &Directory, caller: &Caller, act: &'static str, settings: GlobalSettings) -> Result<()> {
    let audit_id = directory.random.uuid(directory.store.now());
    directory
        .store
        .write((caller.clone(), act, settings, audit_id), |(caller, act, settings, audit_id), tx| {
            Box::pin(async move {
                let before = store::configuration::hold_settings(tx).await?;
                let mut after = settings.clone();
                if after.collective_id.is_empty() {
                    after.collective_id.clone_from(&before.collective_id);
                }
                store::configuration::set_settings(tx, &after).await?;
                record(tx, audit_id, caller, act, &audit::changes(Some(&before), Some(&after), false)).await
            })
        })
        .await
}

async fn record(tx: &mut Tx, audit_id: &Uuid, caller: &Caller, act: &str, changes: &str) -> Result<()> {
    audit::write(tx, audit_id, &audit::done(caller, act, ("GlobalSetting", None, ""), changes)).await
}
