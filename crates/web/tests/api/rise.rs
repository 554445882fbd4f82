//! Nobody rises: whatever sequence of calls an administrator makes, no account comes to hold more than it held or than that
//! administrator held at the beginning, and nobody stronger falls into their hands.
//!
//! What an account holds is asked of the product in its own way, by `/authorization` with a live token, and then taken
//! apart here into single rights: to do something with an object that was there at the beginning, or with all of a kind.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use serde_json::{Value, json};

use crate::{
    accounts::with,
    harness::{LOCAL, PASSWORD, Server},
    roles::policy_for,
};

const TAGS: [&str; 6] = ["red", "blue", "ops", "stopped", "plain", "gate"];
const NEW_PASSWORD: &str = "another right password";
const TARGETS: [(&str, &str); 7] = [
    ("LocalUser", "/local-users"),
    ("ServiceUser", "/service-users"),
    ("AdministrativeRole", "/administrative-roles"),
    ("Policy", "/policies"),
    ("CriteriaScript", "/criteria-scripts"),
    ("UserClaimScript", "/user-scripts"),
    ("IdentityProvider", "/identity-providers"),
];
const TYPES: [&str; 5] = ["View", "Create", "Edit", "Delete", "Tag"];

/// Type, target, and an object's id or `*` for all that there are and will be.
type Right = (String, String, String);

