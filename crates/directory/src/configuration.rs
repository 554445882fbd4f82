//! What decides what accounts may do, as of one version: roles, policies, scripts, mappings and settings. Each node keeps
//! the newest in memory; the version comes with every check of a token, so that nobody works with an older one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use serde::Deserialize;
use uuid::Uuid;

use crate::{
    Directory,
    error::{Failure, Result},
    javascript::{Source, Sources},
    kind::{AccountKind, ObjectKind},
    privileges::{Authority, Privilege},
    store::{
        self, Tx, configuration::GlobalSettings, identity_providers::Provider, objects::Object, sessions::Standing,
    },
};

/// What a policy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, Deserialize, schemars::JsonSchema)]
#[expect(missing_docs, reason = "the words are those of the wire")]
pub enum PolicyType {
    Access,
    Device,
    Dns,
    Admin,
    Mixed,
    Stop,
}

impl std::fmt::Display for PolicyType {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, out)
    }
}

/// A policy as far as it decides anything.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) policy_type: PolicyType,
    pub(crate) disabled: bool,
    pub(crate) expression: String,
    /// Those that there are.
    pub(crate) roles: Vec<Uuid>,
}

impl Policy {
    /// Whether it refuses whom it matches.
    pub(crate) fn stops(&self) -> bool {
        !self.disabled && self.policy_type == PolicyType::Stop
    }

    /// Whether it gives its roles to whom it matches.
    pub(crate) fn gives(&self) -> bool {
        !self.disabled && matches!(self.policy_type, PolicyType::Admin | PolicyType::Mixed)
    }
}

/// A role.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) authority: Authority,
}

/// What is stored.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) objects: Vec<Object>,
    pub(crate) providers: Vec<Provider>,
    pub(crate) settings: GlobalSettings,
}

/// All of it, as of one version.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// Below 0 for one that is only thought of.
    pub(crate) version: i64,
    pub(crate) rows: Rows,
    pub(crate) roles: BTreeMap<Uuid, Role>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) sources: Arc<Sources>,
    /// What was found before for the same policies.
    authorities: Mutex<HashMap<Vec<Uuid>, Arc<Authority>>>,
    /// What was found of accounts at their logins, where it is the same at the next.
    standings: Mutex<HashMap<Uuid, Standing>>,
}

/// Sets of policies for which what they come to is remembered.
const REMEMBERED: usize = 10_000;
/// Accounts of which it is remembered what they fall under.
const REMEMBERED_ACCOUNTS: usize = 65_536;

#[derive(Deserialize)]
struct RoleBody {
    privileges: Vec<Privilege>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyBody {
    #[serde(rename = "type")]
    policy_type: PolicyType,
    expression: String,
    administrative_roles: Vec<Uuid>,
    disabled: bool,
}

/// The part of an object that its kind has.
fn body<T: serde::de::DeserializeOwned>(object: &Object) -> Result<T, Failure> {
    let value = serde_json::Value::Object(object.body.clone());
    serde_json::from_value(value).map_err(|wrong| Failure::Broken(format!("{} {}: {wrong}", object.name, object.id)))
}

/// What a role gives.
pub(crate) fn privileges_of(role: &Object) -> Result<Vec<Privilege>, Failure> {
    Ok(body::<RoleBody>(role)?.privileges)
}

/// What of a policy decides anything.
pub(crate) fn policy_of(object: &Object) -> Result<Policy, Failure> {
    let PolicyBody { policy_type, expression, administrative_roles, disabled } = body(object)?;
    let (id, name) = (object.id, object.name.clone());
    Ok(Policy { id, name, policy_type, disabled, expression, roles: administrative_roles })
}

fn source(object: &Object) -> Source {
    let expression = object.body.get("expression").and_then(|text| text.as_str()).unwrap_or_default();
    Source { id: object.id, name: object.name.clone(), expression: expression.to_owned() }
}

impl Configuration {
    pub(crate) fn build(version: i64, rows: Rows) -> Result<Self, Failure> {
        let of = |kind| rows.objects.iter().filter(move |object| object.kind == kind);
        let mut roles = BTreeMap::new();
        for object in of(ObjectKind::Role) {
            let authority = Authority::new(privileges_of(object)?);
            roles.insert(object.id, Role { name: object.name.clone(), authority });
        }
        let mut policies = of(ObjectKind::Policy).map(policy_of).collect::<Result<Vec<_>, _>>()?;
        for policy in &mut policies {
            policy.roles.retain(|role| roles.contains_key(role));
        }
        let run = |policy: &&Policy| policy.stops() || policy.gives();
        let as_source = |policy: &Policy| Source {
            id: policy.id,
            name: policy.name.clone(),
            expression: policy.expression.clone(),
        };
        let sources = Arc::new(Sources {
            version,
            criteria: of(ObjectKind::CriteriaScript).map(source).collect(),
            user_scripts: of(ObjectKind::UserScript).map(source).collect(),
            policies: policies.iter().filter(run).map(as_source).collect(),
        });
        Ok(Self { version, rows, roles, policies, sources, authorities: Mutex::default(), standings: Mutex::default() })
    }

