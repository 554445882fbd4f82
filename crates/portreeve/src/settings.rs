//! The configuration: flags before environment before file before defaults, each value knowing where it came from.

use std::{fmt::Write as _, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use portreeve_directory::{REMEMBER_LOGINS, store::Location};
use serde::Deserialize;

use crate::Misconfigured;

/// Connections to a shared database that one node keeps at most.
const DATABASE_CONNECTIONS: usize = 16;
/// Seconds for which a password may be recognized at most: what is remembered is to be gone soon.
const REMEMBER_LOGINS_AT_MOST: u64 = 3_600;

/// MiB that lists of accounts may take.
const LIST_MEMORY: u16 = 256;

/// The longest time that a server may take leave (seconds).
const LONGEST_DRAIN: u64 = 3_600;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// What can be configured. The same names are flags, environment variables (`PORTREEVE_…`) and keys of the file.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Given {
    /// A TOML file with these settings; its keys are the flags' names
    #[arg(long, env = "PORTREEVE_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// The folder of the embedded database [default: portreeve-data]
    #[arg(long, env = "PORTREEVE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// A PostgreSQL database to use in place of the embedded one: postgres://user:password@host/name
    #[arg(long, env = "PORTREEVE_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
    /// Connections to PostgreSQL that this node keeps at most [default: 16]
    #[arg(long, env = "PORTREEVE_DATABASE_CONNECTIONS", value_name = "NUMBER")]
    pub database_connections: Option<usize>,
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, env = "PORTREEVE_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Where to serve metrics for Prometheus; nowhere if not given
    #[arg(long, env = "PORTREEVE_METRICS_LISTEN", value_name = "ADDR:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// The certificate chain to serve TLS with (PEM)
    #[arg(long, env = "PORTREEVE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, env = "PORTREEVE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Serve TLS with a certificate of our own making, kept in the data folder
    #[arg(
        long,
        env = "PORTREEVE_TLS_SELF_SIGNED",
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub tls_self_signed: Option<bool>,
    /// Networks of proxies that end TLS before us and whose X-Forwarded-For is believed
    #[arg(long, env = "PORTREEVE_BEHIND_PROXY", value_name = "CIDR", value_delimiter = ',')]
    pub behind_proxy: Option<Vec<IpNet>>,
    /// Passwords hashed at once, each in 19 MiB [default: the number of cores]
    #[arg(long, env = "PORTREEVE_HASH_WORKERS", value_name = "NUMBER")]
    pub hash_workers: Option<usize>,
    /// MiB of memory for finding accounts in lists of more than 5,000; 0 leaves that to the database [default: 256]
    #[arg(long, env = "PORTREEVE_LIST_MEMORY", value_name = "MIB")]
    pub list_memory: Option<u16>,
    /// Seconds for which a password that was right is recognized without being hashed again; 0 for never [default: 60]
    #[arg(long, env = "PORTREEVE_REMEMBER_LOGINS", value_name = "SECONDS")]
    pub remember_logins: Option<u64>,
    /// Seconds to go on serving after being told to stop, while /readyz says 503 to load balancers [default: 0]
    #[arg(long, env = "PORTREEVE_DRAIN_DELAY", value_name = "SECONDS")]
    pub drain_delay: Option<u64>,
    /// How log lines look [default: auto]
    #[arg(long, env = "PORTREEVE_LOG_FORMAT", value_name = "FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,
    /// What is logged: off, error, warn, info, debug, trace, or filters by module [default: info]
    #[arg(long, env = "PORTREEVE_LOG_LEVEL", value_name = "FILTER")]
    pub log_level: Option<String>,
    /// An OTLP endpoint (HTTP) to send traces to: http://collector:4318
    #[arg(long, env = "PORTREEVE_OTLP_ENDPOINT", value_name = "URL", hide_env_values = true)]
    pub otlp_endpoint: Option<String>,
    /// The first password of the account admin; a random one if not given. Only from the environment or the file, as
    /// other users of the machine see command lines
    #[arg(skip)]
    pub admin_password: Option<String>,
}

/// A value in force and where it came from.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    source: &'static str,
}

/// The configuration in force.
#[derive(Debug)]
pub struct Settings {
    /// See [`Given`], here and below.
    pub data: Setting<PathBuf>,
    database: Setting<Option<String>>,
    database_connections: Setting<usize>,
    pub listen: Setting<SocketAddr>,
    pub metrics_listen: Setting<Option<SocketAddr>>,
    pub tls_cert: Setting<Option<PathBuf>>,
    pub tls_key: Setting<Option<PathBuf>>,
    pub tls_self_signed: Setting<bool>,
    pub behind_proxy: Setting<Vec<IpNet>>,
    pub hash_workers: Setting<Option<usize>>,
    pub list_memory: Setting<u16>,
    pub remember_logins: Setting<u64>,
    drain_delay: Setting<u64>,
    pub log_format: Setting<LogFormat>,
    pub log_level: Setting<String>,
    pub otlp_endpoint: Setting<Option<String>>,
    pub admin_password: Setting<Option<String>>,
}

