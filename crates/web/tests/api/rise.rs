//! Nobody rises: whatever sequence of calls an administrator makes, no account comes to hold more than it held or than that
//! administrator held at the beginning, and nobody stronger falls into their hands. Who there is, and what they hold, is in
//! `rise_world`.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::{
    accounts::with,
    blacklist::escaped,
    harness::PASSWORD,
    rise_world::{Account, Right, TAGS, World, pick, tags},
    scopes::TARGETS,
};

const NEW_PASSWORD: &str = "another right password";

impl World {
    /// A random call of the administrator's. Says what was done, whether it was let through, and whose password it set.
    async fn act(&self, token: &str, rng: &mut Rng) -> (String, bool, Option<Account>) {
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
        let (what, status) = match rng.u8(..16) {
            0 => (format!("DELETE {one}"), call("DELETE", &one, json!({})).await.status),
            1..=4 => self.act_besides(token, rng).await,
            5..=7 => {
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

    /// A random call about tags, blacklist, devices or settings.
    async fn act_besides(&self, token: &str, rng: &mut Rng) -> (String, u16) {
        let listed =
            async |path: &str| self.server.get(path).await.expect(200).json["data"].as_array().unwrap().clone();
        let (method, path, body) = match rng.u8(..10) {
            0..=3 => {
                let tags = listed("/tags").await;
                let path = format!("/tags/{}", rng.choice(&tags).unwrap()["id"].as_str().unwrap());
                let names = if rng.bool() { &TAGS[..] } else { &["dormant", "vault", "fresh"] };
                let method = if rng.u8(..4) == 0 { "DELETE" } else { "PUT" };
                (method, path, json!({ "name": pick(rng, names) }))
            }
            4..=5 => {
                let (provider, path) = [("local", "/local-users"), ("service", "/service-users")][rng.usize(..2)];
                let accounts = listed(path).await;
                let Some(account) = rng.choice(&accounts) else { return (String::new(), 404) };
                let dn = format!("CN={},OU={provider}", account["name"].as_str().unwrap());
                ("POST", "/blacklist".to_owned(), json!({ "userDistinguishedName": dn }))
            }
            6..=7 => {
                let entries = listed("/blacklist").await;
                let Some(entry) = rng.choice(&entries) else { return (String::new(), 404) };
                let dn = entry["userDistinguishedName"].as_str().unwrap();
                ("DELETE", format!("/blacklist/{}", escaped(dn)), json!({}))
            }
            8 => {
                // The administrator's own session is what this test asks with.
                let mut devices = listed("/on-boarded-devices").await;
                devices.retain(|device| device["username"] != "admin");
                let Some(device) = rng.choice(&devices) else { return (String::new(), 404) };
                let dn = device["distinguishedName"].as_str().unwrap();
                ("DELETE", format!("/on-boarded-devices/{}", escaped(dn)), json!({}))
            }
            _ => {
                let body = json!({ "administrationTokenExpiration": rng.i32(60..600), "loginBannerMessage": "b" });
                ("PUT", "/global-settings".to_owned(), body)
            }
        };
        let status = self.server.call(method, &path).token(token).json(body.clone()).send().await.status;
        (format!("{method} {path} {body}"), status)
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

/// Says which calls were let through.
async fn round(seed: u64) -> Vec<String> {
    let mut rng = Rng::with_seed(seed);
    let mut world = World::new(&mut rng).await;
    let boss = ("local", world.administrator(&mut rng).await);
    world.begin().await;
    world.check_that_rights_follow_a_name().await;
    let beginning = world.all_rights().await;
    let ceiling = beginning.get(&boss).cloned().unwrap_or_default();
    let mut story = Vec::new();
    for _ in 0..160 {
        let Some(token) = world.tokens.get(&boss).cloned().flatten() else { break };
        let (what, passed, takes) = world.act(&token, &mut rng).await;
        if !passed {
            continue;
        }
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
    story
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sequence_of_calls_makes_anyone_stronger_than_the_caller_was() {
    let seeds = std::env::var("RISE_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(6);
    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..seeds {
        for what in round(seed).await {
            let collection = what.split(['/', ' ']).filter(|word| !word.is_empty()).take(2).collect::<Vec<_>>();
            *done.entry(collection.join(" ")).or_default() += 1;
        }
    }
    let all = done.values().sum::<usize>();
    assert!(all >= 2 * usize::try_from(seeds).unwrap_or(0), "hardly any call was let through: {done:?}");
}
