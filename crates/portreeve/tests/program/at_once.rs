//! Whatever decides what a session may do: a change of it, made on one of three nodes, holds for the next request on each.
//! `AT_ONCE_ROUNDS` says how often each kind of change is made and undone; the release was made with 1,000.

use serde_json::{Value, json};

use super::support::{Client, Place, Server};

const PASSWORDS: [&str; 2] = ["a password for anna", "another one for anna"];
const LOCAL: &str = "/identity-providers/01998f00-0000-7000-8000-000000000001";

/// Three nodes, and anna with a live session on them.
struct Town {
    nodes: Vec<Server>,
    admin: Client,
    session: Client,
    anna: String,
    _place: Place,
}

fn rounds() -> usize {
    std::env::var("AT_ONCE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(8)
}

fn view() -> Value {
    json!([{"type": "View", "target": "LocalUser", "scope": {"all": true}}])
}

impl Town {
    fn new() -> Option<Self> {
        let place = Place::shared()?;
        let nodes: Vec<Server> = (0..3).map(|_| Server::start(&place)).collect();
        let admin = nodes[0].admin();
        let anna = admin.create_user("anna", PASSWORDS[0]);
        let session = Client::log_in(&nodes[0].url, "local", "anna", PASSWORDS[0]);
        Some(Self { anna: format!("/local-users/{anna}"), nodes, admin, session, _place: place })
    }

    fn make(&self, path: &str, body: Value) -> String {
        let made = self.admin.post(path, &body).ok();
        format!("{path}/{}", made["id"].as_str().expect("an id"))
    }

    /// A role that reads, and a policy that gives it where the expression says so.
    fn let_read(&self, expression: &str) -> (String, String) {
        let role = self.make("/administrative-roles", json!({"name": "r", "privileges": view()}));
        let id = role.rsplit('/').next().expect("an id");
        let policy = json!({"name": "p", "expression": expression, "administrativeRoles": [id]});
        let policy = self.make("/policies", policy);
        (role, policy)
    }

    /// Changes an object on one of the nodes.
    #[track_caller]
    fn change(&self, node: usize, path: &str, fields: &Value) {
        let admin = self.admin.at(&self.nodes[node % 3].url);
        let mut object = admin.get(path).ok();
        for (name, value) in fields.as_object().expect("fields") {
            object[name] = value.clone();
        }
        admin.put(path, &object).ok();
    }

    /// What anna's session is answered on each node.
    #[track_caller]
    fn expect(&self, status: u16, round: usize) {
        let answers: Vec<u16> =
            self.nodes.iter().map(|node| self.session.at(&node.url).get("/local-users?range=0-0").status).collect();
        assert_eq!(answers, [status; 3], "round {round}");
    }

    /// Makes a change and takes it back, again and again, each on another node.
    #[track_caller]
    fn toggle(&self, path: &str, off: &Value, on: &Value) {
        self.expect(200, 0);
        for round in 0..rounds() {
            self.change(round, path, off);
            self.expect(403, round);
            self.change(round + 1, path, on);
            self.expect(200, round);
        }
    }

    /// Ends anna's sessions in some way, takes that back, and logs her in again.
    fn end(&mut self, end: impl Fn(&Client, &str, usize), undo: impl Fn(&Client, &str, usize), passwords: [&str; 2]) {
        for round in 0..rounds() {
            self.expect(403, round);
            end(&self.admin.at(&self.nodes[round % 3].url), &self.anna, round);
            self.expect(401, round);
            undo(&self.admin.at(&self.nodes[(round + 1) % 3].url), &self.anna, round);
            self.expect(401, round);
            let node = &self.nodes[(round + 2) % 3].url;
            self.session = Client::log_in(node, "local", "anna", passwords[(round + 1) % 2]);
        }
    }
}

const STAFF: &str = "return claims.user.tags.indexOf('staff') >= 0;";

#[test]
fn changes_of_roles_hold_at_once() {
    let Some(town) = Town::new() else { return };
    let (role, _) = town.let_read("return true;");
    town.toggle(&role, &json!({"privileges": []}), &json!({"privileges": view()}));
}

#[test]
fn changes_of_policies_hold_at_once() {
    let Some(town) = Town::new() else { return };
    let (_, policy) = town.let_read("return true;");
    town.toggle(&policy, &json!({"disabled": true}), &json!({"disabled": false}));
    town.toggle(&policy, &json!({"expression": "return false;"}), &json!({"expression": "return true;"}));
}

#[test]
fn changes_of_scripts_hold_at_once() {
    let Some(town) = Town::new() else { return };
    let criteria = town.make("/criteria-scripts", json!({"name": "admins", "expression": "return true;"}));
    let script = town.make("/user-scripts", json!({"name": "team", "expression": "return { team: 1 };"}));
    town.change(0, LOCAL, &json!({"userScripts": [script.rsplit('/').next()]}));
    town.let_read("return admins(claims) && claims.user.team === 1;");
    town.toggle(&criteria, &json!({"expression": "return false;"}), &json!({"expression": "return true;"}));
    town.toggle(&script, &json!({"expression": "return {};"}), &json!({"expression": "return { team: 1 };"}));
}

#[test]
fn changes_of_mappings_hold_at_once() {
    let Some(town) = Town::new() else { return };
    town.let_read("return claims.user.lastName === 'Last';");
    let all = town.admin.get(LOCAL).ok()["claimMappings"].clone();
    let fewer: Vec<&Value> =
        all.as_array().expect("a list").iter().filter(|mapping| mapping["claimName"] != "lastName").collect();
    town.toggle(LOCAL, &json!({"claimMappings": fewer}), &json!({"claimMappings": all}));
}

#[test]
fn changes_of_tags_hold_at_once() {
    let Some(town) = Town::new() else { return };
    town.let_read(STAFF);
    town.change(0, &town.anna, &json!({"tags": ["staff"]}));
    town.toggle(&town.anna, &json!({"tags": []}), &json!({"tags": ["staff"]}));
    // The tag's own name, which goes with it everywhere.
    let tag = town.admin.get("/tags?name=staff").ok()["data"][0]["id"].as_str().expect("an id").to_owned();
    town.toggle(&format!("/tags/{tag}"), &json!({"name": "other"}), &json!({"name": "staff"}));
}

#[test]
fn the_blacklist_holds_at_once() {
    let Some(mut town) = Town::new() else { return };
    let list = |admin: &Client, _: &str, _: usize| {
        admin.post("/blacklist", &json!({"userDistinguishedName": "CN=anna,OU=local", "reason": "r"})).ok();
    };
    let unlist =
        |admin: &Client, _: &str, _: usize| assert_eq!(admin.delete("/blacklist/CN=anna,OU=local").status, 204);
    town.end(list, unlist, [PASSWORDS[0]; 2]);
}

#[test]
fn disabling_holds_at_once() {
    let Some(mut town) = Town::new() else { return };
    let set = |disabled: bool| {
        move |admin: &Client, anna: &str, _: usize| {
            let mut object = admin.get(anna).ok();
            object["disabled"] = json!(disabled);
            admin.put(anna, &object).ok();
        }
    };
    town.end(set(true), set(false), [PASSWORDS[0]; 2]);
}

#[test]
fn new_passwords_hold_at_once() {
    let Some(mut town) = Town::new() else { return };
    let change = |admin: &Client, anna: &str, round: usize| {
        let mut object = admin.get(anna).ok();
        object["password"] = json!(PASSWORDS[(round + 1) % 2]);
        admin.put(anna, &object).ok();
    };
    town.end(change, |_, _, _| {}, PASSWORDS);
}

#[test]
fn deleting_holds_at_once() {
    let Some(mut town) = Town::new() else { return };
    let delete = |admin: &Client, anna: &str, _: usize| assert_eq!(admin.delete(anna).status, 204);
    let create = |admin: &Client, anna: &str, _: usize| {
        let body = json!({"id": anna.rsplit('/').next(), "name": "anna", "firstName": "First", "lastName": "Last",
            "password": PASSWORDS[0]});
        admin.post("/local-users", &body).ok();
    };
    town.end(delete, create, [PASSWORDS[0]; 2]);
}
