//! Which objects carry which tags, for scopes and filters, and the tags themselves: the statements. The objects' own rows
//! keep their tags in the order given.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Row, Tx, Value, many::Many};
use crate::{
    entity::{fold, search_text},
    error::{Failure, Result},
    time::Timestamp,
};

/// Notes the tags of an object that has none noted. `kind` is that of its list table, or the table's name.
pub(crate) async fn insert(tx: &mut Tx, kind: &str, object: &Uuid, tags: &[String]) -> Result<(), Failure> {
    for tag in tags {
        if !insert_known(tx, kind, object, tag).await? {
            appear(tx, tag).await?;
            if !insert_known(tx, kind, object, tag).await? {
                return Err(comes_and_goes(tag));
            }
        }
    }
    Ok(())
}

/// Notes a tag that is known. It stays known under this name until the transaction ends: whoever renames or deletes it
/// either finds this object too or has been waited for, and then the tag is not known any more.
async fn insert_known(tx: &mut Tx, kind: &str, object: &Uuid, tag: &str) -> Result<bool, Failure> {
    let sql =
        tx.keeping("INSERT INTO object_tags (kind, object_id, tag) SELECT $1, $2, name FROM tags WHERE name = $3");
    Ok(tx.execute(&sql, &[kind.into(), object.into(), tag.into()]).await? == 1)
}

static KNOWN: Many = Many::values("SELECT name FROM tags WHERE name IN (", ")");
static CARRIED: Many = Many::rows("INSERT INTO object_tags (kind, object_id, tag) VALUES ", 3, "");

/// Notes the tags of many objects of a kind that have none noted, as `insert` does.
pub(crate) async fn insert_all(tx: &mut Tx, kind: &str, objects: &[(&Uuid, &[String])]) -> Result<(), Failure> {
    if let [(object, tags)] = objects {
        // A statement a tag is fewer than two and one more for those that are new.
        return insert(tx, kind, object, tags).await;
    }
    let pairs = objects.iter().flat_map(|(object, tags)| tags.iter().map(|tag| (*object, tag.as_str())));
    let pairs: Vec<(&Uuid, &str)> = pairs.collect();
    // In their order, so that no two who keep the same ones wait for each other.
    let mut unknown: BTreeSet<&str> = pairs.iter().map(|(_, tag)| *tag).collect();
    keep(tx, &mut unknown).await?;
    if !unknown.is_empty() {
        for tag in &unknown {
            appear(tx, tag).await?;
        }
        keep(tx, &mut unknown).await?;
    }
    if let Some(tag) = unknown.first() {
        return Err(comes_and_goes(tag));
    }
    for (sql, piece) in CARRIED.pieces(&pairs) {
        let values = piece.iter().flat_map(|(object, tag)| [kind.into(), (*object).into(), (*tag).into()]);
        tx.execute(sql, &values.collect::<Vec<Value<'_>>>()).await?;
    }
    Ok(())
}

/// Takes out the tags that are known. They stay known under these names until the transaction ends, as in `insert_known`.
async fn keep(tx: &mut Tx, unknown: &mut BTreeSet<&str>) -> Result<(), Failure> {
    for (sql, piece) in KNOWN.pieces(&unknown.iter().copied().collect::<Vec<_>>()) {
        let values: Vec<Value<'_>> = piece.iter().map(|tag| (*tag).into()).collect();
        for known in tx.query(&tx.keeping(sql), &values, |row| row.text(0)).await? {
            unknown.remove(known.as_str());
        }
    }
    Ok(())
}

/// It appeared elsewhere at the same time and was gone again.
fn comes_and_goes(tag: &str) -> Failure {
    Failure::Contention(format!("the tag {tag} comes and goes"))
}

/// Forgets all tags of an object.
pub(crate) async fn delete(tx: &mut Tx, kind: &str, object: &Uuid) -> Result<(), Failure> {
    let sql = "DELETE FROM object_tags WHERE object_id = $1 AND kind = $2";
    tx.execute(sql, &[object.into(), kind.into()]).await.map(drop)
}

/// Notes an object's new tags in place of its old ones.
pub(crate) async fn replace(
    tx: &mut Tx,
    kind: &str,
    object: &Uuid,
    before: &[String],
    after: &[String],
) -> Result<(), Failure> {
    if before == after {
        return Ok(());
    }
    delete(tx, kind, object).await?;
    insert(tx, kind, object, after).await
}

/// Makes a tag that somebody carries known, if it is not.
async fn appear(tx: &mut Tx, name: &str) -> Result<(), Failure> {
    let now = tx.now();
    // The id and the colour come from the name, so that this costs no more than the statement; the time keeps apart a
    // tag from one of the same name that was renamed.
    let mut digest = Sha256::new();
    digest.update(name);
    digest.update(now.micros().to_be_bytes());
    let digest: [u8; 32] = digest.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let (id, color) = (uuid::Builder::from_custom_bytes(bytes).into_uuid(), color_of(name));
    let sql = "INSERT INTO tags (id, name, name_key, notes, color_code, search, created, updated, version)
         VALUES ($1, $2, $3, '', $4, $5, $6, $6, $6) ON CONFLICT DO NOTHING";
    let (name_key, search) = (fold(name), search_text(&[name, ""], &[]));
    let values = [(&id).into(), name.into(), (&name_key).into(), color.into(), (&search).into(), now.into()];
    tx.execute(sql, &values).await.map(drop)
}

/// Makes every tag that somebody carries known.
pub(crate) async fn appear_all(tx: &mut Tx) -> Result<(), Failure> {
    for name in tx.query("SELECT DISTINCT tag FROM object_tags", &[], |row| row.text(0)).await? {
        appear(tx, &name).await?;
    }
    Ok(())
}

/// How many colours there are; they are counted from 1.
pub(crate) const COLORS: i64 = 20;

/// The colour of a tag that nobody chose one for.
pub(crate) fn color_of(name: &str) -> i64 {
    let digest: [u8; 32] = Sha256::digest(name).into();
    1 + i64::from(digest[0]) % COLORS
}

/// A tag as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TagRow {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) notes: String,
    pub(crate) color_code: i64,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) version: i64,
}

