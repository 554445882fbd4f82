//! The embedded database: reads in place on a connection of their own; writes on one thread that commits them together.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig, functions::FunctionFlags};
use tokio::sync::oneshot;

use super::{
    BoxFuture, GONE, Inner, Row, Tx, Use, Value,
    checksums::{self, Opened},
    folder, write_ahead,
};
use crate::{
    error::{Error, Failure, Result},
    metrics::Metrics,
    time::{Clock, Timestamp},
};

/// The database in its folder.
pub(super) const FILE: &str = "portreeve.db";
/// Writes that may wait for the writer; past that the store says that it is busy.
pub(super) const QUEUE_LIMIT: usize = 8_192;
/// Writes that one commit carries at most, so that the first does not wait long for the last.
pub(super) const BATCH_LIMIT: usize = 256;
/// How long to wait for another process that writes (the command line next to a running server).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often to look whether it has ended.
const BUSY_INTERVAL: Duration = Duration::from_millis(1);
/// A transaction that took so long is followed by a pause, in which other processes come to write.
const LONG: Duration = Duration::from_millis(20);
/// Long enough for them to look twice.
const PAUSE: Duration = Duration::from_millis(3);
/// Prepared statements kept per connection.
const STATEMENT_CACHE: usize = 64;

/// Of a writer of much: 32 MiB of pages in memory, and a log of 32 MiB before it is moved into the database.
const BULK: &str = "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 8192;";

#[derive(Clone)]
pub(super) struct Sqlite(Arc<Shared>);

struct Shared {
    file: std::path::PathBuf,
    clock: Clock,
    readers: Mutex<Vec<Tx>>,
    writer: SyncSender<Box<dyn Job>>,
    /// Behind the connections, as it is to go after them.
    _opened: Opened,
}

/// A queued write: run inside the open transaction, answered after its commit.
trait Job: Send {
    fn run(&mut self, tx: &mut Tx) -> bool;
    /// What the database said, if that is why it failed.
    fn failure(&self) -> Option<Failure>;
    fn finish(self: Box<Self>, committed: Result<(), &Failure>);
}

struct Write<C, T, F> {
    context: C,
    closure: F,
    /// Nothing until it has been run.
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<C, T, F> Job for Write<C, T, F>
where
    C: Send + Sync,
    T: Send,
    F: for<'a> Fn(&'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>> + Send,
{
    fn run(&mut self, tx: &mut Tx) -> bool {
        let run = catch_unwind(AssertUnwindSafe(|| complete((self.closure)(&self.context, tx))));
        let result = run.unwrap_or_else(|_| Err(Error::Internal("a write panicked; it was rolled back".into())));
        self.result.insert(result).is_ok()
    }

    fn failure(&self) -> Option<Failure> {
        match &self.result {
            Some(Err(Error::Store(failure))) => Some(failure.clone()),
            _ => None,
        }
    }

    fn finish(self: Box<Self>, committed: Result<(), &Failure>) {
        let result = match (self.result, committed) {
            // Not begun because the transaction could not be, or done in vain: either way it is worth another try.
            (None | Some(Ok(_)), Err(Failure::Full(cause))) => Err(Failure::Full(cause.clone()).into()),
            // What the disk did not take for good may yet be found there after a crash.
            (Some(Ok(_)), Err(Failure::Unavailable(cause))) => Err(Failure::InDoubt(cause.clone()).into()),
            (None | Some(Ok(_)), Err(cause)) => Err(Failure::Unavailable(cause.to_string()).into()),
            (None, Ok(())) => Err(Error::Internal("a write was not run".into())),
            (Some(result), _) => result,
        };
        // Nobody may be waiting any more: the write stands all the same.
        drop(self.reply.send(result));
    }
}

impl Sqlite {
    pub(super) fn open(folder: &Path, usage: Use, clock: Clock, metrics: Metrics) -> Result<Self> {
        folder::make_private(folder).map_err(|cause| {
            Failure::Unavailable(format!("the data folder {} cannot be made: {cause}", folder.display()))
        })?;
        let file = folder.join(FILE);
        let opened = Opened::prepare(&file, || {
            folder::make_private_file(&file)
                .map_err(|cause| Failure::Unavailable(format!("{} cannot be made: {cause}", file.display())))
        })?;
        let connection = connect(&file)?;
        write_ahead::bring_to_disk(&connection, &file)?;
        folder::keep_names(folder).map_err(|cause| {
            Failure::Unavailable(format!("the data folder {} cannot be synced: {cause}", folder.display()))
        })?;
        if usage == Use::Bulk {
            connection.execute_batch(BULK).map_err(failure)?;
        }
        let (writer, jobs) = sync_channel(QUEUE_LIMIT);
        let tx = Tx { inner: Inner::Sqlite(connection), now: clock.now() };
        let writer_clock = clock.clone();
        std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write_jobs(tx, usage, &jobs, &writer_clock, &metrics))
            .map_err(|cause| Failure::Unavailable(cause.to_string()))?;
        Ok(Self(Arc::new(Shared { file, clock, readers: Mutex::default(), writer, _opened: opened })))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// A connection of its own, for what is to see one state of the data.
    pub(super) fn connect(&self) -> Result<Connection, Failure> {
        connect(&self.0.file)
    }

