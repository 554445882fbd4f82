//! The audit log's statements.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Map;
use uuid::Uuid;

use super::{Row, Tx, Value, many::Many};
use crate::{
    entity::search_text,
    error::{Failure, Result},
    origin::Origin,
    time::Timestamp,
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

impl Record<'_> {
    /// The columns `object_id`, `source` and `search`.
    fn texts(&self) -> [String; 3] {
        let source = self.origin.source.map(|address| address.to_string()).unwrap_or_default();
        let object_id = self.object_id.map(|id| id.to_string()).unwrap_or_default();
        // The reason, of which a part may be anybody's, comes last: it can take the place of no other field.
        let request_id = self.origin.request_id.as_str();
        let fields = [self.actor, self.act, self.object_kind, self.object_name, self.outcome, &source, request_id];
        let search = search_text(&fields, &[vec![self.reason]]);
        [object_id, source, search]
    }
}

static INSERT: Many = Many::rows(
    "INSERT INTO audit_log (id, at, actor, act, object_kind, object_id, object_name, outcome, reason, source, request_id,
       changes, search) VALUES ",
    13,
    "",
);

/// Adds records of acts that are done at the time of the transaction, each with its id.
pub(crate) async fn insert(tx: &mut Tx, all: &[(&Uuid, &Record<'_>)]) -> Result<(), Failure> {
    let at = tx.now();
    for (sql, piece) in INSERT.pieces(all) {
        let texts: Vec<[String; 3]> = piece.iter().map(|(_, record)| record.texts()).collect();
        let values = piece.iter().zip(&texts).flat_map(|((id, record), [object_id, source, search])| {
            [
                (*id).into(),
                at.into(),
                record.actor.into(),
                record.act.into(),
                record.object_kind.into(),
                object_id.into(),
                record.object_name.into(),
                record.outcome.into(),
                record.reason.into(),
                source.into(),
                record.origin.request_id.as_str().into(),
                record.changes.into(),
                search.into(),
            ]
        });
        tx.execute(sql, &values.collect::<Vec<Value<'_>>>()).await?;
    }
    Ok(())
}

/// An act that was done, or refused.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// Identifies the record. Ids are in the order of time.
    pub id: Uuid,
    /// When it was done.
    pub at: Timestamp,
    /// The name of the account that did it; empty if nobody was let in, `(operator)` at the command line.
    #[schemars(example = &"admin")]
    pub actor: String,
    /// What was done.
    #[schemars(example = &"create")]
    pub act: String,
    /// The kind of object that it was done to; empty if there is none.
    #[schemars(example = &"LocalUser")]
    pub object_kind: String,
    /// The object's id; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_id: Option<Uuid>,
    /// The object's name.
    #[schemars(example = &"bobby")]
    pub object_name: String,
    /// `done`, `refused`, or `failed` for a script that did not come to its end.
    #[schemars(example = &"done")]
    pub outcome: String,
    /// Why it was refused or failed, or why it was done if that was said.
    pub reason: String,
    /// The address that it came from; empty at the command line.
    #[schemars(example = &"192.0.2.7")]
    pub source: String,
    /// The request's id, as in `X-Request-Id` and in the server's log.
    pub request_id: String,
    /// Each field that changed, with what it was `before` and `after`. Never a secret: of a password only that it was set.
    pub changes: Map<String, serde_json::Value>,
}

/// What `from_row` reads, in its order.
pub(crate) const COLUMNS: &str = "id, at, actor, act, object_kind, object_id, object_name, outcome, reason, source, \
     request_id, changes";

pub(crate) fn from_row(row: &Row<'_>) -> Result<AuditRecord, Failure> {
    Ok(AuditRecord {
        id: row.uuid(0)?,
        at: row.time(1)?,
        actor: row.text(2)?,
        act: row.text(3)?,
        object_kind: row.text(4)?,
        object_id: Uuid::try_parse(&row.text(5)?).ok(),
        object_name: row.text(6)?,
        outcome: row.text(7)?,
        reason: row.text(8)?,
        source: row.text(9)?,
        request_id: row.text(10)?,
        changes: row.json(11)?,
    })
}
