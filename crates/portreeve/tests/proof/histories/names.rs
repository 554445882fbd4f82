//! Names that several accounts want, and who has them.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    super::{fleet::Fleet, support::Client},
    linear::Model,
    object::{Ask, History, Told, ask},
};

/// Spellings of the names, of which no two are contained in each other.
const NAMES: [&[&str]; 3] =
    [&["Straße", "STRASSE", "strasse"], &["caf\u{e9}", "CAFE\u{301}"], &["Kelvin", "\u{212a}ELVIN"]];
/// Accounts that want them.
const ACCOUNTS: usize = 3;

/// What became of a wish for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    Done,
    Taken,
    NotThere,
}

/// An operation with its answer; nothing if there was none.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    Create {
        account: usize,
        name: usize,
        answer: Option<Given>,
    },
    Rename {
        account: usize,
        name: usize,
        answer: Option<Given>,
    },
    Delete {
        account: usize,
        answer: Option<Given>,
    },
    /// The name that an account has.
    Get {
        account: usize,
        name: Option<usize>,
    },
    /// The account that has a name.
    Find {
        name: usize,
        account: Option<usize>,
    },
}

/// Which account has which name.
type State = BTreeMap<usize, usize>;

pub struct Register;

impl Model for Register {
    type State = State;
    type Op = Op;

    fn step(state: &State, op: &Op) -> Vec<State> {
        let holder = |name: usize| state.iter().find(|(_, own)| **own == name).map(|(account, _)| *account);
        let (account, wish, answer) = match *op {
            Op::Get { account, name } => {
                return (state.get(&account).copied() == name).then(|| state.clone()).into_iter().collect();
            }
            Op::Find { name, account } => {
                return (holder(name) == account).then(|| state.clone()).into_iter().collect();
            }
            Op::Create { account, name, answer } | Op::Rename { account, name, answer } => {
                (account, Some(name), answer)
            }
            Op::Delete { account, answer } => (account, None, answer),
        };
        let is_new = matches!(op, Op::Create { .. });
        let there = state.contains_key(&account);
        let taken = wish.and_then(holder).is_some_and(|holder| holder != account || is_new);
        let outcome = match (is_new, there) {
            (true, true) => Given::Taken,
            (false, false) => Given::NotThere,
            _ if taken => Given::Taken,
            _ => Given::Done,
        };
        if answer.is_some_and(|answer| answer != outcome) {
            return vec![];
        }
        let mut next = state.clone();
        match wish {
            _ if outcome != Given::Done => {}
            Some(name) => drop(next.insert(account, name)),
            None => drop(next.remove(&account)),
        }
        vec![next]
    }
}

/// Names of one history, with what happened to them.
pub struct Names {
    number: usize,
    history: History<Register>,
}

impl Names {
    pub fn new(number: usize) -> Self {
        Self { number, history: History::new() }
    }

    /// That the history can be.
    pub fn judge(&self) -> (usize, usize) {
        self.history.judge(State::new())
    }

    fn id(&self, account: usize) -> String {
        format!("01998f00-0000-7000-8000-{:012}", self.number * ACCOUNTS + account)
    }

    /// Behind every name of this history.
    fn mark(&self) -> String {
        format!("-{}-", self.number)
    }

    /// Which of the names a text is a spelling of.
    fn name_of(&self, user: &Value) -> usize {
        let text = user["name"].as_str().and_then(|text| text.strip_suffix(&self.mark())).expect("a name of ours");
        // Their first letters tell them apart, whatever became of the rest in the store.
        let initial = |text: &str| text.chars().next().map(|c| c.to_ascii_lowercase());
        NAMES.iter().position(|spellings| initial(spellings[0]) == initial(text)).expect("a name of ours")
    }

