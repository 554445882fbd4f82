//! Local Users: people.

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

/// A person who can log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalUser {
    /// Identifies the object.
    pub id: Uuid,
    /// The name to log in with.
    #[schemars(example = &"bobby")]
    pub name: String,
    /// Whatever should be remembered about the account.
    #[schemars(example = &"Works in the Hamburg office.")]
    pub notes: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Words by which accounts are grouped.
    #[schemars(example = ["developer"])]
    pub tags: Vec<String>,
    /// First name; may become a claim.
    #[schemars(example = &"Bobby")]
    pub first_name: String,
    /// Last name; may become a claim.
    #[schemars(example = &"Tables")]
    pub last_name: String,
    /// E-mail address; may become a claim.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(default, example = &"bobby@example.com")]
    pub email: String,
    /// Phone number; may become a claim.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(default, example = &"+1-202-555-0172")]
    pub phone: String,
    /// Whether logins are refused.
    pub disabled: bool,
    /// Wrong passwords since the last good login.
    #[schemars(range(min = 0))]
    pub failed_login_attempts: i64,
    /// When the account was last locked for too many wrong passwords; null if it is not.
    pub lock_start: Option<Timestamp>,
}

/// A Local User as a client sends it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalUserInput {
    /// Chosen by the server if it is left out. On PUT it must be the one in the path.
    #[schemars(extend("format" = "uuid"))]
    pub id: Option<String>,
    /// The name to log in with. It is taken if another account has it in any spelling that differs only in case.
    #[schemars(required, length(min = 1, max = 255), regex(pattern = NAME_PATTERN), example = &"bobby")]
    pub name: Option<String>,
    /// Whatever should be remembered about the account.
    #[schemars(length(max = 4096), regex(pattern = TEXT_PATTERN))]
    pub notes: Option<String>,
    /// Words by which accounts are grouped.
    #[schemars(length(max = 200), extend("items" = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LINE_PATTERN}))]
    pub tags: Option<Vec<String>>,
    /// First name; may become a claim.
    #[schemars(required, length(min = 1, max = 255), regex(pattern = LINE_PATTERN), example = &"Bobby")]
    pub first_name: Option<String>,
    /// Last name; may become a claim.
    #[schemars(required, length(min = 1, max = 255), regex(pattern = LINE_PATTERN), example = &"Tables")]
    pub last_name: Option<String>,
    /// E-mail address; may become a claim.
    #[schemars(length(max = 255), regex(pattern = LINE_PATTERN))]
    pub email: Option<String>,
    /// Phone number; may become a claim.
    #[schemars(length(max = 255), regex(pattern = LINE_PATTERN))]
    pub phone: Option<String>,
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

impl From<Account> for LocalUser {
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
            first_name: profile.first_name,
            last_name: profile.last_name,
            email: profile.email,
            phone: profile.phone,
            disabled: profile.disabled,
            failed_login_attempts: account.failed_attempts,
            lock_start,
        }
    }
}

impl View for LocalUser {
    const KIND: AccountKind = AccountKind::Local;
    const TABLE: &'static list::Table = &TABLE;
}

impl LocalUserInput {
    pub(crate) fn check(self, faults: &mut Faults) -> (Profile, AccountInput) {
        let profile = Profile {
            name: faults.name(self.name),
            notes: faults.notes(self.notes),
            tags: faults.tags(self.tags),
            first_name: faults.required("firstName", self.first_name),
            last_name: faults.required("lastName", self.last_name),
            email: faults.optional("email", self.email),
            phone: faults.optional("phone", self.phone),
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
    list::Table::entities("accounts", Some("local"), store::accounts::COLUMNS).with(&[ENTITY_FIELDS, FIELDS]);

const FIELDS: &[Field] = &[
    Field::part("firstName", 3),
    Field::part("lastName", 4),
    Field::part("email", 5),
    Field::part("phone", 6),
    Field::STATE,
    Field::of("disabled", "disabled", Values::Bool),
    Field::of("failedLoginAttempts", "failed_attempts", Values::Int),
    Field::of("lockStart", "lock_start", Values::Time),
];

/// Local Users that match.
pub async fn list(directory: &Directory, caller: &Caller, request: list::Request) -> Result<Listing<LocalUser>> {
    accounts::list(directory, caller, request).await
}

/// One Local User.
pub async fn get(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Versioned<LocalUser>> {
    accounts::get(directory, caller, id).await
}

/// Local Users that match, with how each stands with the door.
pub async fn overview(
    directory: &Directory,
    caller: &Caller,
    request: list::Request,
) -> Result<Listing<Overview<LocalUser>>> {
    accounts::overview(directory, caller, request).await
}

/// One Local User, with how it stands with the door.
pub async fn look_at(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Overview<LocalUser>> {
    accounts::look_at(directory, caller, id).await
}

/// The first Local Users that match, with how each stands with the door, and how many match.
pub async fn some(
    directory: &Directory,
    caller: &Caller,
    request: list::Request,
) -> Result<(Vec<Overview<LocalUser>>, u64)> {
    accounts::some(directory, caller, request).await
}

/// Makes a Local User.
pub async fn create(directory: &Directory, caller: &Caller, input: LocalUserInput) -> Result<Versioned<LocalUser>> {
    let mut faults = Faults::default();
    let (profile, input) = input.check(&mut faults);
    accounts::create(directory, caller, profile, input, faults).await
}

/// Replaces a Local User. `expected` is the version that it must still have.
pub async fn replace(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    expected: Expected,
    input: LocalUserInput,
) -> Result<Versioned<LocalUser>> {
    let mut faults = Faults::default();
    let (profile, input) = input.check(&mut faults);
    accounts::replace(directory, caller, id, expected, profile, input, faults).await
}

/// Deletes a Local User and ends its sessions.
pub async fn delete(directory: &Directory, caller: &Caller, id: Uuid, expected: Expected) -> Result<()> {
    accounts::delete::<LocalUser>(directory, caller, id, expected).await
}
