//! Attempts: each has a slot before anything is compared, each slot is counted once, and between two locks there are no more
//! comparisons than the limit.

use std::collections::{BTreeMap, HashMap};

use tokio::task::Id;
use uuid::Uuid;

use super::{
    Broken, Commit, Figures, LEASE, Sound,
    held::{BLOCK_AT, Transition, check_lock, check_transition},
    hold,
    laws::Laws,
};
use crate::{
    store::simulated::{Counted, Seen},
    time::Timestamp,
};

/// A slot that was taken: of an account, by whom, and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) account: Uuid,
    task: Option<Id>,
    /// The number of the commit that took it.
    pub(super) taken: usize,
    /// What the comparison came to, once there was one.
    pub(super) right: Option<bool>,
    state: State,
    is_decoy: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Others took its node for dead.
    Dead,
    Settled,
}

/// From one lock, or one reset of the counters, to the next.
#[derive(Debug)]
struct Window {
    began: Timestamp,
    failed_before: i64,
    /// Slots taken before it, in which nothing has been compared yet.
    carried: i64,
    /// Wrong passwords compared in it.
    wrong: i64,
    /// Whether an administrator wrote counters while attempts were under way that still are: each of them may lock.
    is_written: bool,
}

/// All attempts.
pub(super) struct Attempts {
    pub(super) slots: BTreeMap<Uuid, Slot>,
    by_task: HashMap<Id, Uuid>,
    windows: BTreeMap<Uuid, Window>,
    /// Kept as they were last, as a comparison may come when its account is gone.
    accounts: BTreeMap<Uuid, Counted>,
    pub(super) is_recovering: bool,
    /// Whether what was compared with what is remembered was so for a slot.
    has_compared_in_step: bool,
}

impl Attempts {
    pub(super) fn new(seen: &Seen) -> Self {
        let mut attempts = Self {
            slots: BTreeMap::new(),
            by_task: HashMap::new(),
            windows: BTreeMap::new(),
            accounts: seen.accounts.clone(),
            is_recovering: false,
            has_compared_in_step: false,
        };
        for (id, account) in &seen.accounts {
            attempts.open_window(*id, account, seen.now, Transition::Made);
        }
        attempts
    }

    fn open_window(&mut self, id: Uuid, account: &Counted, began: Timestamp, because: Transition) {
        let uncompared = |slot: &&Slot| slot.account == id && slot.state == State::Open && slot.right.is_none();
        let carried = i64::try_from(self.slots.values().filter(uncompared).count()).unwrap_or(i64::MAX);
        let was_written = self.windows.get(&id).is_some_and(|window| window.is_written);
        let is_written = (was_written || because == Transition::Edited) && account.in_flight > 0;
        let window = Window { began, failed_before: account.failed, carried, wrong: 0, is_written };
        self.windows.insert(id, window);
    }

    /// The slot of a task.
    pub(super) fn of_task(&self, task: Option<Id>) -> Option<&Slot> {
        self.slots.get(self.by_task.get(&task?)?)
    }

    /// A hash was compared.
    pub(super) fn compared(&mut self, laws: &Laws, task: Option<Id>, right: bool) -> Sound {
        let none = || Broken { invariant: "slot before comparison", how: "a comparison without a slot".into() };
        let id = *task.and_then(|task| self.by_task.get(&task)).ok_or_else(none)?;
        let slot = self.slots.get_mut(&id).ok_or_else(none)?;
        hold(slot.state != State::Settled && !slot.is_decoy, "slot before comparison", || {
            format!("a comparison after its slot was given back, or with that of a decoy: {slot:?}")
        })?;
        let before = slot.right.replace(right);
        let account = slot.account;
        if right || before == Some(false) { Ok(()) } else { self.count_wrong(laws, account) }
    }

    fn count_wrong(&mut self, laws: &Laws, id: Uuid) -> Sound {
        let (Some(window), Some(account)) = (self.windows.get_mut(&id), self.accounts.get(&id)) else { return Ok(()) };
        window.wrong += 1;
        let threshold = laws.thresholds(account, window.began).most;
        let most = (threshold - window.failed_before).max(window.carried).max(1);
        hold(window.wrong <= most, "limit of comparisons", || {
            format!("{} wrong passwords of {} compared where {most} may be: {window:?}", window.wrong, account.name_key)
        })
    }

    /// A transaction was committed.
    pub(super) fn committed(&mut self, commit: &Commit<'_>, laws: &Laws, figures: &mut Figures) -> Sound {
        let (before, after) = (commit.before, commit.after);
        let taken: Vec<Uuid> = after.attempts.keys().filter(|id| !before.attempts.contains_key(id)).copied().collect();
        let ended: Vec<Uuid> = before.attempts.keys().filter(|id| !after.attempts.contains_key(id)).copied().collect();
        self.has_compared_in_step = false;
        hold(taken.len() <= 1, "one slot at a time", || format!("{} slots", taken.len()))?;
        for id in &taken {
            let slot = Slot {
                account: after.attempts[id].0,
                task: commit.task,
                taken: commit.number,
                right: None,
                state: State::Open,
                is_decoy: !after.accounts.contains_key(&after.attempts[id].0),
            };
            self.slots.insert(*id, slot);
            self.by_task.extend(commit.task.map(|task| (task, *id)));
        }
        self.decoys(commit, &taken)?;
        self.windows.retain(|id, _| after.accounts.contains_key(id));
        for (id, account) in &after.accounts {
            let of_account = |all: &[Uuid], attempts: &BTreeMap<Uuid, (Uuid, Timestamp)>| -> Vec<Uuid> {
                all.iter().filter(|attempt| attempts[attempt].0 == *id).copied().collect()
            };
            let (taken, ended) = (of_account(&taken, &after.attempts), of_account(&ended, &before.attempts));
            match before.accounts.get(id) {
                None => self.open_window(*id, account, commit.now(), Transition::Made),
                Some(old) => self.changed(commit, laws, figures, *id, (old, account), (&taken, &ended))?,
            }
        }
        let is_of_a_slot = commit.remembered.is_empty() || self.has_compared_in_step;
        hold(is_of_a_slot, "slot before comparison", || "with what is remembered, without a slot".into())?;
        self.accounts.extend(after.accounts.iter().map(|(id, account)| (*id, account.clone())));
        Ok(())
    }

