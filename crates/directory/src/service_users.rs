//! Service Users: machines.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Directory,
    accounts::{self, AccountInput, LockStart, Overview, View},
    caller::Caller,
    entity::{Faults, LINE_PATTERN, NAME_PATTERN, TEXT_PATTERN},
    error::Result,
    kind::AccountKind,
    list::{self, ENTITY_FIELDS, Field, Listing, Values},
    passwords::Password,
    store::{
        self,
        accounts::{Account, Profile},
    },
    time::Timestamp,
    version::{Expected, Versioned},
};

/// A machine that can log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceUser {
    /// Identifies the object.
    pub id: Uuid,
    /// The name to log in with.
    #[schemars(example = &"deploy")]
    pub name: String,
    /// Whatever should be remembered about the account.
    #[schemars(example = &"Rolls out the web shop.")]
    pub notes: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Words by which accounts are grouped.
    #[schemars(example = ["ci"])]
    pub tags: Vec<String>,
    /// Keys and values that say what the service is; may become a claim.
    #[schemars(extend("examples" = [{"team": "shop", "stage": "production"}]))]
    pub labels: BTreeMap<String, String>,
    /// Whether logins are refused.
    pub disabled: bool,
    /// Wrong passwords since the last good login.
    #[schemars(range(min = 0))]
    pub failed_login_attempts: i64,
    /// When the account was last locked for too many wrong passwords; left out if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_start: Option<Timestamp>,
}

/// A Service User as a client sends it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceUserInput {
    /// Chosen by the server if it is left out. On PUT it must be the one in the path.
    #[schemars(extend("format" = "uuid"))]
    pub id: Option<String>,
    /// The name to log in with. It is taken if another account has it in any spelling that differs only in case.
    #[schemars(required, length(min = 1, max = 255), regex(pattern = NAME_PATTERN), example = &"deploy")]
    pub name: Option<String>,
    /// Whatever should be remembered about the account.
    #[schemars(length(max = 4096), regex(pattern = TEXT_PATTERN))]
    pub notes: Option<String>,
    /// Words by which accounts are grouped.
    #[schemars(length(max = 200), extend("items" = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LINE_PATTERN}))]
    pub tags: Option<Vec<String>>,
    /// Keys and values that say what the service is; may become a claim.
    #[schemars(extend("maxProperties" = 200, "propertyNames" = {"minLength": 1, "maxLength": 255, "pattern": LINE_PATTERN}, "additionalProperties" = {"type": "string", "maxLength": 255, "pattern": LINE_PATTERN}))]
    pub labels: Option<BTreeMap<String, String>>,
    /// The password. Left out on PUT, the old one stays; left out on POST, the account cannot log in until it has one.
    pub password: Option<Password>,
    /// Whether logins are refused.
    pub disabled: Option<bool>,
    /// Wrong passwords since the last good login. Write 0, with a `lockStart` of null, to unlock.
    #[schemars(with = "Option<i64>", range(min = 0, max = 2_147_483_647))]
    pub failed_login_attempts: Option<serde_json::Number>,
    /// When the account was locked. Left out on PUT, it stays; null ends the lock.
    #[serde(default, deserialize_with = "accounts::present")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub lock_start: Option<Option<String>>,
}

impl From<Account> for ServiceUser {
    fn from(account: Account) -> Self {
        let lock_start = account.locked_at();
        let profile = account.profile;
        Self {
            id: account.id,
            name: profile.name,
            notes: profile.notes,
            created: account.created,
            updated: account.updated,
            tags: profile.tags,
            labels: profile.labels,
            disabled: profile.disabled,
            failed_login_attempts: account.failed_attempts,
            lock_start,
        }
    }
}

impl View for ServiceUser {
    const KIND: AccountKind = AccountKind::Service;
    const TABLE: &'static list::Table = &TABLE;
}

impl ServiceUserInput {
    pub(crate) fn check(self, faults: &mut Faults) -> (Profile, AccountInput) {
        let profile = Profile {
            name: faults.name(self.name),
            notes: faults.notes(self.notes),
            tags: faults.tags(self.tags),
            labels: faults.labels(self.labels),
            disabled: self.disabled.unwrap_or(false),
            ..Profile::default()
        };
        let input = AccountInput {
            id: self.id,
            password: self.password,
            failed_attempts: self.failed_login_attempts,
            lock_start: LockStart::from(self.lock_start),
        };
        (profile, input)
    }
}

/// The parts of `search` are those of `Profile::search`.
static TABLE: list::Table =
    list::Table::entities("accounts", Some("service"), store::accounts::COLUMNS).with(&[ENTITY_FIELDS, FIELDS]);

const FIELDS: &[Field] = &[
    Field::long_part("labels", 8),
    Field::STATE,
    Field::of("disabled", "disabled", Values::Bool),
    Field::of("failedLoginAttempts", "failed_attempts", Values::Int),
    Field::of("lockStart", "lock_start", Values::Time),
];

/// Service Users that match.
pub async fn list(directory: &Directory, caller: &Caller, request: list::Request) -> Result<Listing<ServiceUser>> {
    accounts::list(directory, caller, request).await
}

/// One Service User.
pub async fn get(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Versioned<ServiceUser>> {
    accounts::get(directory, caller, id).await
}

/// Service Users that match, with how each stands with the door.
pub async fn overview(
    directory: &Directory,
    caller: &Caller,
    request: list::Request,
) -> Result<Listing<Overview<ServiceUser>>> {
    accounts::overview(directory, caller, request).await
}

/// One Service User, with how it stands with the door.
pub async fn look_at(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Overview<ServiceUser>> {
    accounts::look_at(directory, caller, id).await
}

/// The first Service Users that match, with how each stands with the door, and how many match.
pub async fn some(
    directory: &Directory,
    caller: &Caller,
    request: list::Request,
) -> Result<(Vec<Overview<ServiceUser>>, u64)> {
    accounts::some(directory, caller, request).await
}

/// Makes a Service User.
pub async fn create(directory: &Directory, caller: &Caller, input: ServiceUserInput) -> Result<Versioned<ServiceUser>> {
    let mut faults = Faults::default();
    let (profile, input) = input.check(&mut faults);
    accounts::create(directory, caller, profile, input, faults).await
}

/// Replaces a Service User. `expected` is the version that it must still have.
pub async fn replace(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    expected: Expected,
    input: ServiceUserInput,
) -> Result<Versioned<ServiceUser>> {
    let mut faults = Faults::default();
    let (profile, input) = input.check(&mut faults);
    accounts::replace(directory, caller, id, expected, profile, input, faults).await
}

/// Deletes a Service User and ends its sessions.
pub async fn delete(directory: &Directory, caller: &Caller, id: Uuid, expected: Expected) -> Result<()> {
    accounts::delete::<ServiceUser>(directory, caller, id, expected).await
}
