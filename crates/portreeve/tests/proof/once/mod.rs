//! What can be done once is done once, however many do it in the same moment on whatever nodes.

mod names;
mod starts;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    course::size,
    fleet::Fleet,
    support::{Answer, Client, Place, all_at_once, login, wait_for},
};

/// How many do something in the same moment.
const CROWD: usize = 100;
const PASSWORD: &str = "a password for one";
/// Of that password, so that there is no time but for the race.
const CHEAP_HASH: &str = "{SSHA256}ncbkDnfES3casgk3R8g6CpDHsFIZ5fGsAcr/D4UEIIJzYWx0IG9mIG9uZQ==";

/// Nodes, and an administrator's token that is good on each.
struct Town<'a> {
    place: &'a Place,
    fleet: Fleet<'a>,
    admin: Client,
}

/// What is sent.
struct Ask {
    method: Method,
    path: String,
    body: Option<Value>,
    if_match: Option<String>,
}

impl Ask {
    fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), body: None, if_match: None }
    }

    fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    fn if_match(self, tag: &str) -> Self {
        Self { if_match: Some(tag.to_owned()), ..self }
    }
}

/// Does something on one node where nodes cannot share the data, and else on one, two (in full) and four.
fn on_fleets(act: impl Fn(&Town<'_>)) -> Vec<usize> {
    let shared = Place::new().is_shared();
    let counts = match size(0, 1) {
        _ if !shared => vec![1],
        0 => vec![4],
        _ => vec![1, 2, 4],
    };
    for &count in &counts {
        let place = Place::new();
        let fleet = Fleet::of(&place, count);
        let admin = fleet.admin();
        act(&Town { place: &place, fleet, admin });
    }
    counts
}

impl Town<'_> {
    /// As many different requests in the same moment as there are numbers, spread over the nodes. Who is told that nothing was done, and to
    /// come back, does so.
    fn at_once(&self, client: &Client, count: usize, ask: impl Fn(usize) -> Ask + Sync) -> Vec<Answer> {
        all_at_once(count, |number| {
            let Ask { method, path, body, if_match } = ask(number);
            let client = client.at(self.fleet.url(number % self.fleet.len()));
            wait_for("an answer", || {
                let answer = client.request(method.clone(), &path, |mut request| {
                    if let Some(body) = &body {
                        request = request.json(body);
                    }
                    if let Some(tag) = &if_match {
                        request = request.header("if-match", tag);
                    }
                    request
                });
                (!answer.is_put_off()).then_some(answer)
            })
        })
    }

    /// Exactly one is answered as it is to be done, and all others with one of the refusals. Gives the number of the one.
    #[track_caller]
    fn once(&self, done: u16, refused: &[u16], ask: impl Fn(usize) -> Ask + Sync) -> usize {
        only_one(&self.at_once(&self.admin, CROWD, ask), done, refused)
    }

    /// How many records of an act there are of objects whose name begins so.
    fn recorded(&self, act: &str, name: &str) -> i64 {
        self.place.number(&format!(
            "SELECT COUNT(*) FROM audit_log WHERE act = '{act}' AND outcome = 'done' AND object_name LIKE '{name}%'"
        ))
    }

    /// How many nodes know the holder of a token.
    fn fleet_knows(&self, session: &Client) -> usize {
        let nodes = (0..self.fleet.len()).map(|node| session.at(self.fleet.url(node)));
        nodes.filter(|client| client.get("/local-users?range=0-0").status != 401).count()
    }

    fn make(&self, path: &str, name: &str) -> (String, String) {
        let made = self.admin.request(Method::POST, path, |request| request.json(&least(path, name)));
        let id = made.ok()["id"].as_str().expect("an id").to_owned();
        (format!("{path}/{id}"), made.header("etag").expect("a tag").to_owned())
    }
}

#[track_caller]
fn only_one(answers: &[Answer], done: u16, refused: &[u16]) -> usize {
    let winners: Vec<usize> = (0..answers.len()).filter(|&number| answers[number].status == done).collect();
    let strange = answers.iter().find(|answer| answer.status != done && !refused.contains(&answer.status));
    assert!(strange.is_none(), "{strange:?}");
    assert_eq!(winners.len(), 1, "of {} who were at it {winners:?} did it", answers.len());
    winners[0]
}

/// An object with no more than it needs.
fn least(path: &str, name: &str) -> Value {
    match path {
        "/local-users" => json!({"name": name, "firstName": "F", "lastName": "L"}),
        "/administrative-roles" => json!({"name": name, "privileges": []}),
        "/policies" | "/criteria-scripts" => json!({"name": name, "expression": "return false;"}),
        _ => json!({"name": name}),
    }
}