/// The value given by flag or environment, else the file's.
fn either<T: Clone>(name: &str, given: Option<&T>, file: Option<T>) -> Setting<Option<T>> {
    match (given, file) {
        (Some(value), _) => Setting { value: Some(value.clone()), source: source_of(name) },
        (None, Some(value)) => Setting { value: Some(value), source: "file" },
        (None, None) => Setting { value: None, source: "default" },
    }
}

/// clap prefers the flag; what came in is the environment's only if no such flag was given.
fn source_of(name: &str) -> &'static str {
    let flag = format!("--{name}");
    let is_flag = |argument: String| argument == flag || argument.starts_with(&format!("{flag}="));
    if std::env::args().any(is_flag) { "flag" } else { "environment" }
}

impl<T> Setting<Option<T>> {
    fn or(self, default: T) -> Setting<T> {
        Setting { value: self.value.unwrap_or(default), source: self.source }
    }
}

impl Given {
    /// What a file says. The error says where it is wrong, and quotes no value.
    pub(crate) fn from_file(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|fault| without_values(text, &fault))
    }
}

impl Settings {
    /// Puts together what was given.
    pub fn resolve(given: &Given) -> anyhow::Result<Self> {
        let file = match &given.config {
            None => Given::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|fault| Misconfigured(format!("{} cannot be read: {fault}", path.display())))?;
                Given::from_file(&text).map_err(|wrong| Misconfigured(format!("{}, {wrong}", path.display())))?
            }
        };
        let admin_password = std::env::var("PORTREEVE_ADMIN_PASSWORD").ok().filter(|text| !text.is_empty());
        Ok(Self::of(given, file, admin_password)?)
    }

    /// What was given by flags and environment, and else by a file.
    pub(crate) fn of(given: &Given, file: Given, admin_password: Option<String>) -> Result<Self, Misconfigured> {
        let settings = Self {
            data: either("data", given.data.as_ref(), file.data).or("portreeve-data".into()),
            database: either("database", given.database.as_ref(), file.database),
            database_connections: either(
                "database-connections",
                given.database_connections.as_ref(),
                file.database_connections,
            )
            .or(DATABASE_CONNECTIONS),
            listen: either("listen", given.listen.as_ref(), file.listen).or(SocketAddr::from(([127, 0, 0, 1], 8080))),
            metrics_listen: either("metrics-listen", given.metrics_listen.as_ref(), file.metrics_listen),
            tls_cert: either("tls-cert", given.tls_cert.as_ref(), file.tls_cert),
            tls_key: either("tls-key", given.tls_key.as_ref(), file.tls_key),
            tls_self_signed: either("tls-self-signed", given.tls_self_signed.as_ref(), file.tls_self_signed).or(false),
            behind_proxy: either("behind-proxy", given.behind_proxy.as_ref(), file.behind_proxy).or(Vec::new()),
            hash_workers: either("hash-workers", given.hash_workers.as_ref(), file.hash_workers),
            list_memory: either("list-memory", given.list_memory.as_ref(), file.list_memory).or(LIST_MEMORY),
            remember_logins: either("remember-logins", given.remember_logins.as_ref(), file.remember_logins)
                .or(REMEMBER_LOGINS.as_secs()),
            drain_delay: either("drain-delay", given.drain_delay.as_ref(), file.drain_delay).or(0),
            log_format: either("log-format", given.log_format.as_ref(), file.log_format).or(LogFormat::Auto),
            log_level: either("log-level", given.log_level.as_ref(), file.log_level).or("info".into()),
            otlp_endpoint: either("otlp-endpoint", given.otlp_endpoint.as_ref(), file.otlp_endpoint),
            admin_password: either("admin-password", admin_password.as_ref(), file.admin_password),
        };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), Misconfigured> {
        let wrong = |what: &str| Err(Misconfigured(what.into()));
        if self.tls_cert.value.is_some() != self.tls_key.value.is_some() {
            return wrong("tls-cert and tls-key belong together: give both");
        }
        if self.tls_cert.value.is_some() && self.tls_self_signed.value {
            return wrong("tls-self-signed makes a certificate, tls-cert brings one: give only one of them");
        }
        if self.database_connections.value == 0 || self.hash_workers.value == Some(0) {
            return wrong("database-connections and hash-workers must be at least 1");
        }
        if self.remember_logins.value > REMEMBER_LOGINS_AT_MOST {
            let given = self.remember_logins.value;
            return Err(Misconfigured(format!(
                "remember-logins is {given} seconds and may be at most {REMEMBER_LOGINS_AT_MOST}; give less, or 0 for never"
            )));
        }
        if self.drain_delay.value > LONGEST_DRAIN {
            return wrong("drain-delay may be at most 3600 seconds");
        }
        Ok(())
    }

    /// How long to go on serving after being told to stop.
    pub fn drain_delay(&self) -> Duration {
        Duration::from_secs(self.drain_delay.value)
    }

    /// Whether we end TLS ourselves.
    pub fn has_tls(&self) -> bool {
        self.tls_cert.value.is_some() || self.tls_self_signed.value
    }

    /// Whether browsers are to come over TLS alone from now on. Not for a certificate of our own making: whoever trusts it
    /// for a first try would have `localhost` closed to everything else.
    pub fn is_for_tls_alone(&self) -> bool {
        self.tls_cert.value.is_some() || !self.behind_proxy.value.is_empty()
    }

    /// Refuses to send passwords over a network in clear.
    pub fn check_exposure(&self) -> Result<(), Misconfigured> {
        let listen = self.listen.value;
        if listen.ip().is_loopback() || self.has_tls() || !self.behind_proxy.value.is_empty() {
            return Ok(());
        }
        Err(Misconfigured(format!(
            "{listen} can be reached from other machines, and passwords would cross the network in clear: give \
             --tls-cert and --tls-key, or --tls-self-signed, or name the proxy that ends TLS with --behind-proxy"
        )))
    }

    /// Where the data is.
    pub fn location(&self) -> Location {
        match &self.database.value {
            Some(url) => Location::Postgres { url: url.clone(), connections: self.database_connections.value },
            None => Location::Folder(self.data.value.clone()),
        }
    }

    /// Where the data is, without the password.
    pub fn location_text(&self) -> String {
        match &self.database.value {
            Some(url) => masked(url),
            None => self.data.value.display().to_string(),
        }
    }

    /// One line a setting, as the file would have it, with the source of each.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: Option<String>, source: &str| {
            let line = match value {
                Some(value) => format!("{name} = {value}"),
                None => format!("# {name} is not set"),
            };
            let _ = writeln!(text, "{line:<60} # {source}");
        };
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| quoted(&path.display().to_string()));
        let format = format!("{:?}", self.log_format.value).to_lowercase();
        let networks: Vec<String> =
            self.behind_proxy.value.iter().map(|network| quoted(&network.to_string())).collect();
        line("data", Some(quoted(&self.data.value.display().to_string())), self.data.source);
        line("database", self.database.value.as_ref().map(|url| quoted(&masked(url))), self.database.source);
        let connections = self.database_connections.value.to_string();
        line("database-connections", Some(connections), self.database_connections.source);
        line("listen", Some(quoted(&self.listen.value.to_string())), self.listen.source);
        let metrics = self.metrics_listen.value.map(|address| quoted(&address.to_string()));
        line("metrics-listen", metrics, self.metrics_listen.source);
        line("tls-cert", path(&self.tls_cert.value), self.tls_cert.source);
        line("tls-key", path(&self.tls_key.value), self.tls_key.source);
        line("tls-self-signed", Some(self.tls_self_signed.value.to_string()), self.tls_self_signed.source);
        line("behind-proxy", Some(format!("[{}]", networks.join(", "))), self.behind_proxy.source);
        line("hash-workers", self.hash_workers.value.map(|number| number.to_string()), self.hash_workers.source);
        line("list-memory", Some(self.list_memory.value.to_string()), self.list_memory.source);
        line("remember-logins", Some(self.remember_logins.value.to_string()), self.remember_logins.source);
        line("drain-delay", Some(self.drain_delay.value.to_string()), self.drain_delay.source);
        line("log-format", Some(quoted(&format)), self.log_format.source);
        line("log-level", Some(quoted(&self.log_level.value)), self.log_level.source);
        let endpoint = self.otlp_endpoint.value.as_ref().map(|url| quoted(&masked(url)));
        line("otlp-endpoint", endpoint, self.otlp_endpoint.source);
        let password = self.admin_password.value.as_ref().map(|_| quoted("********"));
        line("admin-password", password, self.admin_password.source);
        text.trim_end().to_owned()
    }
}

