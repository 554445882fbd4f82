//! Policies: which roles an account has, said by a script over its claims.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    Directory,
    caller::{Caller, PrivilegeType, Target},
    configuration::{self, PolicyType},
    entity::{Faults, LINE_PATTERN, NAME_PATTERN, TEXT_PATTERN},
    error::{Failure, Result},
    kind::ObjectKind,
    list::{self, Listing, Table},
    objects::{self, Draft, View},
    privileges::Privilege,
    references, scripts,
    store::{
        self, Tx,
        objects::{Object, ScriptError},
        scope,
    },
    time::Timestamp,
    version::{Expected, Versioned},
};

/// Gives roles to the accounts that its expression matches, or refuses them.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Identifies the object.
    pub id: Uuid,
    /// The name of the policy.
    #[schemars(example = &"Help desk")]
    pub name: String,
    /// Whatever should be remembered about it.
    pub notes: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Words by which objects are grouped.
    pub tags: Vec<String>,
    /// `Admin` and `Mixed` give roles, `Stop` refuses logins; the others are kept for other products.
    #[serde(rename = "type")]
    pub policy_type: PolicyType,
    /// The body of a JavaScript function of `claims` that returns whether the policy matches.
    #[schemars(example = &"return claims.user.tags.indexOf(\"help-desk\") >= 0;")]
    pub expression: String,
    /// The roles that it gives, by id.
    pub administrative_roles: Vec<Uuid>,
    /// Whether it is left out of account.
    pub disabled: bool,
    /// What went wrong when the expression last ran; absent if nothing did since it was changed. It then matches nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_error: Option<ScriptError>,
    /// Fields of other products, which are kept as they come.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A policy as a client sends it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyInput {
    /// Chosen by the server if it is left out. On PUT it must be the one in the path.
    #[schemars(extend("format" = "uuid"))]
    pub id: Option<String>,
    /// The name of the policy. It is taken if another policy has it in any spelling that differs only in case.
    #[schemars(required, length(min = 1, max = 255), regex(pattern = NAME_PATTERN), example = &"Help desk")]
    pub name: Option<String>,
    /// Whatever should be remembered about it.
    #[schemars(length(max = 4096), regex(pattern = TEXT_PATTERN))]
    pub notes: Option<String>,
    /// Words by which objects are grouped.
    #[schemars(length(max = 200), extend("items" = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LINE_PATTERN}))]
    pub tags: Option<Vec<String>>,
    /// What it does; `Mixed` if it is left out.
    #[serde(rename = "type")]
    #[schemars(with = "Option<PolicyType>")]
    pub policy_type: Option<String>,
    /// The body of a JavaScript function of `claims` that returns whether the policy matches.
    #[schemars(required, length(min = 1, max = 65536), example = &"return claims.user.tags.indexOf(\"help-desk\") >= 0;")]
    pub expression: Option<String>,
    /// The roles that it gives, by id.
    #[schemars(length(max = 200), extend("items" = {"type": "string", "format": "uuid"}))]
    pub administrative_roles: Option<Vec<String>>,
    /// Whether it is left out of account.
    pub disabled: Option<bool>,
    /// Fields of other products, which are kept as they come.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Map<String, Value>,
}

/// Fields that the server fills in: what a client sends of them is ignored.
const READ_ONLY: [&str; 3] = ["created", "updated", "scriptError"];
/// Fields with a meaning of ours: the rest of a body is kept for others.
const OWN: [&str; 4] = ["type", "expression", "administrativeRoles", "disabled"];

impl View for Policy {
    const KIND: ObjectKind = ObjectKind::Policy;
    const TABLE: &'static Table = &objects::table(ObjectKind::Policy);

    fn from_object(object: Object) -> Result<Self, Failure> {
        let configuration::Policy { policy_type, expression, roles, disabled, .. } = configuration::policy_of(&object)?;
        let Object { id, name, notes, created, updated, tags, body, fault, .. } = object;
        Ok(Self {
            id,
            name,
            notes,
            created,
            updated,
            tags,
            policy_type,
            expression,
            administrative_roles: roles,
            disabled,
            script_error: fault,
            other: body.into_iter().filter(|(field, _)| !OWN.contains(&field.as_str())).collect(),
        })
    }
}

fn check_type(given: Option<String>, faults: &mut Faults) -> PolicyType {
    let Some(given) = given else { return PolicyType::Mixed };
    serde_json::from_value(Value::from(given)).unwrap_or_else(|_| {
        faults.add("type", "must be one of Access, Device, Dns, Admin, Mixed, Stop");
        PolicyType::Mixed
    })
}

