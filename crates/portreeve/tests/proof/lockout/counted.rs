//! An account as its counters moved: whether each move is one that the lock-out makes.

use super::{
    judge::{Found, Result, Rules, ensure},
    witness::Counters,
};

/// So many failures since the last good login keep an account shut until an administrator acts.
const BLOCK_AT: i64 = 100;
/// How long a transaction may last: a lock begins when the one that sets it does (microseconds).
const TRANSACTION: i64 = 30_000_000;
/// SQLite's triggers know the time no better (microseconds).
pub const MILLISECOND: i64 = 1_000;
/// What the audit log says of a failure that locks.
pub const LOCKS: &str = "wrong password, account locked";

/// A time in which the lock of an account was the same.
#[derive(Debug)]
pub struct Piece {
    pub from: i64,
    pub until: Option<i64>,
    /// When it runs out by itself.
    pub end: i64,
    /// The request that set it.
    pub set_by: Option<String>,
}

/// An account, as its counters moved.
pub struct Account {
    rules: Rules,
    last: Option<Counters>,
    /// Failures since the account was last locked, opened, or logged in to, and how many there may be.
    run: i64,
    allowed: i64,
    /// A failure was counted at that time, and no answer has told of it yet.
    unclaimed: i64,
    failed_at: i64,
    /// Answers that came after their attempt had been counted.
    late: i64,
    /// Attempts that were under way when the account was deleted.
    forgotten: i64,
    /// When the first was counted of which no answer ever told.
    pub died: Option<i64>,
    pub pieces: Vec<Piece>,
    pub found: Found,
}

impl Account {
    pub fn new(rules: Rules) -> Self {
        let (run, unclaimed, failed_at, late, forgotten) = (0, 0, 0, 0, 0);
        let (allowed, pieces, found) = (rules.threshold, Vec::new(), Found::default());
        let (last, died) = (None, None);
        Self { rules, last, run, allowed, unclaimed, failed_at, late, forgotten, died, pieces, found }
    }

    fn shut_until(&self, counters: &Counters) -> i64 {
        let locked = counters.lock_start.saturating_add(self.rules.lasts);
        if counters.since_reset >= BLOCK_AT { i64::MAX } else { locked }
    }

    /// No answer will tell any more of the last failure.
    fn give_up(&mut self) {
        let dead = std::mem::take(&mut self.unclaimed);
        if dead > 0 {
            self.found.dead += dead;
            self.died.get_or_insert(self.failed_at);
        }
    }

    fn begin_run(&mut self, failed: i64) {
        (self.run, self.allowed) = (0, (self.rules.threshold - failed).max(1));
    }

    /// The account is made, not for the first time perhaps.
    pub fn make(&mut self, at: i64, counters: Counters) {
        let before = self.last.replace(counters);
        self.give_up();
        self.forgotten += before.map_or(0, |before| before.in_flight);
        self.begin_run(counters.failed);
        self.shut(at, before.as_ref(), &counters);
    }

    pub fn move_to(&mut self, at: i64, next: Counters) -> Result<()> {
        ensure(next.in_flight >= 0, || "fewer than no attempts under way".into())?;
        let last = self.last.replace(next).ok_or("changed before it was made")?;
        self.give_up();
        let (slots, failures) = (next.in_flight - last.in_flight, next.failed - last.failed);
        if slots > 0 {
            self.take_slot(at, &last, &next)?;
        } else if failures > 0 {
            self.count_failures(at, failures, &last, &next)?;
        } else if failures < 0 {
            self.begin_run(next.failed);
        }
        self.shut(at, Some(&last), &next);
        Ok(())
    }

    /// Notes until when the account is shut from now on, if that is another time than before.
    fn shut(&mut self, at: i64, last: Option<&Counters>, next: &Counters) {
        let end = self.shut_until(next);
        if last.is_none_or(|last| self.shut_until(last) != end) {
            if let Some(piece) = self.pieces.last_mut() {
                piece.until = Some(at);
            }
            self.pieces.push(Piece { from: at, until: None, end, set_by: None });
        }
    }

    fn take_slot(&mut self, at: i64, last: &Counters, next: &Counters) -> Result<()> {
        ensure(*next == Counters { in_flight: last.in_flight + 1, ..*last }, || format!("{last:?} became {next:?}"))?;
        ensure(self.shut_until(last) <= at + MILLISECOND, || format!("a slot was taken at {at} in spite of {last:?}"))?;
        let (taken, limit) = (last.failed + last.in_flight, self.rules.threshold);
        ensure(last.in_flight == 0 || taken < limit, || format!("a slot too many was taken: {last:?}"))?;
        ensure(last.since_reset + last.in_flight < BLOCK_AT, || format!("one too many in all: {last:?}"))?;
        self.found.slots += 1;
        Ok(())
    }

    fn count_failures(&mut self, at: i64, failures: i64, last: &Counters, next: &Counters) -> Result<()> {
        let slots = last.in_flight - next.in_flight;
        ensure(slots == failures, || format!("{failures} failures for {slots} slots: {last:?} became {next:?}"))?;
        self.run += failures;
        ensure(self.run <= self.allowed, || format!("{} failures where {} may be: {next:?}", self.run, self.allowed))?;
        (self.unclaimed, self.failed_at) = (failures, at);
        let locks = next.failed >= self.rules.threshold;
        ensure(locks == (next.lock_start != last.lock_start), || format!("{last:?} became {next:?}"))?;
        if locks {
            let begins = at - TRANSACTION..=at + MILLISECOND;
            ensure(begins.contains(&next.lock_start), || format!("at {at} a lock was set that begins at {next:?}"))?;
            self.found.locks += 1;
            self.begin_run(next.failed);
        }
        Ok(())
    }

    /// A comparison came to its end, and the password was wrong.
    pub fn claim(&mut self, request: &str, reason: &str) {
        if self.unclaimed != 1 {
            self.late += 1;
            return;
        }
        self.unclaimed = 0;
        if let Some(piece) = self.pieces.last_mut().filter(|_| reason == LOCKS) {
            piece.set_by = Some(request.to_owned());
        }
    }

    pub fn finish(&mut self) -> Result<()> {
        self.give_up();
        let (late, open) = (self.late, self.found.dead + self.forgotten);
        ensure(late <= open, || format!("{late} comparisons were told of that were counted nowhere; {open} are open"))
    }
}
