//! All that is stored, to see what a request has changed, whatever its answer said.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{Place, Server};

/// A row: each column as the database writes it.
pub type Row = BTreeMap<String, String>;
/// The rows of each table, in an order of their own.
#[derive(Debug, PartialEq)]
pub struct Snapshot(BTreeMap<String, Vec<Row>>);

impl Snapshot {
    pub async fn of(server: &Server) -> Self {
        let tables = match server.place() {
            Place::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
            Place::Postgres { .. } => {
                "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
            }
        };
        let mut all: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        let mut selects = Vec::new();
        for table in server.rows(tables).await.concat() {
            selects.push(select(server, &table).await);
            all.insert(table, Vec::new());
        }
        for mut row in server.rows(&selects.join(" UNION ALL ")).await {
            let columns: BTreeMap<String, Value> = serde_json::from_str(&row.remove(1)).unwrap();
            let columns = columns.into_iter().map(|(column, value)| (column, value.to_string())).collect();
            all.get_mut(&row[0]).unwrap().push(columns);
        }
        all.values_mut().for_each(|rows| rows.sort());
        assert!(all.len() > 10 && !all["accounts"].is_empty(), "{all:?}");
        Self(all)
    }

    /// The rows that are here and were not there before, by table.
    pub fn since(&self, before: &Self) -> BTreeMap<String, Vec<Row>> {
        let is_new = |table: &str, row: &Row| !before.0[table].contains(row);
        let of = |(table, rows): (&String, &Vec<Row>)| {
            let new: Vec<Row> = rows.iter().filter(|row| is_new(table, row)).cloned().collect();
            (!new.is_empty()).then(|| (table.clone(), new))
        };
        self.0.iter().filter_map(of).collect()
    }

    /// Fails unless nothing but these tables is different.
    #[track_caller]
    pub fn assert_same(&self, before: &Self, but: &[&str], what: &str) {
        for (table, rows) in self.0.iter().filter(|(table, _)| !but.contains(&table.as_str())) {
            let old = &before.0[table];
            let (gone, new) = (difference(old, rows), difference(rows, old));
            assert!(gone.is_empty() && new.is_empty(), "{what} has changed {table}:\nfrom {gone:#?}\nto {new:#?}");
        }
    }

    /// The rows that name one of these ids or texts and are not there any more.
    pub fn lost(&self, after: &Self, needles: &[String]) -> Vec<&Row> {
        // Ids are written in as many ways as there are databases.
        let plain = |text: &str| text.to_lowercase().replace('-', "");
        let needles: Vec<String> = needles.iter().map(|needle| plain(needle)).collect();
        let names_one =
            |row: &Row| row.values().any(|value| needles.iter().any(|needle| plain(value).contains(needle)));
        let lost = self.0.iter().flat_map(|(table, rows)| difference(rows, &after.0[table]));
        lost.filter(|row| names_one(row)).collect()
    }

    /// The names of all columns.
    pub fn columns(&self) -> impl Iterator<Item = &String> {
        self.0.values().flatten().flat_map(BTreeMap::keys)
    }
}

fn difference<'a>(one: &'a [Row], other: &[Row]) -> Vec<&'a Row> {
    one.iter().filter(|row| !other.contains(row)).collect()
}

/// Each row as a JSON object.
async fn select(server: &Server, table: &str) -> String {
    match server.place() {
        Place::Postgres { .. } => format!("SELECT '{table}', row_to_json(t)::text FROM {table} t"),
        Place::Sqlite(_) => {
            let columns = server.rows(&format!("SELECT name FROM pragma_table_info('{table}')")).await.concat();
            let pairs: Vec<String> = columns.iter().map(|name| format!("'{name}', quote(\"{name}\")")).collect();
            format!("SELECT '{table}', json_object({}) FROM {table}", pairs.join(", "))
        }
    }
}
