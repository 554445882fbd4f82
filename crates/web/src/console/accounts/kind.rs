//! The two kinds of account as pages see them: what both have, and what only one has.

use std::collections::BTreeMap;

use portreeve_directory::{
    Directory,
    accounts::Overview,
    caller::{Caller, Target},
    error::Result,
    kind::AccountKind,
    list::{Listing, Request},
    local_users::{self, LocalUser, LocalUserInput},
    passwords::Password,
    service_users::{self, ServiceUser, ServiceUserInput},
    time::Timestamp,
    version::{Expected, Versioned},
};
use uuid::Uuid;

use crate::console::{form::Form, page::Section};

/// A kind of account, with the rules that a page of it calls: those that the API calls too.
pub(crate) trait Kind: Clone + Send + Sync + 'static {
    const SECTION: Section;
    const TARGET: Target;
    /// Whether it is a person's.
    const IS_PERSON: bool;
    /// The same, as the directory has it.
    const ACCOUNTS: AccountKind;
    type Input: Send;

    fn overview(
        directory: &Directory,
        caller: &Caller,
        request: Request,
    ) -> impl Future<Output = Result<Listing<Overview<Self>>>> + Send;
    fn some(
        directory: &Directory,
        caller: &Caller,
        request: Request,
    ) -> impl Future<Output = Result<(Vec<Overview<Self>>, u64)>> + Send;
    fn look_at(directory: &Directory, caller: &Caller, id: Uuid)
    -> impl Future<Output = Result<Overview<Self>>> + Send;
    fn create(
        directory: &Directory,
        caller: &Caller,
        input: Self::Input,
    ) -> impl Future<Output = Result<Versioned<Self>>> + Send;
    fn replace(
        directory: &Directory,
        caller: &Caller,
        id: Uuid,
        expected: Expected,
        input: Self::Input,
    ) -> impl Future<Output = Result<Versioned<Self>>> + Send;
    fn delete(
        directory: &Directory,
        caller: &Caller,
        id: Uuid,
        expected: Expected,
    ) -> impl Future<Output = Result<()>> + Send;

    /// What both kinds have.
    fn common(&self) -> Common<'_>;
    /// What only this kind has, by the names of the texts for it; empty values are not shown.
    fn facts(&self) -> Vec<(&'static str, &str)>;
    /// Keys and values that say what a service is.
    fn labels(&self) -> Option<&BTreeMap<String, String>>;
    /// The account as somebody would send it who changes nothing.
    fn input(&self) -> Self::Input;
    /// The account as it was filled in.
    fn input_of(form: &Form) -> Self::Input;
    /// What of an input can be changed without a form of the whole account.
    fn parts(input: &mut Self::Input) -> Parts<'_>;
    /// A form of the account as it is.
    fn form(&self) -> Form;
}

/// What both kinds of account have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Common<'a> {
    pub(crate) id: Uuid,
    pub(crate) name: &'a str,
    pub(crate) notes: &'a str,
    pub(crate) tags: &'a [String],
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) disabled: bool,
    pub(crate) failed_attempts: i64,
}

/// What of an input can be changed without a form of the whole account.
pub(crate) struct Parts<'a> {
    pub(crate) tags: &'a mut Option<Vec<String>>,
    pub(crate) disabled: &'a mut Option<bool>,
    pub(crate) password: &'a mut Option<Password>,
    pub(crate) failed_attempts: &'a mut Option<serde_json::Number>,
    pub(crate) lock_start: &'a mut Option<Option<String>>,
}

fn new_password(form: &Form) -> Option<Password> {
    form.filled("password").map(Password::new)
}

impl Kind for LocalUser {
    const SECTION: Section = Section::LocalUsers;
    const TARGET: Target = Target::LocalUser;
    const IS_PERSON: bool = true;
    const ACCOUNTS: AccountKind = AccountKind::Local;
    type Input = LocalUserInput;

