//! Sessions and their tokens: the statements.

use std::time::Duration;

use uuid::Uuid;

use super::{Row, Tx, json, list::Select};
use crate::{
    error::{Failure, Result},
    kind::AccountKind,
    time::Timestamp,
};

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be exchanged for a working token.
    Authentication,
    /// To work with.
    Work,
    /// To work with in a browser, from which it cannot be taken to be used elsewhere.
    Console,
}

impl Purpose {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Work => "work",
            Self::Console => "console",
        }
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, Failure> {
        match text {
            "authentication" => Ok(Self::Authentication),
            "work" => Ok(Self::Work),
            "console" => Ok(Self::Console),
            other => Err(Failure::Broken(format!("a token for {other}"))),
        }
    }
}

/// A session, with the account that it belongs to as it is now.
#[derive(Debug, Clone)]
pub struct Session {
    /// Identifies it.
    pub id: Uuid,
    /// The account's id.
    pub account_id: Uuid,
    pub(crate) credential_version: i64,
    pub(crate) device_id: Uuid,
    /// When the account logged in.
    pub opened: Timestamp,
    /// When every token of the session ends.
    pub expires: Timestamp,
    /// What the token that was shown is good for.
    pub purpose: Purpose,
    /// The account's kind.
    pub kind: AccountKind,
    /// The account's name.
    pub name: String,
    pub(crate) name_key: String,
}

/// The policies that a session falls under, and what that was found from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) policies: Vec<Uuid>,
    /// The version of the configuration.
    pub(crate) configuration: i64,
    /// The version of the account's profile.
    pub(crate) profile: i64,
}

/// A session that is good, and what is known of what it may do.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) session: Session,
    /// What was found when somebody last looked.
    pub(crate) standing: Standing,
    /// The version of the configuration now.
    pub(crate) configuration: i64,
    /// The version of the account's profile now.
    pub(crate) profile: i64,
    pub(crate) idle: Idle,
}

/// How long a session may go unused, and since when it does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Idle {
    /// Zero if that is no concern.
    pub(crate) limit: Duration,
    pub(crate) last_used: Timestamp,
}

/// Notes a session. `idle_limit` is how long it may go unused; zero for as long as it lasts.
pub(crate) async fn insert(
    tx: &mut Tx,
    session: &Session,
    source: &str,
    idle_limit: Duration,
    standing: &Standing,
) -> Result<(), Failure> {
    let sql = "INSERT INTO sessions (id, account_id, credential_version, device_id, source, created, expires, policies,
           configuration, profile, idle_limit, last_used) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $6)";
    let policies = json(&standing.policies)?;
    let values = [
        (&session.id).into(),
        (&session.account_id).into(),
        session.credential_version.into(),
        (&session.device_id).into(),
        source.into(),
        session.opened.into(),
        session.expires.into(),
        (&policies).into(),
        standing.configuration.into(),
        standing.profile.into(),
        i64::try_from(idle_limit.as_micros()).unwrap_or(i64::MAX).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

pub(crate) async fn insert_token(
    tx: &mut Tx,
    digest: &[u8; 32],
    session: &Uuid,
    purpose: Purpose,
) -> Result<(), Failure> {
    let sql = "INSERT INTO tokens (digest, session_id, purpose) VALUES ($1, $2, $3)";
    tx.execute(sql, &[digest.into(), session.into(), purpose.as_str().into()]).await.map(drop)
}

fn from_row(row: &Row<'_>) -> Result<Found, Failure> {
    let session = Session {
        id: row.uuid(0)?,
        account_id: row.uuid(1)?,
        credential_version: row.int(2)?,
        device_id: row.uuid(3)?,
        expires: row.time(4)?,
        opened: row.time(14)?,
        purpose: Purpose::from_text(&row.text(5)?)?,
        kind: AccountKind::from_text(&row.text(6)?)?,
        name: row.text(7)?,
        name_key: row.text(8)?,
    };
    let standing = Standing { policies: row.json(9)?, configuration: row.int(10)?, profile: row.int(11)? };
    let limit = Duration::from_micros(u64::try_from(row.int(15)?).unwrap_or(0));
    let idle = Idle { limit, last_used: row.time(16)? };
    Ok(Found { session, standing, profile: row.int(12)?, configuration: row.int(13)?, idle })
}

/// The session of a token, with its account as it is now: nothing if any of it has ended.
pub(crate) async fn find(tx: &mut Tx, digest: &[u8; 32]) -> Result<Option<Found>, Failure> {
    let now = tx.now();
    let sql =
        "SELECT s.id, s.account_id, s.credential_version, s.device_id, s.expires, t.purpose, a.kind, a.name, a.name_key,
           s.policies, s.configuration, s.profile, a.profile_version, c.version, s.created,
           s.idle_limit, s.last_used
         FROM tokens t JOIN sessions s ON s.id = t.session_id JOIN accounts a ON a.id = s.account_id
           JOIN configuration c ON c.id = 1
         WHERE t.digest = $1 AND s.expires > $2 AND (s.idle_limit = 0 OR s.last_used + s.idle_limit > $2)
           AND a.disabled = FALSE
           AND a.credential_version = s.credential_version
           AND NOT EXISTS (SELECT 1 FROM blacklist b WHERE b.kind = a.kind AND b.name_key = a.name_key)";
    tx.first(sql, &[digest.into(), now.into()], from_row).await
}

/// From where a session was opened. Nothing if it has ended.
pub(crate) async fn source(tx: &mut Tx, session: &Uuid) -> Result<Option<String>, Failure> {
    tx.first("SELECT source FROM sessions WHERE id = $1", &[session.into()], |row| row.text(0)).await
}

/// Notes that a session is being used.
pub(crate) async fn use_now(tx: &mut Tx, session: &Uuid) -> Result<(), Failure> {
    let now = tx.now();
    tx.execute("UPDATE sessions SET last_used = $1 WHERE id = $2", &[now.into(), session.into()]).await.map(drop)
}

/// A session as its owner and administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Identifies it.
    pub id: Uuid,
    /// The device that it was opened from.
    pub device_id: Uuid,
    /// The address that it was opened from.
    pub source: String,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it ends at the latest.
    pub expires: Timestamp,
    /// Whether it is one of a browser.
    pub in_console: bool,
}

