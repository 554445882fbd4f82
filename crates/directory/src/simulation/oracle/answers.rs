//! What was asked and what was answered: no right password is refused but for a reason that there was, each answer has its
//! record, and none is a fault.

use std::time::Duration;

use super::{Commit, Sound, account, attempts::Attempts, ends::Ends, held::is_of_the_gate, hold, laws::Laws, password};
use crate::{
    error::{Error, Failure},
    simulation::acts::{Act, Done},
    store::{
        accounts::NEVER,
        simulated::{Recorded, Seen},
    },
    time::Timestamp,
};

/// How an act ended for the one who asked.
#[derive(Debug)]
pub(in crate::simulation) enum Answer {
    Done(Done),
    Error(Error),
    /// They went away, or the node did.
    None,
}

impl Answer {
    /// Whether there is nothing to be gained by asking again.
    pub(in crate::simulation) fn is_final(&self) -> bool {
        !matches!(self, Self::None | Self::Error(Error::Store(_) | Error::Overloaded { .. }))
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::None => "without an answer",
            Self::Error(Error::LoginRefused) => "logins refused",
            Self::Error(Error::Overloaded { .. }) => "overloaded",
            Self::Error(Error::Unauthorized) => "tokens refused",
            Self::Error(Error::Store(_)) => "failures of the store",
            Self::Error(_) => "other refusals",
        }
    }
}

/// Why a password may be refused.
#[derive(Debug, Clone, Copy, Default)]
struct Reasons {
    absent: bool,
    disabled: bool,
    blacklisted: bool,
    locked: bool,
    blocked: bool,
    without_password: bool,
    /// The account is not quite the one that it was when somebody asked.
    changed: bool,
    stopped: bool,
    wrong: bool,
}

/// An act, while it is under way and after.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) act: Act,
    pub(super) at: Timestamp,
    pub(super) name: String,
    /// The number of the last commit before it.
    pub(super) since: usize,
    /// Of the account and its credential, then.
    credential: Option<(uuid::Uuid, i64)>,
    losses: u64,
    reasons: Reasons,
    records: Vec<Recorded>,
    /// The commit that opened its session.
    pub(super) opened: Option<usize>,
    is_over: bool,
}

/// All acts, by their numbers.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) all: Vec<Asked>,
}

/// Half a lease: an attempt that takes longer is told to come back.
const HALF_A_LEASE: Duration = Duration::from_secs(5);

/// How requests are called.
pub(in crate::simulation) fn request_id(number: usize) -> String {
    format!("act {number}")
}

impl Answers {
    pub(super) fn asked(
        &mut self,
        now: Timestamp,
        act: &Act,
        losses: u64,
        since: usize,
        seen: &Seen,
        laws: &Laws,
    ) -> usize {
        let name = act.knock().map(|(name, _)| name).or(act.held().map(|held| held.name.as_str())).unwrap_or_default();
        let mut asked = Asked {
            act: act.clone(),
            at: now,
            name: name.to_owned(),
            since,
            credential: account(seen, name).map(|(id, account)| (id, account.credential_version)),
            losses,
            reasons: Reasons::default(),
            records: Vec::new(),
            opened: None,
            is_over: false,
        };
        asked.look(now, seen, laws);
        self.all.push(asked);
        self.all.len() - 1
    }

    /// The act that a record is of.
    pub(super) fn of(&self, record: &Recorded) -> Option<usize> {
        let number = record.request_id.strip_prefix("act ")?.parse().ok()?;
        (number < self.all.len()).then_some(number)
    }

    pub(super) fn committed(&mut self, commit: &Commit<'_>, laws: &Laws, attempts: &Attempts, ends: &Ends) -> Sound {
        for record in &commit.after.records {
            let Some(number) = self.of(record) else { continue };
            let asked = &mut self.all[number];
            asked.records.push(record.clone());
            if is_of_the_gate(record) && record.outcome == "done" {
                asked.opened = Some(commit.number);
                asked.let_in(commit, attempts, ends)?;
            }
        }
        for asked in self.all.iter_mut().filter(|asked| !asked.is_over) {
            asked.look(commit.after.committed, commit.after, laws);
        }
        let mut of_acts = commit.after.records.iter().filter_map(|record| Some((self.of(record)?, record)));
        of_acts.try_for_each(|(number, record)| self.all[number].reason(record))
    }