struct World {
    server: Server,
    /// Objects that were there at the beginning: target and id.
    objects: Vec<(&'static str, String)>,
    /// Each account by its provider and id, with a live token if it has one.
    tokens: BTreeMap<(&'static str, String), Option<String>>,
}

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

fn tags(rng: &mut Rng) -> Vec<&'static str> {
    TAGS.into_iter().filter(|_| rng.u8(..4) == 0).collect()
}

impl World {
    async fn new(rng: &mut Rng) -> Self {
        let server = Server::start().await;
        let world = Self { server, objects: Vec::new(), tokens: BTreeMap::new() };
        for (number, privileges) in [
            json!([{ "type": "All", "target": "LocalUser", "scope": { "tags": ["red"] } }]),
            json!([{ "type": "View", "target": "All", "scope": { "all": true } }, { "type": "Tag", "target": "All" }]),
            json!([{ "type": "Delete", "target": "ServiceUser", "scope": { "tags": ["blue", "gate"] } },
                { "type": "Edit", "target": "Policy", "scope": { "tags": ["plain"] } }]),
            json!([{ "type": "View", "target": "Blacklist", "scope": { "tags": ["red"] } },
                { "type": "Edit", "target": "AdministrativeRole", "scope": { "tags": ["ops"] } }]),
            json!([{ "type": "Create", "target": "LocalUser", "scope": { "all": true }, "defaultTags": ["plain"] }]),
        ]
        .into_iter()
        .enumerate()
        {
            let role = json!({ "name": format!("role {number}"), "tags": tags(rng), "privileges": privileges });
            let role = world.server.make("/administrative-roles", role).await;
            let expression = match number {
                0 => "return claims.user.tags.indexOf('ops') >= 0;",
                1 => "return claims.user.username === 'keeper' || claims.user.nick === 'Tables';",
                2 => "return gatekeepers(claims);",
                3 => "return !!claims.user.team;",
                _ => {
                    "return claims.device.id === '4c07bc67-57ea-42dd-b702-c2d6c45419fc' && claims.user.tags.indexOf('plain') >= 0;"
                }
            };
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
        for (name, extra) in [
            ("keeper", json!({})),
            ("other", json!({})),
            ("opsy", json!({ "tags": ["ops"] })),
            ("off", json!({ "tags": ["ops", "gate"], "disabled": true })),
            ("halted", json!({ "tags": ["ops", "stopped"] })),
            ("random", json!({ "tags": tags(rng) })),
        ] {
            let mut body = with("/local-users", name, extra);
            body["password"] = json!(PASSWORD);
            world.server.make("/local-users", body).await;
        }
        for name in ["robot", "cron"] {
            let body = json!({ "name": name, "password": PASSWORD, "tags": tags(rng) });
            world.server.make("/service-users", body).await;
        }
        world
    }

    /// Gives a new administrator a random role.
    async fn administrator(&mut self, rng: &mut Rng) -> String {
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
        let role = json!({ "name": "role of boss", "privileges": privileges });
        let role = self.server.make("/administrative-roles", role).await;
        self.server.make("/policies", policy_for("boss", &role)).await;
        self.server
            .make("/local-users", with("/local-users", "boss", json!({ "password": PASSWORD, "tags": tags(rng) })))
            .await
    }

    /// Notes all objects and logs everybody in.
    async fn begin(&mut self) {
        for (target, path) in TARGETS {
            let all = self.server.get(path).await.expect(200).json;
            for object in all["data"].as_array().unwrap() {
                self.objects.push((target, object["id"].as_str().unwrap().to_owned()));
            }
        }
        self.find_tokens(&[PASSWORD]).await;
    }

    /// A live token for every account that has none, if one of the passwords opens it.
    async fn find_tokens(&mut self, passwords: &[&str]) {
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
        for held in privileges.as_array().unwrap() {
            let scope = &held["scope"];
            let named = |field: &str, value: &str| {
                scope[field].as_array().is_some_and(|all| all.iter().any(|one| one == value))
            };
            for (target, _) in
                TARGETS.into_iter().filter(|(target, _)| held["target"] == *target || held["target"] == "All")
            {
                for kind in TYPES.into_iter().filter(|kind| held["type"] == *kind || held["type"] == "All") {
                    let unscoped = held["type"] == "Tag" && held["target"] != "ServiceUser";
                    let whole = unscoped || scope["all"] == true || (held["type"] == "All" && held["target"] == "All");
                    if whole {
                        rights.insert((kind.into(), target.into(), "*".into()));
                    }
                    for (_, id) in self.objects.iter().filter(|(of, _)| *of == target) {
                        let tagged = tags.get(id).is_some_and(|own| own.iter().any(|tag| named("tags", tag)));
                        if whole || named("ids", id) || tagged {
                            rights.insert((kind.into(), target.into(), id.clone()));
                        }
                    }
                }
            }
        }
        rights
    }

    /// What every account that can log in holds.
    async fn all_rights(&self) -> BTreeMap<(&'static str, String), BTreeSet<Right>> {
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

    /// A random call of the administrator's. Says what was done, whether it was let through, and whose password it set.
    async fn act(&self, token: &str, rng: &mut Rng) -> (String, bool, Option<(&'static str, String)>) {
        let (target, path) = TARGETS[rng.usize(..TARGETS.len())];
        let all = self.server.get(path).await.expect(200).json;
        let objects = all["data"].as_array().unwrap();
        let Some(object) = rng.choice(objects).cloned() else { return (String::new(), false, None) };
        let id = object["id"].as_str().unwrap().to_owned();
        let one = format!("{path}/{id}");
        let roles = self.server.get("/administrative-roles").await.json;
        let some_role = |rng: &mut Rng| rng.choice(roles["data"].as_array().unwrap()).cloned().unwrap_or_default();
        let call =
            |method: &str, path: &str, body: Value| self.server.call(method, path).token(token).json(body).send();
        let mut takes = None;
        let (what, status) = match rng.u8(..10) {
            0 => (format!("DELETE {one}"), call("DELETE", &one, json!({})).await.status),
            1..=2 => {
                let role = some_role(rng);
                let mut body = self.draft(target, path, rng, &role);
                body["tags"] = json!(tags(rng));
                let answer = call("POST", path, body.clone()).await;
                if answer.status == 200 && matches!(target, "LocalUser" | "ServiceUser") {
                    let provider = if target == "LocalUser" { "local" } else { "service" };
                    takes = Some((provider, answer.json["id"].as_str().unwrap().to_owned()));
                }
                (format!("POST {path} {body}"), answer.status)
            }
            _ => {
                let mut body = object.clone();
                let role = some_role(rng);
                let draft = self.draft(target, path, rng, &role);
                for (field, value) in draft.as_object().unwrap() {
                    if field != "id" && rng.bool() {
                        body[field] = value.clone();
                    }
                }
                if rng.bool() {
                    body["tags"] = json!(tags(rng));
                }
                if target == "IdentityProvider" {
                    body["name"] = object["name"].clone();
                }
                let answer = call("PUT", &one, body.clone()).await;
                if answer.status == 200 && body.get("password").is_some() {
                    takes = Some((if target == "LocalUser" { "local" } else { "service" }, id));
                }
                (format!("PUT {one} {body} (was {object})"), answer.status)
            }
        };
        // Whoever stops everybody stops themselves.
        assert!(matches!(status, 200 | 204 | 401 | 403 | 404 | 409 | 422), "{what}: {status}");
        (what, matches!(status, 200 | 204), takes)
    }

    fn draft(&self, target: &str, path: &str, rng: &mut Rng, role: &Value) -> Value {
        let name = pick(rng, &["keeper", "boss", "gatekeepers", "new one", "newer", "newest"]);
        match target {
            "AdministrativeRole" => {
                let mut privileges = role.get("privileges").cloned().unwrap_or_else(|| json!([]));
                if let Some(first) = privileges.get_mut(0)
                    && first["target"] != "All"
                    && rng.bool()
                    && first.get("functions").is_none()
                    && !matches!(first["type"].as_str(), Some("Tag"))
                {
                    first["scope"] = json!({ "tags": tags(rng) });
                }
                json!({ "name": name, "privileges": privileges })
            }
            "Policy" => json!({
                "name": name,
                "type": pick(rng, &["Admin", "Mixed", "Stop", "Access"]),
                "disabled": rng.u8(..3) == 0,
                "expression": pick(rng, &["return true;", "return false;", "return gatekeepers(claims);",
                    "return claims.user.tags.indexOf('red') >= 0;"]),
                "administrativeRoles": if rng.bool() { json!([role["id"]]) } else { json!([]) },
            }),
            "CriteriaScript" => {
                json!({ "name": name, "expression": pick(rng, &["return true;", "return !!claims.user.team;"]) })
            }
            "UserClaimScript" => json!({
                "name": name,
                "expression": pick(rng, &["return {};", "return { team: 1 };", "return { username: 'keeper' };", "return { tags: ['ops'] };"]),
            }),
            "IdentityProvider" => {
                let mapping = |from: &str, to: &str| json!({ "attributeName": from, "claimName": to });
                let mut mappings = vec![mapping("username", "username"), mapping("tags", "tags")];
                mappings.extend(rng.bool().then(|| mapping("lastName", pick(rng, &["nick", "team", "lastName"]))));
                json!({ "claimMappings": mappings })
            }
            _ => {
                let mut body = with(path, name, json!({ "disabled": rng.u8(..4) == 0 }));
                if rng.bool() {
                    body["password"] = json!(NEW_PASSWORD);
                }
                if target == "LocalUser" {
                    body["lastName"] = json!(pick(rng, &["Tables", "keeper", "boss"]));
                }
                body
            }
        }
    }
}

async fn round(seed: u64) -> usize {
    let mut rng = Rng::with_seed(seed);
    let mut world = World::new(&mut rng).await;
    let boss = ("local", world.administrator(&mut rng).await);
    world.begin().await;
    let beginning = world.all_rights().await;
    let ceiling = beginning.get(&boss).cloned().unwrap_or_default();
    let mut done = 0;
    let mut story = Vec::new();
    for _ in 0..120 {
        let Some(token) = world.tokens.get(&boss).cloned().flatten() else { break };
        let (what, passed, takes) = world.act(&token, &mut rng).await;
        if !passed {
            continue;
        }
        done += 1;
        story.push(what);
        world.find_tokens(&[NEW_PASSWORD, PASSWORD]).await;
        for (account, rights) in world.all_rights().await {
            let had = beginning.get(&account).cloned().unwrap_or_default();
            let risen: Vec<&Right> =
                rights.iter().filter(|right| !had.contains(*right) && !ceiling.contains(*right)).collect();
            assert!(risen.is_empty(), "seed {seed}: {account:?} rose to {risen:?} by\n{}", story.join("\n"));
            if takes.as_ref() == Some(&account) {
                let taken: Vec<&Right> = rights.iter().filter(|right| !ceiling.contains(*right)).collect();
                assert!(taken.is_empty(), "seed {seed}: {account:?} was taken with {taken:?} by\n{}", story.join("\n"));
            }
        }
    }
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sequence_of_calls_makes_anyone_stronger_than_the_caller_was() {
    let seeds = std::env::var("RISE_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(6);
    let mut done = 0;
    for seed in 0..seeds {
        done += round(seed).await;
    }
    assert!(done >= 2 * usize::try_from(seeds).unwrap_or(0), "hardly any call was let through: {done}");
}
