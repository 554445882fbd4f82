//! The version of what decides what accounts may do, and the settings beside it: the statements.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Tx;
use crate::error::{Failure, Result};

/// What holds for the whole installation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GlobalSettings {
    /// Names this installation among others.
    #[schemars(length(min = 1, max = 255))]
    pub collective_id: String,
    /// Minutes that a client's claims are good for. Portreeve keeps the value.
    pub claims_token_expiration: i64,
    /// Minutes that a session lasts.
    pub administration_token_expiration: i64,
    /// What is to be shown before a login.
    pub login_banner_message: String,
    /// What is to be shown after a login.
    pub message_of_the_day: String,
    /// Whether data on places is brought up to date. Portreeve keeps the value.
    pub geo_ip_updates: bool,
    /// How data on places is brought up to date. Portreeve keeps the value.
    pub geo_ip_settings: serde_json::Map<String, serde_json::Value>,
    /// Settings of other products, which are kept as they come.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl Default for GlobalSettings {
    fn default() -> Self {
        let updates = ("updates".to_owned(), serde_json::Value::from("Default"));
        Self {
            collective_id: String::new(),
            claims_token_expiration: 1_440,
            administration_token_expiration: 720,
            login_banner_message: String::new(),
            message_of_the_day: String::new(),
            geo_ip_updates: false,
            geo_ip_settings: [updates].into_iter().collect(),
            other: serde_json::Map::new(),
        }
    }
}

fn missing() -> Failure {
    Failure::Broken("the configuration is missing".into())
}

pub(crate) async fn version(tx: &mut Tx) -> Result<i64, Failure> {
    let found = tx.first("SELECT version FROM configuration WHERE id = 1", &[], |row| row.int(0)).await?;
    found.ok_or_else(missing)
}

/// Holds the configuration as it is until the transaction ends, if it is still of this version.
pub(crate) async fn hold(tx: &mut Tx, version: i64) -> Result<bool, Failure> {
    let sql = "UPDATE configuration SET version = version WHERE id = 1 AND version = $1";
    Ok(tx.execute(sql, &[version.into()]).await? == 1)
}

/// Says that it has changed: every session finds out anew what it may do.
pub(crate) async fn raise(tx: &mut Tx) -> Result<(), Failure> {
    tx.execute("UPDATE configuration SET version = version + 1 WHERE id = 1", &[]).await.map(drop)
}

/// The settings, as JSON.
pub(crate) async fn settings(tx: &mut Tx) -> Result<GlobalSettings, Failure> {
    let found = tx.first("SELECT settings FROM configuration WHERE id = 1", &[], |row| row.json(0)).await?;
    found.ok_or_else(missing)
}

/// The settings, held as they are until the transaction ends.
pub(crate) async fn hold_settings(tx: &mut Tx) -> Result<GlobalSettings, Failure> {
    let sql = "UPDATE configuration SET version = version WHERE id = 1 RETURNING settings";
    tx.first(sql, &[], |row| row.json(0)).await?.ok_or_else(missing)
}

pub(crate) async fn set_settings(tx: &mut Tx, settings: &GlobalSettings) -> Result<(), Failure> {
    let text = super::json(settings)?;
    let sql = "UPDATE configuration SET settings = $1, version = version + 1 WHERE id = 1";
    tx.execute(sql, &[(&text).into()]).await.map(drop)
}
