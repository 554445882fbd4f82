//! Clients of one account: they make it, read it, change it, delete it, log in to it and out, and guess at its password.

use std::sync::Mutex;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    super::{
        fleet::Fleet,
        support::{Client, login},
    },
    account::{Account, Changed, Op, Password, Seen, State},
    object::{Ask, History, Told, ask, locked, tag},
};

/// An account, and what its clients know of it together.
pub struct Visited {
    id: String,
    name: String,
    pub history: History<Account>,
    /// Sessions that were opened, with their tokens.
    sessions: Mutex<Vec<(u16, String)>>,
    /// Entity tags that were seen.
    tags: Mutex<Vec<u64>>,
    passwords: Mutex<Passwords>,
}

/// Passwords by their numbers.
#[derive(Default)]
struct Passwords {
    /// How many there were so far.
    count: u8,
    /// The one that was set last, as far as is known.
    last: u8,
}

/// What a client is likely to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Manner {
    /// Reads and writes.
    Clerk,
    /// Logs in and out as well, and guesses.
    Visitor,
}

type Noted = (Vec<Op>, Vec<Op>);

fn nothing() -> Noted {
    (vec![], vec![])
}

fn answered(op: Op) -> Noted {
    (vec![op], vec![])
}

fn unanswered(op: Op) -> Noted {
    (vec![], vec![op])
}

impl Visited {
    pub fn new(number: usize) -> Self {
        Self {
            id: format!("4c07bc67-57ea-42dd-b702-{number:012}"),
            name: format!("visited-{number}-"),
            history: History::new(),
            sessions: Mutex::default(),
            tags: Mutex::default(),
            passwords: Mutex::default(),
        }
    }

    /// That its history can be.
    pub fn judge(&self) -> (usize, usize) {
        self.history.judge(State::nothing())
    }

    fn path(&self) -> String {
        format!("/local-users/{}", self.id)
    }

    fn new_password(&self) -> u8 {
        let mut passwords = locked(&self.passwords);
        passwords.count += 1;
        passwords.count - 1
    }

    /// Mostly the right one.
    fn any_password(&self, chance: &mut fastrand::Rng) -> Password {
        let known = locked(&self.passwords);
        match chance.u8(..10) {
            0..7 => Password::Number(known.last),
            7 => Password::Number(chance.u8(..known.count.max(1))),
            _ => Password::Never,
        }
    }

    fn any_tag(&self, chance: &mut fastrand::Rng) -> Option<u64> {
        let tags = locked(&self.tags);
        // Mostly one of the last, which may be the one that it has.
        let last = tags.len().checked_sub(1 + chance.usize(..3)).and_then(|at| tags.get(at));
        last.copied().filter(|_| chance.bool())
    }

    fn saw(&self, tag: u64) -> u64 {
        locked(&self.tags).push(tag);
        tag
    }

    /// Does one thing on one of the nodes. False if there was nothing to do, or nobody to do it.
    pub fn act(&self, fleet: &Fleet<'_>, admin: &Client, manner: Manner, chance: &mut fastrand::Rng) -> bool {
        let node = chance.usize(..fleet.len());
        let at = Node { fleet, node, admin };
        // Of a hundred acts, how many are which.
        let many: [u8; 9] = match manner {
            Manner::Clerk => [18, 22, 18, 28, 14, 0, 0, 0, 0],
            Manner::Visitor => [7, 9, 5, 16, 4, 26, 24, 5, 4],
        };
        let mut left = chance.u8(..100);
        let act = many.iter().position(|&many| match left.checked_sub(many) {
            Some(less) => {
                left = less;
                false
            }
            None => true,
        });
        self.history.note(|| match act {
            // Nothing can be done before it is there.
            _ if locked(&self.tags).is_empty() => self.create(&at, manner),
            Some(0) => self.create(&at, manner),
            Some(1) => self.get(&at),
            Some(2) => self.list(&at),
            Some(3) => self.put(&at, manner, chance),
            Some(4) => self.delete(&at, chance),
            Some(5) => self.log_in(&at, chance),
            Some(6) => self.check(&at, chance),
            Some(7) => self.log_out(&at, chance),
            _ => self.revoke(&at),
        })
    }