    async fn overview(directory: &Directory, caller: &Caller, request: Request) -> Result<Listing<Overview<Self>>> {
        local_users::overview(directory, caller, request).await
    }
    async fn some(directory: &Directory, caller: &Caller, request: Request) -> Result<(Vec<Overview<Self>>, u64)> {
        local_users::some(directory, caller, request).await
    }
    async fn look_at(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Overview<Self>> {
        local_users::look_at(directory, caller, id).await
    }
    async fn create(directory: &Directory, caller: &Caller, input: LocalUserInput) -> Result<Versioned<Self>> {
        local_users::create(directory, caller, input).await
    }
    async fn replace(
        directory: &Directory,
        caller: &Caller,
        id: Uuid,
        expected: Expected,
        input: LocalUserInput,
    ) -> Result<Versioned<Self>> {
        local_users::replace(directory, caller, id, expected, input).await
    }
    async fn delete(directory: &Directory, caller: &Caller, id: Uuid, expected: Expected) -> Result<()> {
        local_users::delete(directory, caller, id, expected).await
    }

    fn common(&self) -> Common<'_> {
        Common {
            id: self.id,
            name: &self.name,
            notes: &self.notes,
            tags: &self.tags,
            created: self.created,
            updated: self.updated,
            disabled: self.disabled,
            failed_attempts: self.failed_login_attempts,
        }
    }
    fn facts(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("account-first-name", &self.first_name),
            ("account-last-name", &self.last_name),
            ("account-email", &self.email),
            ("account-phone", &self.phone),
        ]
    }
    fn labels(&self) -> Option<&BTreeMap<String, String>> {
        None
    }
    fn input(&self) -> LocalUserInput {
        LocalUserInput {
            name: Some(self.name.clone()),
            notes: Some(self.notes.clone()),
            tags: Some(self.tags.clone()),
            first_name: Some(self.first_name.clone()),
            last_name: Some(self.last_name.clone()),
            email: Some(self.email.clone()),
            phone: Some(self.phone.clone()),
            disabled: Some(self.disabled),
            ..LocalUserInput::default()
        }
    }
    fn input_of(form: &Form) -> LocalUserInput {
        LocalUserInput {
            name: form.some("name"),
            notes: form.some("notes"),
            tags: Some(form.lines("tags")),
            first_name: form.some("firstName"),
            last_name: form.some("lastName"),
            email: form.some("email"),
            phone: form.some("phone"),
            disabled: Some(form.has("disabled")),
            password: new_password(form),
            ..LocalUserInput::default()
        }
    }
    fn parts(input: &mut LocalUserInput) -> Parts<'_> {
        Parts {
            tags: &mut input.tags,
            disabled: &mut input.disabled,
            password: &mut input.password,
            failed_attempts: &mut input.failed_login_attempts,
            lock_start: &mut input.lock_start,
        }
    }
    fn form(&self) -> Form {
        let own = [
            ("firstName", self.first_name.clone()),
            ("lastName", self.last_name.clone()),
            ("email", self.email.clone()),
            ("phone", self.phone.clone()),
        ];
        Form::of(own.into_iter().chain(common_values(self.common())))
    }
}

impl Kind for ServiceUser {
    const SECTION: Section = Section::ServiceUsers;
    const TARGET: Target = Target::ServiceUser;
    const IS_PERSON: bool = false;
    const ACCOUNTS: AccountKind = AccountKind::Service;
    type Input = ServiceUserInput;

    async fn overview(directory: &Directory, caller: &Caller, request: Request) -> Result<Listing<Overview<Self>>> {
        service_users::overview(directory, caller, request).await
    }
    async fn some(directory: &Directory, caller: &Caller, request: Request) -> Result<(Vec<Overview<Self>>, u64)> {
        service_users::some(directory, caller, request).await
    }
    async fn look_at(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Overview<Self>> {
        service_users::look_at(directory, caller, id).await
    }
    async fn create(directory: &Directory, caller: &Caller, input: ServiceUserInput) -> Result<Versioned<Self>> {
        service_users::create(directory, caller, input).await
    }
    async fn replace(
        directory: &Directory,
        caller: &Caller,
        id: Uuid,
        expected: Expected,
        input: ServiceUserInput,
    ) -> Result<Versioned<Self>> {
        service_users::replace(directory, caller, id, expected, input).await
    }
    async fn delete(directory: &Directory, caller: &Caller, id: Uuid, expected: Expected) -> Result<()> {
        service_users::delete(directory, caller, id, expected).await
    }

    fn common(&self) -> Common<'_> {
        Common {
            id: self.id,
            name: &self.name,
            notes: &self.notes,
            tags: &self.tags,
            created: self.created,
            updated: self.updated,
            disabled: self.disabled,
            failed_attempts: self.failed_login_attempts,
        }
    }
    fn facts(&self) -> Vec<(&'static str, &str)> {
        Vec::new()
    }
    fn labels(&self) -> Option<&BTreeMap<String, String>> {
        Some(&self.labels)
    }
    fn input(&self) -> ServiceUserInput {
        ServiceUserInput {
            name: Some(self.name.clone()),
            notes: Some(self.notes.clone()),
            tags: Some(self.tags.clone()),
            labels: Some(self.labels.clone()),
            disabled: Some(self.disabled),
            ..ServiceUserInput::default()
        }
    }
    fn input_of(form: &Form) -> ServiceUserInput {
        let pairs = form.all("labelKey").zip(form.all("labelValue"));
        let filled = pairs.filter(|(key, value)| !(key.is_empty() && value.is_empty()));
        ServiceUserInput {
            name: form.some("name"),
            notes: form.some("notes"),
            tags: Some(form.lines("tags")),
            labels: Some(filled.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()),
            disabled: Some(form.has("disabled")),
            password: new_password(form),
            ..ServiceUserInput::default()
        }
    }
    fn parts(input: &mut ServiceUserInput) -> Parts<'_> {
        Parts {
            tags: &mut input.tags,
            disabled: &mut input.disabled,
            password: &mut input.password,
            failed_attempts: &mut input.failed_login_attempts,
            lock_start: &mut input.lock_start,
        }
    }
    fn form(&self) -> Form {
        let keys = self.labels.keys().map(|key| ("labelKey", key.clone()));
        let values = self.labels.values().map(|value| ("labelValue", value.clone()));
        Form::of(keys.chain(values).chain(common_values(self.common())))
    }
}

fn common_values(common: Common<'_>) -> impl Iterator<Item = (&'static str, String)> {
    let values = [
        ("name", common.name.to_owned()),
        ("notes", common.notes.to_owned()),
        ("tags", common.tags.join("\n")),
        ("updated", common.updated.to_string()),
    ];
    values.into_iter().chain(common.disabled.then(|| ("disabled", "true".to_owned())))
}
