//! A shared PostgreSQL: a pool of connections, one transaction per write closure, run again when another was in the way.

use std::{
    error::Error as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use futures_util::future::join;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tokio_postgres::{
    NoTls,
    config::Host,
    error::SqlState,
    types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{BoxFuture, GONE, Inner, Row, Tx, Value};
use crate::{
    error::{Error, Failure, Result},
    time::Timestamp,
};

/// How long to wait for a connection, new or from the pool.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The server ends what takes longer, so that nothing waits without bound (milliseconds).
const SESSION_OPTIONS: &str =
    "-c statement_timeout=30000 -c lock_timeout=15000 -c idle_in_transaction_session_timeout=30000 -c timezone=UTC";
/// How long, and how often, what others are in the way of is run again.
const PATIENCE: Duration = Duration::from_secs(15);
const TRIES: u32 = 12;
const NOW: &str = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint";

pub(super) struct Postgres {
    pool: Pool,
    /// The database's time and when this node learned it, by a clock that cannot be set.
    clock: Mutex<(Timestamp, Instant)>,
}

/// A pooled connection. One that is dropped inside a transaction is not put back.
pub(super) struct Connection {
    client: Option<Object>,
    in_transaction: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.in_transaction
            && let Some(client) = self.client.take()
        {
            drop(Object::take(client));
        }
    }
}

impl Postgres {
    pub(super) async fn open(url: &str, connections: usize) -> Result<Self> {
        let (config, tls) = settings(url)?;
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match tls {
            Some(tls) => Manager::from_config(config, tls, manager_config),
            None => Manager::from_config(config, NoTls, manager_config),
        };
        let timeouts =
            Timeouts { wait: Some(CONNECT_TIMEOUT), create: Some(CONNECT_TIMEOUT), recycle: Some(CONNECT_TIMEOUT) };
        let pool = Pool::builder(manager)
            .max_size(connections)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|cause| Failure::Unavailable(cause.to_string()))?;
        let postgres = Self { pool, clock: Mutex::new((Timestamp::from_micros(0), Instant::now())) };
        let connection = postgres.connect().await?;
        let encoding: Vec<String> = connection.query("SHOW server_encoding", &[], |row| row.text(0)).await?;
        if encoding != ["UTF8"] {
            return Err(Failure::Broken("the database's encoding must be UTF8".into()).into());
        }
        let checksums: Vec<String> = connection.query("SHOW data_checksums", &[], |row| row.text(0)).await?;
        if checksums != ["on"] {
            tracing::warn!(
                "PostgreSQL keeps no checksums of its pages (data_checksums is off): what its disk changes is taken for true; \
                 switch them on with pg_checksums --enable while it is stopped"
            );
        }
        postgres.learn_time(&connection).await?;
        Ok(postgres)
    }

    pub(super) fn now(&self) -> Timestamp {
        let (known, at) = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        known.plus(at.elapsed())
    }

    async fn learn_time(&self, connection: &Connection) -> Result<Timestamp, Failure> {
        let client = connection.client()?;
        // Prepared, as a text would be anew each time, which is a round trip.
        let statement = client.prepare_cached(NOW).await.map_err(failure)?;
        let row = client.query_one(&statement, &[]).await.map_err(failure)?;
        let now = Timestamp::from_micros(row.try_get(0).map_err(failure)?);
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = (now, Instant::now());
        Ok(now)
    }

    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let client = self.pool.get().await.map_err(|cause| Failure::Unavailable(with_causes(&cause)))?;
        Ok(Connection { client: Some(client), in_transaction: false })
    }

    /// A connection that is not put back, unless the end of its transaction is told.
    pub(super) async fn connect_for_transaction(&self) -> Result<Connection, Failure> {
        let mut connection = self.connect().await?;
        connection.in_transaction = true;
        Ok(connection)
    }

    pub(super) async fn read<C, T, F>(&self, context: &C, closure: F) -> Result<T>
    where
        C: Sync,
        F: for<'a> Fn(&'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>> + Send,
    {
        again(|| async {
            let connection = self.connect().await?;
            let mut tx = Tx { inner: Inner::Postgres(connection), now: self.now() };
            closure(context, &mut tx).await
        })
        .await
    }

    pub(super) async fn write<C, T, F>(&self, context: &C, closure: F) -> Result<T>
    where
        C: Sync,
        T: Send,
        F: for<'a> Fn(&'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>> + Send,
    {
        again(|| self.try_write(context, &closure)).await
    }

    async fn try_write<C, T, F>(&self, context: &C, closure: &F) -> Result<T>
    where
        F: for<'a> Fn(&'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>>,
    {
        let connection = self.connect_for_transaction().await?;
        // Both leave in one packet: asking for the time costs no round trip of its own.
        let (began, now) = join(connection.batch("BEGIN"), self.learn_time(&connection)).await;
        began?;
        let mut tx = Tx { inner: Inner::Postgres(connection), now: now? };
        let result = closure(context, &mut tx).await;
        tx.batch(if result.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
        if let Inner::Postgres(connection) = &mut tx.inner {
            connection.end_transaction();
        }
        result
    }
}

