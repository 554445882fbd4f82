//! What a PostgreSQL does without, although a directory relies on it.

use crate::{
    error::Failure,
    store::{Row, Tx},
};

/// Settings that are to be on, and what it comes to if one is off.
const RELIED_ON: [(&str, &str); 4] = [
    (
        "data_checksums",
        "keeps no checksums of its pages (data_checksums is off): what its disk has changed is taken for true; \
         switch them on with pg_checksums --enable while it is stopped",
    ),
    (
        "fsync",
        "does not wait for its disk (fsync is off): when its machine stops, what was answered can be lost, and all else too; \
         set fsync to on",
    ),
    (
        "full_page_writes",
        "has no copies of the pages that it is writing (full_page_writes is off): when its machine stops, they can stay half \
         written; set full_page_writes to on, unless its file system writes pages whole",
    ),
    (
        "synchronous_commit",
        "does not wait for its own log (synchronous_commit is off): when it stops, what was just answered is lost, such as a new \
         password or the end of a session; set synchronous_commit to on",
    ),
];

/// What operators should know, a sentence for each setting.
pub(in crate::store) async fn warnings(tx: &mut Tx) -> Result<Vec<String>, Failure> {
    let name = |row: &Row<'_>| row.text(0);
    let off = tx.query("SELECT name FROM pg_settings WHERE setting = 'off' ORDER BY name", &[], name).await?;
    let missed = RELIED_ON.iter().filter(|(setting, _)| off.iter().any(|name| name == setting));
    Ok(missed.map(|(_, comes_to)| format!("PostgreSQL {comes_to}")).collect())
}
