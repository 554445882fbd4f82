//! The record of what was done: one row per act, in the same transaction as the act. Here it is written and read; nothing
//! changes it.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Directory,
    caller::{Caller, PrivilegeType, Target},
    error::{Error, Result},
    list::{self, Condition, Field, Listing, Scoped, Table, Values},
    privileges::Reach,
    store::{self, Tx},
    time::Timestamp,
};

pub use crate::store::audit::AuditRecord;
pub(crate) use crate::store::audit::Record;

/// Of the audit log. The numbers are those of the fields in the search text.
static TABLE: Table = Table {
    name: "audit_log",
    from: None,
    kind: None,
    columns: store::audit::COLUMNS,
    fields: &[&[
        // The ids are in the order of time, and the primary key: the newest rows are found without looking at the others.
        Field::of("at", "id", Values::Time),
        Field::part("actor", 1),
        Field::part("act", 2),
        Field::part("objectKind", 3),
        Field::text("objectId", "object_id"),
        Field::part("objectName", 4),
        Field::part("outcome", 5),
        Field::part("source", 6),
        Field::part("requestId", 7),
        Field::part("reason", 8),
    ]],
    order: ("at", true),
    scoped: Scoped::Not,
};

/// A span of time, without its last moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Period {
    /// Its first moment, if it has one.
    pub from: Option<Timestamp>,
    /// Its end, if it has one.
    pub until: Option<Timestamp>,
}

impl Period {
    /// The ids of records begin with their time in milliseconds, so that these are found without looking at the others.
    fn condition(self) -> Option<Condition> {
        if self.from.is_none() && self.until.is_none() {
            return None;
        }
        let first = |moment: Timestamp| {
            let millis = u64::try_from(moment.micros() / 1_000).unwrap_or(0);
            Uuid::from_u128(u128::from(millis.min(0xffff_ffff_ffff)) << 80)
        };
        Some(Condition::Between(self.from.map_or(Uuid::nil(), first), self.until.map_or(Uuid::max(), first)))
    }
}

/// Records of a period that match, the newest first.
pub async fn list(
    directory: &Directory,
    caller: &Caller,
    request: list::Request,
    period: Period,
) -> Result<Listing<AuditRecord>> {
    caller.authorize_all(PrivilegeType::View, Target::AuditLog)?;
    let conditions = period.condition().into_iter().collect();
    Listing::open_among(directory, &TABLE, Reach::Everything, request, conditions, store::audit::from_row).await
}

/// What was done to one object, the newest first, and how many records there are of it.
pub async fn history(
    directory: &Directory,
    caller: &Caller,
    object: Uuid,
    request: list::Request,
) -> Result<(Vec<AuditRecord>, u64)> {
    caller.authorize_all(PrivilegeType::View, Target::AuditLog)?;
    let of_object = vec![Condition::Same("object_id", object.to_string())];
    list::some(directory, &TABLE, Reach::Everything, request, of_object, store::audit::from_row).await
}

/// The newest logins that were refused since a moment, and how many there were.
pub async fn refused_logins(
    directory: &Directory,
    caller: &Caller,
    since: Timestamp,
    request: list::Request,
) -> Result<(Vec<AuditRecord>, u64)> {
    caller.authorize_all(PrivilegeType::View, Target::AuditLog)?;
    let period = Period { from: Some(since), until: None }.condition();
    let refused = [Condition::Same("act", "login".into()), Condition::Same("outcome", REFUSED.into())];
    let conditions = period.into_iter().chain(refused).collect();
    list::some(directory, &TABLE, Reach::Everything, request, conditions, store::audit::from_row).await
}

/// One record.
pub async fn get(directory: &Directory, caller: &Caller, id: Uuid) -> Result<AuditRecord> {
    caller.authorize_all(PrivilegeType::View, Target::AuditLog)?;
    let found = list::one(directory, &TABLE, Reach::Everything, id, store::audit::from_row).await?;
    found.ok_or_else(|| Error::NotFound(format!("there is no record with the id {id} in the audit log")))
}

/// The act was done.
pub(crate) const DONE: &str = "done";
/// The act was refused.
pub(crate) const REFUSED: &str = "refused";
/// What was run did not come to an end as it should.
pub(crate) const FAILED: &str = "failed";
/// The actor of a refused login.
pub(crate) const NOBODY: &str = "";
/// Of an act that changes no field.
pub(crate) const NO_CHANGES: &str = "{}";

/// What an act was done to: its kind, its id if it has one, and its name.
pub(crate) type Subject<'a> = (&'a str, Option<Uuid>, &'a str);

/// The record of an act that a caller did.
pub(crate) fn done<'a>(
    caller: &'a Caller,
    act: &'a str,
    (object_kind, object_id, object_name): Subject<'a>,
    changes: &'a str,
) -> Record<'a> {
    let (actor, origin) = (caller.audit_name(), caller.origin());
    Record { actor, act, object_kind, object_id, object_name, outcome: DONE, reason: "", origin, changes }
}

pub(crate) async fn write(tx: &mut Tx, id: &Uuid, record: &Record<'_>) -> Result<()> {
    write_all(tx, &[(id, record)]).await
}

/// Writes records, each with its id.
pub(crate) async fn write_all(tx: &mut Tx, all: &[(&Uuid, &Record<'_>)]) -> Result<()> {
    Ok(store::audit::insert(tx, all).await?)
}

/// The fields in which two states of an object differ. Secrets are fields of neither: that one was set is said by
/// `new_password`.
pub(crate) fn changes<T: serde::Serialize>(before: Option<&T>, after: Option<&T>, new_password: bool) -> String {
    let fields = |object: Option<&T>| match object.map(serde_json::to_value) {
        Some(Ok(Value::Object(fields))) => fields,
        _ => Map::new(),
    };
    let (before, after) = (fields(before), fields(after));
    let mut changes = BTreeMap::new();
    for (field, after) in &after {
        let before = before.get(field).unwrap_or(&Value::Null);
        if before != after {
            changes.insert(field.as_str(), Change::Shown { after, before });
        }
    }
    for (field, before) in &before {
        if !before.is_null() && !after.contains_key(field) {
            changes.insert(field, Change::Shown { after: &Value::Null, before });
        }
    }
    if new_password {
        changes.insert("password", Change::Set);
    }
    Changes(changes).to_string()
}

/// Each field that changed, in the order of their names. Written as JSON at once: of many objects in one transaction, to put it
/// together as a value first would be a good part of the work.
struct Changes<'a>(BTreeMap<&'a str, Change<'a>>);

enum Change<'a> {
    Shown {
        after: &'a Value,
        before: &'a Value,
    },
    /// A secret.
    Set,
}

impl fmt::Display for Changes<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("{")?;
        for (index, (field, change)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(out, "{comma}{}:", Value::from(*field))?;
            match change {
                Change::Shown { after, before } => write!(out, r#"{{"after":{after},"before":{before}}}"#)?,
                Change::Set => out.write_str(r#""set""#)?,
            }
        }
        out.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_what_differs_is_recorded() {
        let (before, after) =
            (serde_json::json!({"a": 1, "b": 2, "c": 3}), serde_json::json!({"a": 1, "b": 4, "d": 5}));
        assert_eq!(
            super::changes(Some(&before), Some(&after), true),
            r#"{"b":{"after":4,"before":2},"c":{"after":null,"before":3},"d":{"after":5,"before":null},"password":"set"}"#
        );
    }
}
