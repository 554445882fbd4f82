//! What a transaction may do to an account's counters and its lock, by what it is.

use uuid::Uuid;

use super::{Broken, Commit, Sound, attempts::Slot, hold, laws::Laws};
use crate::store::{
    accounts::NEVER,
    simulated::{Counted, Recorded},
};

/// Failures after which an account is blocked (NIST SP 800-63B-4), as the contract says.
pub(super) const BLOCK_AT: i64 = 100;

/// What a transaction is for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transition {
    None,
    /// The account is new.
    Made,
    Taken,
    GivenBack,
    /// Attempts whose nodes are gone.
    Dead,
    /// Those that the one node left.
    Recovered,
    Failed,
    Good,
    /// Good, without a hash.
    Recognized,
    /// Right, but for another state of the account.
    Changed,
    /// By an administrator, who may write counters.
    Edited,
    /// By whoever writes no counters.
    Touched,
}

impl Transition {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Made => "accounts made",
            Self::Taken => "slots taken",
            Self::GivenBack => "slots given back",
            Self::Dead => "dead counted",
            Self::Recovered => "counted at a start",
            Self::Failed => "failures",
            Self::Good => "good logins by a hash",
            Self::Recognized => "good logins recognized",
            Self::Changed => "right, but changed",
            Self::Edited => "edits",
            Self::Touched => "ends of sessions",
        }
    }

    /// Whether the counters begin anew.
    pub(super) fn resets(self) -> bool {
        matches!(self, Self::Good | Self::Recognized)
    }

    pub(super) fn of(
        commit: &Commit<'_>,
        id: Uuid,
        (old, new): (&Counted, &Counted),
        (taken, ended): (&[Uuid], &[Uuid]),
        is_recovering: bool,
    ) -> Self {
        let own = id.to_string();
        let Some(record) = commit.after.records.iter().find(|record| record.object_id == own) else {
            return match (taken.is_empty(), ended.is_empty()) {
                (true, true) if old == new => Self::None,
                (true, true) => Self::Touched,
                (false, true) => Self::Taken,
                _ if is_recovering => Self::Recovered,
                _ if new.failed == old.failed => Self::GivenBack,
                _ => Self::Dead,
            };
        };
        if !is_of_the_gate(record) {
            let writes_counters = matches!(record.act.as_str(), "edit" | "reset password");
            return if writes_counters { Self::Edited } else { Self::Touched };
        }
        match (record.outcome.as_str(), record.reason.as_str()) {
            ("done", _) if commit.remembered.is_empty() => Self::Good,
            ("done", _) => Self::Recognized,
            (_, reason) if reason.starts_with("stopped by") && commit.remembered.is_empty() => Self::Good,
            (_, reason) if reason.starts_with("stopped by") => Self::Recognized,
            (_, reason) if reason.starts_with("wrong password") => Self::Failed,
            (_, "account changed during the login") => Self::Changed,
            // Counted on a decoy.
            _ => Self::None,
        }
    }
}

/// Whether it is of a password that was brought to the gate.
pub(super) fn is_of_the_gate(record: &Recorded) -> bool {
    matches!(record.act.as_str(), "login" | "change password")
}

/// That the counters have become what they must.
pub(super) fn check_transition(
    commit: &Commit<'_>,
    laws: &Laws,
    transition: Transition,
    own: Option<&Slot>,
    (old, new): (&Counted, &Counted),
    (taken, ended): (&[Uuid], &[Uuid]),
) -> Sound {
    let count = |all: &[Uuid]| i64::try_from(all.len()).unwrap_or(i64::MAX);
    let gained = (new.failed - old.failed, new.since_reset - old.since_reset, new.in_flight - old.in_flight);
    let ended = count(ended);
    let expected = match transition {
        Transition::Taken => {
            check_taken(commit, laws, old)?;
            (0, 0, count(taken))
        }
        Transition::GivenBack => {
            let was_compared = own.is_some_and(|slot| slot.right == Some(false));
            hold(!was_compared && ended == 1, "compared is counted", || format!("given back: {own:?}"))?;
            (0, 0, -1)
        }
        Transition::Dead | Transition::Recovered => (ended, ended, -ended),
        Transition::Failed => {
            let was_wrong = own.is_some_and(|slot| slot.right == Some(false));
            hold(was_wrong, "records", || format!("refused for a wrong password that was not: {own:?}"))?;
            (ended, ended, -ended)
        }
        Transition::Good | Transition::Recognized => {
            if transition == Transition::Recognized {
                check_taken(commit, laws, old)?;
            } else {
                let was_right = own.is_some_and(|slot| slot.right == Some(true));
                hold(was_right, "slot before comparison", || format!("let in without a comparison: {own:?}"))?;
            }
            let is_reset = new.failed == 0 && new.since_reset == 0 && new.lock_start == NEVER;
            hold(is_reset, "counters", || format!("a good login left {new:?}"))?;
            (gained.0, gained.1, -ended)
        }
        Transition::Changed => (0, 0, -ended),
        // Whatever an administrator wrote.
        Transition::Edited => (gained.0, gained.1, 0),
        Transition::None | Transition::Made | Transition::Touched => (0, 0, 0),
    };
    hold(gained == expected, "counters", || {
        format!("{transition:?}: {} has gained {gained:?}, and not {expected:?}", new.name_key)
    })
}

/// That there was a slot to be had.
fn check_taken(commit: &Commit<'_>, laws: &Laws, old: &Counted) -> Sound {
    let now = commit.now();
    let until = old.lock_start.plus(laws.durations(old, now).least);
    hold(old.lock_start == NEVER || until <= now, "locks are not shortened", || {
        format!("at {now} an attempt at {}, which is locked until {until}", old.name_key)
    })?;
    hold(!old.disabled, "slots within the limit", || format!("{} is disabled", old.name_key))?;
    let threshold = laws.thresholds(old, now).most;
    hold(old.in_flight == 0 || old.failed + old.in_flight < threshold, "slots within the limit", || {
        format!("a slot beyond {threshold}: {old:?}")
    })?;
    hold(old.since_reset + old.in_flight < BLOCK_AT, "limit of 100", || format!("a slot of {old:?}"))
}

/// That the lock is set when it must be, and by nothing else.
pub(super) fn check_lock(
    commit: &Commit<'_>,
    laws: &Laws,
    transition: Transition,
    is_written: bool,
    (old, new): (&Counted, &Counted),
) -> Sound {
    let broken = |invariant, how: &str| {
        let how = format!("{how}: {transition:?} at {} made of {old:?} this: {new:?}", commit.now().micros());
        Err(Broken { invariant, how })
    };
    if matches!(transition, Transition::Edited | Transition::Good | Transition::Recognized) {
        return Ok(());
    }
    let thresholds = laws.thresholds(new, commit.now());
    if new.failed > old.failed && new.failed >= thresholds.most && new.lock_start != commit.now() {
        return broken("the limit locks", "no lock");
    }
    if new.lock_start == old.lock_start {
        return Ok(());
    }
    if new.failed <= old.failed || new.failed < thresholds.least || new.lock_start != commit.now() {
        return broken("only the limit locks", "a lock");
    }
    let until = old.lock_start.plus(laws.durations(old, commit.now()).most);
    let may_be = is_written || thresholds.least != thresholds.most;
    if !may_be && old.lock_start != NEVER && until > commit.now() {
        return broken("locks are not prolonged", "a lock within a lock");
    }
    Ok(())
}
