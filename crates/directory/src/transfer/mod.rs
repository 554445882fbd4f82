//! Accounts in and out in bulk: rows of NDJSON or CSV, a batch at a time, so that the longest file takes no more memory than a
//! short one.
//!
//! A row is the object as the API knows it, and what is in it is checked by the API's own types. One field is known here alone:
//! `passwordHash`, the hash of a password that another system made.

mod export;
mod found;
mod import;
mod outcome;
mod plan;
mod read;
mod work;
mod write;

use serde::de::DeserializeOwned;

use crate::{
    accounts::{AccountInput, View},
    entity::Faults,
    kind::AccountKind,
    local_users::{LocalUser, LocalUserInput},
    service_users::{ServiceUser, ServiceUserInput},
    store::accounts::Profile,
};

pub use export::{Export, export};
pub use import::{Importer, Rule};
pub use outcome::{Outcome, Result as RowResult};
pub use read::{Row, Rows};
pub use write::Writer;

/// Rows that are well taken together: one transaction. So few that a server that takes them in serves others meanwhile.
pub const BATCH: usize = 200;
/// As [`BATCH`], where nobody else is served. A transaction that writes as many new accounts takes less than about 100 ms, which
/// is what a server beside it waits for.
pub const LARGE_BATCH: usize = 2_000;

/// How rows are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line (<https://github.com/ndjson/ndjson-spec>).
    Ndjson,
    /// Comma-separated values (RFC 4180) with the fields' names in the first line.
    Csv,
}

/// The hash of a password in an imported or exported row.
const PASSWORD_HASH: &str = "passwordHash";
/// A password in clear in an imported row.
const PASSWORD: &str = "password";
/// What the directory decides. Rows may have it, as exported ones do, and it is passed over.
const READ_ONLY: [&str; 2] = ["created", "updated"];

/// The fields of a row, in the order of an export's columns; without passwords.
fn fields(kind: AccountKind) -> &'static [&'static str] {
    match kind {
        AccountKind::Local => &[
            "id",
            "name",
            "notes",
            "created",
            "updated",
            "tags",
            "firstName",
            "lastName",
            "email",
            "phone",
            "disabled",
            "failedLoginAttempts",
            "lockStart",
        ],
        AccountKind::Service => &[
            "id",
            "name",
            "notes",
            "created",
            "updated",
            "tags",
            "labels",
            "disabled",
            "failedLoginAttempts",
            "lockStart",
        ],
    }
}

fn is_known(kind: AccountKind, field: &str) -> bool {
    fields(kind).contains(&field) || [PASSWORD, PASSWORD_HASH].contains(&field)
}

/// A kind of account that can be imported.
trait Transferred: View {
    /// What a client sends of it.
    type Input: DeserializeOwned;

    /// The API's own checks.
    fn check(input: Self::Input, faults: &mut Faults) -> (Profile, AccountInput);
}

impl Transferred for LocalUser {
    type Input = LocalUserInput;

    fn check(input: LocalUserInput, faults: &mut Faults) -> (Profile, AccountInput) {
        input.check(faults)
    }
}

impl Transferred for ServiceUser {
    type Input = ServiceUserInput;

    fn check(input: ServiceUserInput, faults: &mut Faults) -> (Profile, AccountInput) {
        input.check(faults)
    }
}

#[cfg(test)]
mod tests;
