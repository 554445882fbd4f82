//! An account with its sessions, as it is promised to be.

use std::collections::BTreeSet;

use super::linear::Model;

/// Wrong passwords that lock an account.
pub const THRESHOLD: u8 = 3;

/// What is seen of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seen {
    pub notes: u32,
    pub disabled: bool,
    pub failed: u8,
    pub locked: bool,
}

/// A password: which of those that were ever set, or one that never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Password {
    Number(u8),
    Never,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It has this entity tag now; none if it is gone.
    Done(Option<u64>),
    NotThere,
    /// The entity tag was another.
    Stale,
}

/// An operation with its answer; nothing if there was none.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    /// With the tag that it was given; nothing where it was there already.
    Create {
        notes: u32,
        password: u8,
        answer: Option<Option<u64>>,
    },
    /// What is there, with its tag.
    Get(Option<(Seen, u64)>),
    /// What is in the list.
    List(Option<Seen>),
    Put {
        notes: u32,
        disabled: bool,
        unlock: bool,
        password: Option<u8>,
        expect: Option<u64>,
        answer: Option<Changed>,
    },
    Delete {
        expect: Option<u64>,
        answer: Option<Changed>,
    },
    /// Whether that opened the session. Refused only with a password that never was one.
    Login {
        password: Password,
        session: u16,
        answer: Option<bool>,
    },
    /// A login with a password that was one, or will be, or is, was refused. It may have counted, at another moment: the password
    /// may have become the account's while it was compared with the one before.
    Refused(u8),
    MayCount,
    /// Whether the session is good.
    Check {
        session: u16,
        good: bool,
    },
    End {
        session: u16,
    },
    EndAll,
}

/// What is known of an entity tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Tag {
    Is(u64),
    /// Greater than this.
    Above(u64),
}

/// The entity tag as it is, and all that the account, or one before it, was ever said to have. An account's tags rise; that a
/// later account's are above an earlier one's is not promised, only that they are others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Tags {
    now: Tag,
    told: BTreeSet<u64>,
}

impl Tags {
    fn may_be(&self, tag: u64) -> bool {
        match self.now {
            Tag::Is(own) => own == tag,
            Tag::Above(floor) => tag > floor && !self.told.contains(&tag),
        }
    }

    fn may_not_be(&self, tag: u64) -> bool {
        self.now != Tag::Is(tag)
    }

    /// With this tag, which it may have.
    fn is(mut self, tag: u64) -> Self {
        self.told.insert(tag);
        Self { now: Tag::Is(tag), ..self }
    }

    /// With a later one, that nobody was told.
    fn later(self) -> Self {
        let (Tag::Is(floor) | Tag::Above(floor)) = self.now;
        Self { now: Tag::Above(floor), ..self }
    }

