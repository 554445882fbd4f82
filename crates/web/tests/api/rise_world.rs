//! The cast of `rise`: accounts, roles, policies and tags that have something to do with each other, an administrator who is
//! mighty somewhere, and what each account holds.
//!
//! What an account holds is asked of the product in its own way, by `/authorization` with a live token, and then taken
//! apart here into single rights: to do something with an object that was there at the beginning, or with all of a kind.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use serde_json::{Value, json};

use crate::{
    accounts::with,
    harness::{LOCAL, PASSWORD, SERVICE, Server},
    roles::policy_for,
    scopes::TARGETS,
};

pub const TAGS: [&str; 6] = ["red", "blue", "ops", "stopped", "plain", "gate"];
const TYPES: [&str; 5] = ["View", "Create", "Edit", "Delete", "Tag"];
/// Targets whose objects are not counted one by one: scopes are of providers, or there are none.
const BESIDES: [(&str, &[&str]); 3] = [
    ("Blacklist", &["View", "Create", "Delete"]),
    ("RegisteredDevice", &["View", "Delete"]),
    ("GlobalSetting", &["View", "Edit", "Delete"]),
];

/// Type, target, and the id of an object, or of a provider, or `*` for all that there are and will be.
pub type Right = (String, String, String);
/// An account's provider and id.
pub type Account = (&'static str, String);
pub type Rights = BTreeMap<Account, BTreeSet<Right>>;

pub struct World {
    pub server: Server,
    /// Objects that were there at the beginning: target and id.
    objects: Vec<(&'static str, String)>,
    /// Each account with a live token, if it has one.
    pub tokens: BTreeMap<Account, Option<String>>,
}

pub fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

pub fn tags(rng: &mut Rng) -> Vec<&'static str> {
    TAGS.into_iter().filter(|_| rng.u8(..4) == 0).collect()
}

/// What roles give, and to whom. Some tags and names are waited for: nothing has them at first.
fn gifts() -> Vec<(Value, &'static str)> {
    let might: Vec<Value> = ["LocalUser", "ServiceUser", "AdministrativeRole", "Policy", "Blacklist"]
        .into_iter()
        .map(|target| json!({ "type": "All", "target": target, "scope": { "all": true } }))
        .collect();
    vec![
        (
            json!([{ "type": "All", "target": "LocalUser", "scope": { "tags": ["red"] } }]),
            "return claims.user.tags.indexOf('ops') >= 0;",
        ),
        (
            json!([{ "type": "View", "target": "All", "scope": { "all": true } }, { "type": "Tag", "target": "All" }]),
            "return claims.user.username === 'keeper' || claims.user.nick === 'Tables';",
        ),
        (
            json!([{ "type": "Delete", "target": "ServiceUser", "scope": { "tags": ["blue", "gate"] } },
                { "type": "Edit", "target": "Policy", "scope": { "tags": ["plain"] } }]),
            "return gatekeepers(claims);",
        ),
        (
            json!([{ "type": "All", "target": "Blacklist", "scope": { "tags": ["red"] } },
                { "type": "Delete", "target": "RegisteredDevice", "scope": { "tags": ["vault"] } },
                { "type": "Edit", "target": "AdministrativeRole", "scope": { "tags": ["ops", "vault"] } }]),
            "return !!claims.user.team;",
        ),
        (
            json!([{ "type": "Create", "target": "LocalUser", "scope": { "all": true }, "defaultTags": ["plain"] }]),
            "return claims.device.id === '4c07bc67-57ea-42dd-b702-c2d6c45419fc' && claims.user.tags.indexOf('plain') >= 0;",
        ),
        (Value::Array(might), "return claims.user.username === 'baron' || claims.user.tags.indexOf('dormant') >= 0;"),
    ]
}

impl World {
    pub async fn new(rng: &mut Rng) -> Self {
        let server = Server::start().await;
        let world = Self { server, objects: Vec::new(), tokens: BTreeMap::new() };
        for (number, (privileges, expression)) in gifts().into_iter().enumerate() {
            let role = json!({ "name": format!("role {number}"), "tags": tags(rng), "privileges": privileges });
            let role = world.server.make("/administrative-roles", role).await;
            let policy = json!({ "name": format!("policy {number}"), "tags": tags(rng), "type": "Mixed",
                "expression": expression, "administrativeRoles": [role] });
            world.server.make("/policies", policy).await;
        }
        let stop =
            json!({ "name": "stop", "type": "Stop", "expression": "return claims.user.tags.indexOf('stopped') >= 0;" });
        world.server.make("/policies", stop).await;
        let script = json!({ "name": "gatekeepers", "expression": "return claims.user.tags.indexOf('gate') >= 0;" });
        world.server.make("/criteria-scripts", script).await;
        let script =
            json!({ "name": "team", "expression": "return claims.user.tags.indexOf('blue') >= 0 ? { team: 1 } : {};" });
        let script = world.server.make("/user-scripts", script).await;
        world.server.change(&format!("/identity-providers/{LOCAL}"), json!({ "userScripts": [script] })).await;
        world.server.make("/user-scripts", json!({ "name": "idle", "expression": "return {};" })).await;
        for provider in [LOCAL, SERVICE] {
            world.server.change(&format!("/identity-providers/{provider}"), json!({ "tags": tags(rng) })).await;
        }
        for (name, extra) in [
            ("keeper", json!({})),
            ("other", json!({})),
            ("opsy", json!({ "tags": ["ops"] })),
            ("off", json!({ "tags": ["ops", "gate"], "disabled": true })),
            ("halted", json!({ "tags": ["ops", "stopped"] })),
            ("random", json!({ "tags": tags(rng) })),
            ("baron", json!({ "tags": ["ops"] })),
        ] {
            let mut body = with("/local-users", name, extra);
            body["password"] = json!(PASSWORD);
            world.server.make("/local-users", body).await;
        }
        for name in ["robot", "cron"] {
            let body = json!({ "name": name, "password": PASSWORD, "tags": tags(rng) });
            world.server.make("/service-users", body).await;
        }
        let listed = json!({ "userDistinguishedName": "CN=baron,OU=local" });
        world.server.post("/blacklist", listed).await.expect(200);
        world
    }

    /// Gives a new administrator a random role.
    pub async fn administrator(&mut self, rng: &mut Rng) -> String {
        let privilege = |rng: &mut Rng| {
            let target = TARGETS[rng.usize(..TARGETS.len())].0;
            let kind = if rng.u8(..4) == 0 { "All" } else { pick(rng, &TYPES) };
            let scope = match (kind, rng.u8(..3)) {
                ("Tag", _) if target != "ServiceUser" => json!({}),
                (_, 0) => json!({ "tags": tags(rng) }),
                _ => json!({ "all": true }),
            };
            match (kind, target) {
                ("Create" | "Delete" | "All" | "View", "IdentityProvider") => {
                    json!({ "type": "Edit", "target": target, "scope": scope })
                }
                _ => json!({ "type": kind, "target": target, "scope": scope }),
            }
        };
        let mut privileges: Vec<Value> = (0..rng.usize(3..9)).map(|_| privilege(rng)).collect();
        privileges.push(json!({ "type": "View", "target": "All", "scope": { "all": true } }));
        // Most are mighty somewhere, so that there is something to be tried.
        for (target, _) in TARGETS.into_iter().filter(|(target, _)| *target != "IdentityProvider") {
            if rng.u8(..3) == 0 {
                privileges.push(json!({ "type": "All", "target": target, "scope": { "all": true } }));
            }
        }
        if rng.bool() {
            privileges.push(json!({ "type": "Tag", "target": "All" }));
        }
        for (kind, target) in [
            ("All", "Blacklist"),
            ("Create", "Blacklist"),
            ("Delete", "Blacklist"),
            ("Delete", "RegisteredDevice"),
            ("Edit", "GlobalSetting"),
        ] {
            let scope = match rng.u8(..6) {
                _ if target == "GlobalSetting" => json!({}),
                0 => json!({ "tags": tags(rng) }),
                _ => json!({ "all": true }),
            };
            if rng.bool() {
                privileges.push(json!({ "type": kind, "target": target, "scope": scope }));
            }
        }
        let role = json!({ "name": "role of boss", "privileges": privileges });
        let role = self.server.make("/administrative-roles", role).await;
        self.server.make("/policies", policy_for("boss", &role)).await;
        self.server
            .make("/local-users", with("/local-users", "boss", json!({ "password": PASSWORD, "tags": tags(rng) })))
            .await
    }

    /// Notes all objects and logs everybody in.
    pub async fn begin(&mut self) {
        for (target, path) in TARGETS {
            let all = self.server.get(path).await.expect(200).json;
            for object in all["data"].as_array().unwrap() {
                self.objects.push((target, object["id"].as_str().unwrap().to_owned()));
            }
        }
        self.find_tokens(&[PASSWORD]).await;
    }

    /// Another name of a tag that no policy asks for is none of anybody's business: roles and what is tagged follow it.
    pub async fn check_that_rights_follow_a_name(&self) {
        let all = self.server.get("/tags").await.expect(200).json;
        let Some(red) = all["data"].as_array().unwrap().iter().find(|tag| tag["name"] == "red") else { return };
        let path = format!("/tags/{}", red["id"].as_str().unwrap());
        let before = self.all_rights().await;
        for name in ["crimson", "red"] {
            self.server.put(&path, json!({ "name": name })).await.expect(200);
            assert_eq!(self.all_rights().await, before);
        }
    }

    /// A live token for every account that has none, if one of the passwords opens it.
    pub async fn find_tokens(&mut self, passwords: &[&str]) {
        for (provider, path) in [("local", "/local-users"), ("service", "/service-users")] {
            let all = self.server.get(path).await.expect(200).json;
            for account in all["data"].as_array().unwrap().iter().filter(|account| account["name"] != "admin") {
                let key = (provider, account["id"].as_str().unwrap().to_owned());
                if let Some(Some(token)) = self.tokens.get(&key) {
                    let alive = self.server.call("GET", "/local-users?range=0-0").token(token).send().await.status;
                    if alive != 401 {
                        continue;
                    }
                }
                let mut token = None;
                for password in passwords {
                    let answer = self.server.login(provider, account["name"].as_str().unwrap(), password).await;
                    if answer.status == 200 {
                        token = answer.json["token"].as_str().map(str::to_owned);
                        break;
                    }
                }
                self.tokens.insert(key, token);
            }
        }
    }

    /// The tags of every object.
    async fn all_tags(&self) -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::new();
        for (_, path) in TARGETS {
            for object in self.server.get(path).await.expect(200).json["data"].as_array().unwrap() {
                let tags =
                    object["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect();
                found.insert(object["id"].as_str().unwrap().to_owned(), tags);
            }
        }
        found
    }

    /// What the privileges come to over the objects of the beginning, with the tags that they have now.
    fn rights(&self, privileges: &Value, tags: &BTreeMap<String, Vec<String>>) -> BTreeSet<Right> {
        let mut rights = BTreeSet::new();
        let whole_targets = TARGETS.into_iter().map(|(target, _)| (target, &TYPES[..], target));
        let besides = BESIDES.into_iter().map(|(target, types)| (target, types, "IdentityProvider"));
        let targets: Vec<_> = whole_targets.chain(besides).collect();
        for held in privileges.as_array().unwrap() {
            let scope = &held["scope"];
            let named = |field: &str, value: &str| {
                scope[field].as_array().is_some_and(|all| all.iter().any(|one| one == value))
            };
            let covers = |field: &str, word: &str| held[field] == word || held[field] == "All";
            for (target, types, scoped_by) in targets.iter().filter(|(target, ..)| covers("target", target)) {
                for kind in types.iter().filter(|kind| covers("type", kind)) {
                    let unscoped = (held["type"] == "Tag" && held["target"] != "ServiceUser")
                        || held["target"] == "GlobalSetting"
                        || (held["type"] == "All" && held["target"] == "All");
                    let whole = unscoped || scope["all"] == true;
                    if whole {
                        rights.insert(((*kind).into(), (*target).into(), "*".into()));
                    }
                    if *target == "GlobalSetting" {
                        continue;
                    }
                    for (_, id) in self.objects.iter().filter(|(of, _)| of == scoped_by) {
                        let tagged = tags.get(id).is_some_and(|own| own.iter().any(|tag| named("tags", tag)));
                        if whole || named("ids", id) || tagged {
                            rights.insert(((*kind).into(), (*target).into(), id.clone()));
                        }
                    }
                }
            }
        }
        rights
    }

    /// What every account that can log in holds.
    pub async fn all_rights(&self) -> Rights {
        let tags = self.all_tags().await;
        let mut all = BTreeMap::new();
        for (account, token) in &self.tokens {
            let Some(token) = token else { continue };
            let answer = self.server.call("GET", "/authorization").token(token).send().await;
            let rights = match answer.status {
                200 => self.rights(&answer.json["user"]["privileges"], &tags),
                _ => BTreeSet::new(),
            };
            all.insert(account.clone(), rights);
        }
        all
    }
}