impl PolicyInput {
    async fn check(mut self, directory: &Directory, own: Option<Uuid>) -> Result<Draft> {
        let mut faults = Faults::default();
        let mut draft = Draft::new(own, self.id, self.name, self.notes, self.tags, &mut faults);
        let policy_type = check_type(self.policy_type, &mut faults);
        let expression = scripts::check_expression(directory, self.expression, &mut faults).await?;
        let roles = self.administrative_roles.unwrap_or_default();
        let roles =
            references::check_ids(directory, "administrativeRoles", ObjectKind::Role, roles, &mut faults).await?;
        faults.check()?;
        self.other.retain(|field, _| !READ_ONLY.contains(&field.as_str()));
        draft.body = self.other;
        draft.body.insert("type".into(), json!(policy_type));
        draft.body.insert("expression".into(), json!(expression));
        draft.body.insert("administrativeRoles".into(), json!(roles));
        draft.body.insert("disabled".into(), json!(self.disabled.unwrap_or(false)));
        Ok(draft)
    }
}

/// Policies that match.
pub async fn list(directory: &Directory, caller: &Caller, request: list::Request) -> Result<Listing<Policy>> {
    objects::list(directory, caller, request).await
}

/// One policy.
pub async fn get(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Versioned<Policy>> {
    objects::get(directory, caller, id).await
}

/// The policies that give a role, by name, as far as the caller may see them.
pub async fn giving(directory: &Directory, caller: &Caller, role: Uuid) -> Result<Vec<Policy>> {
    let reach = caller.authorize(PrivilegeType::View, Target::Policy)?;
    directory
        .store
        .read((reach, role), |(reach, role), tx| {
            Box::pin(async move {
                let mut giving = Vec::new();
                for object in store::objects::naming(tx, ObjectKind::Policy, &role.to_string()).await? {
                    let policy = Policy::from_object(object)?;
                    // Other fields may name an id too.
                    if policy.administrative_roles.contains(role)
                        && scope::includes(tx, Policy::TABLE, &policy.id, reach).await?
                    {
                        giving.push(policy);
                    }
                }
                Ok(giving)
            })
        })
        .await
}

/// Makes a policy. Its maker must hold all that its roles give.
pub async fn create(directory: &Directory, caller: &Caller, input: PolicyInput) -> Result<Versioned<Policy>> {
    let draft = input.check(directory, None).await?;
    objects::create(directory, caller, draft).await
}

/// Replaces a policy. `expected` is the version that it must still have.
pub async fn replace(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    expected: Expected,
    input: PolicyInput,
) -> Result<Versioned<Policy>> {
    objects::for_edit::<Policy>(directory, caller, id).await?;
    let draft = input.check(directory, Some(id)).await?;
    objects::replace(directory, caller, id, expected, draft).await
}

/// Deletes a policy.
pub async fn delete(directory: &Directory, caller: &Caller, id: Uuid, expected: Expected) -> Result<()> {
    objects::delete::<Policy>(directory, caller, id, expected).await
}

/// The same on every installation, so that nodes that start together agree.
const ROLE_ID: Uuid = Uuid::from_u128(0x0199_8f00_0000_7000_8000_0000_0000_0011);
const POLICY_ID: Uuid = Uuid::from_u128(0x0199_8f00_0000_7000_8000_0000_0000_0012);

/// Whom the first policy gives everything.
const FIRST_ADMINISTRATOR: &str = "// The account that was made when this directory was first started.
return claims.user.username === \"admin\" && claims.system.providerName === \"local\";";

/// Adds the role that may do everything, and the policy that gives it to the first administrator.
pub(crate) async fn install(tx: &mut Tx) -> Result<()> {
    let now = tx.now();
    let object = |id, kind, name: &str, body: Value| Object {
        id,
        kind,
        name: name.into(),
        notes: String::new(),
        tags: vec!["builtin".into()],
        body: body.as_object().cloned().unwrap_or_default(),
        fault: None,
        created: now,
        updated: now,
        version: now.micros(),
    };
    let role = json!({ "privileges": [Privilege::everything()] });
    objects::insert(tx, &object(ROLE_ID, ObjectKind::Role, "System Administrator", role)).await?;
    let policy = json!({
        "type": PolicyType::Admin,
        "expression": FIRST_ADMINISTRATOR,
        "administrativeRoles": [ROLE_ID],
        "disabled": false,
    });
    objects::insert(tx, &object(POLICY_ID, ObjectKind::Policy, "Builtin Administrator", policy)).await
}