    /// With the first of a new account.
    fn first(self) -> Self {
        Self { now: Tag::Above(0), ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct There {
    seen: Seen,
    password: u8,
}

impl There {
    fn is_shut(self) -> bool {
        self.seen.disabled || self.seen.locked
    }

    fn lets_in(self, password: Password) -> bool {
        password == Password::Number(self.password) && !self.is_shut()
    }
}

/// The account, and which sessions of it are open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    there: Option<There>,
    tags: Tags,
    open: BTreeSet<u16>,
}

impl State {
    /// Before it was ever made.
    pub fn nothing() -> Self {
        Self { there: None, tags: Tags { now: Tag::Above(0), told: BTreeSet::new() }, open: BTreeSet::new() }
    }

    /// Changed, and with a tag that nobody was told.
    fn touched(self) -> Self {
        Self { tags: self.tags.later(), ..self }
    }

    /// The same with this tag, if that may be; with any if nobody was told.
    fn tagged(self, tag: Option<u64>) -> Vec<Self> {
        match tag {
            Some(tag) if !self.tags.may_be(tag) => vec![],
            Some(tag) => vec![Self { tags: self.tags.is(tag), ..self }],
            None => vec![self],
        }
    }

    fn create(&self, notes: u32, password: u8, answer: Option<Option<u64>>) -> Vec<Self> {
        match (self.there, answer) {
            (Some(_), Some(None)) => vec![self.clone()],
            (None, None | Some(Some(_))) => {
                let seen = Seen { notes, disabled: false, failed: 0, locked: false };
                let tags = self.tags.clone().first();
                Self { there: Some(There { seen, password }), tags, open: self.open.clone() }.tagged(answer.flatten())
            }
            _ => vec![],
        }
    }

    /// What a change comes to whose condition is `expect`.
    fn change(&self, expect: Option<u64>, answer: Option<Changed>, to: impl Fn(There) -> Option<There>) -> Vec<Self> {
        let Some(there) = self.there else {
            return if answer == Some(Changed::NotThere) { vec![self.clone()] } else { vec![] };
        };
        let may = expect.is_none_or(|tag| self.tags.may_be(tag));
        let tag = match answer {
            Some(Changed::NotThere) => return vec![],
            Some(Changed::Stale) => {
                let stale = expect.is_some_and(|tag| self.tags.may_not_be(tag));
                return if stale { vec![self.clone()] } else { vec![] };
            }
            Some(Changed::Done(tag)) if may => tag,
            None if may => None,
            _ => return vec![],
        };
        let after = to(there);
        let ends =
            after.is_none_or(|after| after.password != there.password || (after.seen.disabled && !there.seen.disabled));
        let mut next = Self { there: after, ..self.clone() };
        if ends {
            next.open.clear();
        }
        if let Some(expect) = expect {
            next.tags = next.tags.is(expect);
        }
        next.touched().tagged(tag)
    }

    fn log_in(&self, password: Password, session: u16, answer: Option<bool>) -> Vec<Self> {
        let Some(there) = self.there else { return if answer == Some(true) { vec![] } else { vec![self.clone()] } };
        let mut all = Vec::new();
        if answer != Some(false) && there.lets_in(password) {
            all.push(self.let_in(there, session));
        }
        // An attempt that was let in before the account was disabled counts all the same, and so does any that died.
        let counts = answer.is_none() || (answer == Some(false) && !there.lets_in(password));
        if counts && !there.seen.locked {
            all.push(self.count_failure(there));
        }
        if counts && there.is_shut() {
            all.push(self.clone());
        }
        all
    }

    fn let_in(&self, there: There, session: u16) -> Self {
        let seen = Seen { failed: 0, ..there.seen };
        let mut next = Self { there: Some(There { seen, ..there }), ..self.clone() };
        next.open.insert(session);
        if there.seen.failed > 0 { next.touched() } else { next }
    }

    fn count_failure(&self, there: There) -> Self {
        let failed = there.seen.failed + 1;
        let seen = Seen { failed, locked: failed >= THRESHOLD, ..there.seen };
        Self { there: Some(There { seen, ..there }), ..self.clone() }.touched()
    }
}

/// See [`State`].
pub struct Account;

impl Model for Account {
    type State = State;
    type Op = Op;

    fn step(state: &State, op: &Op) -> Vec<State> {
        let if_so = |holds: bool| if holds { vec![state.clone()] } else { vec![] };
        let seen = state.there.map(|there| there.seen);
        match *op {
            Op::Create { notes, password, answer } => state.create(notes, password, answer),
            Op::Get(None) => if_so(seen.is_none()),
            Op::Get(Some((own, tag))) => {
                let fits = seen == Some(own) && state.tags.may_be(tag);
                fits.then(|| state.clone().tagged(Some(tag))).into_iter().flatten().collect()
            }
            Op::List(own) => if_so(seen == own),
            Op::Put { notes, disabled, unlock, password, expect, answer } => state.change(expect, answer, |there| {
                let kept = if unlock { (0, false) } else { (there.seen.failed, there.seen.locked) };
                let seen = Seen { notes, disabled, failed: kept.0, locked: kept.1 };
                Some(There { seen, password: password.unwrap_or(there.password) })
            }),
            Op::Delete { expect, answer } => state.change(expect, answer, |_| None),
            Op::Login { password, session, answer } => state.log_in(password, session, answer),
            Op::Refused(number) => if_so(state.there.is_none_or(|there| !there.lets_in(Password::Number(number)))),
            Op::MayCount => {
                let open = state.there.filter(|there| !there.seen.locked);
                open.map(|there| state.count_failure(there)).into_iter().chain([state.clone()]).collect()
            }
            Op::Check { session, good } => if_so(state.open.contains(&session) == good),
            Op::End { session } => {
                let mut next = state.clone();
                next.open.remove(&session);
                vec![next]
            }
            Op::EndAll => vec![State { open: BTreeSet::new(), ..state.clone() }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::linear::{Operation, check},
        *,
    };

    /// Operations one after the other.
    fn explained(ops: &[Op]) -> bool {
        let operations: Vec<Operation<Op>> =
            (0_u64..).zip(ops).map(|(at, &op)| Operation { began: 2 * at, ended: Some(2 * at + 1), op }).collect();
        check::<Account>(State::nothing(), &operations).is_none()
    }

    const MADE: Op = Op::Create { notes: 1, password: 0, answer: Some(Some(10)) };
    const IN: Op = Op::Login { password: Password::Number(0), session: 1, answer: Some(true) };
    const WRONG: Op = Op::Login { password: Password::Never, session: 2, answer: Some(false) };
    const REFUSED: Op = Op::Refused(0);

    fn put(expect: Option<u64>, answer: Changed) -> Op {
        Op::Put { notes: 2, disabled: false, unlock: false, password: None, expect, answer: Some(answer) }
    }

    fn get(notes: u32, failed: u8, tag: u64) -> Op {
        Op::Get(Some((Seen { notes, disabled: false, failed, locked: failed >= THRESHOLD }, tag)))
    }

    fn check_of(good: bool) -> Op {
        Op::Check { session: 1, good }
    }

    #[test]
    fn what_an_account_does_is_explained() {
        let disable = Op::Put {
            notes: 2,
            disabled: true,
            unlock: false,
            password: None,
            expect: None,
            answer: Some(Changed::Done(Some(12))),
        };
        let unlock = Op::Put {
            notes: 1,
            disabled: false,
            unlock: true,
            password: None,
            expect: None,
            answer: Some(Changed::Done(Some(20))),
        };
        let gone = Op::Delete { expect: None, answer: Some(Changed::Done(None)) };
        let good: [&[Op]; 9] = [
            &[
                Op::Get(None),
                MADE,
                get(1, 0, 10),
                put(Some(10), Changed::Done(Some(11))),
                put(Some(10), Changed::Stale),
                get(2, 0, 11),
            ],
            &[MADE, IN, check_of(true), Op::End { session: 1 }, check_of(false)],
            &[MADE, IN, Op::EndAll, check_of(false)],
            &[MADE, IN, disable, check_of(false), REFUSED],
            &[MADE, WRONG, WRONG, get(1, 2, 12), WRONG, REFUSED, get(1, 3, 13), unlock, IN],
            &[MADE, WRONG, WRONG, IN, WRONG, WRONG, get(1, 2, 15)],
            &[MADE, WRONG, Op::Refused(7), Op::MayCount, get(1, 2, 12), Op::Refused(7), Op::MayCount, get(1, 2, 12)],
            &[
                MADE,
                IN,
                gone,
                check_of(false),
                Op::List(None),
                Op::Create { notes: 5, password: 4, answer: Some(Some(50)) },
                REFUSED,
            ],
            &[MADE, gone, Op::Create { notes: 5, password: 4, answer: Some(Some(9)) }, get(5, 0, 9)],
        ];
        for (number, ops) in good.iter().enumerate() {
            assert!(explained(ops), "history {number}");
        }
    }

    #[test]
    fn what_an_account_must_not_do_is_found_out() {
        let gone = Op::Delete { expect: None, answer: Some(Changed::Done(None)) };
        let new_password = Op::Put {
            notes: 1,
            disabled: false,
            unlock: false,
            password: Some(1),
            expect: None,
            answer: Some(Changed::Done(Some(11))),
        };
        let again = Op::Create { notes: 5, password: 4, answer: Some(Some(10)) };
        let untold = Op::Create { notes: 5, password: 4, answer: None };
        let bad: [(&str, &[Op]); 13] = [
            ("an old state is read", &[MADE, put(None, Changed::Done(Some(11))), get(1, 0, 10)]),
            (
                "an old state is listed",
                &[MADE, gone, Op::List(Some(Seen { notes: 1, disabled: false, failed: 0, locked: false }))],
            ),
            (
                "two changes of one version",
                &[MADE, put(Some(10), Changed::Done(Some(11))), put(Some(10), Changed::Done(Some(12)))],
            ),
            ("a change of the version that it has is refused", &[MADE, put(Some(10), Changed::Stale)]),
            ("an ended session is good", &[MADE, IN, Op::End { session: 1 }, check_of(true)]),
            ("a session outlives its password", &[MADE, IN, new_password, check_of(true)]),
            ("an old password is right", &[MADE, new_password, IN]),
            ("a right password is refused", &[MADE, REFUSED]),
            ("a locked account is logged in to", &[MADE, WRONG, WRONG, WRONG, IN]),
            ("a guess is not counted", &[MADE, WRONG, get(1, 0, 10)]),
            ("a tag is used again", &[MADE, gone, again]),
            ("a tag is used again, and seen later", &[MADE, gone, untold, get(5, 0, 10)]),
            ("tags go back", &[MADE, put(None, Changed::Done(Some(9)))]),
        ];
        for (what, ops) in bad {
            assert!(!explained(ops), "{what}");
        }
    }
}