/// What lists read: what `from_row` does, and how many objects carry the tag.
pub(crate) const COLUMNS: &str = "id, name, notes, color_code, created, updated, version, \
     (SELECT COUNT(*) FROM object_tags WHERE tag = tags.name)";

pub(crate) fn from_row(row: &Row<'_>) -> Result<TagRow, Failure> {
    Ok(TagRow {
        id: row.uuid(0)?,
        name: row.text(1)?,
        notes: row.text(2)?,
        color_code: row.int(3)?,
        created: row.time(4)?,
        updated: row.time(5)?,
        version: row.int(6)?,
    })
}

fn search(tag: &TagRow) -> String {
    search_text(&[&tag.name, &tag.notes], &[])
}

/// Adds a tag that somebody describes before anything carries it. False if the id or the name is taken.
pub(crate) async fn insert_tag(tx: &mut Tx, tag: &TagRow) -> Result<bool, Failure> {
    let sql = "INSERT INTO tags (id, name, name_key, notes, color_code, search, created, updated, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    let (name_key, search) = (fold(&tag.name), search(tag));
    let values = [
        (&tag.id).into(),
        (&tag.name).into(),
        (&name_key).into(),
        (&tag.notes).into(),
        tag.color_code.into(),
        (&search).into(),
        tag.created.into(),
        tag.updated.into(),
        tag.version.into(),
    ];
    Ok(tx.execute(sql, &values).await? == 1)
}

pub(crate) async fn find_tag(tx: &mut Tx, id: &Uuid) -> Result<Option<TagRow>, Failure> {
    let sql = "SELECT id, name, notes, color_code, created, updated, version FROM tags WHERE id = $1";
    tx.first(sql, &[id.into()], from_row).await
}

/// Raises the version, which holds the row until the transaction ends, and gives the tag.
pub(crate) async fn hold_tag(tx: &mut Tx, id: &Uuid) -> Result<Option<TagRow>, Failure> {
    let sql = "UPDATE tags SET version = version + 1 WHERE id = $1
         RETURNING id, name, notes, color_code, created, updated, version";
    tx.first(sql, &[id.into()], from_row).await
}

/// Writes what can change. The version was raised when the tag was held. Whoever carries it is not touched.
pub(crate) async fn update_tag(tx: &mut Tx, tag: &TagRow) -> Result<(), Failure> {
    let sql = "UPDATE tags SET name = $1, name_key = $2, notes = $3, color_code = $4, search = $5, updated = $6
         WHERE id = $7";
    let (name_key, search) = (fold(&tag.name), search(tag));
    let values = [
        (&tag.name).into(),
        (&name_key).into(),
        (&tag.notes).into(),
        tag.color_code.into(),
        (&search).into(),
        tag.updated.into(),
        (&tag.id).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

/// Forgets a tag. Whoever carries it is not touched.
pub(crate) async fn delete_tag(tx: &mut Tx, id: &Uuid) -> Result<(), Failure> {
    tx.execute("DELETE FROM tags WHERE id = $1", &[id.into()]).await.map(drop)
}

/// How many objects of which kind carry a tag.
pub(crate) async fn carriers_by_kind(tx: &mut Tx, tag: &str) -> Result<Vec<(String, i64)>, Failure> {
    let sql = "SELECT kind, COUNT(*) FROM object_tags WHERE tag = $1 GROUP BY kind ORDER BY kind";
    tx.query(sql, &[tag.into()], |row| Ok((row.text(0)?, row.int(1)?))).await
}