    /// Moves what is in the log into the database's one file.
    pub(super) fn checkpoint(&self) -> Result<(), Failure> {
        connect(&self.0.file)?.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").map_err(failure)
    }

    pub(super) fn read<C, T, F>(&self, context: &C, closure: F) -> Result<T>
    where
        F: for<'a> Fn(&'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>>,
    {
        let idle = self.0.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut tx = match idle {
            Some(tx) => tx,
            None => {
                let connection = connect(&self.0.file)?;
                connection.execute_batch("PRAGMA query_only = ON").map_err(failure)?;
                Tx { inner: Inner::Sqlite(connection), now: self.now() }
            }
        };
        tx.now = self.now();
        let result = complete(closure(context, &mut tx));
        self.0.readers.lock().unwrap_or_else(PoisonError::into_inner).push(tx);
        result
    }

    pub(super) async fn write<C, T, F>(&self, context: C, closure: F) -> Result<T>
    where
        C: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.0.writer.try_send(Box::new(Write { context, closure, result: None, reply })).map_err(|refused| {
            match refused {
                TrySendError::Full(_) => Error::Overloaded { retry_after_seconds: 1 },
                TrySendError::Disconnected(_) => Failure::Unavailable("the writer has stopped".into()).into(),
            }
        })?;
        answer.await.map_err(|_| Failure::Unavailable("the writer has stopped".into()))?
    }
}

pub(super) fn connect(file: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = portreeve_sqlite_checksums::open(file, flags)
        .map_err(|cause| unusable(&cause, format!("{} cannot be opened: {cause}", file.display())))?;
    connection.busy_handler(Some(wait_for_another)).map_err(failure)?;
    // FULL, not NORMAL: with NORMAL a loss of power takes back commits that were already answered.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096; PRAGMA trusted_schema = OFF;",
        )
        .map_err(|cause| unusable(&cause, format!("{} is not a usable database: {cause}", file.display())))?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // Else a statement whose plan might suit other values better is compiled again at every use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failure)?;
    // PostgreSQL has them; the SQL text is one.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection
        .create_scalar_function("split_part", 3, flags, |call| {
            let (text, separator) = (call.get_raw(0).as_str()?, call.get_raw(1).as_str()?);
            let part = usize::try_from(call.get::<i64>(2)?).unwrap_or(1).max(1);
            Ok(text.split(separator).nth(part - 1).unwrap_or_default().to_owned())
        })
        .map_err(failure)?;
    connection
        .create_scalar_function("encode", 2, flags, |call| {
            let (bytes, form) = (call.get_raw(0).as_blob()?, call.get_raw(1).as_str()?);
            let hex = || bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let unknown = || rusqlite::Error::UserFunctionError(format!("no encoding {form}").into());
            (form == "hex").then(hex).ok_or_else(unknown)
        })
        .map_err(failure)?;
    Ok(connection)
}

fn unusable(cause: &rusqlite::Error, otherwise: String) -> Failure {
    checksums::damage(cause).unwrap_or(Failure::Unavailable(otherwise))
}

/// Says whether to try again. SQLite by itself would wait longer each time, up to a tenth of a second, and hardly ever find the
/// moment between two transactions of one who writes all the time.
fn wait_for_another(tried: i32) -> bool {
    std::thread::sleep(BUSY_INTERVAL);
    u32::try_from(tried).is_ok_and(|tried| BUSY_INTERVAL * tried < BUSY_TIMEOUT)
}

/// Closures over an embedded database never wait, so one poll completes them.
pub(super) fn complete<T>(mut future: BoxFuture<'_, T>) -> T {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("a store closure may wait for nothing but its transaction"),
    }
}

