//! Scopes of what belongs to an Identity Provider: they name providers, or tags that providers carry. Blacklist and devices
//! are listed, read, made, deleted and revoked as far as they reach, and as the providers' tags are at that moment.

use std::collections::BTreeSet;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::{
    blacklist::escaped,
    harness::{DEVICE, LOCAL, PASSWORD, SERVICE, Server},
    on_boarded_devices::{good, names},
    roles::holder,
    scopes::{any, includes},
};

const TAGS: [&str; 4] = ["a", "b", "c", "d"];
/// Each target, its path, and the field that names one.
const RESOURCES: [(&str, &str, &str); 2] = [
    ("Blacklist", "/blacklist", "userDistinguishedName"),
    ("RegisteredDevice", "/on-boarded-devices", "distinguishedName"),
];
const PAIRS: [(&str, &str); 10] = [
    ("View", "Blacklist"),
    ("Create", "Blacklist"),
    ("Delete", "Blacklist"),
    ("All", "Blacklist"),
    ("View", "RegisteredDevice"),
    ("Delete", "RegisteredDevice"),
    ("All", "RegisteredDevice"),
    ("View", "All"),
    ("Create", "All"),
    ("Delete", "All"),
];

/// A provider's name, id and tags, and somebody of it who has a device.
struct Provider {
    name: &'static str,
    id: &'static str,
    tags: Vec<String>,
    somebody: &'static str,
}

impl Provider {
    fn device(&self) -> String {
        format!("CN={},CN={},OU={}", DEVICE.replace('-', ""), self.somebody, self.name)
    }
}

async fn providers(server: &Server) -> Vec<Provider> {
    let mut providers = Vec::new();
    for (name, id, somebody) in [("local", LOCAL, "bobby"), ("service", SERVICE, "robot")] {
        let found = server.get(&format!("/identity-providers/{id}")).await.expect(200).json;
        let tags = found["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect();
        providers.push(Provider { name, id, tags, somebody });
    }
    providers
}

/// An actor: a token, what the actor holds, and the providers as they are.
struct Actor<'a> {
    server: &'a Server,
    token: &'a str,
    privileges: &'a Value,
    providers: Vec<Provider>,
}