    fn create(&self, at: &Node<'_>, manner: Manner) -> Noted {
        let (notes, password) = (self.history.number().into(), self.new_password());
        let mut body =
            json!({"id": self.id, "name": self.name, "firstName": "F", "lastName": "L", "notes": notes_text(notes)});
        // Where nobody logs in it would be nothing but work.
        if manner == Manner::Visitor {
            body["password"] = json!(password_text(password));
        }
        let op = |answer| Op::Create { notes, password, answer };
        match at.ask(&Ask { body: Some(&body), ..Ask::new(Method::POST, "/local-users") }) {
            Told::NotSent => nothing(),
            Told::Unknown => unanswered(op(None)),
            Told::Answer(answer) if answer.status == 409 => answered(op(Some(None))),
            Told::Answer(answer) => {
                answer.ok();
                locked(&self.passwords).last = password;
                answered(op(Some(Some(self.saw(tag(&answer))))))
            }
        }
    }

    fn get(&self, at: &Node<'_>) -> Noted {
        match at.ask(&Ask::new(Method::GET, &self.path())) {
            Told::Answer(answer) if answer.status == 404 => answered(Op::Get(None)),
            Told::Answer(answer) => answered(Op::Get(Some((seen(&answer.ok()), self.saw(tag(&answer)))))),
            _ => nothing(),
        }
    }

    fn list(&self, at: &Node<'_>) -> Noted {
        match at.ask(&Ask::new(Method::GET, &format!("/local-users?name={}&range=0-9", self.name))) {
            Told::Answer(answer) => answered(Op::List(answer.ok()["data"].get(0).map(seen))),
            _ => nothing(),
        }
    }

    fn put(&self, at: &Node<'_>, manner: Manner, chance: &mut fastrand::Rng) -> Noted {
        let (notes, expect, unlock) = (self.history.number().into(), self.any_tag(chance), chance.u8(..3) == 0);
        let (disabled, renew) = (chance.u8(..6) == 0, manner == Manner::Visitor && chance.u8(..4) == 0);
        let password = renew.then(|| self.new_password());
        let mut body = json!({"name": self.name, "firstName": "F", "lastName": "L", "notes": notes_text(notes),
            "disabled": disabled});
        if let Some(password) = password {
            body["password"] = json!(password_text(password));
        }
        if unlock {
            (body["failedLoginAttempts"], body["lockStart"]) = (json!(0), Value::Null);
        }
        let op = |answer| Op::Put { notes, disabled, unlock, password, expect, answer };
        let noted = self.changed(at, &Ask { body: Some(&body), expect, ..Ask::new(Method::PUT, &self.path()) }, op);
        if let (Some(password), [Op::Put { answer: Some(Changed::Done(_)), .. }]) = (password, noted.0.as_slice()) {
            locked(&self.passwords).last = password;
        }
        noted
    }

    fn delete(&self, at: &Node<'_>, chance: &mut fastrand::Rng) -> Noted {
        let expect = self.any_tag(chance);
        let op = |answer| Op::Delete { expect, answer };
        self.changed(at, &Ask { expect, ..Ask::new(Method::DELETE, &self.path()) }, op)
    }

    fn changed(&self, at: &Node<'_>, ask: &Ask<'_>, op: impl Fn(Option<Changed>) -> Op) -> Noted {
        match at.ask(ask) {
            Told::NotSent => nothing(),
            Told::Unknown => unanswered(op(None)),
            Told::Answer(answer) => answered(op(Some(match answer.status {
                404 => Changed::NotThere,
                412 => Changed::Stale,
                204 => Changed::Done(None),
                200 => Changed::Done(Some(self.saw(tag(&answer)))),
                _ => panic!("{answer:?}"),
            }))),
        }
    }