/// Says where a file is wrong and what was expected there, and quotes none of its values: they may be secret.
fn without_values(text: &str, fault: &toml::de::Error) -> String {
    let before = fault.span().and_then(|span| text.get(..span.start)).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let message = fault.message();
    // Between "invalid type: " and ", expected " stands the value itself; so it does in "unknown variant".
    let what = match message.rfind("expected ") {
        Some(at) if message.starts_with("invalid") || message.starts_with("unknown variant") => &message[at..],
        _ => message,
    };
    format!("line {line}: {what}")
}

/// A URL without what is secret in it.
pub fn masked(url: &str) -> String {
    let Ok(mut url) = url::Url::parse(url) else { return "********".into() };
    if url.password().is_some() && url.set_password(Some("********")).is_err() {
        return "********".into();
    }
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if !query.is_empty() {
        url.query_pairs_mut().clear().extend_pairs(query.iter().map(|(key, value)| {
            let secret = key.contains("pass") || key.contains("secret") || key.contains("token");
            (key.as_str(), if secret { "********" } else { value.as_str() })
        }));
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked() {
        assert_eq!(masked("postgres://u:geheim@h/d"), "postgres://u:********@h/d");
        assert_eq!(masked("postgres:///d?host=/run&password=geheim"), "postgres:///d?host=%2Frun&password=********");
        assert_eq!(masked("host=h password=geheim"), "********");
    }
}
