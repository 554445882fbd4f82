//! What the databases do by themselves: rows of accounts into the table of accounts with all its indexes, and nothing else.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, task::JoinSet};
use tokio_postgres::{
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};
use uuid::Uuid;

use super::{Location, Value, accounts::NEVER, postgres, sqlite};
use crate::error::{Error, Failure, Result};

/// Connections to a PostgreSQL at most.
pub const CONNECTIONS: usize = 64;
/// Rows in one transaction of a bulk insert.
const BULK: u64 = 5_000;
/// As long as the hash of a password.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const INSERT: &str =
    "INSERT INTO accounts (id, kind, name, name_key, notes, tags, first_name, last_name, email, phone, labels, search,
       disabled, password_hash, credential_version, failed_attempts, failures_since_reset, attempts_in_flight, lock_start,
       created, updated, version, profile_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)";
const COPY: &str = "COPY accounts (id, kind, name, name_key, notes, tags, first_name, last_name, email, phone, labels, search,
       disabled, password_hash, credential_version, failed_attempts, failures_since_reset, attempts_in_flight, lock_start,
       created, updated, version, profile_version) FROM STDIN (FORMAT binary)";
const UPDATE: &str = "UPDATE accounts SET notes = $1, search = $2, updated = $3, version = version + 1 WHERE id = $4";

/// What a writer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Adds accounts; their numbers begin with this one.
    Insert(u64),
    /// Changes accounts, of which there are so many.
    Update(u64),
}

/// What tells one account from another. The ids are in the order in which they are made, the names are not.
struct Account {
    id: Uuid,
    name: String,
    notes: String,
    search: String,
    number: i64,
}

impl Account {
    fn new(number: u64, notes: String) -> Self {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number));
        let name = format!("{:08x}.limit.{number}", number.wrapping_mul(0x9e37_79b1) & 0xffff_ffff);
        let search = format!("{name}\n{notes}\nada\nmarker\n{name}@marker.example\n\nseen");
        Self { id, name, notes, search, number: i64::try_from(number).unwrap_or(i64::MAX) }
    }

    fn inserted(&self) -> [Value<'_>; 23] {
        let (number, zero) = (Value::Int(self.number), Value::Int(0));
        [
            (&self.id).into(),
            "local".into(),
            (&self.name).into(),
            (&self.name).into(),
            (&self.notes).into(),
            "[\"seen\"]".into(),
            "Ada".into(),
            "Marker".into(),
            (&self.name).into(),
            "".into(),
            "{}".into(),
            (&self.search).into(),
            false.into(),
            HASH.into(),
            number,
            zero,
            zero,
            zero,
            NEVER.into(),
            number,
            number,
            number,
            number,
        ]
    }

    fn updated(&self) -> [Value<'_>; 4] {
        [(&self.notes).into(), (&self.search).into(), self.number.into(), (&self.id).into()]
    }
}

impl Write {
    fn sql(self) -> &'static str {
        match self {
            Self::Insert(_) => INSERT,
            Self::Update(_) => UPDATE,
        }
    }

    /// The account of a turn.
    fn account(self, turn: u64) -> Account {
        match self {
            Self::Insert(first) => Account::new(first + turn, String::new()),
            // Scattered over all of them.
            Self::Update(accounts) => {
                Account::new(turn.wrapping_mul(0x9e37_79b1) % accounts.max(1), format!("changed {turn}"))
            }
        }
    }

    fn values(self, account: &Account) -> Vec<Value<'_>> {
        match self {
            Self::Insert(_) => account.inserted().to_vec(),
            Self::Update(_) => account.updated().to_vec(),
        }
    }
}

