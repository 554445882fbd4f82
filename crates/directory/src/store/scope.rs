//! The one place where what a caller may reach becomes SQL. Lists, counts, single reads and the checks of writes all use it.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{
    Tx,
    list::{Select, Statement},
    table::{Scoped, Table},
};
use crate::{error::Failure, kind::AccountKind, privileges::Reach};

/// More than this many ids and tags do not fit into a statement of either database.
const MOST_VALUES: usize = 20_000;

/// Begins a query for rows by finding first those that are in reach, and goes on where a condition is to follow. Without
/// that, SQLite would go through all rows in the order wanted, and ask of each. False, and nothing, where that is no use.
pub(super) fn push_source<'a>(statement: &mut Statement<'a>, table: &'static Table, reach: &'a Reach) -> bool {
    match reach {
        Reach::Only { ids, tags } if table.scoped == Scoped::ByObject && !(ids.is_empty() && tags.is_empty()) => {
            statement.push(" FROM (");
            push_ids(statement, reach, table.tag_kind(), table.name);
            // SQLite takes the tables of a cross join in the order in which they stand.
            statement.push(&format!(") AS reached CROSS JOIN {0} WHERE {0}.id = reached.reached_id AND ", table.name));
            true
        }
        _ => false,
    }
}

/// Adds the condition that a row is in reach.
pub(super) fn push<'a>(statement: &mut Statement<'a>, table: &'static Table, reach: &'a Reach) {
    match (reach, table.scoped) {
        (Reach::Everything, _) => {}
        (Reach::Only { .. }, Scoped::Not) => statement.push(" AND 1 = 0"),
        (Reach::Only { ids, tags }, _) if ids.is_empty() && tags.is_empty() => statement.push(" AND 1 = 0"),
        (Reach::Only { ids, tags }, Scoped::ByObject) => push_of_row(statement, table, ids, tags),
        (Reach::Only { .. }, Scoped::ByProvider) => {
            statement.push(" AND kind IN (SELECT kind FROM identity_providers WHERE id IN (");
            push_ids(statement, reach, "identity_providers", "identity_providers");
            statement.push("))");
        }
    }
}

/// The condition on one row that was found otherwise: what else is in reach is not looked at.
fn push_of_row<'a>(
    statement: &mut Statement<'a>,
    table: &'static Table,
    ids: &'a BTreeSet<Uuid>,
    tags: &'a BTreeSet<String>,
) {
    statement.push(" AND (1 = 0");
    if !ids.is_empty() {
        statement.push(&format!(" OR {}.id IN (", table.name));
        statement.bind_all(ids);
        statement.push(")");
    }
    if !tags.is_empty() {
        // Counted, and not asked whether there is one: PostgreSQL would join that, and look at all who carry the tags.
        statement
            .push(&format!(" OR (SELECT COUNT(*) FROM object_tags WHERE object_id = {}.id AND kind = ", table.name));
        statement.bind(table.tag_kind());
        statement.push(" AND tag IN (");
        statement.bind_all(tags);
        statement.push(")) > 0");
    }
    statement.push(")");
}

/// A query for the ids of the objects that are named by the scope or carry one of its tags, each once.
fn push_ids<'a>(statement: &mut Statement<'a>, reach: &'a Reach, tag_kind: &'static str, table: &str) {
    let Reach::Only { ids, tags } = reach else { return };
    if !tags.is_empty() {
        statement.push("SELECT DISTINCT object_id AS reached_id FROM object_tags WHERE kind = ");
        statement.bind(tag_kind);
        statement.push(" AND tag IN (");
        statement.bind_all(tags);
        statement.push(")");
    }
    if !ids.is_empty() {
        if !tags.is_empty() {
            statement.push(" UNION ");
        }
        statement.push(&format!("SELECT DISTINCT id AS reached_id FROM {table} WHERE id IN ("));
        statement.bind_all(ids);
        statement.push(")");
    }
}

/// Whether such a reach can be asked for. One that cannot must be refused: a part of it would be another scope.
pub(crate) fn fits(reach: &Reach) -> bool {
    match reach {
        Reach::Everything => true,
        Reach::Only { ids, tags } => ids.len() + tags.len() <= MOST_VALUES,
    }
}

/// A provider, as what belongs to it sees it.
const fn provider(kind: AccountKind) -> Table {
    let table = Table::entities("identity_providers", Some(kind.as_str()), "id");
    Table { scoped: Scoped::ByProvider, ..table }
}

static LOCAL: Table = provider(AccountKind::Local);
static SERVICE: Table = provider(AccountKind::Service);

/// Whether what belongs to a provider is in reach: the same question as about a row of it, where there is none yet.
pub(crate) async fn includes_provider(tx: &mut Tx, kind: AccountKind, reach: &Reach) -> Result<bool, Failure> {
    if *reach == Reach::Everything {
        return Ok(true);
    }
    let table = match kind {
        AccountKind::Local => &LOCAL,
        AccountKind::Service => &SERVICE,
    };
    Ok(Select::all(table, reach.clone()).count(tx, false).await? > 0)
}

/// Whether an object, as it is in this transaction, is in reach.
pub(crate) async fn includes(tx: &mut Tx, table: &'static Table, id: &Uuid, reach: &Reach) -> Result<bool, Failure> {
    if *reach == Reach::Everything {
        return Ok(true);
    }
    Ok(Select::one(table, *id, reach.clone()).count(tx, true).await? > 0)
}
