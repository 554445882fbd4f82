//! A fixed course of writes by one client, and what may be there after it: what was acknowledged, or was asked for since.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Client, Place, login, wait_for};

/// The account of which the password changes, and who logs in.
const KEEPER: &str = "deeds-keeper";
const FIRST_PASSWORD: &str = "the first of all passwords";

/// Which of the objects is there before, and is written last.
const LAST: usize = 3;

/// What was asked for, and what came of it.
pub struct Deeds {
    objects: [Object; 4],
    /// What the password may be.
    passwords: Vec<String>,
    sessions: Vec<Session>,
    keeper: String,
    acknowledged: u32,
    refused: Vec<String>,
}

/// Something with an id of our choice, and what it may be by now. Nothing: it is not there.
struct Object {
    collection: &'static str,
    id: &'static str,
    name: &'static str,
    may_be: Vec<Option<String>>,
}

struct Session {
    token: String,
    may_be_open: Vec<bool>,
}

/// How a write ended.
enum End {
    Done(Value),
    /// It may have been done all the same.
    Refused,
    Missing,
}

impl Object {
    fn new(collection: &'static str, id: &'static str, name: &'static str) -> Self {
        Self { collection, id, name, may_be: vec![None] }
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection, self.id)
    }

    fn body(&self, notes: &str) -> Value {
        if self.collection == "/local-users" {
            let tags = ["deeds"];
            return json!({"id": self.id, "name": self.name, "firstName": "F", "lastName": "L", "notes": notes, "tags": tags});
        }
        json!({"id": self.id, "name": self.name, "notes": notes, "privileges": []})
    }
}

fn note<T>(may_be: &mut Vec<T>, to: T, is_done: bool) {
    if is_done {
        may_be.clear();
    }
    may_be.push(to);
}

impl Deeds {
    /// Makes what has to be there before.
    pub fn prepare(admin: &Client) -> Self {
        let keeper = format!("/local-users/{}", admin.create_user(KEEPER, FIRST_PASSWORD));
        let mut deeds = Self::begin(keeper);
        deeds.objects[LAST].may_be = vec![None];
        deeds.write(admin, LAST, Some("new"));
        assert_eq!(deeds.refused, [""; 0], "nothing fails yet");
        Self::begin(deeds.keeper)
    }

    /// The same before anything was done.
    pub fn again(&self) -> Self {
        Self::begin(self.keeper.clone())
    }

    fn begin(keeper: String) -> Self {
        let mut objects = [
            Object::new("/local-users", "d0000000-0000-4000-8000-000000000001", "deeds-one"),
            Object::new("/local-users", "d0000000-0000-4000-8000-000000000002", "deeds-two"),
            Object::new("/administrative-roles", "d0000000-0000-4000-8000-000000000003", "deeds-role"),
            Object::new("/local-users", "d0000000-0000-4000-8000-000000000004", "deeds-last"),
        ];
        objects[LAST].may_be = vec![Some("new".into())];
        let passwords = vec![FIRST_PASSWORD.into()];
        Self { objects, passwords, sessions: Vec::new(), keeper, acknowledged: 0, refused: Vec::new() }
    }

    /// All of it, in the same order each time.
    pub fn run(&mut self, admin: &Client) {
        self.write(admin, 0, Some("new"));
        self.log_in(admin);
        self.write(admin, 0, Some("changed"));
        self.write(admin, 2, Some("new"));
        self.change_password(admin, "another password, which is the second");
        self.write(admin, 1, Some("new"));
        self.log_in(admin);
        self.write(admin, 0, None);
        self.write(admin, 2, Some("changed"));
        self.log_out(admin);
        self.write(admin, 1, Some("changed"));
        self.write(admin, 1, Some("changed again"));
    }

    /// One more write, which must come to be done, as nothing fails any more.
    #[track_caller]
    pub fn finish(&mut self, admin: &Client) {
        wait_for("a write that is done", || {
            let before = self.acknowledged;
            self.write(admin, LAST, Some(&format!("changed after {before}")));
            (self.acknowledged > before).then_some(())
        });
    }

    pub fn acknowledged(&self) -> u32 {
        self.acknowledged
    }

    /// What was answered to what was not done.
    pub fn refused(&self) -> &[String] {
        &self.refused
    }

