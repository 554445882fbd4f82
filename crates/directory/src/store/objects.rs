//! Administrative roles, policies, scripts and address pools: the statements.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Row, Tx, json};
use crate::{
    entity::{fold, search_text},
    error::{Failure, Result},
    kind::ObjectKind,
    time::Timestamp,
};

/// What went wrong when an object's script last ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScriptError {
    /// When that was first seen since the script was last changed.
    pub at: Timestamp,
    /// What went wrong.
    #[schemars(example = &"it ran longer than 50 ms")]
    pub message: String,
}

/// An object as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) id: Uuid,
    pub(crate) kind: ObjectKind,
    pub(crate) name: String,
    pub(crate) notes: String,
    pub(crate) tags: Vec<String>,
    /// What its kind has besides.
    pub(crate) body: serde_json::Map<String, serde_json::Value>,
    pub(crate) fault: Option<ScriptError>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) version: i64,
}

/// What `from_row` reads, in its order.
pub(crate) const COLUMNS: &str = "id, kind, name, notes, tags, body, fault, created, updated, version";

pub(crate) fn from_row(row: &Row<'_>) -> Result<Object, Failure> {
    let fault = row.text(6)?;
    Ok(Object {
        id: row.uuid(0)?,
        kind: ObjectKind::from_text(&row.text(1)?)?,
        name: row.text(2)?,
        notes: row.text(3)?,
        tags: row.json(4)?,
        body: row.json(5)?,
        fault: if fault.is_empty() { None } else { Some(row.json(6)?) },
        created: row.time(7)?,
        updated: row.time(8)?,
        version: row.int(9)?,
    })
}

fn search(object: &Object) -> String {
    let tags = object.tags.iter().map(String::as_str).collect();
    let expression = object.body.get("expression").and_then(|text| text.as_str()).unwrap_or_default();
    search_text(&[&object.name, &object.notes, &expression.replace(char::is_control, " ")], &[tags])
}

/// False if the id or the name is taken.
pub(crate) async fn insert(tx: &mut Tx, object: &Object) -> Result<bool, Failure> {
    let sql =
        "INSERT INTO objects (id, kind, name, name_key, notes, tags, body, fault, search, created, updated, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    let (name_key, search) = (fold(&object.name), search(object));
    let (tags, body) = (json(&object.tags)?, json(&object.body)?);
    let values = [
        (&object.id).into(),
        object.kind.as_str().into(),
        (&object.name).into(),
        (&name_key).into(),
        (&object.notes).into(),
        (&tags).into(),
        (&body).into(),
        (&search).into(),
        object.created.into(),
        object.updated.into(),
        object.version.into(),
    ];
    Ok(tx.execute(sql, &values).await? == 1)
}

/// Raises the version, which holds the row until the transaction ends, and gives the object.
pub(crate) async fn hold(tx: &mut Tx, kind: ObjectKind, id: &Uuid) -> Result<Option<Object>, Failure> {
    let sql = "UPDATE objects SET version = version + 1 WHERE kind = $1 AND id = $2
         RETURNING id, kind, name, notes, tags, body, fault, created, updated, version";
    tx.first(sql, &[kind.as_str().into(), id.into()], from_row).await
}

/// Writes what can change, and forgets what went wrong before. The version was raised when the object was held.
pub(crate) async fn update(tx: &mut Tx, object: &Object) -> Result<(), Failure> {
    let sql = "UPDATE objects SET name = $1, name_key = $2, notes = $3, tags = $4, body = $5, fault = '', search = $6,
           updated = $7 WHERE kind = $8 AND id = $9";
    let (name_key, search) = (fold(&object.name), search(object));
    let (tags, body) = (json(&object.tags)?, json(&object.body)?);
    let values = [
        (&object.name).into(),
        (&name_key).into(),
        (&object.notes).into(),
        (&tags).into(),
        (&body).into(),
        (&search).into(),
        object.updated.into(),
        object.kind.as_str().into(),
        (&object.id).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Notes what went wrong. False if that very thing was noted before, or the object is another one by now.
pub(crate) async fn set_fault(tx: &mut Tx, object: &Object, fault: &ScriptError) -> Result<bool, Failure> {
    let sql = "UPDATE objects SET fault = $1, version = version + 1
         WHERE kind = $2 AND id = $3 AND updated = $4 AND fault = ''";
    let text = json(fault)?;
    let values = [(&text).into(), object.kind.as_str().into(), (&object.id).into(), object.updated.into()];
    Ok(tx.execute(sql, &values).await? == 1)
}

pub(crate) async fn delete(tx: &mut Tx, kind: ObjectKind, id: &Uuid) -> Result<(), Failure> {
    tx.execute("DELETE FROM objects WHERE kind = $1 AND id = $2", &[kind.as_str().into(), id.into()]).await.map(drop)
}

/// Whether there is such an object.
pub(crate) async fn exists(tx: &mut Tx, kind: ObjectKind, id: &Uuid) -> Result<bool, Failure> {
    let sql = "SELECT version FROM objects WHERE kind = $1 AND id = $2";
    Ok(tx.first(sql, &[kind.as_str().into(), id.into()], |row| row.int(0)).await?.is_some())
}

/// All objects of the kind, by name.
pub(crate) async fn all(tx: &mut Tx, kind: ObjectKind) -> Result<Vec<Object>, Failure> {
    let sql = "SELECT id, kind, name, notes, tags, body, fault, created, updated, version FROM objects
         WHERE kind = $1 ORDER BY name_key";
    tx.query(sql, &[kind.as_str().into()], from_row).await
}

/// The objects of the kind that name an id.
pub(crate) async fn naming(tx: &mut Tx, kind: ObjectKind, id: &str) -> Result<Vec<Object>, Failure> {
    let sql = "SELECT id, kind, name, notes, tags, body, fault, created, updated, version FROM objects
         WHERE kind = $1 AND body LIKE $2 ORDER BY name_key";
    tx.query(sql, &[kind.as_str().into(), (&format!("%{id}%")).into()], from_row).await
}
