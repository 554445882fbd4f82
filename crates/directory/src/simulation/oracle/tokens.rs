//! Tokens: one that was ended opens nothing to whoever asks later, one that was not is good, and each may what the policies of
//! the moment give.

use std::{collections::BTreeMap, time::Duration};

use uuid::Uuid;

use super::{
    Commit, Sound, account,
    answers::{Answer, Answers, Asked},
    hold,
};
use crate::{
    error::Error,
    simulation::{
        acts::{Act, Done, Held},
        world::ROLE,
    },
    store::simulated::Seen,
    time::Timestamp,
};

/// A session.
#[derive(Debug)]
struct Session {
    account: Uuid,
    /// What has come to whoever logged in, and to whoever exchanged that.
    held: Vec<Held>,
    expires: Timestamp,
    /// The commit that ended it.
    ended: Option<usize>,
    /// When it was last found good, and when it may have been by whoever was not told.
    used: Timestamp,
    may_be_used: Timestamp,
}

/// All sessions, by the acts that opened them.
pub(super) struct Tokens {
    sessions: BTreeMap<usize, Session>,
    /// Since which commits which policies were on: that which gives, and that which stops.
    policies: Vec<(usize, [bool; 2])>,
}

/// How long a session of the console may go unused, and how exactly that is noted.
const IDLE: Duration = Duration::from_secs(10 * 60);
const IDLE_SLACK: Duration = Duration::from_secs(3 * 60);

fn policies(seen: &Seen) -> [bool; 2] {
    let is_on = |name| seen.off.get(name) == Some(&false);
    [is_on("Staff") && is_on(ROLE), is_on("Stopped")]
}

impl Tokens {
    pub(super) fn new(seen: &Seen) -> Self {
        Self { sessions: BTreeMap::new(), policies: vec![(0, policies(seen))] }
    }

    pub(super) fn committed(&mut self, commit: &Commit<'_>, ended: &[Uuid], answers: &Answers) {
        let on = policies(commit.after);
        if self.policies.last().is_some_and(|(_, last)| *last != on) {
            self.policies.push((commit.number, on));
        }
        for session in self.sessions.values_mut().filter(|session| ended.contains(&session.account)) {
            session.ended.get_or_insert(commit.number);
        }
        for record in &commit.after.records {
            let Some(number) = answers.of(record) else { continue };
            let asked = &answers.all[number];
            match (record.act.as_str(), &asked.act) {
                ("login", Act::Login { name, .. }) if record.outcome == "done" => {
                    let Some((account, _)) = account(commit.after, name) else { continue };
                    let (expires, used) = (Timestamp::from_micros(i64::MAX), commit.after.committed);
                    let session = Session { account, held: Vec::new(), expires, ended: None, used, may_be_used: used };
                    self.sessions.insert(number, session);
                }
                ("logout" | "end session", act) => {
                    let Some(held) = act.held() else { continue };
                    self.of(held).map(|session| session.ended.get_or_insert(commit.number));
                }
                _ => {}
            }
        }
    }

    fn of(&mut self, held: &Held) -> Option<&mut Session> {
        self.sessions.values_mut().find(|session| session.held.contains(held))
    }

    /// How policies were since a commit, each of them: on all the time, off all the time, or neither.
    fn since(&self, commit: usize) -> [Option<bool>; 2] {
        let first = self.policies.iter().rposition(|(since, _)| *since <= commit).unwrap_or(0);
        [0, 1].map(|policy| {
            let mut states = self.policies[first..].iter().map(|(_, on)| on[policy]);
            let state = states.next()?;
            states.all(|other| other == state).then_some(state)
        })
    }

    pub(super) fn answered(&mut self, now: Timestamp, number: usize, asked: &Asked, answer: &Answer) -> Sound {
        let [gives, stops] = self.since(asked.since);
        let fault = |how: &str| format!("act {number} ({:?}) is answered {answer:?}: {how}", asked.act);
        let is_stopped = asked.name == "bob" && stops == Some(true);
        match (&asked.act, answer) {
            (Act::Login { name, console, .. }, Answer::Done(Done::Session { token, expires })) => {
                hold(!is_stopped, "policies hold", || fault("a policy stops them"))?;
                let session = self.sessions.get_mut(&number).filter(|_| asked.opened.is_some());
                hold(session.is_some(), "records", || fault("no session was recorded"))?;
                if let Some(session) = session {
                    session.held.push(Held { token: token.clone(), name: name.clone(), console: *console });
                    session.expires = *expires;
                }
                return Ok(());
            }
            (_, Answer::Done(Done::Known { is_helper })) => {
                let expected = if asked.name == "ada" { gives } else { Some(false) };
                hold(expected.is_none_or(|expected| expected == *is_helper), "policies hold", || {
                    fault("of which not")
                })?;
            }
            _ => {}
        }
        let Some(held) = asked.act.held() else { return Ok(()) };
        let Some(session) = self.of(held) else { return Ok(()) };
        let is_good = match answer {
            Answer::Error(Error::Unauthorized) => false,
            Answer::Done(_) | Answer::Error(Error::Forbidden(_)) => true,
            _ => {
                session.may_be_used = now;
                return Ok(());
            }
        };
        if !is_good {
            let is_idle = held.console && now >= session.used.plus(IDLE).minus(IDLE_SLACK);
            let is_over = session.ended.is_some() || session.expires <= now || is_idle;
            return hold(is_over, "what was not ended is good", || fault(&format!("{session:?}")));
        }
        let is_live = session.ended.is_none_or(|ended| ended > asked.since) && session.expires > asked.at;
        hold(is_live, "what was ended is over", || fault(&format!("{session:?}, asked since {}", asked.since)))?;
        let is_used = !held.console || asked.at < session.may_be_used.plus(IDLE).plus(IDLE_SLACK);
        (session.used, session.may_be_used) = (now, now);
        if let Answer::Done(Done::Session { token, expires }) = answer {
            let same = *expires == session.expires;
            session.held.push(Held { token: token.clone(), ..held.clone() });
            hold(same, "what was ended is over", || fault(&format!("it is to last longer than {session:?}")))?;
        }
        hold(is_used, "what was ended is over", || fault("it went unused for too long"))?;
        hold(!is_stopped, "policies hold", || fault("a policy stops them"))
    }

    /// One that was given out, rather one that is good.
    pub(super) fn some(&self, draw: &mut fastrand::Rng) -> Option<Held> {
        let wants_good = draw.u8(..4) > 0;
        let fits = |session: &&Session| session.ended.is_none() || !wants_good;
        let all: Vec<&Held> = self.sessions.values().filter(fits).flat_map(|session| &session.held).collect();
        if all.is_empty() { None } else { Some(all[draw.usize(..all.len())].clone()) }
    }

    pub(super) fn all(&self) -> Vec<Held> {
        self.sessions.values().flat_map(|session| session.held.clone()).collect()
    }
}