/// What has names, entity tags and an end.
const KINDS: [&str; 5] = ["/local-users", "/service-users", "/administrative-roles", "/policies", "/criteria-scripts"];

#[test]
fn of_many_changes_of_one_version_one_is_made() {
    on_fleets(|town| {
        for kind in KINDS {
            for round in 0..size(1, 20) {
                let name = format!("versioned {round}");
                let (path, tag) = town.make(kind, &name);
                let winner = town.once(200, &[412], |number| {
                    let mut body = least(kind, &name);
                    body["notes"] = json!(format!("by {number}"));
                    Ask::new(Method::PUT, &path).with(body).if_match(&tag)
                });
                let now = town.admin.get(&path);
                assert_eq!(now.ok()["notes"], format!("by {winner}"), "of {kind}");
                assert_eq!(town.recorded("edit", &name), 1, "of {kind}");
                // Of those who change and those who delete, too.
                let tag = now.header("etag").expect("a tag").to_owned();
                let winners = town.at_once(&town.admin, CROWD, |number| {
                    let mut body = least(kind, &name);
                    body["notes"] = json!(format!("again by {number}"));
                    let change = Ask::new(Method::PUT, &path).with(body).if_match(&tag);
                    if number % 2 == 0 { Ask::new(Method::DELETE, &path).if_match(&tag) } else { change }
                });
                let done = winners.iter().filter(|answer| [200, 204].contains(&answer.status)).count();
                let refused = winners.iter().filter(|answer| [404, 412].contains(&answer.status)).count();
                assert_eq!((done, refused), (1, CROWD - 1), "of {kind}");
                town.place.sql(&format!("DELETE FROM audit_log WHERE object_name = '{name}'"));
                town.admin.delete(&path);
            }
        }
    });
}

#[test]
fn of_many_who_delete_one_does() {
    on_fleets(|town| {
        for kind in KINDS {
            for round in 0..size(1, 20) {
                let name = format!("deleted {round}");
                let (path, _) = town.make(kind, &name);
                town.once(204, &[404], |_| Ask::new(Method::DELETE, &path));
                assert_eq!(town.recorded("delete", &name), 1, "of {kind}");
                town.place.sql(&format!("DELETE FROM audit_log WHERE object_name = '{name}'"));
            }
        }
    });
}

#[test]
fn of_many_new_passwords_for_one_old_one_one_is_set() {
    on_fleets(|town| {
        for round in 0..size(1, 5) {
            let name = format!("changing {round}");
            let path = format!("/local-users/{}", town.admin.create_user(&name, PASSWORD));
            town.place.sql(&format!("UPDATE accounts SET password_hash = '{CHEAP_HASH}' WHERE name = '{name}'"));
            let session = Client::log_in(town.fleet.url(0), "local", &name, PASSWORD);
            town.place.sql(&format!("UPDATE accounts SET password_hash = '{CHEAP_HASH}' WHERE name = '{name}'"));
            // Each new one costs a hash, and so does each attempt that comes too late.
            let count = size(24, CROWD);
            let new = |number: usize| format!("the new password number {number}");
            let answers = town.at_once(&session, count, |number| {
                let body = json!({"oldPassword": PASSWORD, "password": new(number)});
                Ask::new(Method::PUT, "/account/password").with(body)
            });
            // Whoever comes too late has no session, or not the right password any more.
            let winner = only_one(&answers, 204, &[401, 403]);
            assert_eq!(town.recorded("change password", &name), 1);
            let mut unlocked = town.admin.get(&path).ok();
            (unlocked["failedLoginAttempts"], unlocked["lockStart"]) = (json!(0), Value::Null);
            town.admin.put(&path, &unlocked).ok();
            let client = Client::new(town.fleet.url(town.fleet.len() - 1));
            assert_eq!(client.try_login("local", &name, &new(winner)).status, 200);
            for other in (0..count).filter(|&number| number != winner).take(3) {
                assert_eq!(client.try_login("local", &name, &new(other)).status, 401);
            }
            assert_eq!(town.fleet_knows(&session), 0, "its session has ended");
        }
    });
}