/// Sessions that may be asked for at once.
const MOST_SHOWN: i64 = 200;

/// The sessions of an account that are good at this moment, the newest first, but no more than can be shown.
pub(crate) async fn live(tx: &mut Tx, account: &Uuid) -> Result<Vec<Live>, Failure> {
    let now = tx.now();
    let sql = "SELECT s.id, s.device_id, s.source, s.created, s.expires, s.idle_limit
         FROM sessions s JOIN accounts a ON a.id = s.account_id
         WHERE s.account_id = $1 AND a.credential_version = s.credential_version AND s.expires > $2
           AND (s.idle_limit = 0 OR s.last_used + s.idle_limit > $2)
         ORDER BY s.created DESC, s.id DESC LIMIT $3";
    tx.query(sql, &[account.into(), now.into(), MOST_SHOWN.into()], |row| {
        Ok(Live {
            id: row.uuid(0)?,
            device_id: row.uuid(1)?,
            source: row.text(2)?,
            opened: row.time(3)?,
            expires: row.time(4)?,
            in_console: row.int(5)? > 0,
        })
    })
    .await
}

/// Notes what a session was found to fall under.
pub(crate) async fn set_standing(tx: &mut Tx, session: &Uuid, standing: &Standing) -> Result<(), Failure> {
    let sql = "UPDATE sessions SET policies = $1, configuration = $2, profile = $3 WHERE id = $4";
    let policies = json(&standing.policies)?;
    let values = [(&policies).into(), standing.configuration.into(), standing.profile.into(), session.into()];
    tx.execute(sql, &values).await.map(drop)
}

/// Ends one session. False if it had ended already.
pub(crate) async fn delete(tx: &mut Tx, session: &Uuid) -> Result<bool, Failure> {
    Ok(tx.execute("DELETE FROM sessions WHERE id = $1", &[session.into()]).await? == 1)
}

/// Ends one session of an account. False if there is none of that id.
pub(crate) async fn delete_own(tx: &mut Tx, account: &Uuid, session: &Uuid) -> Result<bool, Failure> {
    let sql = "DELETE FROM sessions WHERE account_id = $1 AND id = $2";
    Ok(tx.execute(sql, &[account.into(), session.into()]).await? == 1)
}

/// Ends every session of an account and says how many there were.
pub(crate) async fn delete_of_account(tx: &mut Tx, account: &Uuid) -> Result<u64, Failure> {
    tx.execute("DELETE FROM sessions WHERE account_id = $1", &[account.into()]).await
}

/// Ends every session of an account from a device and says how many there were.
pub(crate) async fn delete_of_device(tx: &mut Tx, account: &Uuid, device: &Uuid) -> Result<u64, Failure> {
    let sql = "DELETE FROM sessions WHERE account_id = $1 AND device_id = $2";
    tx.execute(sql, &[account.into(), device.into()]).await
}

/// Ends every session from the devices that are selected and says how many there were.
pub(crate) async fn delete_of_devices(tx: &mut Tx, devices: &Select) -> Result<u64, Failure> {
    let begin = "DELETE FROM sessions WHERE (account_id, device_id) IN (SELECT account_id, device_id";
    devices.execute(tx, begin, Vec::new(), ")").await
}

/// When the sessions from devices are to end, one device after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Those of the first.
    pub(crate) first: Timestamp,
    /// Nanoseconds from one to the next.
    pub(crate) gap: i64,
}

/// Lets every session from the devices that are selected end when it is their turn, the device that was seen last first,
/// and says of how many sessions that is sooner.
pub(crate) async fn end_in_turn(tx: &mut Tx, devices: &Select, pace: Pace) -> Result<u64, Failure> {
    // Turns that come after all sessions have ended are one, so that no number grows too large.
    let begin = "UPDATE sessions SET expires = turns.moment FROM (SELECT account_id, device_id,
           $1 + CASE WHEN place > $2 THEN $2 ELSE place END * $3 / 1000 AS moment
         FROM (SELECT account_id, device_id, ROW_NUMBER() OVER (ORDER BY last_seen DESC, id DESC) - 1 AS place";
    let end = ") AS placed) AS turns WHERE sessions.account_id = turns.account_id
         AND sessions.device_id = turns.device_id AND sessions.expires > turns.moment";
    let gap = pace.gap.clamp(0, i64::MAX / 4);
    let last = i64::MAX / 4 / gap.max(1);
    devices.execute(tx, begin, vec![pace.first.into(), last.into(), gap.into()], end).await
}

/// Removes some of the sessions whose time is up and says how many.
pub(crate) async fn delete_expired(tx: &mut Tx, limit: i64) -> Result<u64, Failure> {
    let now = tx.now();
    let sql =
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires <= $1 ORDER BY expires LIMIT $2)";
    tx.execute(sql, &[now.into(), limit.into()]).await
}
