//! The statements of lists, put together from the fixed pieces of a resource's table; values are always bound.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    Row, Tx, Value, scope,
    table::{Field, Table, Values},
};
use crate::{
    error::{Failure, Result},
    privileges::Reach,
    time::Timestamp,
};

static BY_ID: Field = Field::of("id", "id", Values::Id);

/// What a list selects.
#[derive(Debug, Clone)]
pub(crate) struct Select {
    pub(crate) table: &'static Table,
    pub(crate) order: &'static Field,
    pub(crate) descending: bool,
    pub(crate) conditions: Vec<Condition>,
    /// What the caller may see.
    pub(crate) reach: Reach,
}

/// One condition on the rows.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    /// The folded text of a field, or of one of all if it is none, contains this.
    Contains(Option<&'static Field>, String),
    Is(&'static str, bool),
    Equals(&'static str, i64),
    HasId(Uuid),
    /// The object, of this kind, carries the tag.
    Tagged(&'static str, String),
    /// It is one of these.
    AnyOf(Vec<Uuid>),
    /// It is in reach of another privilege too.
    Within(Reach),
    /// A column holds just this text.
    Same(&'static str, String),
    /// What it says, in fixed words, of the row.
    Holds(&'static str),
    /// It belongs to the account.
    OfAccount(Uuid),
    /// The account is locked at this moment.
    LockedAt(Timestamp),
    /// The id, of a row whose ids are in the order of time, lies in this span, the end not included.
    Between(Uuid, Uuid),
}

/// Where a list goes on: behind this row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) key: Key,
    pub(crate) id: Uuid,
}

/// Which rows of a list: so many, behind a position or from the first, when so many have been passed over.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) behind: Option<Position>,
    pub(crate) skip: u64,
    pub(crate) limit: u64,
}

/// What a row is ordered by, before its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    Text(String),
    Bool(bool),
    Int(i64),
    Id,
}

/// A statement that grows.
pub(super) struct Statement<'a> {
    sql: String,
    values: Vec<Value<'a>>,
}

impl<'a> Statement<'a> {
    pub(super) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    pub(super) fn bind(&mut self, value: impl Into<Value<'a>>) {
        self.values.push(value.into());
        self.sql.push_str(&format!("${}", self.values.len()));
    }

    /// Values with commas between them.
    pub(super) fn bind_all(&mut self, values: impl IntoIterator<Item = impl Into<Value<'a>>>) {
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.bind(value);
        }
    }
}

/// A pattern that finds `text` anywhere.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

impl Select {
    /// One object, if it is in reach.
    pub(crate) fn one(table: &'static Table, id: Uuid, reach: Reach) -> Self {
        Self { table, order: &BY_ID, descending: false, conditions: vec![Condition::HasId(id)], reach }
    }

    /// All objects in reach.
    pub(crate) fn all(table: &'static Table, reach: Reach) -> Self {
        Self { table, order: &BY_ID, descending: false, conditions: Vec::new(), reach }
    }

    /// Reads what there is at most one of.
    pub(crate) async fn read<T>(
        &self,
        tx: &mut Tx,
        map: fn(&Row<'_>) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        let mut statement = Statement { sql: format!("SELECT {}", self.table.columns), values: Vec::new() };
        let patterns = self.patterns();
        self.push_from(&mut statement, Some(&patterns));
        tx.first(&statement.sql, &statement.values, map).await
    }

    /// Runs a statement in which the rows stand between two pieces. `values` are those of the first piece, in its order.
    pub(super) async fn execute<'a>(
        &'a self,
        tx: &mut Tx,
        before: &str,
        values: Vec<Value<'a>>,
        after: &str,
    ) -> Result<u64, Failure> {
        let patterns = self.patterns();
        let mut statement = Statement { sql: before.into(), values };
        self.push_from(&mut statement, Some(&patterns));
        statement.push(after);
        tx.execute(&statement.sql, &statement.values).await
    }

    /// How many rows there are, with the conditions or without.
    pub(crate) async fn count(&self, tx: &mut Tx, with_conditions: bool) -> Result<u64, Failure> {
        let patterns = self.patterns();
        let mut statement = Statement { sql: "SELECT COUNT(*)".into(), values: Vec::new() };
        self.push_from(&mut statement, with_conditions.then_some(&patterns));
        let count = tx.first(&statement.sql, &statement.values, |row| row.int(0)).await?;
        Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
    }

