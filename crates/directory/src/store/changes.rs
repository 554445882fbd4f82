//! What lists show of accounts, and which of them have changed in it: what a node that keeps a roll of them in memory reads.
//!
//! Triggers note the changes, so that none is forgotten, whoever makes it. A change has a number. On SQLite, whose writes come
//! one after the other, numbers grow with the commits. On PostgreSQL it is the number of the transaction; as transactions end
//! in another order than they begin in, a node reads again from the oldest that was still open when it last read.

use uuid::Uuid;

use super::{Row, Tx, facts};
use crate::{
    error::{Failure, Result},
    kind::AccountKind,
};

/// Columns of numbers by which accounts can be ordered, as they stand in `Shown::numbers`.
pub(crate) const NUMBERS: [&str; 5] = ["created", "updated", "failed_attempts", "lock_start", "disabled"];
/// Yes and no, as numbers.
const DISABLED: &str = "CAST(CASE WHEN disabled THEN 1 ELSE 0 END AS BIGINT)";
/// With more changes than this it is quicker to read everything.
const MOST: usize = 20_000;
/// Rows read together.
const PIECE: usize = 512;
/// The fact that says before which number changes have been forgotten.
const FORGOTTEN: &str = "account changes forgotten";

/// What lists find an account by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: Uuid,
    pub(crate) search: String,
    pub(crate) numbers: [i64; NUMBERS.len()],
}

/// What has changed.
pub(crate) enum Changes {
    /// These, as they are now, and those that are no more; and from where on to read the next time.
    Read { shown: Vec<Shown>, gone: Vec<Uuid>, next: i64 },
    /// Too many, or it is too long ago.
    Lost,
}

fn from_row(row: &Row<'_>) -> Result<Shown, Failure> {
    let disabled = i64::from(row.bool(6)?);
    let numbers = [row.int(2)?, row.int(3)?, row.int(4)?, row.int(5)?, disabled];
    Ok(Shown { id: row.uuid(0)?, search: row.text(1)?, numbers })
}

/// SQL for the number from which on changes are not seen yet.
fn horizon(tx: &Tx) -> &'static str {
    if tx.is_postgres() {
        "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    } else {
        "COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'account_changes'), 0) + 1"
    }
}

/// From where on whoever reads all accounts after this has to read changes.
pub(crate) async fn next(tx: &mut Tx) -> Result<i64, Failure> {
    let sql = format!("SELECT {}", horizon(tx));
    tx.first(&sql, &[], |row| row.int(0)).await?.ok_or_else(|| Failure::Broken("no number of changes".into()))
}

/// What has changed from a number on, of the accounts of a kind. In one statement, so that it is what was true at one moment.
pub(crate) async fn since(tx: &mut Tx, kind: AccountKind, from: i64) -> Result<Changes, Failure> {
    let sql = format!(
        "SELECT CAST(0 AS BIGINT), at, account_id
           FROM (SELECT at, account_id FROM account_changes WHERE at >= $1 LIMIT $2) AS changes
         UNION ALL SELECT CAST(1 AS BIGINT), {}, NULL
         UNION ALL SELECT CAST(2 AS BIGINT), CAST(value AS BIGINT), NULL FROM facts WHERE name = $3",
        horizon(tx)
    );
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let values = [from.into(), most.into(), FORGOTTEN.into()];
    let (mut ids, mut next, mut forgotten) = (Vec::new(), None, 0);
    for (what, number, id) in tx
        .query(&sql, &values, |row| {
            let what = row.int(0)?;
            Ok((what, row.int(1)?, if what == 0 { Some(row.uuid(2)?) } else { None }))
        })
        .await?
    {
        match what {
            0 => ids.extend(id),
            1 => next = Some(number),
            _ => forgotten = number,
        }
    }
    let next = next.ok_or_else(|| Failure::Broken("no number of changes".into()))?;
    if from < forgotten || ids.len() >= MOST {
        return Ok(Changes::Lost);
    }
    ids.sort_unstable();
    ids.dedup();
    let shown = of(tx, kind, &ids).await?;
    let mut gone = ids;
    gone.retain(|id| shown.binary_search_by(|shown| shown.id.cmp(id)).is_err());
    Ok(Changes::Read { shown, gone, next })
}

/// These accounts, if they are of the kind, in the order of their ids.
async fn of(tx: &mut Tx, kind: AccountKind, ids: &[Uuid]) -> Result<Vec<Shown>, Failure> {
    let mut all = Vec::with_capacity(ids.len());
    for piece in ids.chunks(PIECE) {
        // A few lengths only, so that there are a few statements only: the last id stands several times. To ask for the kind
        // itself would lead SQLite to the index of names, and through all of them.
        let length = piece.len().next_power_of_two();
        let places: Vec<String> = (2..length + 2).map(|number| format!("${number}")).collect();
        let sql = format!(
            "SELECT id, search, created, updated, failed_attempts, lock_start, disabled FROM accounts
             WHERE kind || '' = $1 AND id IN ({}) ORDER BY id",
            places.join(", ")
        );
        let mut values = vec![kind.as_str().into()];
        values.extend(piece.iter().chain(piece.last().into_iter().cycle()).take(length).map(super::Value::from));
        all.extend(tx.query(&sql, &values, from_row).await?);
    }
    Ok(all)
}

/// Some accounts, in the order of their ids, those behind this one; and which of them are of the kind. To say in SQL which
/// are would lead the databases to the index of names, and to sorting all for every piece.
pub(crate) async fn behind(tx: &mut Tx, kind: AccountKind, id: &Uuid) -> Result<(Vec<Shown>, Option<Uuid>), Failure> {
    let sql = "SELECT id, search, created, updated, failed_attempts, lock_start, disabled, kind FROM accounts
         WHERE id > $1 ORDER BY id LIMIT 4096";
    let rows = tx.query(sql, &[id.into()], |row| Ok((from_row(row)?, row.text(7)? == kind.as_str()))).await?;
    let last = rows.last().map(|(shown, _)| shown.id);
    Ok((rows.into_iter().filter(|(_, ours)| *ours).map(|(shown, _)| shown).collect(), last))
}

/// As `behind`, a column of numbers alone.
pub(crate) async fn numbers_behind(
    tx: &mut Tx,
    kind: AccountKind,
    number: usize,
    id: &Uuid,
) -> Result<(Vec<(Uuid, i64)>, Option<Uuid>), Failure> {
    let column = if NUMBERS[number] == "disabled" { DISABLED } else { NUMBERS[number] };
    let sql = format!("SELECT id, {column}, kind FROM accounts WHERE id > $1 ORDER BY id LIMIT 4096");
    let row = |row: &Row<'_>| Ok(((row.uuid(0)?, row.int(1)?), row.text(2)? == kind.as_str()));
    let rows = tx.query(&sql, &[id.into()], row).await?;
    let last = rows.last().map(|((id, _), _)| *id);
    Ok((rows.into_iter().filter(|(_, ours)| *ours).map(|(number, _)| number).collect(), last))
}

/// Forgets changes that are older than this number.
pub(crate) async fn forget(tx: &mut Tx, before: i64) -> Result<(), Failure> {
    facts::set(tx, FORGOTTEN, &before.to_string()).await?;
    tx.execute("DELETE FROM account_changes WHERE at < $1", &[before.into()]).await.map(drop)
}
