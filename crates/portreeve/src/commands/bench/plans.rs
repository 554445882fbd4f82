//! What is asked in each scenario, and what it is measured against.

use std::sync::Arc;

use anyhow::Context;
use portreeve_directory::random::Random;
use serde_json::json;

use super::{
    Scenario,
    accounts::{self, ABSENT, COMMON, RARE, scattered},
    client::{Api, Request},
    load::Requests,
    server::{Ground, login},
};

/// One measurement: what is asked, how, and its limit. A row of the table below.
pub struct Plan {
    pub name: String,
    pub what: String,
    /// Requests under way at once, unless it is said otherwise.
    pub in_flight: u64,
    pub requests: Requests,
    pub limit: Limit,
    /// What is known beforehand.
    pub figures: Vec<(&'static str, f64)>,
}

/// What a measurement stands beside.
#[derive(Clone)]
pub enum Limit {
    /// Nothing: it is made of several.
    None,
    /// What the workers hash when they do nothing else.
    Hashes,
    /// What the web framework answers of this path.
    Bare(String),
    /// Rows of accounts that the database writes: new ones, or changes.
    Commits { new: bool },
    /// The same load of other requests, on another server or the same one.
    Load { name: &'static str, api: Api, requests: Requests },
}

impl Plan {
    fn new(name: &str, what: &str, in_flight: u64, limit: Limit, requests: Requests) -> Self {
        let (name, what) = (name.to_owned(), what.to_owned());
        Self { name, what, in_flight, requests, limit, figures: Vec::new() }
    }

