//! The catalogue against the tables that there are.

use std::collections::BTreeSet;

use super::{TABLES, catalog::Kind};
use crate::{
    metrics::Metrics,
    store::{Location, Store, Tx, Use},
    time::Clock,
};

/// A column as the database has it: its table, its name, its type, and whether it may be null.
type Column = (String, String, String, bool);

async fn store() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let location = match std::env::var("TEST_DATABASE_URL") {
        Ok(url) => Location::Postgres { url, connections: 4 },
        Err(_) => Location::Folder(folder.path().to_owned()),
    };
    let store = Store::open(&location, Use::Requests, Clock::system(), Metrics::default()).await.expect("opens");
    (store, folder)
}

async fn rows(store: &Store, sqlite: &'static str, postgres: &'static str, columns: usize) -> Vec<Vec<String>> {
    let sql = if store.is_shared() { postgres } else { sqlite };
    store
        .read((), move |(), tx: &mut Tx| {
            Box::pin(async move { Ok(tx.query(sql, &[], |row| (0..columns).map(|at| row.text(at)).collect()).await?) })
        })
        .await
        .expect("reads")
}

const OWN: [&str; 2] = ["schema_version", "account_changes"];

#[tokio::test]
async fn every_column_of_every_table_is_carried() {
    let (store, _folder) = store().await;
    let found = rows(
        &store,
        "SELECT t.name, c.name, lower(c.type), CAST(c.\"notnull\" AS TEXT) FROM sqlite_master t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
        "SELECT table_name::text, column_name::text, data_type::text, CASE is_nullable WHEN 'NO' THEN '1' ELSE '0' END
         FROM information_schema.columns WHERE table_schema = current_schema()",
        4,
    )
    .await;
    let found: BTreeSet<Column> = found
        .into_iter()
        .filter(|row| !OWN.contains(&&*row[0]))
        .map(|row| (row[0].clone(), row[1].clone(), row[2].clone(), row[3] == "0"))
        .collect();
    let kind = |kind: Kind| match kind {
        Kind::Int => "bigint",
        Kind::Bool => "boolean",
        Kind::Text => "text",
        Kind::Bytes => "bytea",
    };
    let known = TABLES.iter().flat_map(|table| {
        table
            .columns
            .iter()
            .map(move |(name, of)| (table.name.to_owned(), (*name).to_owned(), kind(*of).to_owned(), false))
    });
    assert_eq!(found, known.collect());
}

/// What is unique in each table, the primary key included, as lists of columns.
async fn unique(store: &Store) -> BTreeSet<(String, String)> {
    let found = rows(
        store,
        "SELECT t.name, (SELECT group_concat(c.name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) c)
         FROM sqlite_master t, pragma_index_list(t.name) i WHERE t.type = 'table' AND i.\"unique\" = 1
         UNION SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND c.pk = 1 AND (SELECT COUNT(*) FROM pragma_table_info(t.name) WHERE pk > 0) = 1",
        "SELECT t.relname::text, (SELECT string_agg(a.attname, ',' ORDER BY k.at) FROM unnest(i.indkey) WITH ORDINALITY k (number, at)
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number)
         FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
         WHERE i.indisunique AND t.relnamespace = current_schema()::regnamespace",
        2,
    )
    .await;
    found.into_iter().filter(|row| !OWN.contains(&&*row[0])).map(|row| (row[0].clone(), row[1].clone())).collect()
}

#[tokio::test]
async fn keys_are_what_is_unique() {
    let (store, _folder) = store().await;
    let known = TABLES.iter().flat_map(|table| {
        let key = table.key_columns().collect::<Vec<_>>().join(",");
        let others = table.unique.iter().map(|columns| columns.join(","));
        others.chain([key]).map(|columns| (table.name.to_owned(), columns))
    });
    assert_eq!(unique(&store).await, known.collect());
}

#[tokio::test]
async fn no_table_comes_before_one_that_it_refers_to() {
    let (store, _folder) = store().await;
    let found = rows(
        &store,
        "SELECT t.name, f.\"table\" FROM sqlite_master t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'",
        "SELECT c.conrelid::regclass::text, c.confrelid::regclass::text FROM pg_constraint c
         WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace",
        2,
    )
    .await;
    assert!(found.len() >= 3, "{found:?}");
    let at = |name: &str| TABLES.iter().position(|table| table.name == name);
    for pair in found {
        assert!(at(&pair[1]) < at(&pair[0]), "{pair:?}");
    }
}
