//! The record of what was done: one row per act, in the same transaction as the act.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    error::Result,
    store::{self, Tx},
};

pub(crate) use crate::store::audit::Record;

/// The act was done.
pub(crate) const DONE: &str = "done";
/// The act was refused.
pub(crate) const REFUSED: &str = "refused";
/// What was run did not come to an end as it should.
pub(crate) const FAILED: &str = "failed";
/// The actor of a refused login.
pub(crate) const NOBODY: &str = "";
/// The actor at the command line.
pub(crate) const OPERATOR: &str = "(operator)";
/// Of an act that changes no field.
pub(crate) const NO_CHANGES: &str = "{}";

pub(crate) async fn write(tx: &mut Tx, id: &Uuid, record: &Record<'_>) -> Result<()> {
    Ok(store::audit::insert(tx, id, record).await?)
}

/// The fields in which two states of an object differ. Secrets are fields of neither: that one was set is said by
/// `new_password`.
pub(crate) fn changes<T: serde::Serialize>(before: Option<&T>, after: Option<&T>, new_password: bool) -> String {
    let fields = |object: Option<&T>| match object.map(serde_json::to_value) {
        Some(Ok(Value::Object(fields))) => fields,
        _ => Map::new(),
    };
    let (mut before, after) = (fields(before), fields(after));
    let mut changes = Map::new();
    for (field, after) in after {
        let before = before.remove(&field).unwrap_or(Value::Null);
        if before != after {
            changes.insert(field, json!({ "before": before, "after": after }));
        }
    }
    for (field, before) in before {
        if !before.is_null() {
            changes.insert(field, json!({ "before": before, "after": Value::Null }));
        }
    }
    if new_password {
        changes.insert("password".into(), json!("set"));
    }
    Value::Object(changes).to_string()
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