/// Does something again when others were in its way: writers of the same rows, or a migration of tables that are read.
async fn again<T, W: Future<Output = Result<T>>>(mut work: impl FnMut() -> W) -> Result<T> {
    let (mut tried, began) = (1, Instant::now());
    loop {
        match work().await {
            Err(Error::Store(Failure::Contention(cause))) if tried < TRIES && began.elapsed() < PATIENCE => {
                tracing::debug!(cause, tried, "a transaction is run again");
                tokio::time::sleep(Duration::from_millis(u64::from(tried * tried))).await;
                tried += 1;
            }
            result => return result,
        }
    }
}

impl Connection {
    /// The transaction was ended: the connection may be used again.
    pub(super) fn end_transaction(&mut self) {
        self.in_transaction = false;
    }

    pub(super) fn client(&self) -> Result<&Object, Failure> {
        self.client.as_ref().ok_or_else(|| Failure::Broken("the connection was given back".into()))
    }

    pub(super) async fn batch(&self, sql: &str) -> Result<(), Failure> {
        self.client()?.batch_execute(sql).await.map_err(failure)
    }

    pub(super) async fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, Failure> {
        let client = self.client()?;
        let statement = client.prepare_cached(sql).await.map_err(failure)?;
        client.execute(&statement, &bound(values)).await.map_err(failure)
    }

    pub(super) async fn query<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, Failure> + Send,
    ) -> Result<Vec<T>, Failure> {
        let client = self.client()?;
        let statement = client.prepare_cached(sql).await.map_err(failure)?;
        let rows = client.query(&statement, &bound(values)).await.map_err(failure)?;
        rows.iter().map(|row| map(&Row::Postgres(row))).collect()
    }
}

fn bound<'a>(values: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Int(value) if *ty == Type::INT4 => i32::try_from(*value)?.to_sql(ty, out),
            Self::Int(value) => value.to_sql(ty, out),
            Self::Bool(value) => value.to_sql(ty, out),
            Self::Text(value) => value.to_sql(ty, out),
            Self::Bytes(value) => value.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Reads the URL. TLS is verified unless the server is on this machine or `sslmode=disable` says otherwise.
fn settings(url: &str) -> Result<(tokio_postgres::Config, Option<MakeRustlsConnect>)> {
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
    let mut config: tokio_postgres::Config =
        text.parse().map_err(|cause: tokio_postgres::Error| wrong(with_causes(&cause)))?;
    let options = config.get_options().map(|own| format!("{SESSION_OPTIONS} {own}"));
    config.options(options.as_deref().unwrap_or(SESSION_OPTIONS));
    config.application_name("portreeve").connect_timeout(CONNECT_TIMEOUT);
    let local = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
    });
    let encrypted = match mode.as_deref() {
        Some("disable") => false,
        Some("require" | "verify-ca" | "verify-full") => true,
        None | Some("prefer" | "allow") => !local,
        Some(other) => return Err(wrong(format!("has sslmode={other}; use disable or verify-full"))),
    };
    config.ssl_mode(if encrypted {
        tokio_postgres::config::SslMode::Require
    } else {
        tokio_postgres::config::SslMode::Disable
    });
    let tls = encrypted.then(|| verified_tls(root.as_deref())).transpose()?;
    Ok((config, tls))
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

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

pub(super) fn failure(cause: tokio_postgres::Error) -> Failure {
    let Some(answer) = cause.as_db_error() else {
        let io = cause.is_closed() || cause.source().is_some_and(|source| source.is::<std::io::Error>());
        let text = with_causes(&cause);
        return if io { Failure::Unavailable(text) } else { Failure::Broken(text) };
    };
    let code = answer.code();
    // Not the whole answer: its detail line quotes the values.
    let text = format!("{} ({})", answer.message(), code.code());
    if *code == SqlState::UNIQUE_VIOLATION {
        return Failure::Clash(answer.constraint().unwrap_or_default().to_owned());
    }
    // Two nodes make the same table in the same moment: the loser hears of the table, or of its row type.
    if *code == SqlState::DUPLICATE_TABLE || *code == SqlState::DUPLICATE_OBJECT {
        return Failure::Clash(text);
    }
    if *code == SqlState::FOREIGN_KEY_VIOLATION {
        return Failure::Orphan(text);
    }
    if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED {
        return Failure::Damaged(format!("{text}; let portreeve check look at all of it, and restore a backup"));
    }
    if *code == SqlState::UNDEFINED_TABLE {
        return Failure::Unavailable(format!("{text}{GONE}"));
    }
    let contention =
        [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE];
    if contention.contains(code) {
        return Failure::Contention(text);
    }
    if *code == SqlState::DISK_FULL {
        return Failure::Full(text);
    }
    // Classes: 08 connection, 25 read-only, 53 resources, 57 shutdown or cancelled, 58 system.
    match &code.code()[..2] {
        "08" | "25" | "53" | "57" | "58" => Failure::Unavailable(text),
        _ => Failure::Broken(text),
    }
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
