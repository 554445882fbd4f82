//! Whether what the database saw and what the clients were told is what the lock-out promises.

use std::collections::{BTreeMap, HashMap};

use super::witness::{Counters, Sight, What};

/// So many failures since the last good login keep an account shut until an administrator acts.
const BLOCK_AT: i64 = 100;
/// How long a transaction may last: a lock begins when the one that sets it does (microseconds).
const TRANSACTION: i64 = 30_000_000;
/// Between what a trigger notes and the commit, if nobody tells when that was (microseconds).
pub const COMMIT: i64 = 1_000_000;
/// SQLite's triggers know the time no better (microseconds).
const MILLISECOND: i64 = 1_000;
const LOCKS: &str = "wrong password, account locked";

/// When accounts are locked, and for how long (microseconds).
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub threshold: i64,
    pub lasts: i64,
}

/// What a client asked and was answered. Times are those of its clock.
#[derive(Debug, Clone)]
pub struct Login {
    pub account: String,
    /// Whether the password was right.
    pub right: bool,
    pub began: i64,
    pub ended: i64,
    /// 0 if there was no answer.
    pub status: u16,
    /// The request's id.
    pub request: String,
}

/// An account was opened again, by an administrator or past the program, and that was committed between these times.
#[derive(Debug, Clone)]
pub struct Repair {
    pub account: String,
    pub from: i64,
    pub to: i64,
    /// Whether it was deleted and made anew for that.
    pub anew: bool,
}

/// What came of a judgement.
#[derive(Debug, Default, Clone, Copy)]
pub struct Found {
    /// Comparisons that were let in.
    pub slots: u64,
    pub locks: u64,
    /// Attempts that nobody came back from and that were counted as failures.
    pub dead: i64,
}

type Result<T> = std::result::Result<T, String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(what()) }
}

/// A time in which the lock of an account was the same.
#[derive(Debug)]
struct Piece {
    from: i64,
    until: Option<i64>,
    /// When it runs out by itself.
    end: i64,
    /// The request that set it.
    set_by: Option<String>,
}

/// An account, as its counters moved.
struct Account {
    rules: Rules,
    last: Option<Counters>,
    /// Failures since the account was last locked, opened, or logged in to, and how many there may be.
    run: i64,
    allowed: i64,
    /// A failure was counted, and no answer has told of it yet.
    unclaimed: i64,
    /// Answers that came after their attempt had been counted.
    late: i64,
    /// Attempts that were under way when the account was deleted.
    forgotten: i64,
    pieces: Vec<Piece>,
    found: Found,
}

impl Account {
    fn new(rules: Rules) -> Self {
        let (run, unclaimed, late, forgotten) = (0, 0, 0, 0);
        let (allowed, pieces, found) = (rules.threshold, Vec::new(), Found::default());
        Self { rules, last: None, run, allowed, unclaimed, late, forgotten, pieces, found }
    }

    fn shut_until(&self, counters: &Counters) -> i64 {
        let locked = counters.lock_start.saturating_add(self.rules.lasts);
        if counters.since_reset >= BLOCK_AT { i64::MAX } else { locked }
    }

    fn begin_run(&mut self, failed: i64) {
        (self.run, self.allowed) = (0, (self.rules.threshold - failed).max(1));
    }

    /// The account is made, not for the first time perhaps.
    fn make(&mut self, at: i64, counters: Counters) {
        let before = self.last.replace(counters);
        self.found.dead += std::mem::take(&mut self.unclaimed);
        self.forgotten += before.map_or(0, |before| before.in_flight);
        self.begin_run(counters.failed);
        self.shut(at, before.as_ref(), &counters);
    }

    fn move_to(&mut self, at: i64, next: Counters) -> Result<()> {
        ensure(next.in_flight >= 0, || "fewer than no attempts under way".into())?;
        let last = self.last.replace(next).ok_or("changed before it was made")?;
        self.found.dead += std::mem::take(&mut self.unclaimed);
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
        self.unclaimed = failures;
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
    fn claim(&mut self, request: &str, reason: &str) {
        if self.unclaimed != 1 {
            self.late += 1;
            return;
        }
        self.unclaimed = 0;
        if let Some(piece) = self.pieces.last_mut().filter(|_| reason == LOCKS) {
            piece.set_by = Some(request.to_owned());
        }
    }

    fn finish(&mut self) -> Result<()> {
        self.found.dead += std::mem::take(&mut self.unclaimed);
        let (late, open) = (self.late, self.found.dead + self.forgotten);
        ensure(late <= open, || format!("{late} comparisons were told of that were counted nowhere; {open} are open"))
    }
}

impl Piece {
    /// Whether a request may have met the account shut.
    fn may_shut(&self, login: &Login, repairs: &[&Repair]) -> bool {
        let opened = self.until.map_or(i64::MAX, |until| {
            let repair = repairs.iter().find(|repair| (repair.from - MILLISECOND..=repair.to).contains(&until));
            repair.map_or(until + COMMIT, |repair| repair.to)
        });
        login.began < self.end.min(opened) && login.ended >= self.from
    }