    /// Does one thing on one of the nodes. False if there was nobody to do it.
    pub fn act(&self, fleet: &Fleet<'_>, admin: &Client, chance: &mut fastrand::Rng) -> bool {
        let (node, account, name) =
            (chance.usize(..fleet.len()), chance.usize(..ACCOUNTS), chance.usize(..NAMES.len()));
        let spelling = format!("{}{}", chance.choice(NAMES[name]).expect("is one"), self.mark());
        let path = format!("/local-users/{}", self.id(account));
        let mut body = json!({"name": spelling, "firstName": "F", "lastName": "L"});
        let ask = |request: &Ask<'_>| ask(fleet, node, admin, request);
        self.history.note(|| match chance.u8(..10) {
            0..3 => {
                body["id"] = json!(self.id(account));
                let told = ask(&Ask { body: Some(&body), ..Ask::new(Method::POST, "/local-users") });
                changed(told, |answer| Op::Create { account, name, answer })
            }
            3..5 => {
                let told = ask(&Ask { body: Some(&body), ..Ask::new(Method::PUT, &path) });
                changed(told, |answer| Op::Rename { account, name, answer })
            }
            5 => changed(ask(&Ask::new(Method::DELETE, &path)), |answer| Op::Delete { account, answer }),
            6..8 => match ask(&Ask::new(Method::GET, &path)) {
                Told::Answer(answer) if answer.status == 404 => (vec![Op::Get { account, name: None }], vec![]),
                Told::Answer(answer) => (vec![Op::Get { account, name: Some(self.name_of(&answer.ok())) }], vec![]),
                _ => (vec![], vec![]),
            },
            _ => match ask(&Ask::new(Method::GET, &format!("/local-users?name={spelling}"))) {
                Told::Answer(answer) => {
                    let rows = answer.ok()["data"].as_array().expect("a list").clone();
                    assert!(rows.len() < 2, "two have one name: {rows:?}");
                    let account = rows.first().map(|user| {
                        let of = |account: &usize| user["id"] == self.id(*account);
                        (0..ACCOUNTS).find(of).expect("an account of ours")
                    });
                    (vec![Op::Find { name, account }], vec![])
                }
                _ => (vec![], vec![]),
            },
        })
    }
}

fn changed(told: Told, op: impl Fn(Option<Given>) -> Op) -> (Vec<Op>, Vec<Op>) {
    match told {
        Told::NotSent => (vec![], vec![]),
        Told::Unknown => (vec![], vec![op(None)]),
        Told::Answer(answer) => {
            let given = match answer.status {
                200 | 204 => Given::Done,
                404 => Given::NotThere,
                409 => Given::Taken,
                _ => panic!("{answer:?}"),
            };
            (vec![op(Some(given))], vec![])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::linear::{Operation, check},
        *,
    };

    fn explained(ops: &[Op]) -> bool {
        let operations: Vec<Operation<Op>> =
            (0_u64..).zip(ops).map(|(at, &op)| Operation { began: 2 * at, ended: Some(2 * at + 1), op }).collect();
        check::<Register>(State::new(), &operations).is_none()
    }

    #[test]
    fn a_name_is_one_accounts_at_a_time() {
        let create = |account, answer| Op::Create { account, name: 0, answer: Some(answer) };
        let rename = |account, name, answer| Op::Rename { account, name, answer: Some(answer) };
        let gone = Op::Delete { account: 0, answer: Some(Given::Done) };
        let find = |account| Op::Find { name: 0, account };
        let made = create(0, Given::Done);
        assert!(explained(&[made, create(1, Given::Taken), gone, create(1, Given::Done), find(Some(1))]));
        assert!(explained(&[made, rename(0, 0, Given::Done), rename(0, 1, Given::Done), create(1, Given::Done)]));
        assert!(!explained(&[made, create(1, Given::Done)]), "two have it");
        assert!(!explained(&[made, gone, create(1, Given::Taken)]), "it is kept for nobody");
        assert!(!explained(&[made, rename(0, 1, Given::Done), find(Some(0))]), "it is found under its old name");
        assert!(!explained(&[rename(0, 1, Given::Done)]), "one is renamed who is not there");
    }
}
