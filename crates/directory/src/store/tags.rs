//! Which objects carry which tags, for filters: the statements. The objects' own rows keep the tags in their order.

use uuid::Uuid;

use super::Tx;
use crate::error::{Failure, Result};

/// Notes the tags of an object that has none noted. `kind` is that of its list table, or the table's name.
pub(crate) async fn insert(tx: &mut Tx, kind: &str, object: &Uuid, tags: &[String]) -> Result<(), Failure> {
    for tag in tags {
        let sql = "INSERT INTO object_tags (kind, object_id, tag) VALUES ($1, $2, $3)";
        tx.execute(sql, &[kind.into(), object.into(), tag.into()]).await?;
    }
    Ok(())
}

/// Forgets all tags of an object.
pub(crate) async fn delete(tx: &mut Tx, kind: &str, object: &Uuid) -> Result<(), Failure> {
    let sql = "DELETE FROM object_tags WHERE object_id = $1 AND kind = $2";
    tx.execute(sql, &[object.into(), kind.into()]).await.map(drop)
}
