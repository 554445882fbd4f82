//! Reading a store's tables in the order of their keys, in one state of the data and in pieces of bounded size.

use super::{Cell, Cells, Door, TABLES, Table, catalog::Kind, size};
use crate::{
    error::{Failure, Result},
    store::{Inner, Row, Store, Tx, Value},
};

/// About how many bytes of rows are read at a time.
const PIECE: usize = 4 << 20;
/// Rows that are read at a time, at first and at most.
const ROWS: (usize, usize) = (128, 4_096);
/// A pass may take long, and waits for the other store.
const NO_LIMITS: &str = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// One state of a store's data: what is read is what was committed when it was begun. Ends with all it did undone, unless
/// it is committed.
pub(crate) struct Reader {
    tx: Tx,
    door: Door,
}

impl Reader {
    /// Of a database that is read as it is, over a connection of its own.
    pub(super) fn of(tx: Tx, door: Door) -> Self {
        Self { tx, door }
    }

    /// A state to read; others go on writing. Closed tables, which nobody else writes, are read as they are on SQLite: a state
    /// that is kept keeps its log from being emptied.
    pub(crate) async fn begin(store: &Store, door: Door) -> Result<Self, Failure> {
        let tx = store.connection().await?;
        let mut reader = Self { tx, door };
        let sql = match reader.tx.inner {
            Inner::Sqlite(_) if door == Door::Closed => return Ok(reader),
            Inner::Sqlite(_) => "BEGIN".to_owned(),
            Inner::Postgres(_) => format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {NO_LIMITS}"),
        };
        reader.tx.batch(&sql).await?;
        Ok(reader)
    }

    /// The last state, which nobody else changes, nor reads on PostgreSQL, until this ends.
    pub(crate) async fn begin_alone(store: &Store) -> Result<Self, Failure> {
        let tx = store.connection().await?;
        let mut reader = Self { tx, door: Door::Open };
        let sql = match reader.tx.inner {
            Inner::Sqlite(_) => "BEGIN IMMEDIATE".to_owned(),
            Inner::Postgres(_) => {
                let all: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
                format!("BEGIN; {NO_LIMITS}; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", all.join(", "))
            }
        };
        reader.tx.batch(&sql).await?;
        Ok(reader)
    }

    /// How many rows a table has.
    pub(crate) async fn count(&mut self, table: &Table) -> Result<u64, Failure> {
        self.count_of(table.name, table.only.unwrap_or("TRUE")).await
    }

    /// How many Local Users and Service Users there are.
    pub(crate) async fn accounts(&mut self) -> Result<u64, Failure> {
        self.count_of("accounts", "kind <> 'decoy'").await
    }

    async fn count_of(&mut self, table: &str, condition: &str) -> Result<u64, Failure> {
        let sql = format!("SELECT COUNT(*) FROM {} WHERE {condition}", self.door.name(table));
        let count = self.tx.first(&sql, &[], |row| row.int(0)).await?;
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
    }

    /// What is done beside reading.
    pub(super) fn tx(&mut self) -> &mut Tx {
        &mut self.tx
    }

    /// Makes lasting what was done, and ends the state.
    pub(crate) async fn commit(mut self) -> Result<(), Failure> {
        self.tx.batch("COMMIT").await?;
        if let Inner::Postgres(connection) = &mut self.tx.inner {
            connection.end_transaction();
        }
        Ok(())
    }
}

/// The rows of a table, in the order of their keys.
pub(crate) struct Cursor<'a> {
    reader: &'a mut Reader,
    table: &'static Table,
    rows: std::collections::VecDeque<Cells>,
    /// The key of the row that was read last.
    last: Option<Cells>,
    at_once: usize,
    ended: bool,
    /// A column, and what it is taken to hold in every row.
    supposed: Option<(usize, i64)>,
}

