//! Giving whoever carries a tag another one, or none, in its place: the statements. They take what they change page by page,
//! as a tag may be carried by any number of objects.

use uuid::Uuid;

use super::{Tx, Value, accounts, json};
use crate::{error::Failure, kind::AccountKind, store::accounts::Account};

/// Objects changed together.
const PAGE: i64 = 100;

/// The ids of some objects of a kind that carry a tag, in their order, from this one on.
pub(crate) async fn carriers(tx: &mut Tx, tag: &str, kind: &str, first: &Uuid) -> Result<Vec<Uuid>, Failure> {
    let sql = "SELECT object_id FROM object_tags WHERE tag = $1 AND kind = $2 AND object_id >= $3
         ORDER BY object_id LIMIT $4";
    tx.query(sql, &[tag.into(), kind.into(), first.into(), PAGE.into()], |row| row.uuid(0)).await
}

/// Notes for the carriers of a tag with ids from one to another, both included, that they carry another one, or none.
pub(crate) async fn replace_noted(
    tx: &mut Tx,
    (from, to): (&str, Option<&str>),
    kind: &str,
    (first, last): (&Uuid, &Uuid),
) -> Result<(), Failure> {
    if let Some(to) = to {
        let sql = "INSERT INTO object_tags (kind, object_id, tag) SELECT kind, object_id, $1 FROM object_tags
             WHERE tag = $2 AND kind = $3 AND object_id >= $4 AND object_id <= $5 ON CONFLICT DO NOTHING";
        tx.execute(sql, &[to.into(), from.into(), kind.into(), first.into(), last.into()]).await?;
    }
    let sql = "DELETE FROM object_tags WHERE tag = $1 AND kind = $2 AND object_id >= $3 AND object_id <= $4";
    tx.execute(sql, &[from.into(), kind.into(), first.into(), last.into()]).await.map(drop)
}

/// `$first, $first+1, …`
fn placeholders(first: usize, count: usize) -> String {
    let each: Vec<String> = (first..first + count).map(|number| format!("${number}")).collect();
    each.join(", ")
}

/// Raises the versions of accounts, which holds them until the transaction ends, and gives them.
pub(crate) async fn hold_accounts(tx: &mut Tx, kind: AccountKind, ids: &[Uuid]) -> Result<Vec<Account>, Failure> {
    let sql = format!(
        "UPDATE accounts SET version = version + 1 WHERE kind = $1 AND id IN ({}) RETURNING {}",
        placeholders(2, ids.len()),
        accounts::COLUMNS
    );
    let mut values: Vec<Value<'_>> = vec![kind.as_str().into()];
    values.extend(ids.iter().map(Value::from));
    tx.query(&sql, &values, accounts::from_row).await
}

/// Writes the tags of accounts that are held, in one statement: their rows are held, and their logins wait, until all is done.
pub(crate) async fn set_tags(tx: &mut Tx, held: &[Account]) -> Result<(), Failure> {
    if held.is_empty() {
        return Ok(());
    }
    let mut texts = Vec::new();
    for account in held {
        texts.push((json(&account.profile.tags)?, account.profile.search()));
    }
    let mut values: Vec<Value<'_>> = Vec::new();
    let (mut tags, mut searches) = (String::new(), String::new());
    for (account, (text, _)) in held.iter().zip(&texts) {
        values.extend([Value::from(&account.id), text.into()]);
        tags.push_str(&format!(" WHEN ${} THEN ${}", values.len() - 1, values.len()));
    }
    for (index, (_, search)) in texts.iter().enumerate() {
        values.push(search.into());
        searches.push_str(&format!(" WHEN ${} THEN ${}", 2 * index + 1, values.len()));
    }
    let now = tx.now();
    values.push(now.into());
    let updated = values.len();
    let ids: Vec<String> = (0..held.len()).map(|index| format!("${}", 2 * index + 1)).collect();
    let sql = format!(
        "UPDATE accounts SET tags = CASE id{tags} END, search = CASE id{searches} END, updated = ${updated},
           profile_version = profile_version + 1 WHERE id IN ({})",
        ids.join(", ")
    );
    tx.execute(&sql, &values).await.map(drop)
}
