//! Claims: what policies are told of an account, made from its attributes by its provider's mappings.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    javascript::Claims,
    kind::AccountKind,
    store::{
        accounts::Account,
        identity_providers::{ClaimMapping, Provider},
    },
    time::Timestamp,
};

/// What is known of a login besides the account.
#[derive(Debug, Clone)]
pub(crate) struct Circumstances {
    pub(crate) device_id: Uuid,
    /// The address that it came from; empty for the command line.
    pub(crate) source: String,
    pub(crate) at: Timestamp,
}

/// The attributes of an account that mappings can name. One that is unset is null.
fn attributes(account: &Account) -> Vec<(&'static str, Value)> {
    let text = |text: &str| if text.is_empty() { Value::Null } else { Value::from(text) };
    let profile = &account.profile;
    let mut attributes = vec![
        ("id", Value::from(account.id.to_string())),
        ("username", Value::from(profile.name.as_str())),
        ("tags", json!(profile.tags)),
    ];
    match account.kind {
        AccountKind::Local => attributes.extend([
            ("firstName", text(&profile.first_name)),
            ("lastName", text(&profile.last_name)),
            ("email", text(&profile.email)),
            ("phone", text(&profile.phone)),
        ]),
        AccountKind::Service => attributes.push(("labels", json!(profile.labels))),
    }
    attributes
}

/// The attributes by name, each with its values, as texts.
pub(crate) fn raw(account: &Account) -> Map<String, Value> {
    let texts = |value: Value| match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        Value::Object(pairs) => pairs
            .into_iter()
            .map(|(key, value)| json!(format!("{key}={}", value.as_str().unwrap_or_default())))
            .collect(),
        one => vec![one],
    };
    attributes(account).into_iter().map(|(name, value)| (name.to_owned(), Value::from(texts(value)))).collect()
}

/// `claims.user` before any script has added to it. What is unset becomes no claim, or an empty list.
pub(crate) fn mapped(account: &Account, mappings: &[ClaimMapping]) -> Map<String, Value> {
    let attributes = attributes(account);
    let mut claims = Map::new();
    for mapping in mappings {
        let Some((_, value)) = attributes.iter().find(|(name, _)| *name == mapping.attribute_name) else { continue };
        let value = match (value, mapping.list) {
            (Value::Null, false) => continue,
            (Value::Null, true) => Value::Array(Vec::new()),
            (Value::Array(items), _) => Value::Array(items.clone()),
            (one, true) => json!([one]),
            (one, false) => one.clone(),
        };
        claims.insert(mapping.claim_name.clone(), value);
    }
    claims
}

/// Everything that scripts are told at a login.
pub(crate) fn claims(account: &Account, provider: &Provider, circumstances: Option<&Circumstances>) -> Claims {
    let known = |value: fn(&Circumstances) -> Value| circumstances.map_or(Value::Null, value);
    Claims {
        user: mapped(account, &provider.settings.claim_mappings),
        device: json!({ "id": known(|of| json!(of.device_id)) }),
        system: json!({
            "providerName": provider.name,
            "loginTime": known(|of| json!(of.at)),
            "sourceAddress": known(|of| json!(of.source)),
        }),
    }
}