/// Every token of a session ends with it, also those that are being issued meanwhile.
#[test]
fn a_session_that_ends_leaves_no_token_and_one_record() {
    on_fleets(|town| {
        for round in 0..size(2, 40) {
            let body = login("local", "admin", super::support::ADMIN_PASSWORD);
            let opened = Client::new(town.fleet.url(0)).post("/authentication", &body).ok();
            let session = town.admin.with_token(opened["token"].as_str().expect("a token"));
            town.place.sql("DELETE FROM audit_log WHERE act = 'logout'");
            let answers = town.at_once(&session, CROWD, |number| match number % 10 {
                5 => Ask::new(Method::POST, "/authentication/logout"),
                _ => Ask::new(Method::GET, "/authorization"),
            });
            let mut issued = 0;
            for answer in &answers {
                match answer.status {
                    200 => {
                        issued += 1;
                        let token = answer.json()["token"].as_str().expect("a token").to_owned();
                        assert_eq!(
                            town.fleet_knows(&town.admin.with_token(&token)),
                            0,
                            "round {round}: a token lives on"
                        );
                    }
                    204 | 401 => {}
                    _ => panic!("round {round}: {answer:?}"),
                }
            }
            assert!(issued < CROWD, "round {round}: nobody logged out");
            assert_eq!(town.recorded("logout", "admin"), 1, "round {round}");
        }
    });
}

#[test]
fn of_many_who_forget_a_device_or_list_a_name_one_does() {
    on_fleets(|town| {
        for round in 0..size(1, 20) {
            let name = format!("listed {round}");
            town.admin.create_user(&name, PASSWORD);
            Client::log_in(town.fleet.url(0), "local", &name, PASSWORD);
            let device = town.admin.get(&format!("/on-boarded-devices?query=listed%20{round}")).ok()["data"][0].clone();
            let dn = device["distinguishedName"].as_str().expect("a name").replace(' ', "%20");
            town.once(204, &[404], |_| Ask::new(Method::DELETE, &format!("/on-boarded-devices/{dn}")));
            let spellings = [name.clone(), name.to_uppercase(), format!("LIsted {round}")];
            town.once(200, &[409], |number| {
                let dn = format!("CN={},OU=local", spellings[number % spellings.len()]);
                Ask::new(Method::POST, "/blacklist").with(json!({"userDistinguishedName": dn, "reason": "r"}))
            });
            let dn = format!("CN=listed%20{round},OU=local");
            town.once(204, &[404], |_| Ask::new(Method::DELETE, &format!("/blacklist/{dn}")));
        }
    });
}

/// Those who may do everything delete each other: one is left who may.
#[test]
fn of_all_who_may_do_everything_one_is_left() {
    on_fleets(|town| {
        for round in 0..size(1, 20) {
            let all = json!([{"type": "All", "target": "All", "scope": {"all": true}}]);
            let role = town
                .admin
                .post("/administrative-roles", &json!({"name": format!("chiefs {round}"), "privileges": all}));
            let expression = format!("return claims.user.username.indexOf('chief-{round}-') === 0;");
            let policy = json!({"name": format!("chiefs {round}"), "expression": expression,
                "administrativeRoles": [role.ok()["id"]]});
            town.admin.post("/policies", &policy).ok();
            let chief = |number: usize| format!("chief-{round}-{number}");
            let ids: Vec<String> = (0..4).map(|number| town.admin.create_user(&chief(number), PASSWORD)).collect();
            let chiefs: Vec<Client> = (0..4)
                .map(|number| {
                    Client::log_in(town.fleet.url(number % town.fleet.len()), "local", &chief(number), PASSWORD)
                })
                .collect();
            // Nobody else is to be the one who is left.
            town.place.sql("UPDATE accounts SET disabled = TRUE WHERE name = 'admin'");
            let answers =
                all_at_once(4, |number| chiefs[number].delete(&format!("/local-users/{}", ids[(number + 1) % 4])));
            let done = answers.iter().filter(|answer| answer.status == 204).count();
            let strange = answers.iter().find(|answer| ![204, 401, 403, 409].contains(&answer.status));
            assert!(strange.is_none(), "{strange:?}");
            let left = town.place.number(&format!("SELECT COUNT(*) FROM accounts WHERE name LIKE 'chief-{round}-%'"));
            assert!(left > 0 && done > 0, "{left} are left of four");
            assert_eq!(usize::try_from(left).expect("fits") + done, 4, "{answers:?}");
            town.place.sql("UPDATE accounts SET disabled = FALSE WHERE name = 'admin'");
            town.place.sql(&format!("DELETE FROM accounts WHERE name LIKE 'chief-{round}-%'"));
        }
    });
}