/// See [`crate::limits::commit_rate`].
pub(crate) async fn commit_rate(location: &Location, writers: usize, write: Write, time: Duration) -> Result<f64> {
    let (next, mut tasks) = (Arc::new(AtomicU64::new(0)), JoinSet::<Result<()>>::new());
    let began = Instant::now();
    match location {
        Location::Folder(folder) => {
            let (queue, jobs) = sync_channel::<Job>(sqlite::QUEUE_LIMIT);
            let connection = sqlite::connect(&folder.join(sqlite::FILE))?;
            std::thread::spawn(move || commit_together(&connection, write, &jobs));
            for _ in 0..writers {
                let (next, queue) = (next.clone(), queue.clone());
                tasks.spawn(async move {
                    while began.elapsed() < time {
                        let (reply, committed) = oneshot::channel();
                        let account = write.account(next.fetch_add(1, Ordering::Relaxed));
                        queue.send(Job { account, reply }).map_err(|_| stopped())?;
                        committed.await.map_err(|_| stopped())??;
                    }
                    Ok(())
                });
            }
        }
        Location::Postgres { url, .. } => {
            let connections = writers.min(CONNECTIONS);
            let postgres = Arc::new(postgres::Postgres::open(url, connections).await?);
            for _ in 0..connections {
                let (next, postgres) = (next.clone(), postgres.clone());
                tasks.spawn(async move {
                    let connection = postgres.connect().await?;
                    while began.elapsed() < time {
                        let account = write.account(next.fetch_add(1, Ordering::Relaxed));
                        connection.execute(write.sql(), &write.values(&account)).await?;
                    }
                    Ok(())
                });
            }
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|cause| Error::Internal(cause.to_string()))??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(next.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64())
}

fn stopped() -> Error {
    Failure::Unavailable("the writer has stopped".into()).into()
}

struct Job {
    account: Account,
    reply: oneshot::Sender<Result<(), Failure>>,
}

/// As the store's writer: what has been queued meanwhile is committed together.
fn commit_together(connection: &rusqlite::Connection, write: Write, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(sqlite::BATCH_LIMIT - 1));
        let all = batch.iter().map(|job| write.values(&job.account));
        let committed = in_one_transaction(connection, write.sql(), all);
        for job in batch {
            let answer = committed.as_ref().copied().map_err(|cause| Failure::Unavailable(cause.to_string()));
            // The measurement may have been given up.
            drop(job.reply.send(answer));
        }
    }
}

fn in_one_transaction<'a>(
    connection: &rusqlite::Connection,
    sql: &str,
    all: impl Iterator<Item = Vec<Value<'a>>>,
) -> Result<(), Failure> {
    sqlite::execute(connection, "BEGIN IMMEDIATE", &[])?;
    for values in all {
        sqlite::execute(connection, sql, &values)?;
    }
    sqlite::execute(connection, "COMMIT", &[]).map(drop)
}

/// See [`crate::limits::insert_in_bulk`].
pub(crate) async fn insert_in_bulk(location: &Location, first: u64, accounts: u64) -> Result<()> {
    let pieces = (first..first + accounts).step_by(usize::try_from(BULK).unwrap_or(usize::MAX));
    let pieces = pieces.map(|begin| begin..(begin + BULK).min(first + accounts));
    match location {
        Location::Folder(folder) => {
            let mut connection = sqlite::connect(&folder.join(sqlite::FILE))?;
            for piece in pieces {
                // A task a transaction: whoever gives the measurement up does not wait for its end.
                connection = tokio::task::spawn_blocking(move || insert_piece(connection, piece))
                    .await
                    .map_err(|cause| Error::Internal(cause.to_string()))??;
            }
        }
        Location::Postgres { url, .. } => {
            let postgres = postgres::Postgres::open(url, 1).await?;
            let connection = postgres.connect().await?;
            for piece in pieces {
                copy_piece(&connection, piece).await?;
            }
        }
    }
    Ok(())
}

fn insert_piece(connection: rusqlite::Connection, piece: Range<u64>) -> Result<rusqlite::Connection, Failure> {
    let accounts: Vec<Account> = piece.map(|number| Account::new(number, String::new())).collect();
    in_one_transaction(&connection, INSERT, accounts.iter().map(|account| account.inserted().to_vec()))?;
    Ok(connection)
}

async fn copy_piece(connection: &postgres::Connection, piece: Range<u64>) -> Result<(), Failure> {
    let types: Vec<Type> = Account::new(0, String::new()).inserted().iter().map(type_of).collect();
    let sink = connection.client()?.copy_in(COPY).await.map_err(postgres::failure)?;
    let mut writer = Box::pin(BinaryCopyInWriter::new(sink, &types));
    for number in piece {
        let account = Account::new(number, String::new());
        let values = account.inserted();
        let row: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        writer.as_mut().write(&row).await.map_err(postgres::failure)?;
    }
    writer.as_mut().finish().await.map(drop).map_err(postgres::failure)
}

fn type_of(value: &Value<'_>) -> Type {
    match value {
        Value::Int(_) => Type::INT8,
        Value::Bool(_) => Type::BOOL,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
    }
}

/// Runs statements one after the other, each by itself.
pub(crate) async fn run(url: &str, statements: &[String]) -> Result<()> {
    let postgres = postgres::Postgres::open(url, 1).await?;
    let connection = postgres.connect_for_long().await?;
    for statement in statements {
        connection.batch(statement).await?;
    }
    Ok(())
}
