//! Writing rows that come from another store, many in one statement.

use std::sync::Arc;

use super::{Cells, Door, Table, size};
use crate::{
    error::{Error, Failure, Result},
    store::{Store, Tx, Value},
};

/// Values that one statement takes at most; SQLite's own limit is 32,766.
const VALUES: usize = 16_384;
/// Rows that one statement writes at most.
const ROWS: usize = 512;
/// Rows that one statement deletes at most: each is a condition of its own.
const DELETED_ROWS: usize = 64;

/// What is to become of some rows of a table.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// New rows, and rows that are to be as they are here.
    pub(crate) put: Vec<Cells>,
    /// Keys of rows that are to go.
    pub(crate) delete: Vec<Cells>,
    bytes: usize,
}

impl Changes {
    pub(crate) fn put(&mut self, row: Cells) {
        self.bytes += size(&row);
        self.put.push(row);
    }

    pub(crate) fn delete(&mut self, mut row: Cells, table: &Table) {
        row.truncate(table.key);
        self.bytes += size(&row);
        self.delete.push(row);
    }

    /// How many rows, and about how many bytes of them.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.put.len() + self.delete.len(), self.bytes)
    }
}

/// Makes it so, in one transaction.
pub(crate) async fn write(store: &Store, table: &'static Table, changes: Changes) -> Result<()> {
    let changes = Arc::new(changes);
    let run = |evict: bool| {
        store.write(changes.clone(), move |changes, tx| {
            Box::pin(async move { Ok(apply(tx, table, changes, evict).await?) })
        })
    };
    match run(false).await {
        // Another row still has what has become one of these rows'. It comes later in the order of keys, or it would have
        // been made as it is to be already: so it is either among these, or written anew when its turn comes.
        Err(Error::Store(Failure::Clash(_))) if !table.unique.is_empty() => run(true).await,
        other => other,
    }
}

/// Makes it so, in a transaction of the caller's; with `evict`, others give way that have what is unique.
pub(super) async fn apply(tx: &mut Tx, table: &Table, changes: &Changes, evict: bool) -> Result<(), Failure> {
    let name = Door::Closed.name(table.name);
    for keys in changes.delete.chunks(DELETED_ROWS) {
        let sql = format!("DELETE FROM {name} WHERE {}", any_of(table, keys.len()));
        tx.execute(&sql, &values(keys)).await?;
    }
    if evict {
        for row in &changes.put {
            evict_others(tx, table, &name, row).await?;
        }
    }
    let most = ROWS.min(VALUES / table.columns.len());
    let mut rest = &changes.put[..];
    while !rest.is_empty() {
        // Few lengths, so that few statements have to be prepared.
        let length = if rest.len() >= most { most } else { 1 << rest.len().ilog2() };
        let (rows, behind) = rest.split_at(length);
        tx.execute(&put(table, &name, length), &values(rows)).await?;
        rest = behind;
    }
    Ok(())
}

fn values(rows: &[Cells]) -> Vec<Value<'_>> {
    rows.iter().flatten().map(Value::from).collect()
}

/// `(a = $1 AND b = $2) OR (a = $3 AND b = $4)`.
fn any_of(table: &Table, rows: usize) -> String {
    let keys: Vec<&str> = table.key_columns().collect();
    let one = |row: usize| {
        let equal = |(index, key): (usize, &&str)| format!("{key} = ${}", row * table.key + index + 1);
        format!("({})", keys.iter().enumerate().map(equal).collect::<Vec<_>>().join(" AND "))
    };
    (0..rows).map(one).collect::<Vec<_>>().join(" OR ")
}

fn put(table: &Table, name: &str, rows: usize) -> String {
    let columns = table.columns.len();
    let one = |row: usize| {
        let numbers: Vec<String> = (1..=columns).map(|number| format!("${}", row * columns + number)).collect();
        format!("({})", numbers.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(one).collect();
    let keys = table.key_columns().collect::<Vec<_>>().join(", ");
    let changed: Vec<String> =
        table.columns[table.key..].iter().map(|(column, _)| format!("{column} = excluded.{column}")).collect();
    let otherwise =
        if changed.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", changed.join(", ")) };
    let (list, rows) = (table.column_list(), rows.join(", "));
    format!("INSERT INTO {name} ({list}) VALUES {rows} ON CONFLICT ({keys}) DO {otherwise}")
}

async fn evict_others(tx: &mut Tx, table: &Table, name: &str, row: &Cells) -> Result<(), Failure> {
    for columns in table.unique {
        let positions: Vec<usize> = columns.iter().map(|column| table.position(column)).collect();
        let same = columns.iter().enumerate().map(|(index, column)| format!("{column} = ${}", index + 1));
        let keys = table.key_columns().enumerate();
        let own = keys.map(|(index, key)| format!("{key} = ${}", columns.len() + index + 1));
        let (same, own): (Vec<String>, Vec<String>) = (same.collect(), own.collect());
        let sql = format!("DELETE FROM {name} WHERE {} AND NOT ({})", same.join(" AND "), own.join(" AND "));
        let values: Vec<Value<'_>> =
            positions.into_iter().chain(0..table.key).map(|at| Value::from(&row[at])).collect();
        tx.execute(&sql, &values).await?;
    }
    Ok(())
}
