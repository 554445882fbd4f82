//! The server that is measured: this program as a process of its own on accounts that were imported for it, or one that runs
//! already, of which less can be told.

use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::json;

use super::{
    Measuring, accounts,
    client::{Api, Connection, Request},
    places::{Place, Places, program},
    process::{Process, Taken},
};
use crate::{Misconfigured, terminal};

/// Any device.
const DEVICE: &str = "4c07bc67-57ea-42dd-b702-c2d6c45419fc";
/// Accounts that are looked at on a server that runs already.
const SAMPLED: u64 = 1_000;

/// A server of our own.
pub struct Server {
    pub process: Process,
    pub api: Api,
    pub place: Place,
    /// Whether it recognizes passwords that were right a moment ago. Else every login is hashed.
    remembers: bool,
}

impl Server {
    /// This program on a place; the token is the administrator's.
    pub async fn start(place: Place) -> anyhow::Result<Self> {
        Self::start_as(place, false).await
    }

    async fn start_as(place: Place, remembers: bool) -> anyhow::Result<Self> {
        let mut command = place.command("serve")?;
        command.args(["--listen", "127.0.0.1:0"]).env("PORTREEVE_ADMIN_PASSWORD", accounts::PASSWORD);
        if !remembers {
            command.args(["--remember-logins", "0"]);
        }
        let (process, address) = Process::serving(command).await?;
        Ok(Self { process, api: Api::at(address), place, remembers })
    }

    /// On an empty place.
    pub async fn on_nothing(places: &Places) -> anyhow::Result<Self> {
        let mut server = Self::start(places.make().await?).await?;
        server.api.token = log_in(&server.api, "admin", accounts::PASSWORD).await?;
        Ok(server)
    }

    /// Ends it and starts it again on the same data. Gives the time to the first answer.
    pub async fn restart(self) -> anyhow::Result<(Self, Duration)> {
        let Self { process, api, place, remembers } = self;
        drop(process);
        let began = Instant::now();
        let mut server = Self::start_as(place, remembers).await?;
        Connection::open(server.api.address).await?.call(&server.api.get("/readyz")).await?;
        let took = began.elapsed();
        server.api.token = api.token;
        Ok((server, took))
    }
}

/// A token of an account.
pub async fn log_in(api: &Api, name: &str, password: &str) -> anyhow::Result<String> {
    let body = api.call("POST", "/login", &login_body("local", name, password)).await?;
    Ok(body["token"].as_str().context("a login was answered without a token")?.to_owned())
}

/// What a login sends.
fn login_body(provider: &str, name: &str, password: &str) -> String {
    json!({"providerName": provider, "deviceId": DEVICE, "username": name, "password": password}).to_string()
}

/// A login, which needs no token.
pub fn login(api: &Api, provider: &str, name: &str, password: &str) -> Request {
    Api { token: String::new(), ..api.clone() }.request("POST", "/login", &login_body(provider, name, password))
}

/// The bare answers, in a process of their own.
pub async fn start_bare() -> anyhow::Result<(Process, SocketAddr)> {
    let mut command = program("bench")?;
    command.arg("bare");
    Process::serving(command).await
}

/// Puts the accounts into a place, with `portreeve import`. Gives what that took, and how long.
pub async fn import(place: &Place, file: &std::path::Path) -> anyhow::Result<(Taken, Duration)> {
    let began = Instant::now();
    let mut command = place.command("import")?;
    command.arg(file).args(["--kind", "local-users", "--format", "ndjson"]);
    let (_, taken) = Process::run(command, "portreeve import").await?;
    Ok((taken, began.elapsed()))
}

/// A place with tables and the administrator, and no other account.
pub async fn empty_directory(places: &Places) -> anyhow::Result<Place> {
    Ok(Server::start(places.make().await?).await?.place)
}

/// The rows of the accounts, in a file.
pub async fn rows(places: &Places, accounts: u64) -> anyhow::Result<std::path::PathBuf> {
    let file = places.file("rows.ndjson");
    if !file.exists() {
        let target = file.clone();
        tokio::task::spawn_blocking(move || accounts::write(&target, accounts)).await??;
    }
    Ok(file)
}

/// Whom the scenarios ask: a server, and what is known of its accounts.
pub struct Ground {
    pub api: Api,
    /// Nothing of a server that runs already.
    pub own: Option<Server>,
    pub accounts: u64,
    /// Ids of accounts, of a server that runs already.
    ids: Vec<String>,
    /// Who logs in: all of the first accounts, or this one.
    user: Option<(String, String)>,
}

/// Accounts that log in, one after the other.
const LOGGING_IN: u64 = 256;

