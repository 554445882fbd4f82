//! A shared PostgreSQL: a pool of connections, one transaction per write closure, run again when another was in the way.

mod connect;
pub(super) mod settings;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) use connect::read;

use std::{
    error::Error as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use deadpool_postgres::{Object, Pool, PoolError, Runtime, Timeouts};
use futures_util::future::join;
use tokio_postgres::{
    error::SqlState,
    types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use self::connect::CONNECT_TIMEOUT;
use super::{BoxFuture, GONE, Inner, Row, Tx, Value};
use crate::{
    error::{Error, Failure, Result},
    time::Timestamp,
};

/// How long a statement may take, and a commit. Longer than what the server itself lets them take, so that only one that is stuck
/// meets it, or one that has nobody to replicate to.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(35);
/// Between two tries to get a connection in place of one that was lost.
const PAUSE: Duration = Duration::from_millis(100);
/// How long, and how often, what others are in the way of is run again.
const PATIENCE: Duration = Duration::from_secs(15);
const TRIES: u32 = 12;
const NOW: &str = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint";

pub(super) struct Postgres {
    pool: Pool,
    /// The database's time and when this node learned it, by a clock that cannot be set.
    clock: Mutex<(Timestamp, Instant)>,
}

/// A pooled connection. One that is dropped inside a transaction is not put back, nor one that still owes an answer.
pub(super) struct Connection {
    client: Option<Object>,
    in_transaction: bool,
    /// Whether answers may take as long as they like.
    patient: bool,
    /// Whether an answer was waited for in vain.
    silent: AtomicBool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if (self.in_transaction || self.silent.load(Ordering::Relaxed))
            && let Some(client) = self.client.take()
        {
            drop(Object::take(client));
        }
    }
}

impl Postgres {
    pub(super) async fn open(url: &str, connections: usize) -> Result<Self> {
        let timeouts =
            Timeouts { wait: Some(CONNECT_TIMEOUT), create: Some(CONNECT_TIMEOUT), recycle: Some(CONNECT_TIMEOUT) };
        let pool = Pool::builder(connect::manager(url)?)
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
        let now = postgres.learn_time(&connection).await?;
        for warning in settings::warnings(&mut Tx { inner: Inner::Postgres(connection), now }).await? {
            tracing::warn!("{warning}");
        }
        Ok(postgres)
    }

    pub(super) fn now(&self) -> Timestamp {
        let (known, at) = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        known.plus(at.elapsed())
    }

    async fn learn_time(&self, connection: &Connection) -> Result<Timestamp, Failure> {
        let client = connection.client()?;
        // Prepared, as a text would be anew each time, which is a round trip.
        let row = connection
            .answer(async {
                let statement = client.prepare_cached(NOW).await?;
                client.query_one(&statement, &[]).await
            })
            .await?;
        let now = Timestamp::from_micros(row.try_get(0).map_err(failure)?);
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = (now, Instant::now());
        Ok(now)
    }

    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let client = self.pool.get().await.map_err(|cause| match cause {
            PoolError::Backend(cause) => no_connection(cause),
            other => Failure::Unavailable(with_causes(&other)),
        })?;
        Ok(Connection { client: Some(client), in_transaction: false, patient: false, silent: AtomicBool::new(false) })
    }

    /// A connection for what may take long.
    pub(super) async fn connect_for_long(&self) -> Result<Connection, Failure> {
        let mut connection = self.connect_for_transaction().await?;
        connection.be_patient();
        Ok(connection)
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
        match &result {
            Ok(_) => tx.batch("COMMIT").await.map_err(in_doubt)?,
            Err(_) => tx.batch("ROLLBACK").await?,
        }
        if let Inner::Postgres(connection) = &mut tx.inner {
            connection.end_transaction();
        }
        result
    }
}

/// Does something again when others were in its way: writers of the same rows, or a migration of tables that are read. And
/// when its connection was lost before it was to be committed, as happens to all of them when another server takes over.
async fn again<T, W: Future<Output = Result<T>>>(mut work: impl FnMut() -> W) -> Result<T> {
    let (mut tried, began) = (1, Instant::now());
    loop {
        match work().await {
            Err(Error::Store(Failure::Contention(cause))) if tried < TRIES && began.elapsed() < PATIENCE => {
                tracing::debug!(cause, tried, "a transaction is run again");
                tokio::time::sleep(Duration::from_millis(u64::from(tried * tried))).await;
                tried += 1;
            }
            Err(Error::Store(Failure::Lost(cause))) if began.elapsed() < CONNECT_TIMEOUT => {
                tracing::debug!(cause, "a transaction is run again on another connection");
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}

impl Connection {
    /// From now on answers may take long. What the server itself allows is another matter.
    pub(super) fn be_patient(&mut self) {
        self.patient = true;
    }

    /// The transaction was ended: the connection may be used again.
    pub(super) fn end_transaction(&mut self) {
        self.in_transaction = false;
    }

    pub(super) fn client(&self) -> Result<&Object, Failure> {
        self.client.as_ref().ok_or_else(|| Failure::Broken("the connection was given back".into()))
    }

    /// Waits for an answer, though not without bound.
    async fn answer<T>(&self, asked: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Failure> {
        if self.patient {
            return asked.await.map_err(failure);
        }
        match tokio::time::timeout(ANSWER_TIMEOUT, asked).await {
            Ok(answer) => answer.map_err(failure),
            Err(_) => {
                self.silent.store(true, Ordering::Relaxed);
                Err(Failure::Unavailable(format!("no answer within {} seconds", ANSWER_TIMEOUT.as_secs())))
            }
        }
    }

    pub(super) async fn batch(&self, sql: &str) -> Result<(), Failure> {
        self.answer(self.client()?.batch_execute(sql)).await
    }

    pub(super) async fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, Failure> {
        let client = self.client()?;
        self.answer(async {
            let statement = client.prepare_cached(sql).await?;
            client.execute(&statement, &bound(values)).await
        })
        .await
    }

    pub(super) async fn query<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, Failure> + Send,
    ) -> Result<Vec<T>, Failure> {
        let client = self.client()?;
        let rows = self
            .answer(async {
                let statement = client.prepare_cached(sql).await?;
                client.query(&statement, &bound(values)).await
            })
            .await?;
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

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

/// Why there is no connection. Not even what a server says that it cannot make sense of is a fault of a statement.
fn no_connection(cause: tokio_postgres::Error) -> Failure {
    match failure(cause) {
        Failure::Lost(cause) => Failure::Lost(cause),
        Failure::Unavailable(cause) | Failure::Broken(cause) => Failure::Unavailable(cause),
        other => Failure::Unavailable(other.to_string()),
    }
}

/// What was to be committed, and got no answer, may have been committed: it must not be run again.
fn in_doubt(failure: Failure) -> Failure {
    match failure {
        Failure::Lost(cause) | Failure::Unavailable(cause) => Failure::InDoubt(cause),
        answered => answered,
    }
}

pub(super) fn failure(cause: tokio_postgres::Error) -> Failure {
    let Some(answer) = cause.as_db_error() else {
        let io = cause.is_closed() || cause.source().is_some_and(|source| source.is::<std::io::Error>());
        let text = with_causes(&cause);
        return if io { Failure::Lost(text) } else { Failure::Broken(text) };
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
    // The server is about to stop, has just started, or was demoted: another connection may lead to one that is none of these.
    let lost = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    if lost.contains(code) {
        return Failure::Lost(text);
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
