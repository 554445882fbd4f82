//! The store of a simulated world: one SQLite database in memory for all nodes, where each transaction is one step, and so is
//! each statement of a read, as none of those sees more than its own moment on PostgreSQL.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::time::Instant;
use uuid::Uuid;

use super::{Backend, BoxFuture, Inner, Row, Store, Tx, Value, migrations, sqlite};
use crate::{
    error::{Failure, Result},
    metrics::Metrics,
    simulation::steps::{Fate, Steps},
    time::Timestamp,
};

/// What is kept of a statement that was compiled, of which a simulation has more than a program.
const STATEMENT_CACHE: usize = 512;

/// Told of what is done, while nothing else happens.
pub(crate) enum Event {
    /// A transaction is about to be run.
    Begun,
    /// It came to nothing.
    Undone,
    /// It was committed: what there is now.
    Committed(Box<Seen>),
}

/// Is told which node does something, and what.
type Watch = Box<dyn FnMut(&Steps, Event) + Send>;

/// The database that all nodes share.
pub(crate) struct Database {
    connection: Mutex<rusqlite::Connection>,
    is_shared: AtomicBool,
    time: Mutex<Time>,
    watch: Mutex<Option<Watch>>,
}

/// The database's time: the simulation's. No two transactions begin at the same moment.
struct Time {
    start: Timestamp,
    since: Instant,
    last: Timestamp,
}

/// What there is of accounts as far as the gate has to do with it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// When the transaction began.
    pub(crate) now: Timestamp,
    /// When it was committed.
    pub(crate) committed: Timestamp,
    /// All but the decoys.
    pub(crate) accounts: BTreeMap<Uuid, Counted>,
    /// Attempts under way: of which account, and when they were begun.
    pub(crate) attempts: BTreeMap<Uuid, (Uuid, Timestamp)>,
    /// Slots of all decoys.
    pub(crate) decoys: i64,
    /// What the audit log has got by this transaction.
    pub(crate) records: Vec<Recorded>,
    /// Folded names of Local Users that are blacklisted.
    pub(crate) blacklisted: Vec<String>,
    /// Failures that lock a Local User, and for how many minutes.
    pub(crate) lockout: (i64, i64),
    /// Whether policies are disabled, and roles give nothing, by their names.
    pub(crate) off: BTreeMap<String, bool>,
}

/// An account, and its counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) kind: String,
    pub(crate) name_key: String,
    pub(crate) password_hash: String,
    pub(crate) credential_version: i64,
    pub(crate) disabled: bool,
    pub(crate) failed: i64,
    pub(crate) since_reset: i64,
    pub(crate) in_flight: i64,
    pub(crate) lock_start: Timestamp,
}

