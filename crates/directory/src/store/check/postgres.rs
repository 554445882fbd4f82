//! A look at every row of the tables on PostgreSQL, by way of each index too. Where PostgreSQL keeps checksums of its pages, it
//! verifies them when they are read for this.

use super::{Progress, Report};
use crate::{
    error::Failure,
    store::{Tx, postgres::settings::warnings, relocation::TABLES},
};

/// The tables that are not carried from store to store.
const OTHERS: [&str; 2] = ["schema_version", "account_changes"];
/// What PostgreSQL is to take as long as it needs for.
const PATIENCE: &str = "SET statement_timeout = 0; SET enable_bitmapscan = off";

/// An index: its name, what it orders by, and its condition.
struct Index {
    name: String,
    columns: String,
    only: String,
}

pub(super) async fn check(tx: &mut Tx, report: &mut Report, progress: &mut Progress<'_>) -> Result<(), Failure> {
    tx.batch(PATIENCE).await?;
    report.notes.extend(warnings(tx).await?);
    let tables: Vec<&str> = TABLES.iter().map(|table| table.name).chain(OTHERS).collect();
    let mut rows = 0;
    for (number, table) in (1..).zip(&tables) {
        progress("tables", number, Some(tables.len() as u64));
        match look_at_table(tx, table, report).await {
            Ok(count) => rows += count,
            Err(failure) => report.faults.push(told(table, failure)?),
        }
    }
    progress("what refers to what", 0, None);
    match orphans(tx).await {
        Ok(orphans) => report.faults.extend(orphans),
        Err(failure) => report.faults.push(told("what refers to what", failure)?),
    }
    report.looked_at.extend([
        format!("{rows} rows of {} tables", tables.len()),
        "their indexes".into(),
        "what refers to what".into(),
    ]);
    Ok(())
}

/// What PostgreSQL said when something could not be read; or that it could not be asked.
fn told(what: &str, failure: Failure) -> Result<String, Failure> {
    match failure {
        Failure::Unavailable(_) => Err(failure),
        Failure::Damaged(said) | Failure::Broken(said) => Ok(format!("{what}: {said}")),
        other => Ok(format!("{what}: {other}")),
    }
}

async fn look_at_table(tx: &mut Tx, table: &str, report: &mut Report) -> Result<i64, Failure> {
    let mut rows = 0;
    for index in indexes(tx, table).await? {
        let Index { name, columns, only } = index;
        // At one moment each: others may be writing.
        let by_table = format!("SELECT COUNT(t::text) FROM {table} t {only}");
        let by_index = format!(
            "SELECT COUNT(*) FROM (SELECT {columns} FROM {table} t {only} ORDER BY {columns} OFFSET 0) all_rows"
        );
        tx.batch("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        let counted = async {
            tx.batch("SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off").await?;
            let there = count(tx, &by_table).await?;
            tx.batch(
                "SET LOCAL enable_indexscan = on; SET LOCAL enable_indexonlyscan = on; SET LOCAL enable_seqscan = off;
                 SET LOCAL enable_sort = off; SET LOCAL max_parallel_workers_per_gather = 0",
            )
            .await?;
            Ok::<_, Failure>((there, count(tx, &by_index).await?))
        }
        .await;
        tx.batch("ROLLBACK").await?;
        let (there, found) = counted?;
        if there != found {
            report.faults.push(format!("{table}: the index {name} finds {found} of {there} rows"));
        }
        rows = rows.max(there);
    }
    Ok(rows)
}

async fn count(tx: &mut Tx, sql: &str) -> Result<i64, Failure> {
    Ok(tx.first(sql, &[], |row| row.int(0)).await?.unwrap_or(0))
}

async fn indexes(tx: &mut Tx, table: &str) -> Result<Vec<Index>, Failure> {
    let sql = "SELECT c.relname::text,
            (SELECT string_agg(pg_get_indexdef(i.indexrelid, k, TRUE), ', ' ORDER BY k)
             FROM generate_series(1, i.indnkeyatts) k),
            COALESCE('WHERE ' || pg_get_expr(i.indpred, i.indrelid), '')
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = to_regclass($1) AND i.indisvalid ORDER BY i.indisprimary DESC, c.relname";
    tx.query(sql, &[table.into()], |row| Ok(Index { name: row.text(0)?, columns: row.text(1)?, only: row.text(2)? }))
        .await
}

/// Rows that refer to others that are not there.
async fn orphans(tx: &mut Tx) -> Result<Vec<String>, Failure> {
    let sql = "SELECT c.conrelid::regclass::text, a.attname::text, c.confrelid::regclass::text, b.attname::text
        FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
        WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace";
    let all = tx.query(sql, &[], |row| Ok([row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?])).await?;
    let mut orphans = Vec::new();
    for [table, column, parent, key] in all {
        let sql = format!(
            "SELECT COUNT(*) FROM {table} WHERE NOT EXISTS (SELECT 1 FROM {parent} WHERE {parent}.{key} = {table}.{column})"
        );
        let found = count(tx, &sql).await?;
        if found > 0 {
            orphans.push(format!("rows of {table} that refer to {parent} that is not there: {found}"));
        }
    }
    Ok(orphans)
}
