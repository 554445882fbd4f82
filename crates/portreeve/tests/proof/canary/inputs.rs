//! Every input that takes a secret, used rightly and wrongly: what is answered, and what was refused.

use reqwest::{Method, blocking::RequestBuilder};
use serde_json::{Value, json};

use super::{
    super::support::{Answer, Client, broken_bodies, login},
    IMPORTED,
    needles::Needles,
};

/// Who shows secrets to a server, and keeps what it says of them.
pub struct Shower<'a> {
    pub needles: &'a mut Needles,
    pub chance: &'a mut fastrand::Rng,
    /// Bodies of answers that hold no secret by right.
    pub answers: Vec<u8>,
    /// Hashes that were given.
    pub hashes: Vec<String>,
}

impl Shower<'_> {
    fn secret(&mut self, what: &str) -> String {
        let number = self.needles.len();
        self.needles.invent(self.chance, &format!("{what} ({number})"))
    }

    fn keep(&mut self, answer: &Answer) {
        assert!(answer.status != 500, "{answer:?}");
        self.answers.extend_from_slice(answer.text.as_bytes());
        self.answers.extend_from_slice(format!("{:?}\n", answer.headers).as_bytes());
    }

    fn expect(&mut self, answer: &Answer, status: u16) {
        assert_eq!(answer.status, status, "{answer:?}");
        self.keep(answer);
    }

    /// Logs in, and notes the token.
    fn session(&mut self, client: &Client, provider: &str, name: &str, password: &str) -> Client {
        let answer = client.try_login(provider, name, password).ok();
        let token = answer["token"].as_str().expect("a token");
        self.needles.note("a token", token);
        client.with_token(token)
    }

    /// Everything, once.
    pub fn show_all(&mut self, client: &Client, admin_password: &str) {
        let admin = self.session(client, "local", "admin", admin_password);
        for (path, provider) in [("/local-users", "local"), ("/service-users", "service")] {
            self.accounts(client, &admin, path, provider);
            self.imports(&admin, path);
        }
        self.exchange(client, admin_password);
        self.wrongly(client, &admin);
        self.scripts(client, &admin);
        self.console(client, admin_password);
        let answer = admin.post("/authentication/logout", &Value::Null);
        self.expect(&answer, 204);
    }

    fn accounts(&mut self, client: &Client, admin: &Client, path: &str, provider: &str) {
        let (first, second, third) = (self.secret("created"), self.secret("set"), self.secret("chosen"));
        let mut user = json!({ "name": "bobby", "firstName": "B", "lastName": "T", "password": first });
        let made = admin.post(path, &user);
        self.expect(&made, 200);
        self.session(client, provider, "bobby", &first);
        user["password"] = json!(second);
        let changed = admin.put(&format!("{path}/{}", made.json()["id"].as_str().expect("an id")), &user);
        self.expect(&changed, 200);
        let wrong = self.secret("wrong");
        for (name, password) in [("bobby", wrong), ("nobody", self.secret("of nobody"))] {
            let refused = client.try_login(provider, name, &password);
            self.expect(&refused, 401);
        }
        // In another order of the fields, with others beside them.
        let text = format!(
            r#"{{"password":"{second}","x":1,"username":"bobby","deviceId":"{}","providerName":"{provider}"}}"#,
            login("", "", "")["deviceId"].as_str().expect("an id")
        );
        let answer = client.request(Method::POST, "/login", |request| request.body(text)).ok();
        self.needles.note("a token of another order", answer["token"].as_str().expect("a token"));
        let session = self.session(client, provider, "bobby", &second);
        let refused =
            session.put("/account/password", &json!({ "oldPassword": self.secret("old"), "password": third }));
        self.expect(&refused, 403);
        let short = session.put("/account/password", &json!({ "oldPassword": second, "password": "short" }));
        self.expect(&short, 422);
        let done = session.put("/account/password", &json!({ "oldPassword": second, "password": third }));
        self.expect(&done, 204);
        user["password"] = json!(self.secret("of a name that is taken"));
        let taken = admin.post(path, &user);
        self.expect(&taken, 409);
        user["password"] = json!(self.secret("too long").repeat(40));
        user["name"] = json!("too long");
        let long = admin.post(path, &user);
        self.expect(&long, 422);
    }

    fn imports(&mut self, admin: &Client, path: &str) {
        let hash = format!("$2b$05$abcdefghijklmnopqrstuu{}", &self.secret("of a hash")[..31]);
        self.needles.note(IMPORTED, &hash[7..]);
        self.hashes.push(hash.clone());
        let rows = [
            json!({ "name": "row 1", "firstName": "a", "lastName": "b", "password": self.secret("of a row") }),
            json!({ "name": "row 2", "firstName": "a", "lastName": "b", "passwordHash": hash }),
            json!({ "name": "row 3", "firstName": "", "lastName": "b", "password": self.secret("of a bad row") }),
            json!({ "name": "row 4", "firstName": "a", "lastName": "b", "password": [self.secret("of another type")] }),
            json!({ "name": "row 5", "firstName": "a", "lastName": "b", "passwordHash": self.secret("of no hash") }),
            json!({ "name": "row 6", "firstName": "a", "lastName": "b", "tags": self.secret("in the wrong field") }),
            json!([self.secret("no row")]),
        ];
        let mut text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        text += &format!("{{\"name\":\"row 8\",\"password\":\"{}\n", self.secret("of a row that breaks off"));
        text += &self.secret("no JSON");
        for query in ["?dryRun=true", "", "?upsert=true"] {
            let path = format!("{path}/import{query}");
            let answer = admin.request(Method::POST, &path, |request| request.body(text.clone()));
            self.keep(&answer);
            assert!(answer.text.contains("refused"), "{answer:?}");
        }
    }

    fn exchange(&mut self, client: &Client, admin_password: &str) {
        let answer = client.post("/authentication", &login("local", "admin", admin_password)).ok();
        let token = answer["token"].as_str().expect("a token").to_owned();
        self.needles.note("a token to exchange", &token);
        let work = client.with_token(&token).get("/authorization").ok();
        self.needles.note("an exchanged token", work["token"].as_str().expect("a token"));
        let end = client.with_token(&token).post("/authentication/logout", &Value::Null);
        self.expect(&end, 204);
    }

    /// Where no secret belongs, and in no form that it should have.
    fn wrongly(&mut self, client: &Client, admin: &Client) {
        for path in ["/login", "/authentication", "/local-users", "/policies", "/explain", "/ui/sign-in", "/nowhere"] {
            for body in broken_bodies(&self.secret("in a broken body")) {
                for sender in [client, admin] {
                    let answer = sender.request(Method::POST, path, |request| request.body(body.clone()));
                    assert!((400..500).contains(&answer.status), "{answer:?}");
                    self.keep(&answer);
                }
            }
        }
        let long = self.secret("in a body that is too long") + &"x".repeat(2 << 20);
        for path in ["/login", "/local-users", "/ui/sign-in"] {
            // Being cut off is one of the answers, and nothing else is asked on that connection.
            let send = |request: RequestBuilder| request.header("Connection", "close").body(long.clone());
            if let Ok(answer) = admin.try_request(Method::POST, path, send) {
                self.keep(&answer);
            }
        }
        let odd = self.secret("in the address");
        for path in [
            format!("/{odd}"),
            format!("/local-users/{odd}?password={odd}"),
            format!("/local-users?password={odd}&filterBy[x]={odd}"),
            format!("/local-users?query={odd}&orderBy=name&range={odd}&after={odd}"),
            format!("/ui/{odd}?next={odd}"),
            format!("/blacklist/{odd}"),
            format!("/ui/sign-in?password={odd}"),
        ] {
            for sender in [client, admin] {
                let answer = sender.get(&path);
                assert!(answer.status != 500, "{answer:?}");
                // Names of parameters that are not known are quoted to whoever sent them, never written down.
                let told = answer.text.replace(&odd, "");
                self.answers.extend_from_slice(told.as_bytes());
            }
        }
        let header = self.secret("in a header");
        for name in
            ["Accept", "Cookie", "If-Match", "Content-Type", "X-Forwarded-For", "X-Odd", "User-Agent", "Referer"]
        {
            let answer = admin.request(Method::GET, "/local-users", |request| request.header(name, &header));
            assert!(answer.status < 500, "{answer:?}");
        }
        let basic = self.secret("for basic authentication");
        let answer = client.request(Method::GET, "/local-users", |request| request.basic_auth("admin", Some(basic)));
        self.expect(&answer, 401);
        let cookie = self.secret("in a cookie");
        for name in
            ["__Host-portreeve-session", "__Host-portreeve-device", "__Host-portreeve-zone", "__Host-portreeve-theme"]
        {
            let answer =
                client.request(Method::GET, "/ui/", |request| request.header("Cookie", format!("{name}={cookie}")));
            self.keep(&answer);
        }
        let none = self.secret("for no token");
        let answer = client.with_token(&none).get("/local-users");
        self.expect(&answer, 401);
    }

    /// Scripts that throw all that they are given, and what they are given is no secret.
    fn scripts(&mut self, client: &Client, admin: &Client) {
        let throws = "throw new Error(JSON.stringify(claims));";
        let policy = json!({ "name": "throws", "type": "Admin", "expression": throws });
        let made = admin.post("/policies", &policy);
        self.expect(&made, 200);
        let password = self.secret("where a script throws");
        admin.create_user("thrown at", &password);
        let session = self.session(client, "local", "thrown at", &password);
        self.keep(&admin.get("/policies"));
        self.keep(&admin.get("/audit-logs"));
        self.keep(&session.get("/local-users"));
    }

    fn console(&mut self, client: &Client, admin_password: &str) {
        let mut desk = Desk { client, cookies: Vec::new(), proof: String::new() };
        let wrong = self.secret("to sign in with");
        desk.get(self, "/ui/sign-in");
        for (name, password) in [("admin", wrong.as_str()), ("nobody", &wrong)] {
            let fields = [("provider", "local"), ("username", name), ("password", password)];
            assert_eq!(desk.post(self, "/ui/sign-in", &fields).status, 401);
        }
        let fields = [("provider", "local"), ("username", "admin"), ("password", admin_password)];
        assert_eq!(desk.post(self, "/ui/sign-in", &fields).status, 303);
        let page = desk.get(self, "/ui/local-users/new");
        assert_eq!(page.status, 200, "{page:?}");
        let made = self.secret("of somebody made at the console");
        let fields = [("name", "at the desk"), ("firstName", "a"), ("lastName", "b"), ("password", made.as_str())];
        let page = desk.post(self, "/ui/local-users/new", &fields);
        assert_eq!(page.status, 303, "{page:?}");
        let own = page.header("location").expect("leads to the account").split('?').next().expect("a path").to_owned();
        for status in [422, 303] {
            let (set, other) = (self.secret("set at the console"), self.secret("that differs"));
            let again = if status == 303 { &set } else { &other };
            let page = desk.post(self, &format!("{own}/password"), &[("password", set.as_str()), ("again", again)]);
            assert_eq!(page.status, status, "{page:?}");
        }
        let page = desk.send(Method::POST, &format!("{own}/password"), &[("make", "1")]);
        let made = page.text.split_once("id=\"made\">").expect("a password was made").1.split('<').next();
        self.needles.note("made at the console", made.expect("a password"));
        for path in ["/ui/", &own, "/ui/audit-log", "/ui/account"] {
            assert_eq!(desk.get(self, path).status, 200);
        }
        let (old, new) = (self.secret("old at the console"), self.secret("new at the console"));
        let fields = [("oldPassword", old.as_str()), ("password", &new), ("again", &new)];
        assert_eq!(desk.post(self, "/ui/account/password", &fields).status, 422);
        assert_eq!(desk.post(self, "/ui/sign-out", &[]).status, 303);
    }
}