/// A row of the audit log.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) act: String,
    pub(crate) object_id: String,
    pub(crate) outcome: String,
    pub(crate) reason: String,
    pub(crate) request_id: String,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Database {
    /// An empty one, in memory.
    pub(crate) fn new(start: Timestamp) -> Result<Arc<Self>> {
        let connection = sqlite::connect(Path::new(":memory:"))?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        let time = Mutex::new(Time { start, since: Instant::now(), last: start });
        let (connection, is_shared, watch) = (Mutex::new(connection), AtomicBool::new(false), Mutex::default());
        Ok(Arc::new(Self { connection, is_shared, time, watch }))
    }

    /// What there is now is what [`Self::restart`] goes back to.
    pub(crate) fn keep(&self) -> Result<()> {
        self.command("SAVEPOINT kept")
    }

    /// Takes back everything since [`Self::keep`]. `is_shared` is whether there may be several nodes now.
    pub(crate) fn restart(&self, is_shared: bool, start: Timestamp) -> Result<()> {
        self.command("ROLLBACK TO kept")?;
        self.is_shared.store(is_shared, Ordering::Relaxed);
        *lock(&self.time) = Time { start, since: Instant::now(), last: start };
        *lock(&self.watch) = None;
        Ok(())
    }

    /// Tells of all that is done from now on.
    pub(crate) fn watch(&self, watch: Watch) {
        *lock(&self.watch) = Some(watch);
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Timestamp {
        let time = lock(&self.time);
        time.start.plus(time.since.elapsed()).max(time.last)
    }

    /// A moment at which nothing else has begun.
    fn moment(&self) -> Timestamp {
        let now = self.now();
        let mut time = lock(&self.time);
        time.last = now.max(Timestamp::from_micros(time.last.micros() + 1));
        time.last
    }

    fn command(&self, sql: &str) -> Result<()> {
        Ok(sqlite::execute(&lock(&self.connection), sql, &[]).map(drop)?)
    }

    fn tell(&self, node: &Steps, event: Event) {
        if let Some(watch) = &mut *lock(&self.watch) {
            watch(node, event);
        }
    }

    /// Runs a transaction that began at `now`, and commits it unless it is in vain.
    fn run<C, T, F>(
        self: &Arc<Self>,
        node: &Steps,
        now: Timestamp,
        in_vain: bool,
        (context, closure): (&C, &F),
    ) -> Result<T>
    where
        F: for<'a> Fn(&'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>>,
    {
        self.tell(node, Event::Begun);
        let rows = |table| sqlite::first(&lock(&self.connection), table, &[], |row| row.int(0));
        let last = rows("SELECT MAX(rowid) FROM audit_log").unwrap_or_default().unwrap_or(0);
        let changed = lock(&self.connection).total_changes();
        self.command("SAVEPOINT write")?;
        let connection = Connection { database: self.clone(), between: None };
        let mut tx = Tx { inner: Inner::Simulated(connection), now };
        let result = sqlite::complete(closure(context, &mut tx));
        if in_vain || result.is_err() {
            self.command("ROLLBACK TO write")?;
        }
        self.command("RELEASE write")?;
        let is_changed = lock(&self.connection).total_changes() != changed;
        match &result {
            Ok(_) if !in_vain && is_changed && lock(&self.watch).is_some() => {
                let seen = self.look(now, last)?;
                self.tell(node, Event::Committed(Box::new(seen)));
            }
            _ => self.tell(node, Event::Undone),
        }
        result
    }

    fn look(&self, now: Timestamp, last_record: i64) -> Result<Seen, Failure> {
        let connection = lock(&self.connection);
        let query = |sql, values: &[Value<'_>]| sqlite::query(&connection, sql, values, |row| row.int(0));
        let accounts = "SELECT id, kind, name_key, password_hash, credential_version, disabled, failed_attempts,
               failures_since_reset, attempts_in_flight, lock_start FROM accounts WHERE kind IN ('local', 'service')";
        let attempts = "SELECT id, account_id, started FROM login_attempts";
        let decoys = "SELECT SUM(attempts_in_flight) FROM accounts WHERE kind = 'decoy'";
        let records = "SELECT act, object_id, outcome, reason, request_id FROM audit_log WHERE rowid > $1";
        let blacklisted = "SELECT name_key FROM blacklist WHERE kind = 'local'";
        let lockout = "SELECT lockout_threshold, lockout_minutes FROM identity_providers WHERE kind = 'local'";
        let off = "SELECT name, CASE kind WHEN 'Policy' THEN body ->> 'disabled'
               ELSE json_array_length(body, '$.privileges') = 0 END FROM objects WHERE kind IN ('Policy', 'AdministrativeRole')";
        Ok(Seen {
            now,
            committed: self.now(),
            accounts: sqlite::query(&connection, accounts, &[], counted)?.into_iter().collect(),
            attempts: sqlite::query(&connection, attempts, &[], |row| {
                Ok((row.uuid(0)?, (row.uuid(1)?, row.time(2)?)))
            })?
            .into_iter()
            .collect(),
            decoys: query(decoys, &[])?.into_iter().sum(),
            records: sqlite::query(&connection, records, &[last_record.into()], recorded)?,
            blacklisted: sqlite::query(&connection, blacklisted, &[], |row| row.text(0))?,
            lockout: sqlite::first(&connection, lockout, &[], |row| Ok((row.int(0)?, row.int(1)?)))?.unwrap_or((0, 0)),
            off: sqlite::query(&connection, off, &[], |row| Ok((row.text(0)?, row.bool(1)?)))?.into_iter().collect(),
        })
    }

    /// What there is now, as it would be seen after a commit.
    pub(crate) fn look_now(&self) -> Result<Seen, Failure> {
        self.look(self.now(), i64::MAX)
    }
}

fn counted(row: &Row<'_>) -> Result<(Uuid, Counted), Failure> {
    let counted = Counted {
        kind: row.text(1)?,
        name_key: row.text(2)?,
        password_hash: row.text(3)?,
        credential_version: row.int(4)?,
        disabled: row.bool(5)?,
        failed: row.int(6)?,
        since_reset: row.int(7)?,
        in_flight: row.int(8)?,
        lock_start: row.time(9)?,
    };
    Ok((row.uuid(0)?, counted))
}

fn recorded(row: &Row<'_>) -> Result<Recorded, Failure> {
    Ok(Recorded {
        act: row.text(0)?,
        object_id: row.text(1)?,
        outcome: row.text(2)?,
        reason: row.text(3)?,
        request_id: row.text(4)?,
    })
}

/// One node's way to the database.
pub(crate) struct Simulated {
    pub(crate) database: Arc<Database>,
    pub(crate) steps: Steps,
}

/// What a closure's statements go through.
pub(super) struct Connection {
    database: Arc<Database>,
    /// What comes between two statements, if anything may.
    between: Option<Between>,
}

/// Others come in between two statements of a read.
struct Between {
    steps: Steps,
    has_begun: bool,
}

impl Connection {
    /// Lets others come in between before any statement but the first.
    async fn go_on(&mut self) -> MutexGuard<'_, rusqlite::Connection> {
        if let Some(between) = &mut self.between
            && std::mem::replace(&mut between.has_begun, true)
        {
            between.steps.step().await;
        }
        lock(&self.database.connection)
    }

    pub(super) async fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, Failure> {
        sqlite::execute(&*self.go_on().await, sql, values)
    }

    pub(super) async fn query<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, Failure> + Send,
    ) -> Result<Vec<T>, Failure> {
        sqlite::query(&*self.go_on().await, sql, values, map)
    }

    pub(super) fn batch(&self, sql: &str) -> Result<(), Failure> {
        lock(&self.database.connection).execute_batch(sql).map_err(sqlite::failure)
    }
}