    pub(super) fn answered(&mut self, now: Timestamp, number: usize, answer: &Answer, losses: u64) -> Sound {
        let asked = &mut self.all[number];
        // What is under way goes on when whoever asked is gone.
        asked.is_over = !matches!(answer, Answer::None);
        let fault = |how: &str| format!("act {number} ({:?}) is answered {answer:?}: {how}", asked.act);
        match answer {
            Answer::Error(
                Error::Internal(_) | Error::Store(Failure::Broken(_) | Failure::Clash(_) | Failure::Orphan(_)),
            ) => {
                return hold(false, "no fault of ours", || fault("that is one"));
            }
            Answer::Error(Error::Store(Failure::Unavailable(_) | Failure::InDoubt(_) | Failure::Contention(_))) => {
                hold(losses > asked.losses, "no fault of ours", || fault("the database was there all the time"))?;
            }
            Answer::Error(Error::Overloaded { .. }) => {
                let took_long = now >= asked.at.plus(HALF_A_LEASE);
                hold(took_long || losses > asked.losses, "no needless 503", || fault("there was room"))?;
            }
            _ => {}
        }
        let Some(_) = asked.act.knock() else { return Ok(()) };
        let is_refused = matches!(answer, Answer::Error(Error::LoginRefused))
            || matches!((answer, &asked.act), (Answer::Error(Error::Forbidden(_)), Act::ChangePassword { .. }));
        if !is_refused && !matches!(answer, Answer::Done(_)) {
            return Ok(());
        }
        let of_the_gate: Vec<&Recorded> = asked.records.iter().filter(|record| is_of_the_gate(record)).collect();
        let expected = if is_refused { "refused" } else { "done" };
        let is_recorded = matches!(of_the_gate.as_slice(), [one] if one.outcome == expected);
        hold(is_recorded, "records", || fault(&format!("recorded is {of_the_gate:?}")))
    }

    /// When all is over: no act has been recorded twice.
    pub(super) fn quiet(&self) -> Sound {
        for (number, asked) in self.all.iter().enumerate() {
            let times = asked.records.len();
            hold(times <= 1, "records", || format!("act {number} ({:?}) has {times}: {:?}", asked.act, asked.records))?;
        }
        Ok(())
    }
}

impl Asked {
    /// Looks at the account of which the password is.
    fn look(&mut self, now: Timestamp, seen: &Seen, laws: &Laws) {
        let Some((name, offered)) = self.act.knock() else { return };
        let Some((id, found)) = account(seen, name) else {
            self.reasons.absent = true;
            return;
        };
        let reasons = &mut self.reasons;
        reasons.disabled |= found.disabled;
        reasons.blacklisted |= found.kind == "local" && seen.blacklisted.iter().any(|listed| listed == name);
        reasons.locked |= found.lock_start != NEVER && laws.may_be_locked(found, self.at, now);
        reasons.blocked |= found.since_reset >= 100;
        reasons.without_password |= found.password_hash.is_empty();
        reasons.changed |= self.credential != Some((id, found.credential_version));
        reasons.stopped |= name == "bob" && seen.off.get("Stopped") == Some(&false);
        reasons.wrong |= password(found).as_deref() != Some(offered);
    }

    /// Somebody is let in by this commit.
    fn let_in(&self, commit: &Commit<'_>, attempts: &Attempts, ends: &Ends) -> Sound {
        let Some((name, offered)) = self.act.knock() else { return Ok(()) };
        let before = account(commit.before, name).map(|(_, account)| account).filter(|account| !account.disabled);
        let own = before.and_then(password);
        hold(own.as_deref() == Some(offered), "what opens is right", || {
            format!("{offered:?} opens {name}, whose password is {own:?}: {before:?}")
        })?;
        let is_listed = name != "loom" && commit.before.blacklisted.iter().any(|listed| listed == name);
        hold(!is_listed, "what opens is right", || format!("{name} is blacklisted"))?;
        let slot = attempts.of_task(commit.task);
        let ended = slot.and_then(|slot| ends.last(&slot.account).filter(|ended| *ended > slot.taken));
        hold(ended.is_none(), "an end ends what is under way", || {
            format!("{name} is let in although commit {ended:?} ended it, by {slot:?}")
        })
    }

    /// That a refusal has the reason that it is recorded with.
    fn reason(&self, record: &Recorded) -> Sound {
        if !is_of_the_gate(record) || record.outcome != "refused" {
            return Ok(());
        }
        let Reasons { absent, disabled, blacklisted, locked, blocked, without_password, changed, stopped, wrong } =
            self.reasons;
        let is_so = match record.reason.as_str() {
            "wrong password" | "wrong password, account locked" => wrong,
            "unknown account" => absent,
            "account disabled" => disabled,
            "account blacklisted" => blacklisted,
            "account locked" => locked,
            "account blocked after 100 failures" => blocked,
            "account without password" => without_password,
            "account changed during the login" => changed || disabled || absent,
            other => other.starts_with("stopped by") && stopped,
        };
        hold(is_so, "a refusal has its reason", || {
            format!("{:?} is refused ({}), and there was: {:?}", self.act, record.reason, self.reasons)
        })
    }
}
