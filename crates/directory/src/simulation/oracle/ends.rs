//! What ends all sessions of an account, and whatever is under way for it: as the contract says, not as the code does it.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Commit, password};

/// When each account was last ended.
#[derive(Default)]
pub(super) struct Ends(BTreeMap<Uuid, usize>);

impl Ends {
    /// The number of the commit.
    pub(super) fn last(&self, account: &Uuid) -> Option<usize> {
        self.0.get(account).copied()
    }

    pub(super) fn committed(&mut self, commit: &Commit<'_>, ended: &[Uuid]) {
        self.0.extend(ended.iter().map(|account| (*account, commit.number)));
    }
}

/// The accounts whose sessions this commit has ended: deleted, disabled, blacklisted, with another password, logged out
/// everywhere.
pub(super) fn of(commit: &Commit<'_>) -> Vec<Uuid> {
    let (before, after) = (commit.before, commit.after);
    let is_listed = |name: &String| after.blacklisted.contains(name) && !before.blacklisted.contains(name);
    let is_ended = |(id, old): &(&Uuid, &crate::store::simulated::Counted)| {
        let Some(new) = after.accounts.get(*id) else { return true };
        let own = id.to_string();
        (old.password_hash != new.password_hash && password(old) != password(new))
            || (new.disabled && !old.disabled)
            || (new.kind == "local" && is_listed(&new.name_key))
            || after.records.iter().any(|record| record.act == "end all sessions" && record.object_id == own)
    };
    before.accounts.iter().filter(is_ended).map(|(id, _)| *id).collect()
}