    /// Whether a request must have met the account locked: it came after the answer that told of the lock, if `told`, and was
    /// over before anything opened the account.
    fn must_shut(&self, login: &Login, repairs: &[&Repair], told: Option<&Login>) -> bool {
        let Some(told) = told else { return false };
        let repaired = repairs.iter().filter(|repair| repair.to > self.from).map(|repair| repair.from).min();
        let open = self.end.min(repaired.unwrap_or(i64::MAX)).min(self.until.unwrap_or(i64::MAX));
        login.began > told.ended && login.ended < open
    }
}

/// Holds what was seen and told against what is promised. Nothing but answers may have come until `calm_until`.
pub fn judge(rules: Rules, sights: &[Sight], logins: &[Login], repairs: &[Repair], calm_until: i64) -> Result<Found> {
    let mut accounts: BTreeMap<&str, Account> = BTreeMap::new();
    let mut reasons: HashMap<&str, &str> = HashMap::new();
    for sight in sights {
        let account = accounts.entry(&sight.account).or_insert_with(|| Account::new(rules));
        let seen = match &sight.what {
            What::Made(counters) => {
                account.make(sight.at, *counters);
                Ok(())
            }
            What::Counters(next) => account.move_to(sight.at, *next),
            What::Login { request, reason } => {
                if reason.starts_with("wrong password") {
                    account.claim(request, reason);
                }
                let twice = reasons.insert(request, reason);
                ensure(twice.is_none(), || format!("the request {request} is recorded twice"))
            }
        };
        seen.map_err(|wrong| format!("{}: {wrong}", sight.account))?;
    }
    let mut found = Found::default();
    for (name, account) in &mut accounts {
        account.finish().map_err(|wrong| format!("{name}: {wrong}"))?;
        found.slots += account.found.slots;
        found.locks += account.found.locks;
        found.dead += account.found.dead;
    }
    let answered: HashMap<&str, &Login> =
        logins.iter().filter(|login| login.status != 0).map(|login| (login.request.as_str(), login)).collect();
    for login in logins {
        let account = accounts.get(login.account.as_str()).ok_or("an account that nobody saw")?;
        let repairs: Vec<&Repair> = repairs.iter().filter(|repair| repair.account == login.account).collect();
        let reason = reasons.get(login.request.as_str()).copied();
        answer(login, reason, account, &repairs, &answered, calm_until)
            .map_err(|wrong| format!("{wrong}: {login:?}, for the audit log {reason:?}"))?;
    }
    Ok(found)
}

/// Whether one answer is right.
fn answer(
    login: &Login,
    reason: Option<&str>,
    account: &Account,
    repairs: &[&Repair],
    answered: &HashMap<&str, &Login>,
    calm_until: i64,
) -> Result<()> {
    let compared = || {
        let told = |piece: &Piece| answered.get(piece.set_by.as_deref()?).copied();
        let shut = account.pieces.iter().find(|piece| piece.must_shut(login, repairs, told(piece)));
        ensure(shut.is_none(), || format!("compared in spite of the lock {shut:?}"))
    };
    match (login.status, reason) {
        (0 | 503, _) => ensure(login.ended > calm_until, || "no answer though all were well".into()),
        (200, Some("")) => ensure(login.right, || "a wrong password was let in".into()).and_then(|()| compared()),
        (401, Some("wrong password" | LOCKS)) => {
            ensure(!login.right, || "a right password was found wrong".into()).and_then(|()| compared())
        }
        (401, Some("account locked" | "account blocked after 100 failures")) => {
            let shut = account.pieces.iter().any(|piece| piece.may_shut(login, repairs));
            ensure(shut, || "refused for a lock that was not there".into())
        }
        (401, Some("unknown account" | "account changed during the login")) => {
            let anew = repairs.iter().filter(|repair| repair.anew);
            let meanwhile = anew.into_iter().any(|repair| login.began <= repair.to && login.ended >= repair.from);
            ensure(meanwhile, || "refused though it was there all the time".into())
        }
        _ => Err("no answer that there may be".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const RULES: Rules = Rules { threshold: 2, lasts: 60 * SECOND };
    const NEVER: i64 = i64::MIN;

    /// Times are in seconds, here and below.
    fn sight(at: i64, what: What) -> Sight {
        Sight { account: "a".into(), at: at * SECOND, what }
    }

    fn counters(at: i64, failed: i64, in_flight: i64, lock_start: i64) -> Sight {
        let lock_start = lock_start.saturating_mul(SECOND);
        sight(at, What::Counters(Counters { failed, in_flight, since_reset: failed, lock_start }))
    }

    fn made(at: i64) -> Sight {
        sight(at, What::Made(Counters { failed: 0, in_flight: 0, since_reset: 0, lock_start: NEVER }))
    }

    fn told(request: &str, reason: &str) -> Sight {
        sight(0, What::Login { request: request.into(), reason: reason.into() })
    }

    fn login(request: &str, (began, ended): (i64, i64), status: u16, right: bool) -> Login {
        let (began, ended) = (began * SECOND, ended * SECOND);
        Login { account: "a".into(), right, began, ended, status, request: request.into() }
    }

    /// Two guesses at once, which lock it at 12, and one that is refused.
    fn good() -> (Vec<Sight>, Vec<Login>) {
        let sights = vec![
            made(0),
            counters(10, 0, 1, NEVER),
            counters(11, 0, 2, NEVER),
            counters(12, 1, 1, NEVER),
            told("1", "wrong password"),
            counters(13, 2, 0, 12),
            told("2", LOCKS),
            told("3", "account locked"),
        ];
        let logins =
            vec![login("1", (9, 14), 401, false), login("2", (9, 15), 401, false), login("3", (20, 25), 401, true)];
        (sights, logins)
    }

    fn verdict(sights: &[Sight], logins: &[Login], repairs: &[Repair]) -> Result<Found> {
        judge(RULES, sights, logins, repairs, 1_000 * SECOND)
    }

    #[test]
    fn what_is_right_is_found_right() {
        let (mut sights, mut logins) = good();
        // The lock runs out; one attempt that is never heard of again is counted, and locks anew.
        sights.extend([counters(73, 2, 1, 12), counters(90, 3, 0, 89)]);
        logins.extend([login("", (70, 95), 0, true), login("", (1_001, 1_002), 503, true)]);
        let found = judge(RULES, &sights, &logins, &[], 90 * SECOND).expect("is right");
        assert_eq!((found.slots, found.locks, found.dead), (3, 2, 1));
    }

    #[test]
    fn what_the_counters_may_not_do_is_seen() {
        let opened = counters(33, 0, 0, NEVER);
        let wrong: [(&str, &[Sight]); 7] = [
            (
                "a slot too many",
                &[opened, counters(34, 0, 1, NEVER), counters(35, 0, 2, NEVER), counters(36, 0, 3, NEVER)],
            ),
            ("in spite of", &[counters(20, 2, 1, 12)]),
            ("failures for", &[counters(80, 3, 0, 79)]),
            ("became", &[counters(80, 2, 1, 12), counters(81, 3, 0, 12)]),
            ("begins at", &[counters(80, 2, 1, 12), counters(81, 3, 0, 7_200_000_081)]),
            ("fewer than", &[counters(80, 2, -1, 12)]),
            ("counted nowhere", &[told("7", "wrong password")]),
        ];
        for (what, more) in wrong {
            let (mut sights, logins) = good();
            sights.extend_from_slice(more);
            let said = verdict(&sights, &logins, &[]).expect_err(what);
            assert!(said.contains(what), "{what}: {said}");
        }
    }

    #[test]
    fn what_clients_may_not_be_told_is_seen() {
        let wrong: [(&str, Login, &str); 6] = [
            ("found wrong", login("4", (80, 81), 401, true), "wrong password"),
            ("let in", login("4", (80, 81), 200, false), ""),
            ("in spite of", login("4", (30, 40), 200, true), ""),
            ("not there", login("4", (72, 75), 401, true), "account locked"),
            ("all the time", login("4", (80, 81), 401, true), "account changed during the login"),
            ("all were well", login("", (80, 81), 503, true), "nothing"),
        ];
        for (what, one, reason) in wrong {
            let (mut sights, mut logins) = good();
            if reason.starts_with("wrong password") {
                sights.extend([counters(79, 2, 1, 12), counters(80, 3, 0, 80)]);
            }
            sights.push(told(&one.request, reason));
            logins.push(one);
            let said = verdict(&sights, &logins, &[]).expect_err(what);
            assert!(said.contains(what), "{what}: {said}");
        }
        let (sights, mut logins) = good();
        logins.push(login("unheard of", (80, 81), 401, false));
        assert!(verdict(&sights, &logins, &[]).is_err_and(|said| said.contains("may be")));
    }

    #[test]
    fn an_account_that_was_opened_is_open() {
        let (mut sights, mut logins) = good();
        sights.extend([counters(33, 0, 0, NEVER), told("4", "account locked"), told("5", "")]);
        let repair = Repair { account: "a".into(), from: 30 * SECOND, to: 35 * SECOND, anew: false };
        // While it is being opened, either may be told.
        logins.extend([login("4", (31, 34), 401, true), login("5", (31, 34), 200, true)]);
        verdict(&sights, &logins, std::slice::from_ref(&repair)).expect("is right");
        sights.push(told("6", "account locked"));
        logins.push(login("6", (36, 40), 401, true));
        let said = verdict(&sights, &logins, &[repair]).expect_err("is open");
        assert!(said.contains("not there"), "{said}");
    }
}