impl Simulated {
    pub(super) fn is_shared(&self) -> bool {
        self.database.is_shared.load(Ordering::Relaxed)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.database.now()
    }

    pub(super) fn connection(&self) -> Connection {
        Connection { database: self.database.clone(), between: None }
    }

    pub(super) async fn read<C, T, F>(&self, context: &C, closure: F) -> Result<T>
    where
        F: for<'a> Fn(&'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>>,
    {
        self.steps.step().await;
        let between = Some(Between { steps: self.steps.clone(), has_begun: false });
        let inner = Inner::Simulated(Connection { database: self.database.clone(), between });
        let result = closure(context, &mut Tx { inner, now: self.now() }).await;
        self.steps.step().await;
        result
    }

    pub(super) async fn write<C, T, F>(&self, context: &C, closure: F) -> Result<T>
    where
        F: for<'a> Fn(&'a C, &'a mut Tx) -> BoxFuture<'a, Result<T>>,
    {
        loop {
            self.steps.step().await;
            let now = self.database.moment();
            self.steps.wait_for_row().await;
            let fate = self.steps.fate();
            if fate == Fate::Lost {
                return Err(Failure::Unavailable("the connection was lost".into()).into());
            }
            let result = self.database.run(&self.steps, now, fate == Fate::Repeated, (context, &closure));
            self.steps.step().await;
            match fate {
                Fate::Repeated => {}
                Fate::Unanswered => return Err(Failure::InDoubt("no answer came".into()).into()),
                _ => return result,
            }
        }
    }
}

impl Store {
    /// One node's store in a simulated world.
    pub(crate) fn simulated(node: Simulated, metrics: Metrics) -> Self {
        Self { backend: Backend::Simulated(node), metrics }
    }

    /// Makes the tables.
    pub(crate) async fn migrate(&self) -> Result<()> {
        migrations::run(self).await
    }
}
