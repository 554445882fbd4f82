//! What each writer has besides accounts: a password that changes, and a role whose privileges do.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    ledger::{Told, ask},
    support::{Client, Place},
};

/// Of one writer.
pub struct Belongings {
    password: Held,
    role: Held,
}

/// One of them, as its writer was told that it is.
struct Held {
    name: String,
    path: String,
    now: String,
    /// What it may be by now, if that was asked for and not answered.
    doubt: Option<String>,
    edits: u64,
}

impl Held {
    fn of(name: String, collection: &str, made: &Value, now: &str) -> Self {
        let path = format!("{collection}/{}", made["id"].as_str().expect("an id"));
        Self { name, path, now: now.to_owned(), doubt: None, edits: 0 }
    }

    /// Asks for another one, unless it is not known what there is.
    fn change(&mut self, admin: &Client, to: String, body: &Value) -> Option<Told> {
        if self.doubt.is_some() {
            return None;
        }
        let told = ask(admin, Method::PUT, &self.path, Some(body));
        match told {
            Told::Done(_) => (self.now, self.edits) = (to, self.edits + 1),
            Told::Unknown => self.doubt = Some(to),
            Told::NotSent => {}
        }
        Some(told)
    }

    /// What is there is what was acknowledged, or asked for and not answered; and each change is in the audit log.
    #[track_caller]
    fn settle(&mut self, place: &Place, is_there: impl Fn(&str) -> bool) {
        if let Some(doubt) = self.doubt.take().filter(|doubt| is_there(doubt)) {
            (self.now, self.edits) = (doubt, self.edits + 1);
        } else {
            assert!(is_there(&self.now), "{} is not {}, as was acknowledged", self.name, self.now);
        }
        let noted = place.number(&format!(
            "SELECT COUNT(*) FROM audit_log WHERE object_name = '{}' AND act = 'edit' AND outcome = 'done'",
            self.name
        ));
        assert_eq!(u64::try_from(noted), Ok(self.edits), "changes of {} in the audit log", self.name);
    }
}

fn person(name: &str, password: &str) -> Value {
    json!({"name": name, "firstName": "F", "lastName": "L", "password": password})
}

fn role(name: &str, tag: &str) -> Value {
    let scope = json!({"all": false, "ids": [], "tags": [tag]});
    json!({"name": name, "privileges": [{"type": "View", "target": "LocalUser", "scope": scope}]})
}

impl Belongings {
    pub fn make(admin: &Client, number: usize) -> Self {
        let (keeper, office) = (format!("keeper-{number}"), format!("office-{number}"));
        let (password, tag) = ("the first of all passwords", "first");
        let made = admin.post("/local-users", &person(&keeper, password)).ok();
        let password = Held::of(keeper, "/local-users", &made, password);
        let made = admin.post("/administrative-roles", &role(&office, tag)).ok();
        Self { password, role: Held::of(office, "/administrative-roles", &made, tag) }
    }

    pub fn change_password(&mut self, admin: &Client, chance: u64) -> Option<Told> {
        let to = format!("another password, {chance}");
        let body = person(&self.password.name, &to);
        self.password.change(admin, to, &body)
    }

    pub fn change_role(&mut self, admin: &Client, chance: u64) -> Option<Told> {
        let to = format!("tag-{chance}");
        let body = role(&self.role.name, &to);
        self.role.change(admin, to, &body)
    }

    /// Holds them against what is there, and settles the doubts by it.
    pub fn check(&mut self, place: &Place, admin: &Client) {
        let stored = admin.get(&self.role.path).ok();
        self.role.settle(place, |tag| stored["privileges"][0]["scope"]["tags"] == json!([tag]));
        let name = self.password.name.clone();
        self.password.settle(place, |password| match admin.insist("local", &name, password).status {
            200 => true,
            401 => false,
            other => panic!("{other} for a login of {name}"),
        });
    }
}
