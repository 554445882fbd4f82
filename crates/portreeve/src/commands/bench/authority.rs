//! What scopes and policies cost: reads and lists of a caller who sees a part, beside one who sees all; logins with few
//! policies and with many.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    BenchArguments,
    client::{Connection, load, request},
    scenarios::Rounds,
    server::{Server, login_request},
};

/// Accounts in the store when lists are measured, and of how many one carries the tag.
const ACCOUNTS: usize = 100_000;
const ONE_IN: usize = 100;
const TAG: &str = "seen";
/// Requests at once while the store is filled.
const FILLERS: usize = 64;
const READER: &str = "bench-reader";
const READER_PASSWORD: &str = "bench-the-scope-42";

async fn post(server: &Server, token: &str, path: &str, body: &Value) -> anyhow::Result<String> {
    let answer =
        Connection::open(server.address).await?.call(&request("POST", path, Some(token), &body.to_string())).await?;
    ensure!(answer.status == 200, "{path} was answered {}", answer.status);
    let body: Value = serde_json::from_slice(&answer.body)?;
    Ok(body["id"].as_str().unwrap_or_default().to_owned())
}

/// Someone who sees the accounts with the tag, and their token.
async fn reader(server: &Server, token: &str) -> anyhow::Result<String> {
    let privileges = json!([{ "type": "View", "target": "LocalUser", "scope": { "tags": [TAG] } }]);
    let role =
        post(server, token, "/administrative-roles", &json!({ "name": READER, "privileges": privileges })).await?;
    let expression = format!("return claims.user.username === {READER:?};");
    let policy = json!({ "name": READER, "type": "Admin", "expression": expression, "administrativeRoles": [role] });
    post(server, token, "/policies", &policy).await?;
    let body = json!({ "name": READER, "firstName": "Ben", "lastName": "Marker", "password": READER_PASSWORD });
    post(server, token, "/local-users", &body).await?;
    let answer = Connection::open(server.address).await?.call(&login_request("local", READER, READER_PASSWORD)).await?;
    let body: Value = serde_json::from_slice(&answer.body)?;
    Ok(body["token"].as_str().context("no token")?.to_owned())
}

/// Fills the store with accounts, of which some carry the tag. Gives the id of one that does.
async fn fill(server: &Server, token: &str) -> anyhow::Result<String> {
    let mut lanes = JoinSet::new();
    for lane in 0..FILLERS {
        let (address, token) = (server.address, token.to_owned());
        lanes.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut tagged = None;
            for number in (lane..ACCOUNTS).step_by(FILLERS) {
                let tags = if number % ONE_IN == 0 { vec![TAG] } else { vec!["unseen"] };
                let body = json!({ "name": format!("bench-{number}"), "firstName": "Ben", "lastName": "Marker", "tags": tags });
                let answer = connection.call(&request("POST", "/local-users", Some(&token), &body.to_string())).await?;
                ensure!(answer.status == 200, "a create was answered {}", answer.status);
                if number % ONE_IN == 0 && tagged.is_none() {
                    let made: Value = serde_json::from_slice(&answer.body)?;
                    tagged = made["id"].as_str().map(str::to_owned);
                }
            }
            anyhow::Ok(tagged)
        });
    }
    let mut tagged = None;
    while let Some(lane) = lanes.join_next().await {
        tagged = tagged.or(lane??);
    }
    tagged.context("no account carries the tag")
}

/// Reads by id and pages of 50, of a caller who sees one account in a hundred by a tag, beside one who sees all.
pub async fn scopes(arguments: &BenchArguments) -> anyhow::Result<String> {
    let server = Server::start(arguments.database.as_deref())?;
    let all = server.log_in().await?;
    let id = fill(&server, &all).await?;
    let some = reader(&server, &all).await?;
    let mut lines = Vec::new();
    for (what, path, in_flight) in [
        ("reads by id, of 1 % by a tag", format!("/local-users/{id}"), 32),
        ("pages of 50, of 1 % of 100,000", "/local-users?range=0-49".to_owned(), 2),
        ("last pages of 50, of 1 %", "/local-users?range=950-999".to_owned(), 2),
    ] {
        let (scoped, whole) = (request("GET", &path, Some(&some), ""), request("GET", &path, Some(&all), ""));
        let mut rounds = Rounds::default();
        for _ in 0..arguments.rounds {
            let (one, other) = (whole.clone(), scoped.clone());
            let limit = load(server.address, in_flight, arguments.duration(), 200, move |_| one.clone()).await?;
            let part = load(server.address, in_flight, arguments.duration(), 200, move |_| other.clone()).await?;
            rounds.add(&part, limit.per_second)?;
        }
        lines.push(rounds.line(what, "of all"));
    }
    Ok(lines.join("\n"))
}

/// Logins with 1, 10 and 100 policies, one at a time and many at once, beside those with none but the built-in one.
pub async fn policies(arguments: &BenchArguments) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    for in_flight in [1, 32] {
        let server = Server::start(arguments.database.as_deref())?;
        let token = server.log_in().await?;
        let role =
            json!({ "name": "bench", "privileges": [{ "type": "View", "target": "Site", "scope": { "all": true } }] });
        let role = post(&server, &token, "/administrative-roles", &role).await?;
        let one = load(server.address, in_flight, arguments.duration(), 200, |_| Server::admin_login()).await?;
        let mut made = 0;
        for count in [1, 10, 100] {
            while made < count {
                let expression = format!(
                    "if/*claims.user.tags*/(claims.user.tags && claims.user.tags.indexOf(\"team {made}\") >= 0)\
                     /*end claims.user.tags*/ {{ return true; }}\nreturn /^bench-{made}/.test(claims.user.username);"
                );
                let policy =
                    json!({ "name": format!("bench {made}"), "expression": expression, "administrativeRoles": [role] });
                post(&server, &token, "/policies", &policy).await?;
                made += 1;
            }
            let mut rounds = Rounds::default();
            for _ in 0..arguments.rounds {
                let logins =
                    load(server.address, in_flight, arguments.duration(), 200, |_| Server::admin_login()).await?;
                rounds.add(&logins, one.per_second)?;
            }
            lines.push(rounds.line(&format!("logins, {count} policies, {in_flight} in flight"), "without"));
        }
    }
    Ok(lines.join("\n"))
}
