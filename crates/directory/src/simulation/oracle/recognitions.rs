//! A password is recognized only by the node that has lately found it right by its hash.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use uuid::Uuid;

use super::{Commit, Sound, attempts::Attempts, hold};
use crate::time::Timestamp;

/// Which node let in whom by a hash, and when.
pub(super) struct Recognitions {
    life: Duration,
    by_hash: BTreeMap<(u64, Uuid), Timestamp>,
    /// Nodes whose clocks were set, by which a life may be of any length.
    without_time: BTreeSet<u64>,
}

/// From when somebody is recognized to when that is committed, by a node that stands still in between.
const SLACK: Duration = Duration::from_secs(60);

impl Recognitions {
    pub(super) fn new(life: Duration) -> Self {
        Self { life, by_hash: BTreeMap::new(), without_time: BTreeSet::new() }
    }

    pub(super) fn clock_is_set(&mut self, node: u64) {
        self.without_time.insert(node);
    }

    pub(super) fn committed(&mut self, commit: &Commit<'_>, attempts: &Attempts) -> Sound {
        for record in commit.after.records.iter().filter(|record| record.act == "login" && record.outcome == "done") {
            let Ok(account) = record.object_id.parse::<Uuid>() else { continue };
            let (key, now) = ((commit.node, account), commit.after.committed);
            if commit.remembered.is_empty() {
                // Found right not before its slot was taken.
                if attempts.of_task(commit.task).is_some() {
                    self.by_hash.insert(key, now);
                }
                continue;
            }
            let last = self.by_hash.get(&key).copied();
            hold(last.is_some() && !self.life.is_zero(), "recognized is known", || {
                format!("{} has let nobody in to {account} by a hash", commit.node)
            })?;
            let is_young = last.is_some_and(|last| now < last.plus(self.life).plus(SLACK));
            hold(is_young || self.without_time.contains(&commit.node), "recognized is known", || {
                format!("{account} is recognized at {now} by what was found right at {last:?}")
            })?;
        }
        Ok(())
    }
}
