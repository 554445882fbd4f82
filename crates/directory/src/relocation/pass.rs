//! One pass: two stores side by side, row by row.

use std::cmp::Ordering;

use crate::{
    error::Result,
    store::{
        Store,
        relocation::{Changes, Cursor, Door, Reader, TABLES, Table, write},
    },
};

/// Rows, and about how many bytes of them, that one transaction writes at most.
pub(crate) const BATCH: (usize, usize) = (4_096, 4 << 20);
/// How many rows are gone through between two words to whoever watches.
pub(crate) const STRIDE: u64 = 256;

/// What a pass did with one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// Which.
    pub table: &'static str,
    /// Rows that the source has.
    pub rows: u64,
    /// Rows that only the source had.
    pub inserted: u64,
    /// Rows that differed.
    pub changed: u64,
    /// Rows that only the target had.
    pub deleted: u64,
}

impl Carried {
    /// How many rows were not as they are in the source.
    pub fn differed(&self) -> u64 {
        self.inserted + self.changed + self.deleted
    }
}

/// What is carried otherwise than it is in the source.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Otherwise {
    /// Tables that are left out.
    pub(crate) without: &'static [&'static str],
    /// What every object's `version` is to be.
    pub(crate) version: Option<i64>,
}

/// Makes the target, whose tables are put away, like the state of the source that is read.
pub(crate) async fn run(
    source: &mut Reader,
    target: &Store,
    otherwise: Otherwise,
    watch: &mut (dyn FnMut(u64) + Send),
) -> Result<Vec<Carried>> {
    let (mut carried, mut before) = (Vec::new(), 0);
    for table in TABLES.iter().filter(|table| !otherwise.without.contains(&table.name)) {
        // Anew for each table: with an account that was deleted, its sessions went too.
        let mut beside = Reader::begin(target, Door::Closed).await?;
        let mut cursors = [Cursor::open(source, table).await?, Cursor::open(&mut beside, table).await?];
        if let Some(version) = otherwise.version {
            cursors[0].suppose("version", version);
        }
        let one = merge(table, cursors, target, &mut |rows| watch(before + rows)).await?;
        before += one.rows;
        carried.push(one);
    }
    Ok(carried)
}

async fn merge(
    table: &'static Table,
    [mut source, mut target]: [Cursor<'_>; 2],
    store: &Store,
    watch: &mut (dyn FnMut(u64) + Send),
) -> Result<Carried> {
    let mut done = Carried { table: table.name, rows: 0, inserted: 0, changed: 0, deleted: 0 };
    let mut changes = Changes::default();
    loop {
        let (ours, theirs) = (source.peek().await?, target.peek().await?);
        let order = match (ours, theirs) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(ours), Some(theirs)) => ours[..table.key].cmp(&theirs[..table.key]),
        };
        let same = ours == theirs;
        // Whichever comes first has no counterpart.
        let ours = if order.is_le() { source.take() } else { None };
        let theirs = if order.is_ge() { target.take() } else { None };
        match (ours, theirs) {
            (Some(row), None) => {
                done.inserted += 1;
                changes.put(row);
            }
            (Some(row), Some(_)) if !same => {
                done.changed += 1;
                changes.put(row);
            }
            (None, Some(row)) => {
                done.deleted += 1;
                changes.delete(row, table);
            }
            _ => {}
        }
        done.rows += u64::from(order.is_le());
        if done.rows.is_multiple_of(STRIDE) {
            watch(done.rows);
        }
        let (rows, bytes) = changes.size();
        if rows >= BATCH.0 || bytes >= BATCH.1 {
            write(store, table, std::mem::take(&mut changes)).await?;
        }
    }
    if changes.size().0 > 0 {
        write(store, table, changes).await?;
    }
    watch(done.rows);
    source.close().await?;
    target.close().await?;
    Ok(done)
}