    /// Beside the same load of other requests.
    pub fn beside(
        (name, what): (&str, &str),
        in_flight: u64,
        requests: Requests,
        limit: (&'static str, Api, Requests),
    ) -> Self {
        let (of, api, others) = limit;
        Self::new(name, what, in_flight, Limit::Load { name: of, api, requests: others }, requests)
    }
}

/// Always the same request.
pub fn always(request: Request) -> Requests {
    Arc::new(move |_| request.clone())
}

/// The plans of a scenario that asks a server for something; none of one that does not.
pub async fn plans(scenario: Scenario, ground: &Ground) -> anyhow::Result<Vec<Plan>> {
    let api = ground.api.clone();
    let page = |rows: u64| Limit::Bare(format!("/page/{rows}"));
    let full = ground.accounts.min(50);
    Ok(match scenario {
        Scenario::Login => {
            let logins = Arc::new(ground.logins());
            vec![Plan::new("login", "people log in", 32, Limit::Hashes, logins)]
        }
        Scenario::MachineLogin => {
            let machine = always(machine(&api).await?);
            vec![Plan::new("machine-login", "one Service User logs in again and again", 32, Limit::Hashes, machine)]
        }
        Scenario::TokenCheck => {
            let what = "a request that does nothing but have its token checked";
            let limit = Limit::Bare("/refusal".into());
            vec![Plan::new("token-check", what, 32, limit, always(token_check(&api)))]
        }
        Scenario::Read => {
            vec![Plan::new("read", "an account by its id", 32, Limit::Bare("/object".into()), reads(ground))]
        }
        Scenario::List => {
            let what = "the first page of 50 accounts by name";
            vec![Plan::new("list", what, 8, page(full), always(api.get("/local-users?range=0-49")))]
        }
        Scenario::DeepPage => {
            let most = ground.accounts.saturating_sub(49).max(1);
            let requests: Requests = Arc::new(move |number| {
                let begin = scattered(number) % most;
                api.get(&format!("/local-users?range={begin}-{}", begin + 49))
            });
            vec![Plan::new("deep-page", "a page of 50 accounts anywhere in the list", 4, page(full), requests)]
        }
        Scenario::Search => searches(&api).await?,
        Scenario::Mixed => {
            let what = "50 % reads by id, 45 % token checks, 2 % first pages, 2 % changes, 1 % logins";
            vec![Plan::new("mixed", what, 32, Limit::None, mixed(ground).await?)]
        }
        Scenario::Update => {
            let limit = Limit::Commits { new: false };
            vec![Plan::new("update", "an account replaced (PUT)", 64, limit, changes(ground).await?)]
        }
        Scenario::Create => {
            let prefix = unused(&api, "new").await?;
            let requests: Requests = Arc::new(move |number| {
                let mut body = accounts::body(number, "");
                body["name"] = json!(format!("{}.{prefix}", accounts::name(number)));
                api.request("POST", "/local-users", &body.to_string())
            });
            vec![Plan::new("create", "an account made, without password", 64, Limit::Commits { new: true }, requests)]
        }
        _ => Vec::new(),
    })
}

/// The token is looked up, and whether it allows to read; then the id, which is none, is refused.
fn token_check(api: &Api) -> Request {
    Request { wanted: 400, ..api.get("/local-users/-") }
}

fn reads(ground: &Ground) -> Requests {
    let (api, ids) = (ground.api.clone(), ground.ids());
    Arc::new(move |number| api.get(&format!("/local-users/{}", ids(number))))
}

async fn searches(api: &Api) -> anyhow::Result<Vec<Plan>> {
    let mut plans = Vec::new();
    for (name, what, word) in [
        ("search-common", "50 accounts found by a word that all have", COMMON),
        ("search-rare", "the accounts found by a word that a handful has", RARE),
        ("search-absent", "no account found, by a word that none has", ABSENT),
    ] {
        let path = format!("/local-users?query={word}&range=0-49");
        let found = api.call("GET", &path, "").await?;
        let rows = found["data"].as_array().map_or(0, Vec::len);
        let matching = found["range"].as_str().and_then(|range| range.split_once('/')?.1.parse().ok());
        let plan = Plan::new(name, what, 4, Limit::Bare(format!("/page/{rows}")), always(api.get(&path)));
        plans.push(Plan { figures: vec![("accountsFound", matching.context("a list without a range")?)], ..plan });
    }
    Ok(plans)
}

/// A word that no account has in its name yet, so that new names are new also on a server that was measured before.
async fn unused(api: &Api, word: &str) -> anyhow::Result<String> {
    for number in 0_u32.. {
        let candidate = format!("{word}{number}.bench");
        let path = format!("/local-users?filterBy%5Bname%5D={candidate}&range=0-0");
        let found = api.call("GET", &path, "").await?;
        if found["data"].as_array().is_some_and(Vec::is_empty) {
            return Ok(candidate);
        }
    }
    anyhow::bail!("every name is taken")
}

/// The login of a new Service User.
async fn machine(api: &Api) -> anyhow::Result<Request> {
    for number in 0_u32.. {
        let name = format!("machine{number}.bench");
        let found = api.call("GET", &format!("/service-users?filterBy%5Bname%5D={name}&range=0-0"), "").await?;
        if found["data"].as_array().is_some_and(Vec::is_empty) {
            // It may stay on somebody's server.
            let password = Random::system().password();
            let body = json!({"name": name, "password": password}).to_string();
            api.call("POST", "/service-users", &body).await?;
            return Ok(login(api, "service", &name, &password));
        }
    }
    anyhow::bail!("every name is taken")
}

/// Accounts that are made to be changed on a server whose others are somebody's.
const MADE: u64 = 64;

/// Changes of accounts: of all that are ours.
async fn changes(ground: &Ground) -> anyhow::Result<Requests> {
    let api = ground.api.clone();
    let mut made = Vec::new();
    if ground.own.is_none() {
        let word = unused(&api, "changed").await?;
        for number in 0..MADE {
            let mut body = accounts::body(number, "");
            body["name"] = json!(format!("{}.{word}", accounts::name(number)));
            let account = api.call("POST", "/local-users", &body.to_string()).await?;
            made.push((account["id"].as_str().context("an account without an id")?.to_owned(), body));
        }
    }
    let accounts = ground.accounts;
    Ok(Arc::new(move |number| {
        let (id, mut body) = match made.len() as u64 {
            0 => {
                let which = scattered(number) % accounts;
                (accounts::id(which), accounts::body(which, ""))
            }
            count => made[usize::try_from(number % count).unwrap_or_default()].clone(),
        };
        body["notes"] = json!(format!("changed for the {number}th time"));
        api.request("PUT", &format!("/local-users/{id}"), &body.to_string())
    }))
}

async fn mixed(ground: &Ground) -> anyhow::Result<Requests> {
    let (reads, changes, logins) = (reads(ground), changes(ground).await?, ground.logins());
    let check = token_check(&ground.api);
    let page = ground.api.get("/local-users?range=0-49");
    Ok(Arc::new(move |number| match scattered(number) % 100 {
        0..50 => reads(number),
        50..95 => check.clone(),
        95..97 => page.clone(),
        97..99 => changes(number),
        _ => logins(number),
    }))
}
