//! How connections to PostgreSQL are made: what the URL says, which of several hosts is asked first, how long each may take,
//! and when a connection is dead.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::{Connect, Manager, ManagerConfig, RecyclingMethod};
use futures_util::stream::{FuturesUnordered, StreamExt};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
};
use tokio_postgres::{
    Client, Config, Connection, NoTls, Socket,
    config::{Host, LoadBalanceHosts},
    tls::MakeTlsConnect,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::with_causes;
use crate::error::{Error, Result};

/// How long to wait for a connection, new or from the pool, whichever of the hosts it is to.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one address may take to answer at all: time for one more try where a packet was lost.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one host is asked alone.
const HEAD_START: Duration = Duration::from_secs(1);
/// A connection is dead when nothing of what was sent has arrived for as long, or the other machine has not said for as long
/// that it is still there.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(10);
/// After how long in silence the other machine is asked, and how long and how often it is asked again.
const SILENCE: Duration = Duration::from_secs(5);
const PROBES: (Duration, u32) = (Duration::from_secs(2), 3);
/// The server ends what takes longer, so that nothing waits without bound (milliseconds), and what a node that is gone has left.
const SESSION_OPTIONS: &str = "-c statement_timeout=30000 -c lock_timeout=15000 -c idle_in_transaction_session_timeout=30000 -c timezone=UTC \
     -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=10000";

/// What the pool makes connections with. Nothing is connected yet.
pub(super) fn manager(url: &str) -> Result<Manager> {
    let (config, tls) = settings(url)?;
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    Ok(match tls {
        Some(tls) => Manager::from_connect(config.clone(), Hosts::new(&config, tls), recycling),
        None => Manager::from_connect(config.clone(), Hosts::new(&config, NoTls), recycling),
    })
}

type Connecting<'a> =
    Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + 'a>>;

/// The hosts of a URL. One that takes connections and then says nothing, as a machine does whose disk is stuck, is not to keep us
/// from the others, nor is one that is far away to be given up too early: so the next is asked beside it.
struct Hosts<T> {
    each: Vec<Config>,
    tls: T,
    /// Which of them gave the last connection, and is asked first.
    good: AtomicUsize,
}

impl<T> Hosts<T> {
    fn new(config: &Config, tls: T) -> Self {
        let count = config.get_hosts().len().max(config.get_hostaddrs().len());
        // In any order, if the URL says so: then that order is its library's to make.
        let each = match config.get_load_balance_hosts() {
            LoadBalanceHosts::Random => vec![config.clone()],
            _ => (0..count).map(|index| only(config, index)).collect(),
        };
        Self { each, tls, good: AtomicUsize::new(0) }
    }
}

/// The same settings, with one of the hosts.
fn only(config: &Config, index: usize) -> Config {
    let mut one = Config::new();
    config.get_user().map(|user| one.user(user));
    config.get_password().map(|password| one.password(password));
    config.get_dbname().map(|database| one.dbname(database));
    config.get_options().map(|options| one.options(options));
    config.get_application_name().map(|name| one.application_name(name));
    match config.get_hosts().get(index) {
        Some(Host::Tcp(name)) => drop(one.host(name)),
        Some(Host::Unix(path)) => drop(one.host_path(path)),
        None => {}
    }
    config.get_hostaddrs().get(index).map(|address| one.hostaddr(*address));
    config.get_ports().get(index).or(config.get_ports().first()).map(|port| one.port(*port));
    one.ssl_mode(config.get_ssl_mode()).ssl_negotiation(config.get_ssl_negotiation());
    one.target_session_attrs(config.get_target_session_attrs()).channel_binding(config.get_channel_binding());
    bounded(&mut one);
    one
}

/// So that a dead network is noticed, whatever has been sent or is awaited.
fn bounded(config: &mut Config) {
    config.connect_timeout(ADDRESS_TIMEOUT).tcp_user_timeout(NETWORK_TIMEOUT);
    config.keepalives(true).keepalives_idle(SILENCE).keepalives_interval(PROBES.0).keepalives_retries(PROBES.1);
}

impl<T> Connect for Hosts<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + Sync,
    T::TlsConnect: Send + Sync,
    <T::TlsConnect as tokio_postgres::tls::TlsConnect<Socket>>::Future: Send,
{
    fn connect(&self, _: &Config) -> Connecting<'_> {
        Box::pin(async move {
            let (first, count) = (self.good.load(Ordering::Relaxed), self.each.len());
            let mut others = (first + 1..count).chain(0..first);
            let ask = |index: usize| {
                let answer = self.each[index].connect(self.tls.clone());
                async move { (index, answer.await) }
            };
            let mut asked = FuturesUnordered::from_iter([ask(first)]);
            // However long the last of them takes: the pool says when it is enough.
            loop {
                let next = tokio::select! {
                    biased;
                    Some((index, answer)) = asked.next() => match answer {
                        Ok((client, connection)) => {
                            self.good.store(index, Ordering::Relaxed);
                            return Ok((client, tokio::spawn(drive(connection))));
                        }
                        Err(cause) => match others.next() {
                            None if asked.is_empty() => return Err(cause),
                            next => next,
                        },
                    },
                    () = tokio::time::sleep(HEAD_START) => others.next(),
                };
                asked.extend(next.map(ask));
            }
        })
    }
}