    fn changed(
        &mut self,
        commit: &Commit<'_>,
        laws: &Laws,
        figures: &mut Figures,
        id: Uuid,
        (old, new): (&Counted, &Counted),
        (taken, ended): (&[Uuid], &[Uuid]),
    ) -> Sound {
        let noted = commit.after.attempts.values().filter(|(account, _)| *account == id).count();
        hold(i64::try_from(noted) == Ok(new.in_flight), "slots are noted", || {
            format!("{} has {} attempts in flight, of which {noted} are noted", new.name_key, new.in_flight)
        })?;
        hold(new.failed >= 0 && new.since_reset >= 0, "counters", || format!("below nothing: {new:?}"))?;
        let own = self.of_task(commit.task).filter(|slot| slot.account == id).cloned();
        let transition = Transition::of(commit, id, (old, new), (taken, ended), self.is_recovering);
        if transition != Transition::None {
            *figures.entry(transition.name()).or_default() += 1;
        }
        self.settle(commit, transition, id, ended)?;
        let comes_to_an_end =
            matches!(transition, Transition::GivenBack | Transition::Failed | Transition::Good | Transition::Changed);
        let is_open = self.of_task(commit.task).is_some_and(|slot| slot.account == id && slot.state == State::Open);
        hold(!(comes_to_an_end && is_open), "all is settled", || format!("{transition:?}, and its slot is taken"))?;
        check_transition(commit, laws, transition, own.as_ref(), (old, new), (taken, ended))?;
        let is_written = self.windows.get(&id).is_some_and(|window| window.is_written);
        check_lock(commit, laws, transition, is_written, (old, new))?;
        let is_beyond = new.since_reset > BLOCK_AT.max(old.since_reset);
        hold(!is_beyond || is_written || transition == Transition::Edited, "limit of 100", || format!("{new:?}"))?;
        if matches!(transition, Transition::Taken | Transition::Recognized) && !commit.remembered.is_empty() {
            self.compared_in_step(commit, laws, transition)?;
        }
        let is_locked_now = new.lock_start != old.lock_start && new.lock_start == commit.now();
        let is_edited = transition == Transition::Edited
            && (old.failed, old.lock_start, &old.password_hash) != (new.failed, new.lock_start, &new.password_hash);
        if is_locked_now {
            *figures.entry("locks").or_default() += 1;
        }
        if is_locked_now || is_edited || transition.resets() {
            self.open_window(id, new, commit.now(), transition);
        }
        Ok(())
    }

    /// What was compared with what is remembered counts as what its slot was taken for.
    fn compared_in_step(&mut self, commit: &Commit<'_>, laws: &Laws, transition: Transition) -> Sound {
        self.has_compared_in_step = true;
        let agrees = commit.remembered.iter().all(|agrees| *agrees);
        hold(agrees == (transition == Transition::Recognized), "records", || {
            format!("what is remembered was compared ({agrees}), and then: {transition:?}")
        })?;
        if agrees { Ok(()) } else { self.compared(laws, commit.task, false) }
    }

    fn settle(&mut self, commit: &Commit<'_>, transition: Transition, account: Uuid, ended: &[Uuid]) -> Sound {
        for id in ended {
            let Some(slot) = self.slots.get_mut(id) else { continue };
            let is_own = slot.task == commit.task && transition != Transition::Recovered;
            slot.state = if is_own { State::Settled } else { State::Dead };
            if is_own {
                continue;
            }
            let age = commit.now().minus(LEASE);
            let started = commit.before.attempts[id].1;
            hold(transition == Transition::Recovered || started < age, "lease", || {
                format!("{account}: an attempt begun at {started} is taken for dead at {}", commit.now())
            })?;
        }
        Ok(())
    }

    /// As many slots of decoys as attempts that are counted on one.
    fn decoys(&mut self, commit: &Commit<'_>, taken: &[Uuid]) -> Sound {
        let counted = commit.after.decoys - commit.before.decoys;
        let is_decoy = |id: &&Uuid| !commit.after.accounts.contains_key(&commit.after.attempts[id].0);
        let taken = i64::try_from(taken.iter().filter(is_decoy).count()).unwrap_or(0);
        let own = self.of_task(commit.task);
        let is_refused = own.is_some_and(|slot| slot.is_decoy) && !commit.after.records.is_empty();
        let expected = taken - i64::from(is_refused);
        if is_refused && let Some(id) = commit.task.and_then(|task| self.by_task.get(&task)) {
            self.slots.entry(*id).and_modify(|slot| slot.state = State::Settled);
        }
        hold(counted == expected, "decoys", || format!("their slots are {counted} more, and not {expected}"))
    }

    /// Nothing is under way any more.
    pub(super) fn quiet(&self, seen: &Seen) -> Sound {
        for account in seen.accounts.values() {
            hold(account.in_flight == 0, "all is settled", || format!("{account:?}"))?;
        }
        hold(seen.attempts.is_empty(), "all is settled", || format!("noted attempts: {:?}", seen.attempts))
    }
}
