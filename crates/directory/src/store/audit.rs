//! The audit log's statements.

use uuid::Uuid;

use super::{Failure, Tx};
use crate::audit::Record;

pub(crate) async fn insert(tx: &mut Tx, id: &Uuid, record: &Record<'_>) -> Result<(), Failure> {
    let at = tx.now();
    let sql = "INSERT INTO audit_log (id, at, actor, act, object_kind, object_id, object_name, outcome, reason, source,
         request_id, changes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let source = record.origin.source.map(|address| address.to_string()).unwrap_or_default();
    let object_id = record.object_id.map(|id| id.to_string()).unwrap_or_default();
    let values = [
        id.into(),
        at.into(),
        record.actor.into(),
        record.act.into(),
        record.object_kind.into(),
        (&object_id).into(),
        record.object_name.into(),
        record.outcome.into(),
        record.reason.into(),
        (&source).into(),
        record.origin.request_id.as_str().into(),
        record.changes.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}
