//! How many failures lock an account, and for how long, as of when.

use std::time::Duration;

use super::{Commit, MEMORY};
use crate::{
    store::simulated::{Counted, Seen},
    time::Timestamp,
};

/// What has been in force, and since when.
pub(super) struct Laws {
    local: Vec<(Timestamp, i64, Duration)>,
}

/// Of Service Users, which nobody changes.
const SERVICE: (i64, Duration) = (5, Duration::from_secs(60));

/// The least and the most of what was in force.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span<T> {
    pub(super) least: T,
    pub(super) most: T,
}

impl Laws {
    pub(super) fn new(seen: &Seen) -> Self {
        Self { local: vec![of(seen)] }
    }

    pub(super) fn committed(&mut self, commit: &Commit<'_>) {
        if commit.before.lockout != commit.after.lockout {
            self.local.push(of(commit.after));
        }
    }

    fn since(&self, account: &Counted, since: Timestamp) -> impl Iterator<Item = (i64, Duration)> {
        let is_local = account.kind == "local";
        let service = (!is_local).then_some(SERVICE);
        // The last that came into force before, and all after it.
        let first = self.local.iter().rposition(|(from, ..)| *from <= since).unwrap_or(0);
        let local = self.local[first..].iter().filter(move |_| is_local);
        service.into_iter().chain(local.map(|(_, threshold, lasts)| (*threshold, *lasts)))
    }

    /// Failures that lock an account, for whoever is at work at this moment and read it some while ago.
    pub(super) fn thresholds(&self, account: &Counted, since: Timestamp) -> Span<i64> {
        let all = || self.since(account, since.minus(MEMORY)).map(|(threshold, _)| threshold);
        Span { least: all().min().unwrap_or(0), most: all().max().unwrap_or(0) }
    }

    /// How long a lock lasts, likewise.
    pub(super) fn durations(&self, account: &Counted, since: Timestamp) -> Span<Duration> {
        let all = || self.since(account, since.minus(MEMORY)).map(|(_, lasts)| lasts);
        Span { least: all().min().unwrap_or_default(), most: all().max().unwrap_or_default() }
    }

    /// Whether an account may be taken for locked by somebody who has been at work since a moment.
    pub(super) fn may_be_locked(&self, account: &Counted, since: Timestamp, now: Timestamp) -> bool {
        let most = self.since(account, since).map(|(_, lasts)| lasts).max().unwrap_or_default();
        account.lock_start.plus(most) > now
    }
}

fn of(seen: &Seen) -> (Timestamp, i64, Duration) {
    let (threshold, minutes) = seen.lockout;
    (seen.committed, threshold, Duration::from_secs(60 * u64::try_from(minutes).unwrap_or(0)))
}