    /// The provider of a kind of account.
    pub(crate) fn provider(&self, kind: AccountKind) -> Result<&Provider, Failure> {
        let found = self.rows.providers.iter().find(|provider| provider.kind == kind);
        found.ok_or_else(|| Failure::Broken(format!("the provider {} is missing", kind.as_str())))
    }

    pub(crate) fn policy(&self, id: &Uuid) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.id == *id)
    }

    /// What the policies give together.
    pub(crate) fn authority(&self, policies: &[Uuid]) -> Arc<Authority> {
        let mut known = self.authorities.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(authority) = known.get(policies) {
            return authority.clone();
        }
        let giving = policies.iter().filter_map(|id| self.policy(id)).filter(|policy| policy.gives());
        let authority = Arc::new(self.united(giving.flat_map(|policy| &policy.roles)));
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(policies.to_vec(), authority.clone());
        authority
    }

    /// What an account falls under, if that was found with this configuration.
    pub(crate) fn standing(&self, account: &Uuid) -> Option<Standing> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned()
    }

    /// Keeps what an account falls under, whatever it logs in from and when.
    pub(crate) fn keep_standing(&self, account: Uuid, standing: &Standing) {
        let mut known = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_ACCOUNTS && !known.contains_key(&account) {
            known.clear();
        }
        known.insert(account, standing.clone());
    }

    /// What roles give together.
    pub(crate) fn united<'a>(&self, roles: impl IntoIterator<Item = &'a Uuid>) -> Authority {
        let roles = roles.into_iter().filter_map(|id| self.roles.get(id));
        Authority::new(roles.flat_map(|role| role.authority.privileges().iter().cloned()))
    }

    /// What all roles together would give.
    pub(crate) fn all_roles(&self) -> Authority {
        self.united(self.roles.keys())
    }
}

/// The newest configuration that this node has read.
#[derive(Default)]
pub(crate) struct Cache(RwLock<Option<Arc<Configuration>>>);

impl Cache {
    /// Whichever that is, of whatever version.
    pub(crate) fn get(&self) -> Option<Arc<Configuration>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, read: &Arc<Configuration>) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|kept| kept.version < read.version) {
            *kept = Some(read.clone());
        }
    }
}

impl Directory {
    /// The configuration of that version, or a newer one if it has changed since.
    pub(crate) async fn configuration_at(&self, version: i64) -> Result<Arc<Configuration>> {
        if let Some(kept) = self.configuration.get().filter(|kept| kept.version >= version) {
            return Ok(kept);
        }
        loop {
            let (before, rows, after) = self.store.read((), |(), tx| Box::pin(async { Ok(read(tx).await?) })).await?;
            // On PostgreSQL the statements of a read are not of one moment.
            if before == after {
                let read = Arc::new(Configuration::build(before, rows)?);
                self.configuration.put(&read);
                return Ok(read);
            }
        }
    }

    /// The configuration as it is at this moment.
    pub(crate) async fn configuration_now(&self) -> Result<Arc<Configuration>> {
        let version =
            self.store.read((), |(), tx| Box::pin(async move { Ok(store::configuration::version(tx).await?) })).await?;
        self.configuration_at(version).await
    }
}

async fn read(tx: &mut Tx) -> Result<(i64, Rows, i64), Failure> {
    let before = store::configuration::version(tx).await?;
    let mut objects = Vec::new();
    for kind in [ObjectKind::Role, ObjectKind::Policy, ObjectKind::CriteriaScript, ObjectKind::UserScript] {
        objects.extend(store::objects::all(tx, kind).await?);
    }
    let providers = store::identity_providers::all(tx).await?;
    let settings = store::configuration::settings(tx).await?;
    let after = store::configuration::version(tx).await?;
    Ok((before, Rows { objects, providers, settings }, after))
}