    fn ask(&mut self, client: &Client, method: Method, path: &str, body: Option<&Value>) -> End {
        let answer = client.try_request(method.clone(), path, |request| match body {
            Some(body) => request.json(body),
            None => request,
        });
        match answer {
            Ok(answer) if [200, 204].contains(&answer.status) => {
                self.acknowledged += 1;
                End::Done(if answer.text.is_empty() { Value::Null } else { answer.json() })
            }
            Ok(answer) if answer.status == 404 => End::Missing,
            Ok(answer) if [503, 507].contains(&answer.status) => {
                let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
                assert!(message.len() > 10 && answer.header("retry-after").is_some(), "{answer:?}");
                self.refused.push(message);
                End::Refused
            }
            Ok(answer) => panic!("{method} {path}: {answer:?}"),
            Err(_) => {
                self.refused.push("(no answer)".into());
                End::Refused
            }
        }
    }

    /// Makes, changes or takes away.
    fn write(&mut self, admin: &Client, which: usize, to: Option<&str>) {
        let object = &self.objects[which];
        let (path, body) = (object.path(), to.map(|notes| object.body(notes)));
        // What may be there or not is not asked for again.
        let told = match &body {
            None => self.ask(admin, Method::DELETE, &path, None),
            Some(body) if object.may_be == [None] => {
                let collection = object.collection;
                self.ask(admin, Method::POST, collection, Some(body))
            }
            Some(body) => self.ask(admin, Method::PUT, &path, Some(body)),
        };
        let may_be = &mut self.objects[which].may_be;
        match told {
            End::Missing => {
                assert!(may_be.contains(&None), "{path} was acknowledged and is gone");
                *may_be = vec![None];
            }
            told => note(may_be, to.map(str::to_owned), matches!(told, End::Done(_))),
        }
    }

    fn change_password(&mut self, admin: &Client, to: &str) {
        let body = json!({"name": KEEPER, "firstName": "F", "lastName": "L", "password": to});
        let path = self.keeper.clone();
        let told = self.ask(admin, Method::PUT, &path, Some(&body));
        note(&mut self.passwords, to.into(), matches!(told, End::Done(_)));
        if let End::Done(_) = told {
            // A new password ends every session.
            self.sessions.iter_mut().for_each(|session| session.may_be_open = vec![false]);
        } else {
            self.sessions.iter_mut().for_each(|session| session.may_be_open.push(false));
        }
    }

    /// With a password that may be right, if it is not known which one is.
    fn log_in(&mut self, client: &Client) {
        let [password] = &self.passwords[..] else { return };
        let body = login("local", KEEPER, password);
        if let End::Done(answer) = self.ask(client, Method::POST, "/login", Some(&body)) {
            let token = answer["token"].as_str().expect("a token").to_owned();
            self.sessions.push(Session { token, may_be_open: vec![true] });
        }
    }

    fn log_out(&mut self, client: &Client) {
        let Some(at) = self.sessions.iter().position(|session| session.may_be_open == [true]) else { return };
        let client = client.with_token(&self.sessions[at].token);
        let told = self.ask(&client, Method::POST, "/authentication/logout", None);
        note(&mut self.sessions[at].may_be_open, false, matches!(told, End::Done(_)));
    }

    /// Holds it against what is there.
    #[track_caller]
    pub fn check(&self, place: &Place, admin: &Client) {
        for object in &self.objects {
            let answer = admin.get(&object.path());
            let notes = match answer.status {
                404 => None,
                _ => Some(answer.ok()["notes"].as_str().expect("a text").to_owned()),
            };
            assert!(
                object.may_be.contains(&notes),
                "{} is {notes:?}, and was acknowledged: {:?}",
                object.name,
                object.may_be
            );
        }
        for session in &self.sessions {
            let is_open = match admin.with_token(&session.token).get("/local-users").status {
                403 => true,
                401 => false,
                other => panic!("{other} for a session"),
            };
            assert!(session.may_be_open.contains(&is_open), "a session: {is_open}, not {:?}", session.may_be_open);
        }
        let is_right = |password: &String| match admin.insist("local", KEEPER, password).status {
            200 => true,
            401 => false,
            other => panic!("{other} for a login"),
        };
        assert!(self.passwords.iter().any(is_right), "no password is right that may be");
        let half = place.sql(
            "SELECT name FROM accounts WHERE name LIKE 'deeds-%' AND name <> 'deeds-keeper'
             AND ((SELECT COUNT(*) FROM object_tags WHERE object_id = accounts.id) <> 1
               OR (SELECT COUNT(*) FROM audit_log WHERE object_name = accounts.name AND act = 'create') <> 1)",
        );
        assert!(half.is_empty(), "made in part: {half:?}");
    }
}