impl Ground {
    /// A server of our own on so many accounts.
    pub async fn seeded(places: &Places, accounts: u64) -> anyhow::Result<Self> {
        terminal::note(&format!("importing {accounts} accounts…"));
        let place = empty_directory(places).await?;
        let file = rows(places, accounts).await?;
        import(&place, &file).await?;
        // It may be long, and is made anew if it is needed again.
        fs::remove_file(&file).with_context(|| file.display().to_string())?;
        portreeve_directory::limits::settle(&place.location()).await?;
        let mut server = Server::start(place).await?;
        server.api.token = log_in(&server.api, "admin", accounts::PASSWORD).await?;
        Ok(Self { api: server.api.clone(), own: Some(server), accounts, ids: Vec::new(), user: None })
    }

    /// A server that runs already.
    pub async fn elsewhere(arguments: &Measuring, url: &str) -> anyhow::Result<Self> {
        let wrong = |what: &str| Misconfigured(format!("--url {url} {what}"));
        let parsed = url::Url::parse(url).map_err(|cause| wrong(&format!("is no URL: {cause}")))?;
        if parsed.scheme() != "http" {
            bail!(wrong("does not begin with http://; the load is sent without TLS"));
        }
        if parsed.path() != "/" || !parsed.username().is_empty() || parsed.query().is_some() {
            bail!(wrong("has more in it than a host and a port"));
        }
        let host = parsed.host_str().ok_or_else(|| wrong("names no host"))?;
        let host = format!("{host}:{}", parsed.port_or_known_default().unwrap_or(80));
        let address = tokio::net::lookup_host(&host).await.with_context(|| format!("looking {host} up"))?.next();
        let address = address.with_context(|| format!("{host} has no address"))?;
        let (Some(user), Some(file)) = (&arguments.user, &arguments.password_file) else {
            bail!(wrong("needs --user and --password-file"));
        };
        let password = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let password = password.lines().next().unwrap_or_default().to_owned();
        let mut api = Api { host, ..Api::at(address) };
        api.token = log_in(&api, user, &password).await.with_context(|| format!("logging in to {url} as {user}"))?;
        let mut ground = Self { api, own: None, accounts: 0, ids: Vec::new(), user: Some((user.clone(), password)) };
        ground.look_around().await.with_context(|| format!("looking at the accounts of {url}"))?;
        Ok(ground)
    }

    /// How many accounts there are, and the ids of some.
    async fn look_around(&mut self) -> anyhow::Result<()> {
        let first = self.api.call("GET", "/local-users?range=0-49", "").await?;
        self.accounts = first["totalCount"].as_u64().context("a list without totalCount")?;
        for page in 0..SAMPLED / 50 {
            let begin = accounts::scattered(page) % self.accounts.saturating_sub(49).max(1);
            let path = format!("/local-users?range={begin}-{}", begin + 49);
            let list = self.api.call("GET", &path, "").await?;
            let ids = list["data"].as_array().into_iter().flatten().filter_map(|object| object["id"].as_str());
            self.ids.extend(ids.map(str::to_owned));
        }
        if self.ids.is_empty() { bail!("there are none that this account may see") } else { Ok(()) }
    }

    /// The id of an account, by chance.
    pub fn ids(&self) -> impl Fn(u64) -> String + Send + Sync + 'static {
        let (ids, accounts) = (self.ids.clone(), self.accounts);
        move |number| match ids.len() as u64 {
            0 => accounts::id(accounts::scattered(number) % accounts),
            count => ids[usize::try_from(accounts::scattered(number) % count).unwrap_or_default()].clone(),
        }
    }

    /// Requests of people who log in.
    pub fn logins(&self) -> impl Fn(u64) -> Request + Send + Sync + 'static {
        let one = |name: &str, password: &str| login(&self.api, "local", name, password);
        let all: Vec<Request> = match &self.user {
            Some((name, password)) => vec![one(name, password)],
            None => (0..LOGGING_IN.min(self.accounts)).map(|n| one(&accounts::name(n), accounts::PASSWORD)).collect(),
        };
        move |number| all[usize::try_from(number % all.len() as u64).unwrap_or_default()].clone()
    }

    /// Ends a server of our own and starts it again, so that its memory is that of what comes next.
    pub async fn refresh(&mut self, remembers: bool) -> anyhow::Result<Option<Duration>> {
        let Some(mut server) = self.own.take() else { return Ok(None) };
        server.remembers = remembers;
        let (server, took) = server.restart().await?;
        self.api = server.api.clone();
        self.own = Some(server);
        Ok(Some(took))
    }
}
