//! Which objects carry which tags, for scopes and filters, and the tags themselves: the statements. The objects' own rows
//! keep their tags in the order given.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Tx;
use crate::{
    entity::{fold, search_text},
    error::{Failure, Result},
};

/// Notes the tags of an object that has none noted. `kind` is that of its list table, or the table's name.
pub(crate) async fn insert(tx: &mut Tx, kind: &str, object: &Uuid, tags: &[String]) -> Result<(), Failure> {
    for tag in tags {
        let sql = "INSERT INTO object_tags (kind, object_id, tag) VALUES ($1, $2, $3)";
        tx.execute(sql, &[kind.into(), object.into(), tag.into()]).await?;
        appear(tx, tag).await?;
    }
    Ok(())
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
