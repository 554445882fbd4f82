//! What clients send of an account besides its profile, and what becomes of the account by it.

use crate::{
    entity::Faults,
    passwords::Password,
    store::accounts::{Account, NEVER, Profile},
    time::Timestamp,
};

/// The largest number of failed attempts that may be written.
const MAX_FAILED_ATTEMPTS: i64 = i32::MAX as i64;

/// What both kinds of account take from a client besides their profile.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccountInput {
    pub(crate) id: Option<String>,
    pub(crate) password: Option<Password>,
    pub(crate) failed_attempts: Option<serde_json::Number>,
    pub(crate) lock_start: LockStart,
}

/// `lockStart` as a client sent it. Leaving it out keeps the lock; `null` ends it.
#[derive(Debug, Clone, Default)]
pub(crate) enum LockStart {
    #[default]
    Absent,
    Null,
    At(String),
}

impl From<Option<Option<String>>> for LockStart {
    fn from(given: Option<Option<String>>) -> Self {
        match given {
            None => Self::Absent,
            Some(None) => Self::Null,
            Some(Some(text)) => Self::At(text),
        }
    }
}

/// Reads a field so that one that is absent differs from one that is `null`. For `#[serde(default, deserialize_with)]`.
pub(crate) fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<String>>, D::Error> {
    serde::Deserialize::deserialize(deserializer).map(Some)
}

/// The checked part of [`AccountInput`].
#[derive(Clone)]
pub(crate) struct Counters {
    pub(crate) failed_attempts: Option<i64>,
    pub(crate) lock_start: Option<Timestamp>,
}

pub(crate) fn check_counters(input: &AccountInput, faults: &mut Faults) -> Counters {
    let failed_attempts = faults.integer("failedLoginAttempts", input.failed_attempts.clone(), 0..=MAX_FAILED_ATTEMPTS);
    let lock_start = match &input.lock_start {
        LockStart::Absent => None,
        LockStart::Null => Some(NEVER),
        LockStart::At(text) => Timestamp::parse(text).or_else(|| {
            faults.add("lockStart", "must be a time such as 2026-11-21T16:35:14.988161Z, or null");
            None
        }),
    };
    Counters { failed_attempts, lock_start }
}

/// What an account is to be.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(crate) profile: Profile,
    pub(crate) counters: Counters,
    /// Of a new password.
    pub(crate) hash: Option<String>,
    /// As the audit log calls what makes it so.
    pub(crate) act: &'static str,
}

pub(super) fn only_tags_differ(before: &Account, after: &Account) -> bool {
    let mut untagged = after.clone();
    untagged.profile.tags.clone_from(&before.profile.tags);
    untagged == *before
}

/// The account as it is to be.
pub(crate) fn changed(before: &Account, wanted: &Wanted, now: Timestamp) -> Account {
    let Wanted { profile, counters, hash, .. } = wanted;
    let failed_attempts = counters.failed_attempts.unwrap_or(before.failed_attempts);
    let failures_since_reset = if hash.is_some() {
        0
    } else if failed_attempts == before.failed_attempts {
        before.failures_since_reset
    } else {
        failed_attempts
    };
    Account {
        profile: profile.clone(),
        failed_attempts,
        failures_since_reset,
        lock_start: counters.lock_start.unwrap_or(before.lock_start),
        updated: now,
        has_password: before.has_password || hash.is_some(),
        ..before.clone()
    }
}
