//! What a store knows of its moving: which of two stores is the directory, while it is brought from one into the other.
//!
//! A store that is not the directory (not yet, or not any more) has its tables under other names. So nobody reads or writes
//! there: no node that still runs, whatever its version, and no command that was begun before.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Door, Reader, TABLES};
use crate::{
    error::{Error, Failure, Result},
    store::{Store, Tx, facts, json},
    time::Timestamp,
};

/// Where the mark stands, and which tables have which names.
pub(super) const TABLE: &str = "facts";
/// The fact that is the mark.
const MARK: &str = "relocation";
/// The fact that tells this directory from all others, wherever it is.
const IDENTITY: &str = "installation";

/// Why a store is not the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mark {
    /// It is being filled from another.
    Filling {
        /// The directory that is being brought here.
        installation: String,
        /// Names this filling, from its beginning to its end.
        copy: String,
    },
    /// It was brought elsewhere.
    Moved {
        /// The filling that was ended.
        copy: String,
        /// Where it is now, for people.
        to: String,
    },
    /// It is a backup: a file that is kept, and not served.
    Backup(About),
    /// A backup is being restored to it.
    Restoring {
        /// When the backup was taken.
        taken: Timestamp,
    },
}

/// What a backup is, as it says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// In which form it is written.
    pub format: u64,
    /// The version of the program that made it.
    pub portreeve: String,
    /// The version of its tables.
    pub tables: i64,
    /// Everything that was acknowledged before this moment is in it.
    pub taken: Timestamp,
    /// How many Local Users and Service Users are in it.
    pub accounts: u64,
    /// What is in its tables.
    pub contents: Vec<Contents>,
}

/// What is in one table of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Which.
    pub table: String,
    /// How many rows.
    pub rows: u64,
    /// What they come to, in hexadecimal digits.
    pub sha256: String,
}

impl About {
    /// The one form that there is.
    pub(crate) const FORMAT: u64 = 1;

    /// How many rows there are in all tables.
    pub fn rows(&self) -> u64 {
        self.contents.iter().map(|one| one.rows).sum()
    }
}

/// What is known of a store before anything is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) mark: Option<Mark>,
    pub(crate) installation: Option<String>,
    /// Whether anything at all was noted, as is at the first start.
    pub(crate) used: bool,
}

/// The mark as it is written down.
pub(super) async fn text(tx: &mut Tx) -> Result<Option<String>, Failure> {
    facts::find(tx, MARK).await
}

async fn find(tx: &mut Tx) -> Result<Option<Mark>, Failure> {
    let text = text(tx).await?;
    text.map(|text| serde_json::from_str(&text).map_err(|wrong| Failure::Broken(wrong.to_string()))).transpose()
}

pub(super) async fn set(tx: &mut Tx, mark: &Mark) -> Result<(), Failure> {
    facts::set(tx, MARK, &json(mark)?).await
}

pub(super) async fn forget(tx: &mut Tx) -> Result<(), Failure> {
    facts::delete(tx, MARK).await
}

/// Whether the store is one to work with, and what to do if not.
pub(crate) async fn check_open(tx: &mut Tx) -> Result<()> {
    match find(tx).await? {
        None => Ok(()),
        Some(mark) => Err(Error::Conflict(mark.to_string())),
    }
}

/// What to do.
impl fmt::Display for Mark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved { to, .. } => {
                write!(out, "this directory was moved to {to} by portreeve migrate-store: use that one")
            }
            Self::Filling { .. } => out.write_str(
                "a directory is being brought here by portreeve migrate-store, which has not ended yet: end it with \
                 --finish",
            ),
            Self::Backup(About { taken, .. }) => write!(
                out,
                "this is a backup of {taken}, which is not served: bring it into an empty place with portreeve restore"
            ),
            Self::Restoring { taken } => write!(
                out,
                "the backup of {taken} is being restored here, which has not come to its end: run portreeve restore again"
            ),
        }
    }
}

pub(crate) async fn state(store: &Store) -> Result<State> {
    store
        .read((), |(), tx| {
            Box::pin(async move {
                let (mark, installation) = (find(tx).await?, facts::find(tx, IDENTITY).await?);
                let used = tx.first("SELECT COUNT(*) FROM facts", &[], |row| row.int(0)).await? != Some(0);
                Ok(State { mark, installation, used })
            })
        })
        .await
}

/// What tells this directory from all others; `otherwise` if it has nothing that does.
pub(crate) async fn identify(tx: &mut Tx, otherwise: &str) -> Result<String, Failure> {
    facts::insert(tx, IDENTITY, otherwise).await?;
    Ok(facts::find(tx, IDENTITY).await?.unwrap_or_default())
}

/// Lets nothing tell this directory from the others but what it is called by now.
pub(crate) async fn identify_anew(tx: &mut Tx, identity: &str) -> Result<(), Failure> {
    facts::set(tx, IDENTITY, identity).await
}

/// Marks a store as one that is being filled, and puts its tables away, unless they are already.
pub(crate) async fn begin_filling(store: &Store, mark: Mark) -> Result<()> {
    store
        .write(mark, |mark, tx| {
            Box::pin(async move {
                if find(tx).await?.is_none() {
                    rename(tx, names(), Door::Open, Door::Closed).await?;
                }
                Ok(set(tx, mark).await?)
            })
        })
        .await
}

/// Puts the tables of the store that was read away, and marks it as moved. The reader is alone and has yet to be committed.
pub(crate) async fn set_moved(reader: &mut Reader, mark: &Mark) -> Result<(), Failure> {
    rename(reader.tx(), names(), Door::Open, Door::Closed).await?;
    set(reader.tx(), mark).await
}

/// Makes a store that was filled the directory, in a transaction of the caller's.
pub(crate) async fn open(tx: &mut Tx) -> Result<(), Failure> {
    rename(tx, names(), Door::Closed, Door::Open).await?;
    forget(tx).await?;
    if tx.is_postgres() {
        tx.take_long().await?;
        // Else the first minutes' plans would be those for empty tables.
        tx.batch(&format!("ANALYZE {}", names().collect::<Vec<_>>().join(", "))).await?;
    }
    Ok(())
}

fn names() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|table| table.name)
}

/// Gives tables the names that they have behind the other door.
pub(super) async fn rename(
    tx: &mut Tx,
    tables: impl Iterator<Item = &'static str>,
    from: Door,
    to: Door,
) -> Result<(), Failure> {
    for table in tables.filter(|name| *name != TABLE) {
        tx.batch(&format!("ALTER TABLE {} RENAME TO {}", from.name(table), to.name(table))).await?;
    }
    Ok(())
}

/// Held while a shared store is being filled, so that two fillings do not mix. It goes with the process. A folder has a
/// lock of its own.
pub(crate) struct Alone(#[expect(dead_code, reason = "held, not read")] Tx);

pub(crate) async fn alone(store: &Store) -> Result<Option<Alone>> {
    let mut tx = store.connection().await?;
    if !tx.is_postgres() {
        return Ok(None);
    }
    // This kind of lock is in nobody's way but its own.
    let sql = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0;
        LOCK TABLE schema_version IN SHARE UPDATE EXCLUSIVE MODE NOWAIT";
    match tx.batch(sql).await {
        Err(Failure::Contention(_)) => Err(Error::Conflict("another portreeve is filling it".into())),
        locked => Ok(locked.map(|()| Some(Alone(tx)))?),
    }
}
