//! Administrative Roles: named sets of privileges, which policies give to accounts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Directory,
    caller::Caller,
    configuration,
    entity::{Faults, LINE_PATTERN, NAME_PATTERN, TEXT_PATTERN},
    error::{Failure, Result},
    kind::ObjectKind,
    list::{self, Listing, Table},
    objects::{self, Draft, View},
    privileges::{Function, Privilege, PrivilegeType, Scope, ScopeKind, Target, scope_kind},
    references,
    store::objects::Object,
    time::Timestamp,
    version::{Expected, Versioned},
};

/// A set of privileges.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AdministrativeRole {
    /// Identifies the object.
    pub id: Uuid,
    /// The name of the role.
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
    /// What its holders may do.
    pub privileges: Vec<Privilege>,
}

/// A scope as a client sends it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct ScopeInput {
    /// All objects of the target.
    pub all: Option<bool>,
    /// Those with these ids, which must be ids of objects that there are.
    #[schemars(length(max = 1000), extend("items" = {"type": "string", "format": "uuid"}))]
    pub ids: Option<Vec<String>>,
    /// Those that carry one of these tags.
    #[schemars(length(max = 200), extend("items" = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LINE_PATTERN}))]
    pub tags: Option<Vec<String>>,
}

/// A privilege as a client sends it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrivilegeInput {
    /// What may be done.
    #[serde(rename = "type")]
    #[schemars(required, with = "Option<PrivilegeType>")]
    pub privilege_type: Option<String>,
    /// With what. Which targets there are for which types says `/administrative-roles/type-target-map`.
    #[schemars(required, with = "Option<Target>")]
    pub target: Option<String>,
    /// With which of them. Left out, with none.
    pub scope: Option<ScopeInput>,
    /// Tags that what its holders create is given. Of type `Create` only.
    #[schemars(length(max = 200), extend("items" = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LINE_PATTERN}))]
    pub default_tags: Option<Vec<String>>,
    /// The functions that may be assigned. Of type `AssignFunction` only.
    #[schemars(with = "Option<Vec<Function>>")]
    pub functions: Option<Vec<String>>,
}

/// A role as a client sends it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct AdministrativeRoleInput {
    /// Chosen by the server if it is left out. On PUT it must be the one in the path.
    #[schemars(extend("format" = "uuid"))]
    pub id: Option<String>,
    /// The name of the role. It is taken if another role has it in any spelling that differs only in case.
    #[schemars(required, length(min = 1, max = 255), regex(pattern = NAME_PATTERN), example = &"Help desk")]
    pub name: Option<String>,
    /// Whatever should be remembered about it.
    #[schemars(length(max = 4096), regex(pattern = TEXT_PATTERN))]
    pub notes: Option<String>,
    /// Words by which objects are grouped.
    #[schemars(length(max = 200), extend("items" = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LINE_PATTERN}))]
    pub tags: Option<Vec<String>>,
    /// What its holders may do.
    #[schemars(required, length(max = 200))]
    pub privileges: Option<Vec<PrivilegeInput>>,
}

impl View for AdministrativeRole {
    const KIND: ObjectKind = ObjectKind::Role;
    const TABLE: &'static Table = &objects::table(ObjectKind::Role);

    fn from_object(object: Object) -> Result<Self, Failure> {
        let privileges = configuration::privileges_of(&object)?;
        let Object { id, name, notes, created, updated, tags, .. } = object;
        Ok(Self { id, name, notes, created, updated, tags, privileges })
    }
}

const MOST_PRIVILEGES: usize = 200;
const MOST_IDS: usize = 1_000;

impl PrivilegeInput {
    /// The privilege in its normal form.
    fn check(self, field: &str, faults: &mut Faults) -> Option<Privilege> {
        let path = |name: &str| format!("{field}.{name}");
        let privilege_type =
            faults.word::<PrivilegeType>(&path("type"), self.privilege_type.as_ref(), "type of privilege");
        let target = faults.word::<Target>(&path("target"), self.target.as_ref(), "target of privileges");
        let default_tags = faults.tags_at(&path("defaultTags"), self.default_tags);
        let functions = check_functions(&path("functions"), self.functions, faults);
        let scope = self.scope.unwrap_or_default().check(&path("scope"), faults);
        let (privilege_type, target) = (privilege_type?, target?);
        let Some(kind) = scope_kind(privilege_type, target) else {
            faults.add(
                field,
                format!(
                    "there is no privilege {privilege_type} on {target}; see /administrative-roles/type-target-map"
                ),
            );
            return None;
        };
        if kind == ScopeKind::None && !(scope.ids.is_empty() && scope.tags.is_empty()) {
            faults.add(&path("scope"), format!("the privilege {privilege_type} on {target} takes no scope"));
        }
        let (creates, assigns) =
            (privilege_type == PrivilegeType::Create, privilege_type == PrivilegeType::AssignFunction);
        if !creates && !default_tags.is_empty() {
            faults.add(&path("defaultTags"), "goes with the type Create only");
        }
        if !assigns && !functions.is_empty() {
            faults.add(&path("functions"), "goes with the type AssignFunction only");
        }
        Some(Privilege {
            privilege_type,
            target,
            scope: (!assigns).then_some(scope),
            default_tags: creates.then_some(default_tags),
            functions: assigns.then_some(functions),
        })
    }
}