/// A browser without scripts.
struct Desk<'a> {
    client: &'a Client,
    cookies: Vec<(String, String)>,
    proof: String,
}

impl Desk<'_> {
    fn get(&mut self, shower: &mut Shower<'_>, path: &str) -> Answer {
        let page = self.send(Method::GET, path, &[]);
        self.note(shower, &page);
        page
    }

    fn post(&mut self, shower: &mut Shower<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.send(Method::POST, path, fields);
        self.note(shower, &page);
        page
    }

    /// Pages hold no secret but what their forms carry.
    fn note(&mut self, shower: &mut Shower<'_>, page: &Answer) {
        for (name, value) in &self.cookies {
            if name.ends_with("session") && !value.is_empty() {
                shower.needles.note("a cookie", value);
            }
        }
        shower.answers.extend_from_slice(page.text.as_bytes());
    }

    fn send(&mut self, method: Method, path: &str, fields: &[(&str, &str)]) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("proof", &self.proof).extend_pairs(fields);
        let page = self.client.request(method.clone(), path, |request| {
            let request = request.header("Cookie", cookies.join("; "));
            if method == Method::GET {
                return request;
            }
            request.header("Content-Type", "application/x-www-form-urlencoded").body(form.finish())
        });
        for cookie in page.headers.get_all("set-cookie") {
            let (name, rest) = cookie.to_str().expect("is text").split_once('=').expect("has a value");
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), rest.split(';').next().unwrap_or_default().to_owned()));
        }
        if let Some((_, rest)) = page.text.split_once("name=\"proof\" value=\"") {
            self.proof = rest.split('"').next().unwrap_or_default().to_owned();
        }
        page
    }
}
