//! The audit log's statements.

use uuid::Uuid;

use super::Tx;
use crate::{
    error::{Failure, Result},
    origin::Origin,
};

/// What there is to say of an act.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    /// The name of the account that acted.
    pub(crate) actor: &'a str,
    pub(crate) act: &'a str,
    pub(crate) object_kind: &'a str,
    pub(crate) object_id: Option<Uuid>,
    pub(crate) object_name: &'a str,
    pub(crate) outcome: &'a str,
    /// Why it was refused.
    pub(crate) reason: &'a str,
    pub(crate) origin: &'a Origin,
    /// JSON: each changed field with what it was `before` and `after`.
    pub(crate) changes: &'a str,
}

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