impl ScopeInput {
    fn check(self, field: &str, faults: &mut Faults) -> Scope {
        let ids = self.ids.unwrap_or_default();
        if ids.len() > MOST_IDS {
            faults.add(&format!("{field}.ids"), format!("may have at most {MOST_IDS} entries; use tags"));
        }
        let mut known = Vec::new();
        for (index, id) in ids.into_iter().take(MOST_IDS).enumerate() {
            let id = faults.id(&format!("{field}.ids[{index}]"), Some(id));
            known.extend(id.filter(|id| !known.contains(id)));
        }
        Scope { all: self.all.unwrap_or(false), ids: known, tags: faults.tags_at(&format!("{field}.tags"), self.tags) }
    }
}

fn check_functions(field: &str, functions: Option<Vec<String>>, faults: &mut Faults) -> Vec<Function> {
    let mut known: Vec<Function> = Vec::new();
    for (index, function) in functions.unwrap_or_default().iter().enumerate() {
        let function = faults.word(&format!("{field}[{index}]"), Some(function), "function of appliances");
        known.extend(function.filter(|function| !known.contains(function)));
    }
    known
}

impl AdministrativeRoleInput {
    async fn check(self, directory: &Directory, own: Option<Uuid>) -> Result<Draft> {
        let mut faults = Faults::default();
        let mut draft = Draft::new(own, self.id, self.name, self.notes, self.tags, &mut faults);
        let mut privileges = Vec::new();
        match self.privileges {
            None => faults.missing("privileges"),
            Some(given) if given.len() > MOST_PRIVILEGES => {
                faults.add("privileges", format!("may have at most {MOST_PRIVILEGES} entries"));
            }
            Some(given) => {
                for (index, privilege) in given.into_iter().enumerate() {
                    privileges
                        .extend(privilege.check(&format!("privileges[{index}]"), &mut faults).map(|p| (index, p)));
                }
            }
        }
        for (index, privilege) in &privileges {
            references::check_scope(directory, &format!("privileges[{index}]"), privilege, own, &mut faults).await?;
        }
        faults.check()?;
        let privileges: Vec<Privilege> = privileges.into_iter().map(|(_, privilege)| privilege).collect();
        draft.body.insert("privileges".into(), json!(privileges));
        Ok(draft)
    }
}

/// Roles that match.
pub async fn list(
    directory: &Directory,
    caller: &Caller,
    request: list::Request,
) -> Result<Listing<AdministrativeRole>> {
    objects::list(directory, caller, request).await
}

/// One role.
pub async fn get(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Versioned<AdministrativeRole>> {
    objects::get(directory, caller, id).await
}

/// Makes a role. Its maker must hold all that it gives.
pub async fn create(
    directory: &Directory,
    caller: &Caller,
    input: AdministrativeRoleInput,
) -> Result<Versioned<AdministrativeRole>> {
    let draft = input.check(directory, None).await?;
    objects::create(directory, caller, draft).await
}

/// Replaces a role. `expected` is the version that it must still have.
pub async fn replace(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    expected: Expected,
    input: AdministrativeRoleInput,
) -> Result<Versioned<AdministrativeRole>> {
    objects::for_edit::<AdministrativeRole>(directory, caller, id).await?;
    let draft = input.check(directory, Some(id)).await?;
    objects::replace(directory, caller, id, expected, draft).await
}

/// Deletes a role, which drops out of the policies that give it.
pub async fn delete(directory: &Directory, caller: &Caller, id: Uuid, expected: Expected) -> Result<()> {
    objects::delete::<AdministrativeRole>(directory, caller, id, expected).await
}