fn write_jobs(mut tx: Tx, usage: Use, jobs: &Receiver<Box<dyn Job>>, clock: &Clock, metrics: &Metrics) {
    let mut told = None;
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(BATCH_LIMIT - 1));
        metrics.commit_batch_size.observe(f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX)));
        let began = Instant::now();
        let committed = run_batch(&mut tx, &mut batch, clock);
        checksums::tell_of_log(&mut told);
        let damaged = batch.iter().any(|job| matches!(job.failure(), Some(Failure::Damaged(_))));
        let alone = committed.is_err() && batch.len() > 1 && damaged;
        for mut job in batch {
            // One that meets damage takes no other with it.
            let again = alone.then(|| run_batch(&mut tx, std::slice::from_mut(&mut job), clock));
            job.finish(again.as_ref().unwrap_or(&committed).as_ref().copied());
        }
        if usage == Use::Bulk && began.elapsed() > LONG {
            std::thread::sleep(PAUSE);
        }
    }
}

fn run_batch(tx: &mut Tx, batch: &mut [Box<dyn Job>], clock: &Clock) -> Result<(), Failure> {
    run_in_transaction(tx, batch, clock).inspect_err(|cause| {
        // A failed commit may leave the transaction open; the next batch must not be let into it.
        if let Err(second) = command(tx, "ROLLBACK") {
            tracing::debug!(%second, "nothing to roll back");
        }
        tracing::error!(%cause, writes = batch.len(), "a commit failed; its writes were refused");
    })
}

fn run_in_transaction(tx: &mut Tx, batch: &mut [Box<dyn Job>], clock: &Clock) -> Result<(), Failure> {
    command(tx, "BEGIN IMMEDIATE")?;
    if let [job] = batch {
        // With a savepoint, a copy of every page that is changed would be kept; one that is alone can as well take all with it.
        tx.now = clock.now();
        return if job.run(tx) { command(tx, "COMMIT") } else { undo(tx, "ROLLBACK", job.as_ref()) };
    }
    for job in batch {
        command(tx, "SAVEPOINT write")?;
        tx.now = clock.now();
        if !job.run(tx) {
            undo(tx, "ROLLBACK TO write", job.as_ref())?;
        }
        command(tx, "RELEASE write")?;
    }
    command(tx, "COMMIT")
}

/// Undoes what a write did. Where there is no room, or the disk fails, SQLite has undone the whole transaction already, and
/// then that is what went wrong.
fn undo(tx: &mut Tx, sql: &str, job: &dyn Job) -> Result<(), Failure> {
    command(tx, sql).map_err(|fault| job.failure().unwrap_or(fault))
}

fn command(tx: &mut Tx, sql: &str) -> Result<(), Failure> {
    let Inner::Sqlite(connection) = &tx.inner else { return Err(Failure::Broken("not an SQLite connection".into())) };
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop).map_err(failure)
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(match *self {
            Self::Int(value) => ToSqlOutput::from(value),
            Self::Bool(value) => ToSqlOutput::from(value),
            Self::Text(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
            Self::Bytes(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
        })
    }
}

pub(super) fn execute(connection: &Connection, sql: &str, values: &[Value<'_>]) -> Result<u64, Failure> {
    let mut statement = connection.prepare_cached(sql).map_err(failure)?;
    let changed = statement.execute(rusqlite::params_from_iter(values)).map_err(failure)?;
    Ok(changed as u64)
}

pub(super) fn query<T>(
    connection: &Connection,
    sql: &str,
    values: &[Value<'_>],
    map: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut statement = connection.prepare_cached(sql).map_err(failure)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(failure)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failure)? {
        found.push(map(&Row::Sqlite(row))?);
    }
    Ok(found)
}

/// The first row. The statement is run to its end all the same: an `UPDATE … RETURNING` that is not would be undone.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    values: &[Value<'_>],
    map: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let mut statement = connection.prepare_cached(sql).map_err(failure)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(failure)?;
    let Some(row) = rows.next().map_err(failure)? else { return Ok(None) };
    let found = map(&Row::Sqlite(row))?;
    while rows.next().map_err(failure)?.is_some() {}
    Ok(Some(found))
}

pub(super) fn failure(cause: rusqlite::Error) -> Failure {
    if let Some(damage) = checksums::damage(&cause) {
        return damage;
    }
    let text = cause.to_string();
    if cause.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY) {
        return Failure::Orphan(text);
    }
    if text.starts_with("no such table") {
        return Failure::Unavailable(format!("{text}{GONE}"));
    }
    match cause.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => Failure::Clash(text),
        Some(ErrorCode::DiskFull) => Failure::Full(text),
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied,
        ) => Failure::Unavailable(text),
        _ => Failure::Broken(text),
    }
}

#[cfg(test)]
mod tests;