impl<'a> Cursor<'a> {
    pub(crate) async fn open(reader: &'a mut Reader, table: &'static Table) -> Result<Cursor<'a>, Failure> {
        if let Inner::Postgres(_) = reader.tx.inner {
            // Sorted by bytes, which an index of the database's own collation may not be: at most once, and by the server.
            let order = table.columns[..table.key].iter().map(|(name, kind)| match kind {
                Kind::Text => format!("{name} COLLATE \"C\""),
                _ => (*name).to_owned(),
            });
            let (name, only) = (reader.door.name(table.name), table.only.unwrap_or("TRUE"));
            let sql = format!(
                "DECLARE rows_of_{name} NO SCROLL CURSOR FOR SELECT {} FROM {name} WHERE {only} ORDER BY {}",
                table.column_list(),
                order.collect::<Vec<_>>().join(", ")
            );
            reader.tx.batch(&sql).await?;
        }
        Ok(Self { reader, table, rows: [].into(), last: None, at_once: ROWS.0, ended: false, supposed: None })
    }

    /// Reads every row as if this column, which is none of the key, held this number; if there is one of that name.
    pub(crate) fn suppose(&mut self, column: &str, number: i64) {
        self.supposed = self.table.columns.iter().position(|(name, _)| *name == column).map(|at| (at, number));
    }

    /// The row that comes next, without taking it.
    pub(crate) async fn peek(&mut self) -> Result<Option<&Cells>, Failure> {
        if self.rows.is_empty() && !self.ended {
            let mut rows = self.piece().await?;
            self.ended = rows.len() < self.at_once;
            let bytes = rows.iter().map(size).sum::<usize>().max(1);
            // As many as fill a piece, if they are like these.
            self.at_once = (self.at_once * 2).min(rows.len() * PIECE / bytes).clamp(1, ROWS.1);
            self.last = rows.last().map(|row| row[..self.table.key].to_vec());
            if let Some((column, number)) = self.supposed {
                rows.iter_mut().for_each(|row| row[column] = Cell::Int(number));
            }
            self.rows = rows.into();
        }
        Ok(self.rows.front())
    }

    /// Takes the row that [`Cursor::peek`] has shown.
    pub(crate) fn take(&mut self) -> Option<Cells> {
        self.rows.pop_front()
    }

    async fn piece(&mut self) -> Result<Vec<Cells>, Failure> {
        let (table, name) = (self.table, self.reader.door.name(self.table.name));
        let read = |row: &Row<'_>| {
            let cell = |(column, (_, kind)): (usize, &(&str, Kind))| {
                Ok(match kind {
                    Kind::Int => Cell::Int(row.int(column)?),
                    Kind::Bool => Cell::Bool(row.bool(column)?),
                    Kind::Text => Cell::Text(row.text(column)?),
                    Kind::Bytes => Cell::Bytes(row.bytes(column)?),
                })
            };
            table.columns.iter().enumerate().map(cell).collect()
        };
        if let Inner::Postgres(_) = self.reader.tx.inner {
            let sql = format!("FETCH {} FROM rows_of_{name}", self.at_once);
            return self.reader.tx.query(&sql, &[], read).await;
        }
        let keys = table.key_columns().collect::<Vec<_>>().join(", ");
        let mut conditions: Vec<String> = table.only.map(str::to_owned).into_iter().collect();
        let mut values: Vec<Value<'_>> = Vec::new();
        if let Some(last) = &self.last {
            let numbers: Vec<String> = (1..=table.key).map(|number| format!("${number}")).collect();
            conditions.push(format!("({keys}) > ({})", numbers.join(", ")));
            values.extend(last.iter().map(Value::from));
        }
        let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let limit = self.at_once;
        let sql = format!("SELECT {} FROM {name}{filter} ORDER BY {keys} LIMIT {limit}", table.column_list());
        self.reader.tx.query(&sql, &values, read).await
    }

    /// Makes room for the next table.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        match self.reader.tx.inner {
            Inner::Sqlite(_) => Ok(()),
            Inner::Postgres(_) => {
                let sql = format!("CLOSE rows_of_{}", self.reader.door.name(self.table.name));
                self.reader.tx.batch(&sql).await
            }
        }
    }
}
