//! What scopes and policies cost: reads and lists of a caller who sees a part, beside one who sees all; logins with few
//! policies and with many, beside a server that has none.

use anyhow::Context;
use serde_json::json;

use super::{
    accounts::{self, ONE_IN, PASSWORD, TAG},
    client::Api,
    engine::Engine,
    plans::{Plan, always},
    report::Report,
    server::{Ground, Server, login},
};

const READER: &str = "bench-reader";

async fn post(api: &Api, path: &str, body: &serde_json::Value) -> anyhow::Result<String> {
    let made = api.call("POST", path, &body.to_string()).await?;
    Ok(made["id"].as_str().with_context(|| format!("{path} was answered without an id"))?.to_owned())
}

/// The server as it is for someone who sees the accounts with the tag.
async fn reader(api: &Api) -> anyhow::Result<Api> {
    let privileges = json!([{ "type": "View", "target": "LocalUser", "scope": { "tags": [TAG] } }]);
    let role = post(api, "/administrative-roles", &json!({ "name": READER, "privileges": privileges })).await?;
    let expression = format!("return claims.user.username === {READER:?};");
    let policy = json!({ "name": READER, "type": "Admin", "expression": expression, "administrativeRoles": [role] });
    post(api, "/policies", &policy).await?;
    let body = json!({ "name": READER, "firstName": "Ben", "lastName": "Marker", "password": PASSWORD });
    post(api, "/local-users", &body).await?;
    Ok(Api { token: super::server::log_in(api, READER, PASSWORD).await?, ..api.clone() })
}

/// Reads by id and pages of 50, of a caller who sees one account in a hundred by a tag, beside one who sees all.
pub async fn scopes(engine: &Engine<'_>, ground: &mut Ground) -> anyhow::Result<Vec<Report>> {
    ground.refresh(false).await?;
    let some = reader(&ground.api).await?;
    let seen = ground.accounts.div_ceil(ONE_IN);
    let last = seen.saturating_sub(50);
    let mut reports = Vec::new();
    for (name, what, path, in_flight) in [
        ("scopes-read", "an account by its id, of 1 % by a tag", format!("/local-users/{}", accounts::id(0)), 32),
        ("scopes-list", "the first page of 50, of 1 % by a tag", "/local-users?range=0-49".to_owned(), 2),
        ("scopes-last-page", "their last page of 50", format!("/local-users?range={last}-{}", last + 49), 2),
    ] {
        let limit = ("answers to one who sees all", ground.api.clone(), always(ground.api.get(&path)));
        let plan = Plan::beside((name, what), in_flight, always(some.get(&path)), limit);
        reports.push(engine.measure(ground, &plan).await?);
    }
    Ok(reports)
}

/// How many policies a server has, with the built-in one.
async fn policies_of(api: &Api) -> anyhow::Result<f64> {
    let list = api.call("GET", "/policies?range=0-0", "").await?;
    list["totalCount"].as_f64().context("a list without totalCount")
}

/// Logins with 1, 10 and 100 policies, one at a time and many at once, beside those with none but the built-in one.
pub async fn policies(engine: &Engine<'_>) -> anyhow::Result<Vec<Report>> {
    let (with, without) = (Server::on_nothing(engine.places).await?, Server::on_nothing(engine.places).await?);
    let role =
        json!({ "name": "bench", "privileges": [{ "type": "View", "target": "Site", "scope": { "all": true } }] });
    let role = post(&with.api, "/administrative-roles", &role).await?;
    let admin = |api: &Api| always(login(api, "local", "admin", PASSWORD));
    let (mut reports, mut made) = (Vec::new(), 0);
    for count in [1, 10, 100] {
        while made < count {
            let expression = format!(
                "if/*claims.user.tags*/(claims.user.tags && claims.user.tags.indexOf(\"team {made}\") >= 0)\
                 /*end claims.user.tags*/ {{ return true; }}\nreturn /^bench-{made}/.test(claims.user.username);"
            );
            let policy =
                json!({ "name": format!("bench {made}"), "expression": expression, "administrativeRoles": [role] });
            post(&with.api, "/policies", &policy).await?;
            made += 1;
        }
        for (alone, in_flight) in [("-alone", 1), ("", 32)] {
            if in_flight == 1 && engine.arguments.in_flight.is_some() {
                continue;
            }
            let (name, what) = (format!("policies-{count}{alone}"), format!("logins under {count} more policies"));
            let beside = &without.api;
            let limit = ("logins without", beside.clone(), admin(beside));
            let plan = Plan::beside((&name, &what), in_flight, admin(&with.api), limit);
            let figures =
                vec![("policies", policies_of(&with.api).await?), ("policiesBeside", policies_of(beside).await?)];
            let plan = Plan { figures, ..plan };
            reports.push(engine.measure_on(&with.api, Some(&with.process), 0, &plan).await?);
        }
    }
    for server in [with, without] {
        drop(server.process);
        engine.places.give_back(server.place).await?;
    }
    Ok(reports)
}
