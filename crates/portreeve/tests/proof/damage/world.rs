//! A directory with something in every room, the questions that are asked of it, and what it answers.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::support::{Client, Server};

/// Accounts that nobody logs in to, so that tables have several pages.
const OTHERS: usize = 120;

/// Tokens, passwords, and what is answered while nothing is damaged.
pub struct World {
    tokens: Vec<String>,
    reads: Vec<Question>,
    logins: Vec<Question>,
    expected: Vec<Heard>,
}

#[derive(Debug, Clone)]
enum Question {
    Read { token: usize, path: String },
    LogIn { provider: &'static str, name: String, password: String },
}

/// An answer, without what is another each time.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    status: u16,
    body: Value,
}

/// How many answers were what they should be, and how many were errors.
#[derive(Debug, Default, Clone, Copy)]
pub struct Answers {
    pub right: usize,
    pub errors: usize,
}

fn password(name: &str) -> String {
    format!("the password of {name}")
}

impl World {
    /// Furnishes an empty directory.
    pub fn furnish(server: &Server) -> Self {
        let admin = server.admin();
        admin.set_lockout(5, 1_000);
        let names = ["reader", "ruler", "disabled", "locked", "listed", "gone", "left", "plain"];
        let ids: Vec<String> = names.iter().map(|name| admin.create_user(name, &password(name))).collect();
        for number in 0..OTHERS {
            let name = format!("other-{number}");
            let notes = format!("{name} ").repeat(20);
            admin.post("/local-users", &json!({"name": name, "firstName": "F", "lastName": "L", "notes": notes})).ok();
        }
        let machine =
            json!({"name": "loom", "labels": {"site": "Lyon"}, "password": password("loom"), "tags": ["looms"]});
        admin.post("/service-users", &machine).ok();
        let some = json!([{"type": "View", "target": "LocalUser", "scope": {"tags": ["staff"]}}]);
        let all = json!([{"type": "All", "target": "All", "scope": {"all": true}}]);
        for (name, tag, privileges) in [("readers", "staff", some), ("rulers", "rulers", all)] {
            let role = admin.post("/administrative-roles", &json!({"name": name, "privileges": privileges})).ok();
            let expression = format!("return claims.user.tags.indexOf('{tag}') >= 0;");
            let policy = json!({"name": name, "expression": expression, "administrativeRoles": [role["id"]]});
            admin.post("/policies", &policy).ok();
        }
        let edit = |number: usize, field: &str, value: Value| {
            let path = format!("/local-users/{}", ids[number]);
            let mut account = admin.get(&path).ok();
            account[field] = value;
            admin.put(&path, &account).ok();
        };
        edit(0, "tags", json!(["staff"]));
        edit(1, "tags", json!(["rulers"]));
        edit(7, "tags", json!(["staff", "looms"]));
        let clients: Vec<Client> =
            names.iter().map(|name| Client::log_in(&server.url, "local", name, &password(name))).collect();
        let mut tokens: Vec<String> = clients.iter().map(|client| client.token().to_owned()).collect();
        let machine = Client::log_in(&server.url, "service", "loom", &password("loom"));
        tokens.extend([machine.token().to_owned(), admin.token().to_owned()]);
        edit(2, "disabled", json!(true));
        for _ in 0..5 {
            assert_eq!(Client::new(&server.url).insist("local", "locked", "wrong").status, 401);
        }
        admin.post("/blacklist", &json!({"userDistinguishedName": "CN=listed,OU=local", "reason": "left"})).ok();
        assert_eq!(admin.delete(&format!("/local-users/{}", ids[5])).status, 204);
        assert_eq!(clients[6].request(Method::POST, "/authentication/logout", |request| request).status, 204);
        let admin_number = tokens.len() - 1;
        let mut paths: Vec<String> = [
            "/local-users?range=0-999&orderBy=name",
            "/local-users?query=other-7",
            "/local-users?filterBy=tags;staff",
            "/service-users",
            "/administrative-roles",
            "/policies",
            "/blacklist",
            "/tags",
            "/identity-providers",
            "/global-settings",
            "/ip-pools",
        ]
        .map(str::to_owned)
        .into();
        paths.extend(ids.iter().map(|id| format!("/local-users/{id}")));
        let by = |token, path: &str| Question::Read { token, path: path.to_owned() };
        // Of each token: whose it is and what it may do, and what it sees.
        let of_each = (0..tokens.len()).flat_map(|token| [by(token, "/authorization"), by(token, &paths[0])]);
        let reads = of_each.chain(paths.iter().map(|path| by(admin_number, path))).collect();
        let logins =
            names.iter().map(|name| ("local", *name)).chain([("service", "loom"), ("local", "nobody")]).flat_map(
                |(provider, name)| {
                    let with = |password: String| Question::LogIn { provider, name: name.to_owned(), password };
                    [with(password(name)), with(format!("not {}", password(name))), with(password("plain"))]
                },
            );
        Self { tokens, reads, logins: logins.collect(), expected: Vec::new() }
    }

    /// Learns what is answered, from a sound directory.
    pub fn learn(&mut self, server: &Server) {
        let client = Client::new(&server.url);
        self.expected = self.reads.iter().chain(&self.logins).map(|question| self.ask(&client, question)).collect();
        let count = |status| self.expected.iter().filter(|heard| heard.status == status).count();
        assert!(count(200) > 20 && count(401) > 10 && count(403) > 2, "{:?}", self.expected);
        assert_eq!(count(500) + count(503), 0, "{:?}", self.expected);
    }

    fn ask(&self, client: &Client, question: &Question) -> Heard {
        let answer = match question {
            Question::Read { token, path } => client.with_token(&self.tokens[*token]).get(path),
            Question::LogIn { provider, name, password } => client.try_login(provider, name, password),
        };
        let mut body = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
        if let Some(fields) = body.as_object_mut() {
            for other_each_time in ["token", "expires"] {
                fields.remove(other_each_time);
            }
        }
        Heard { status: answer.status, body }
    }

    /// Asks everything that is only read, and some of the logins. Nothing else is answered than while nothing was damaged, but for
    /// errors.
    ///
    /// # Panics
    ///
    /// If another answer is given.
    pub fn question(&self, client: &Client, chance: &mut fastrand::Rng, what: &str) -> Answers {
        let mut answers = Answers::default();
        for (number, question) in self.reads.iter().chain(&self.logins).enumerate() {
            // Each of these is a hash, or two.
            if number >= self.reads.len() && chance.u8(..5) > 0 {
                continue;
            }
            let heard = self.ask(client, question);
            if matches!(heard.status, 500 | 503) {
                answers.errors += 1;
                continue;
            }
            assert_eq!(heard, self.expected[number], "{what}: {question:?}");
            answers.right += 1;
        }
        answers
    }
}