    /// The rows with these ids, in their order, whatever the conditions. What is gone is left out.
    pub(crate) async fn rows<T>(
        &self,
        tx: &mut Tx,
        ids: &[Uuid],
        map: fn(&Row<'_>) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let table = self.table.name;
        let mut statement =
            Statement { sql: format!("SELECT {} FROM {table} WHERE id IN (", self.table.columns), values: Vec::new() };
        // A few lengths only, so that there are a few statements only: the last id stands several times.
        statement.bind_all(ids.iter().chain(ids.last().into_iter().cycle()).take(ids.len().next_power_of_two()));
        statement.push(")");
        if let Some(kind) = self.table.kind {
            // To ask for the kind itself would lead SQLite to the index of names, and through all of them.
            statement.push(" AND kind || '' = ");
            statement.bind(kind);
        }
        let rows = tx.query(&statement.sql, &statement.values, |row| Ok((row.uuid(0)?, map(row)?))).await?;
        let mut rows: HashMap<Uuid, T> = rows.into_iter().collect();
        Ok(ids.iter().filter_map(|id| rows.remove(id)).collect())
    }

    /// The rows of a page, and the position behind them if there may be more.
    pub(crate) async fn page<T>(
        &self,
        tx: &mut Tx,
        page: &Page,
        map: fn(&Row<'_>) -> Result<T, Failure>,
    ) -> Result<(Vec<T>, Option<Position>), Failure> {
        let patterns = self.patterns();
        let statement = self.page_statement(page, &patterns);
        let key_column = self.table.columns.split(',').count();
        let rows =
            tx.query(&statement.sql, &statement.values, |row| Ok((map(row)?, position(row, key_column, self.order)?)));
        let mut rows = rows.await?;
        let more = rows.len() as u64 == page.limit && page.limit > 0;
        let last = rows.last_mut().map(|(_, position)| position.clone());
        Ok((rows.into_iter().map(|(row, _)| row).collect(), last.filter(|_| more)))
    }

    /// The statement of a page, without its values.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn page_text(&self, page: &Page) -> String {
        self.page_statement(page, &self.patterns()).sql
    }

    fn page_statement<'a>(
        &'a self,
        Page { behind, skip, limit }: &'a Page,
        patterns: &'a Vec<String>,
    ) -> Statement<'a> {
        let order = self.order.order.unwrap_or("id");
        let mut statement = Statement { sql: format!("SELECT {}, {order}", self.table.columns), values: Vec::new() };
        self.push_from(&mut statement, Some(patterns));
        if let Some(Position { key, id }) = behind {
            let compare = if self.descending { "<" } else { ">" };
            statement.push(&format!(" AND ({order}, id) {compare} ("));
            match key {
                Key::Text(text) => statement.bind(text),
                Key::Bool(bool) => statement.bind(*bool),
                Key::Int(int) => statement.bind(*int),
                Key::Id => statement.bind(id),
            }
            statement.push(", ");
            statement.bind(id);
            statement.push(")");
        }
        let direction = if self.descending { "DESC" } else { "ASC" };
        statement.push(&format!(" ORDER BY {order} {direction}, id {direction} LIMIT "));
        statement.bind(i64::try_from(*limit).unwrap_or(i64::MAX));
        statement.push(" OFFSET ");
        statement.bind(i64::try_from(*skip).unwrap_or(i64::MAX));
        statement
    }

    fn patterns(&self) -> Vec<String> {
        let text = |condition: &Condition| match condition {
            Condition::Contains(_, text) => pattern(text),
            _ => String::new(),
        };
        self.conditions.iter().map(text).collect()
    }

    fn push_from<'a>(&'a self, statement: &mut Statement<'a>, patterns: Option<&'a Vec<String>>) {
        let one = patterns.is_some() && self.conditions.iter().any(|of| matches!(of, Condition::HasId(_)));
        let scoped = !one && scope::push_source(statement, self.table, &self.reach);
        if !scoped {
            statement.push(&format!(" FROM {} WHERE ", self.table.from.unwrap_or(self.table.name)));
        }
        match self.table.kind {
            Some(kind) => {
                statement.push("kind = ");
                statement.bind(kind);
            }
            None => statement.push("1 = 1"),
        }
        if !scoped {
            scope::push(statement, self.table, &self.reach);
        }
        for (condition, pattern) in self.conditions.iter().zip(patterns.into_iter().flatten()) {
            statement.push(" AND ");
            match condition {
                Condition::Contains(field, _) => {
                    let expression = field.map_or(Some("search"), |field| field.order).unwrap_or_default();
                    statement.push(&format!("{expression} LIKE "));
                    statement.bind(pattern);
                    statement.push(r" ESCAPE '\'");
                }
                Condition::Is(column, bool) => {
                    statement.push(&format!("{column} = "));
                    statement.bind(*bool);
                }
                Condition::Equals(column, int) => {
                    statement.push(&format!("{column} = "));
                    statement.bind(*int);
                }
                Condition::HasId(id) => {
                    statement.push("id = ");
                    statement.bind(id);
                }
                Condition::Tagged(kind, tag) => {
                    statement.push("id IN (SELECT object_id FROM object_tags WHERE tag = ");
                    statement.bind(tag);
                    statement.push(" AND kind = ");
                    statement.bind(*kind);
                    statement.push(")");
                }
                Condition::AnyOf(ids) if ids.is_empty() => statement.push("1 = 0"),
                Condition::AnyOf(ids) => {
                    statement.push("id IN (");
                    statement.bind_all(ids);
                    statement.push(")");
                }
                Condition::Within(reach) => {
                    statement.push("1 = 1");
                    scope::push(statement, self.table, reach);
                }
                Condition::Same(column, text) => {
                    statement.push(&format!("{column} = "));
                    statement.bind(text);
                }
                Condition::OfAccount(id) => {
                    statement.push("account_id = ");
                    statement.bind(id);
                }
                Condition::Holds(words) => statement.push(words),
                Condition::LockedAt(now) => {
                    // As the gate has it. No lock begins before 1970: those few are found by an index.
                    statement.push("lock_start > 0 AND lock_start > ");
                    statement.bind(*now);
                    statement.push(" - 60000000 * (SELECT lockout_minutes FROM identity_providers WHERE kind = ");
                    statement.bind(self.table.tag_kind());
                    statement.push(")");
                }
                Condition::Between(from, until) => {
                    statement.push("id >= ");
                    statement.bind(from);
                    statement.push(" AND id < ");
                    statement.bind(until);
                }
            }
        }
    }
}

fn position(row: &Row<'_>, column: usize, order: &Field) -> Result<Position, Failure> {
    let key = match order.values {
        // Whatever it is called: times, too, may be in the order of the ids.
        _ if order.order == Some("id") => Key::Id,
        Values::Text | Values::Tags | Values::State => Key::Text(row.text(column)?),
        Values::Bool => Key::Bool(row.bool(column)?),
        Values::Int | Values::Time => Key::Int(row.int(column)?),
        Values::Id => Key::Id,
    };
    Ok(Position { key, id: row.uuid(0)? })
}