    fn log_in(&self, at: &Node<'_>, chance: &mut fastrand::Rng) -> Noted {
        let password = self.any_password(chance);
        let text = match password {
            Password::Number(number) => password_text(number),
            Password::Never => "never a password".into(),
        };
        let session = self.history.number();
        let body = login("local", &self.name, &text);
        let op = |answer| Op::Login { password, session, answer };
        match at.ask(&Ask { body: Some(&body), ..Ask::new(Method::POST, "/login") }) {
            Told::NotSent => nothing(),
            Told::Unknown => unanswered(op(None)),
            Told::Answer(answer) if answer.status == 401 => match password {
                Password::Number(number) => (vec![Op::Refused(number), Op::MayCount], vec![]),
                Password::Never => answered(op(Some(false))),
            },
            Told::Answer(answer) => {
                let token = answer.ok()["token"].as_str().expect("a token").to_owned();
                locked(&self.sessions).push((session, token));
                answered(op(Some(true)))
            }
        }
    }

    fn any_session(&self, chance: &mut fastrand::Rng) -> Option<(u16, String)> {
        chance.choice(&*locked(&self.sessions)).cloned()
    }

    fn check(&self, at: &Node<'_>, chance: &mut fastrand::Rng) -> Noted {
        let Some((session, token)) = self.any_session(chance) else { return nothing() };
        let told =
            ask(at.fleet, at.node, &at.admin.with_token(&token), &Ask::new(Method::GET, "/local-users?range=0-0"));
        match told {
            // Who is known may still do nothing.
            Told::Answer(answer) if [401, 403].contains(&answer.status) => {
                answered(Op::Check { session, good: answer.status == 403 })
            }
            Told::Answer(answer) => panic!("{answer:?}"),
            _ => nothing(),
        }
    }

    fn log_out(&self, at: &Node<'_>, chance: &mut fastrand::Rng) -> Noted {
        let Some((session, token)) = self.any_session(chance) else { return nothing() };
        let client = at.admin.with_token(&token);
        match ask(at.fleet, at.node, &client, &Ask::new(Method::POST, "/authentication/logout")) {
            Told::NotSent => nothing(),
            Told::Unknown => unanswered(Op::End { session }),
            // Two steps, as of every request: whose it is, and what it does.
            Told::Answer(answer) if answer.status == 204 => {
                (vec![Op::Check { session, good: true }, Op::End { session }], vec![])
            }
            Told::Answer(answer) if answer.status == 401 => answered(Op::Check { session, good: false }),
            Told::Answer(answer) => panic!("{answer:?}"),
        }
    }

    fn revoke(&self, at: &Node<'_>) -> Noted {
        let body = json!({"distinguishedNameFilter": format!(",CN={},", self.name)});
        match at.ask(&Ask { body: Some(&body), ..Ask::new(Method::POST, "/on-boarded-devices/revoke-tokens") }) {
            Told::NotSent => nothing(),
            Told::Unknown => unanswered(Op::EndAll),
            Told::Answer(answer) => {
                answer.ok();
                answered(Op::EndAll)
            }
        }
    }
}

/// Who is asked, and by whom.
struct Node<'a> {
    fleet: &'a Fleet<'a>,
    node: usize,
    admin: &'a Client,
}

impl Node<'_> {
    fn ask(&self, what: &Ask<'_>) -> Told {
        ask(self.fleet, self.node, self.admin, what)
    }
}

fn notes_text(notes: u32) -> String {
    notes.to_string()
}

fn password_text(number: u8) -> String {
    format!("the password number {number}")
}

fn seen(user: &Value) -> Seen {
    let failed = user["failedLoginAttempts"].as_u64().and_then(|failed| failed.try_into().ok());
    Seen {
        notes: user["notes"].as_str().and_then(|notes| notes.parse().ok()).expect("notes that we wrote"),
        disabled: user["disabled"] == true,
        failed: failed.expect("a number"),
        locked: user["lockStart"].is_string(),
    }
}
