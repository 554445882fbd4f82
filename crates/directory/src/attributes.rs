//! What providers know of accounts, and which claims their mappings make of it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Directory,
    caller::{Caller, Missing, PrivilegeType, Target, out_of_scope},
    claims,
    entity::{Faults, fold},
    error::{Error, Result},
    identity_providers,
    store::{self, list::Select, scope},
};

/// A claim that policies can ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimName {
    /// Its name.
    #[schemars(example = &"emails")]
    pub claim_name: String,
    /// What its value is: `string`, `array` or `object`.
    #[serde(rename = "type")]
    #[schemars(example = &"array")]
    pub claim_type: &'static str,
    /// Always true.
    pub available_for_policy: bool,
}

/// The claims that policies can ask for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimNames {
    /// Those of `claims.user` that mappings make. Scripts may add others.
    pub user: Vec<ClaimName>,
    /// Those of `claims.device`.
    pub device: Vec<ClaimName>,
    /// Those of `claims.system`.
    pub system: Vec<ClaimName>,
    /// Always empty.
    pub on_demand: [(); 0],
    /// Always empty.
    pub ztp_risk_rules: [(); 0],
}

fn claim(name: &str, claim_type: &'static str) -> ClaimName {
    ClaimName { claim_name: name.to_owned(), claim_type, available_for_policy: true }
}

/// The claims that the mappings of the providers that the caller may see make, and those that every login has.
pub async fn names(directory: &Directory, caller: &Caller) -> Result<ClaimNames> {
    let reach = caller.authorize(PrivilegeType::View, Target::IdentityProvider)?;
    let providers = directory
        .store
        .read(reach, |reach, tx| {
            Box::pin(async move {
                let mut seen = Vec::new();
                for provider in store::identity_providers::all(tx).await? {
                    if scope::includes(tx, &identity_providers::TABLE, &provider.id, reach).await? {
                        seen.push(provider);
                    }
                }
                Ok(seen)
            })
        })
        .await?;
    let mappings = providers.iter().flat_map(|provider| &provider.settings.claim_mappings);
    let user = mappings.map(|mapping| match mapping.attribute_name.as_str() {
        "tags" => claim(&mapping.claim_name, "array"),
        _ if mapping.list => claim(&mapping.claim_name, "array"),
        "labels" => claim(&mapping.claim_name, "object"),
        _ => claim(&mapping.claim_name, "string"),
    });
    let user: BTreeSet<ClaimName> = user.collect();
    Ok(ClaimNames {
        user: user.into_iter().collect(),
        device: vec![claim("id", "string")],
        system: ["loginTime", "providerName", "sourceAddress"].map(|name| claim(name, "string")).into(),
        on_demand: [],
        ztp_risk_rules: [],
    })
}

/// Whose attributes are wanted.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AttributesInput {
    /// The name of the account.
    #[schemars(required, example = &"bobby")]
    pub username: Option<String>,
}

/// What a provider knows of an account, and what its mappings make of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attributes {
    /// The attributes, each with its values.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub raw_attributes: Map<String, Value>,
    /// The claims that the mappings make of them.
    pub mapped_attributes: Map<String, Value>,
}

/// What policies are told of an account.
pub async fn of_account(
    directory: &Directory,
    caller: &Caller,
    provider: Uuid,
    input: AttributesInput,
) -> Result<Attributes> {
    let wanted = Missing(PrivilegeType::GetUserAttributes, Target::IdentityProvider);
    let reach = caller.authorize(wanted.0, wanted.1)?;
    let seen = caller.reach(PrivilegeType::View, Target::IdentityProvider).or(reach.clone());
    let mut faults = Faults::default();
    let username = faults.required("username", input.username);
    faults.check()?;
    directory
        .store
        .read((provider, seen, reach, username), move |(id, seen, reach, username), tx| {
            Box::pin(async move {
                let table = &identity_providers::TABLE;
                let select = Select::one(table, *id, seen.clone());
                let provider = select.read(tx, store::identity_providers::from_row).await?;
                let provider = provider.ok_or_else(|| identity_providers::not_found(*id))?;
                if !scope::includes(tx, table, id, reach).await? {
                    return Err(out_of_scope(wanted));
                }
                let no_account = || Error::NotFound(format!("there is no {} named {username}", provider.kind.noun()));
                let named = store::accounts::find_named(tx, provider.kind, &fold(username)).await?;
                let (account, _) = named.ok_or_else(no_account)?;
                let account = store::accounts::find(tx, provider.kind, &account).await?.ok_or_else(no_account)?;
                let mapped_attributes = claims::mapped(&account, &provider.settings.claim_mappings);
                Ok(Attributes { raw_attributes: claims::raw(&account), mapped_attributes })
            })
        })
        .await
}