impl Actor<'_> {
    fn may(&self, wanted: &str, target: &str, provider: &str) -> bool {
        let provider = self.providers.iter().find(|one| one.name == provider).unwrap();
        includes(self.privileges, wanted, target, provider.id, &provider.tags)
    }

    fn call(&self, method: &str, path: &str) -> crate::client::Call {
        self.server.call(method, path).token(self.token)
    }

    async fn check_reads(&self) {
        for (target, path, field) in RESOURCES {
            let all = self.server.get(path).await.expect(200).json;
            let all: Vec<(&str, &str)> = all["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| (one[field].as_str().unwrap(), one["providerName"].as_str().unwrap()))
                .collect();
            let allowed = any(self.privileges, "View", target);
            let visible: BTreeSet<&str> =
                all.iter().filter(|(_, provider)| self.may("View", target, provider)).map(|(dn, _)| *dn).collect();
            for (dn, _) in &all {
                let expected = match (allowed, visible.contains(dn)) {
                    (false, _) => 403,
                    (true, true) => 200,
                    (true, false) => 404,
                };
                self.call("GET", &format!("{path}/{}", escaped(dn))).send().await.expect(expected);
            }
            if !allowed {
                self.call("GET", path).send().await.expect(403);
                continue;
            }
            let local = all.iter().filter(|(dn, provider)| *provider == "local" && visible.contains(dn)).count();
            for (parameters, matching) in
                [("", visible.len()), ("?range=0-1", visible.len()), ("?providerName=local", local)]
            {
                let list = self.call("GET", &format!("{path}{parameters}")).send().await.expect(200).json;
                let listed: BTreeSet<&str> =
                    list["data"].as_array().unwrap().iter().map(|one| one[field].as_str().unwrap()).collect();
                let what = format!("{target} {parameters} {}", self.privileges);
                assert!(listed.is_subset(&visible), "{what}");
                assert_eq!(list["totalCount"], visible.len(), "{what}");
                assert!(
                    list["range"].as_str().unwrap().ends_with(&format!("/{matching}")),
                    "{what}: {}",
                    list["range"]
                );
                assert_eq!(
                    listed.len(),
                    if parameters.starts_with("?range") { matching.min(2) } else { matching },
                    "{what}"
                );
            }
        }
    }

    /// What deleting one of them is answered.
    fn deletion(&self, target: &str, provider: &str) -> u16 {
        if !any(self.privileges, "Delete", target) {
            403
        } else if !self.may("View", target, provider) {
            404
        } else if !self.may("Delete", target, provider) {
            403
        } else {
            204
        }
    }

    async fn check_blacklisting(&self) {
        for provider in &self.providers {
            let dn = format!("CN=new one,OU={}", provider.name);
            let entry = format!("/blacklist/{}", escaped(&dn));
            let may = self.may("Create", "Blacklist", provider.name);
            let made = self.call("POST", "/blacklist").json(json!({ "userDistinguishedName": dn })).send().await;
            let made = made.expect(if may { 200 } else { 403 });
            if may {
                assert_eq!(made.json["userDistinguishedName"], dn);
            } else {
                assert!(made.json["message"].as_str().unwrap().contains("Create on Blacklist"), "{}", made.json);
                self.server.get(&entry).await.expect(404);
                self.server.post("/blacklist", json!({ "userDistinguishedName": dn })).await.expect(200);
            }
            let expected = self.deletion("Blacklist", provider.name);
            let deleted = self.call("DELETE", &entry).send().await.expect(expected);
            if expected != 204 {
                let message = deleted.json["message"].as_str().unwrap();
                assert!(expected == 404 || message.contains("Delete on Blacklist"), "{message}");
                self.server.delete(&entry).await.expect(204);
            }
            self.server.get(&entry).await.expect(404);
        }
    }

    async fn tokens(&self) -> Vec<String> {
        let mut tokens = Vec::new();
        for provider in &self.providers {
            tokens.push(self.server.token_of(provider.name, provider.somebody, PASSWORD).await);
        }
        tokens
    }

    async fn check_devices(&self) {
        let all: Vec<String> = self.providers.iter().map(Provider::device).collect();
        let tokens = self.tokens().await;
        let body = json!({ "specificDistinguishedNames": all });
        let revoked = self.call("POST", "/on-boarded-devices/revoke-tokens").json(body).send().await;
        let target = "RegisteredDevice";
        let may_at_all = any(self.privileges, "View", target) && any(self.privileges, "Delete", target);
        let concerned =
            |provider: &Provider| self.may("View", target, provider.name) && self.may("Delete", target, provider.name);
        let revoked = revoked.expect(if may_at_all { 200 } else { 403 });
        if may_at_all {
            let expected: BTreeSet<String> =
                self.providers.iter().filter(|one| concerned(one)).map(Provider::device).collect();
            let listed: BTreeSet<String> = names(&revoked).into_iter().map(str::to_owned).collect();
            assert_eq!(listed, expected, "{}", self.privileges);
        }
        for (provider, token) in self.providers.iter().zip(&tokens) {
            assert_eq!(good(self.server, token).await, !concerned(provider), "{} {}", provider.name, self.privileges);
        }
        let tokens = self.tokens().await;
        for (provider, token) in self.providers.iter().zip(&tokens) {
            let expected = self.deletion(target, provider.name);
            let path = format!("/on-boarded-devices/{}", escaped(&provider.device()));
            self.call("DELETE", &path).send().await.expect(expected);
            assert_eq!(good(self.server, token).await, expected != 204, "{} {}", provider.name, self.privileges);
            self.server.get(&path).await.expect(if expected == 204 { 404 } else { 200 });
        }
    }
}

