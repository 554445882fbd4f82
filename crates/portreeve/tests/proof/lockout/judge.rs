//! Whether what the database saw and what the clients were told is what the lock-out promises.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use super::{
    counted::{Account, LOCKS, MILLISECOND, Piece},
    witness::{Sight, What},
};

/// Between what a trigger notes and the commit, if nobody tells when that was (microseconds).
pub const COMMIT: i64 = 1_000_000;

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

/// What is wrong, if something is.
pub type Result<T> = std::result::Result<T, String>;

pub fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(what()) }
}

/// When requests to an account may meet it shut, and when they must.
#[derive(Debug)]
struct Shut {
    from: i64,
    /// When the last request can have met it so.
    until: i64,
    /// The latest of those up to here.
    latest: i64,
    /// From the answer that told of it until anything may have opened it.
    surely: Range<i64>,
}

/// What of an account answers are held against.
struct Course<'a> {
    shuts: Vec<Shut>,
    /// When it may not have been there, or have been another.
    anew: Vec<&'a Repair>,
}

impl<'a> Course<'a> {
    /// `repairs` in the order of their ends.
    fn new(pieces: &[Piece], repairs: &[&'a Repair], answered: &HashMap<&str, &Login>) -> Self {
        let (mut shuts, mut latest) = (Vec::new(), i64::MIN);
        for piece in pieces.iter().filter(|piece| piece.end > piece.from) {
            // Those that can have had to do with it.
            let near = near(repairs, piece.from);
            let opened = piece.until.map_or(i64::MAX, |until| {
                let repair = near.iter().find(|repair| (repair.from - MILLISECOND..=repair.to).contains(&until));
                repair.map_or(until + COMMIT, |repair| repair.to)
            });
            let until = piece.end.min(opened);
            latest = latest.max(until);
            let told = piece.set_by.as_deref().and_then(|request| answered.get(request));
            let repaired = near.iter().map(|repair| repair.from).min().unwrap_or(i64::MAX);
            let open = piece.end.min(piece.until.unwrap_or(i64::MAX)).min(repaired);
            let surely = told.map_or(open, |told| told.ended)..open;
            shuts.push(Shut { from: piece.from, until, latest, surely });
        }
        Self { shuts, anew: repairs.iter().filter(|repair| repair.anew).copied().collect() }
    }

    /// The times in which it was shut that a request may have met.
    fn met(&self, login: &Login) -> impl Iterator<Item = &Shut> {
        let begun = self.shuts.partition_point(|shut| shut.from <= login.ended);
        let near = self.shuts[..begun].iter().rev().take_while(|shut| shut.latest > login.began);
        near.filter(|shut| shut.until > login.began)
    }

    fn may_be_shut(&self, login: &Login) -> Result<()> {
        ensure(self.met(login).next().is_some(), || "refused for a lock that was not there".into())
    }

    fn may_be_open(&self, login: &Login) -> Result<()> {
        let shut = self.met(login).find(|shut| login.began > shut.surely.start && login.ended < shut.surely.end);
        ensure(shut.is_none(), || format!("compared in spite of the lock {shut:?}"))
    }

    fn may_be_another(&self, login: &Login) -> Result<()> {
        let meanwhile = near(&self.anew, login.began).iter().any(|repair| repair.from <= login.ended);
        ensure(meanwhile, || "refused though it was there all the time".into())
    }
}

/// The first repairs that were not over by then. One that was not answered may overlap with those behind it.
fn near<'a, 'b>(repairs: &'b [&'a Repair], time: i64) -> &'b [&'a Repair] {
    let next = repairs.partition_point(|repair| repair.to < time);
    &repairs[next..repairs.len().min(next + 8)]
}

/// Holds what was seen and told against what is promised. Until `calm_until` everything must have been answered.
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
    let answered: HashMap<&str, &Login> =
        logins.iter().filter(|login| login.status != 0).map(|login| (login.request.as_str(), login)).collect();
    let (mut found, mut courses) = (Found::default(), HashMap::new());
    for (&name, account) in &mut accounts {
        account.finish().map_err(|wrong| format!("{name}: {wrong}"))?;
        let died = account.died.filter(|at| *at < calm_until);
        ensure(died.is_none(), || format!("{name}: somebody was taken for dead at {died:?} though all were well"))?;
        found.slots += account.found.slots;
        found.locks += account.found.locks;
        found.dead += account.found.dead;
        let mut repairs: Vec<&Repair> = repairs.iter().filter(|repair| repair.account == name).collect();
        repairs.sort_by_key(|repair| repair.to);
        courses.insert(name, Course::new(&account.pieces, &repairs, &answered));
    }
    for login in logins {
        let course = courses.get(login.account.as_str()).ok_or("an account that nobody saw")?;
        let reason = reasons.get(login.request.as_str()).copied();
        answer(login, reason, course, calm_until)
            .map_err(|wrong| format!("{wrong}: {login:?}, for the audit log {reason:?}"))?;
    }
    Ok(found)
}

/// Whether one answer is right.
fn answer(login: &Login, reason: Option<&str>, course: &Course<'_>, calm_until: i64) -> Result<()> {
    match (login.status, reason) {
        (0 | 503, _) => ensure(login.ended > calm_until, || "no answer though all were well".into()),
        (200, Some("")) => {
            ensure(login.right, || "a wrong password was let in".into()).and_then(|()| course.may_be_open(login))
        }
        (401, Some("wrong password" | LOCKS)) => {
            ensure(!login.right, || "a right password was found wrong".into()).and_then(|()| course.may_be_open(login))
        }
        (401, Some("account locked" | "account blocked after 100 failures")) => course.may_be_shut(login),
        (401, Some("unknown account" | "account changed during the login")) => course.may_be_another(login),
        _ => Err("no answer that there may be".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::witness::Counters, *};

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
        let calm = judge(RULES, &sights, &logins[..3], &[], 91 * SECOND).expect_err("nobody was killed");
        assert!(calm.contains("taken for dead"), "{calm}");
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