/// Lets a connection do its work until it ends.
async fn drive<T: AsyncRead + AsyncWrite + Unpin>(connection: Connection<Socket, T>) {
    if let Err(cause) = connection.await {
        tracing::warn!(cause = with_causes(&cause), "a connection to the database is lost");
    }
}

/// Reads the URL. TLS is verified unless the server is on this machine or `sslmode=disable` says otherwise.
fn settings(url: &str) -> Result<(Config, Option<MakeRustlsConnect>)> {
    let (config, root, encrypted) = read(url)?;
    let tls = encrypted.then(|| verified_tls(root.as_deref())).transpose()?;
    Ok((config, tls))
}

/// What the URL says, the file that `sslrootcert` names, and whether there is to be TLS. Errors quote nothing that may be part of
/// a password: a character in it that should have been escaped makes an option of what stands behind.
pub(in crate::store) fn read(url: &str) -> Result<(Config, Option<String>, bool)> {
    let wrong = |what: String| Error::invalid("database", what);
    if !["postgres://", "postgresql://"].iter().any(|begin| url.starts_with(begin)) {
        return Err(wrong("is not a URL that begins with postgres://".into()));
    }
    // Taken apart no further than needed: a URL of several hosts is one to PostgreSQL's programs alone.
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut mode, mut root, mut rest) = (None, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        // `+` for a blank is a form's way of writing, which a database URL does not share.
        let literal = pair.replace('+', "%2B");
        let parsed = url::form_urlencoded::parse(literal.as_bytes()).next();
        match parsed.as_ref().map(|(key, value)| (&**key, value.to_string())) {
            Some(("sslmode", value)) => mode = Some(value),
            Some(("sslrootcert", value)) => root = Some(value),
            _ => rest.push(pair),
        }
    }
    let text = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    let mut config: Config = text.parse().map_err(|cause: tokio_postgres::Error| {
        let cause = with_causes(&cause);
        let unquoted = cause.split_once("unknown option").map(|(before, _)| format!("{before}unknown option"));
        wrong(format!("{}; special characters in a password are percent-encoded", unquoted.unwrap_or(cause)))
    })?;
    let options = config.get_options().map(|own| format!("{SESSION_OPTIONS} {own}"));
    config.options(options.as_deref().unwrap_or(SESSION_OPTIONS));
    config.application_name("portreeve");
    bounded(&mut config);
    let local = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
    });
    let encrypted = match mode.as_deref() {
        Some("disable") => false,
        Some("require" | "verify-ca" | "verify-full") => true,
        None | Some("prefer" | "allow") => !local,
        Some(_) => return Err(wrong("has an sslmode that is not known; use disable or verify-full".into())),
    };
    config.ssl_mode(if encrypted {
        tokio_postgres::config::SslMode::Require
    } else {
        tokio_postgres::config::SslMode::Disable
    });
    Ok((config, root, encrypted))
}

fn verified_tls(root: Option<&str>) -> Result<MakeRustlsConnect> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(file) = root {
        let wrong = |cause: String| Error::invalid("database", format!("sslrootcert {file}: {cause}"));
        let certificates = CertificateDer::pem_file_iter(file).map_err(|cause| wrong(cause.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|cause| wrong(cause.to_string()))?;
            roots.add(certificate).map_err(|cause| wrong(cause.to_string()))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| Error::Internal(cause.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_name_several_hosts_and_hold_any_password() {
        let url = "postgres://u:a+b%40c@one:5432,two:5433/d?sslmode=disable&target_session_attrs=read-write&options=-c%20x=a+b";
        let (config, tls) = settings(url).expect("is a URL");
        assert_eq!(config.get_hosts(), [Host::Tcp("one".into()), Host::Tcp("two".into())]);
        assert_eq!((config.get_ports(), config.get_password()), (&[5432, 5433][..], Some(&b"a+b@c"[..])));
        assert_eq!(config.get_target_session_attrs(), tokio_postgres::config::TargetSessionAttrs::ReadWrite);
        assert!(config.get_options().is_some_and(|options| options.ends_with("-c x=a+b")));
        assert!(tls.is_none());
        assert!(settings("host=h password=geheim").is_err_and(|wrong| !format!("{wrong:?}").contains("geheim")));
    }
}