fn some_privileges(rng: &mut Rng) -> Value {
    let privilege = |rng: &mut Rng| {
        let (kind, target) = PAIRS[rng.usize(..PAIRS.len())];
        let tags: Vec<&str> = TAGS.into_iter().filter(|_| rng.u8(..3) == 0).collect();
        let ids: Vec<&str> = [LOCAL, SERVICE].into_iter().filter(|_| rng.u8(..4) == 0).collect();
        let scope = if rng.u8(..8) == 0 { json!({ "all": true }) } else { json!({ "ids": ids, "tags": tags }) };
        json!({ "type": kind, "target": target, "scope": scope })
    };
    (0..rng.usize(1..6)).map(|_| privilege(rng)).collect()
}

async fn retag(server: &Server, rng: &mut Rng) {
    for id in [LOCAL, SERVICE] {
        let tags: Vec<&str> = TAGS.into_iter().filter(|_| rng.u8(..3) == 0).collect();
        server.change(&format!("/identity-providers/{id}"), json!({ "tags": tags })).await;
    }
}

#[expect(clippy::print_stdout, reason = "a case that fails is found again by its seed")]
async fn round(seed: u64) {
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let server = Server::start().await;
    server.person("bobby").await;
    server.make("/service-users", json!({ "name": "robot", "password": PASSWORD })).await;
    for dn in ["CN=one,OU=local", "CN=two,OU=local", "CN=one,OU=service"] {
        server.post("/blacklist", json!({ "userDistinguishedName": dn })).await.expect(200);
    }
    for number in 0..5 {
        retag(&server, &mut rng).await;
        let privileges = some_privileges(&mut rng);
        let token = holder(&server, &format!("actor{number}"), privileges.clone()).await;
        // The next request finds the providers' tags as they are by then.
        for _ in 0..3 {
            let providers = providers(&server).await;
            let actor = Actor { server: &server, token: &token, privileges: &privileges, providers };
            actor.tokens().await;
            actor.check_reads().await;
            actor.check_blacklisting().await;
            actor.check_devices().await;
            retag(&server, &mut rng).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blacklist_and_devices_are_in_reach_with_their_provider() {
    let seeds = std::env::var("SCOPE_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(6);
    for seed in 0..seeds {
        round(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_everything_is_none_of_what_has_no_parts() {
    let server = Server::start().await;
    for dn in ["CN=one,OU=local", "CN=one,OU=service"] {
        server.post("/blacklist", json!({ "userDistinguishedName": dn })).await.expect(200);
    }
    let tags = format!("/tags/{}", server.make("/tags", json!({ "name": "of nothing" })).await);
    let record = server.get("/audit-logs?range=0-0").await.json["data"][0]["id"].as_str().unwrap().to_owned();
    let record = format!("/audit-logs/{record}");
    let closed = [
        ("/audit-logs", "View on AuditLog"),
        (&record, "View on AuditLog"),
        ("/global-settings", "View on GlobalSetting"),
        ("/tags", "View on All"),
        (&tags, "View on All"),
    ];
    for (number, scope) in [json!({ "tags": ["a"] }), json!({ "ids": [LOCAL] })].into_iter().enumerate() {
        let privileges = json!([{ "type": "View", "target": "All", "scope": scope }]);
        let token = holder(&server, &format!("viewer{number}"), privileges).await;
        let ask = |path: &str| server.call("GET", path).token(&token).send();
        let listed = async || {
            let list = ask("/blacklist").await.expect(200).json;
            let data = list["data"].as_array().unwrap().iter();
            data.map(|entry| entry["userDistinguishedName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for tagged in [LOCAL, SERVICE] {
            for id in [LOCAL, SERVICE] {
                let tags = if id == tagged { json!(["a"]) } else { json!([]) };
                server.change(&format!("/identity-providers/{id}"), json!({ "tags": tags })).await;
            }
            let local = scope["ids"] == json!([LOCAL]) || tagged == LOCAL;
            assert_eq!(listed().await, [if local { "CN=one,OU=local" } else { "CN=one,OU=service" }]);
            for (path, privilege) in closed {
                let refused = ask(path).await.expect(403).json;
                assert!(refused["message"].as_str().unwrap().contains(privilege), "{path}: {refused}");
            }
        }
    }
}
