//! Records of what was done, as pages show them: with each field that changed, before and after.

use portreeve_directory::{
    Directory,
    audit::{self, AuditRecord},
    error::Result,
    time::Timestamp,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    listing::{Asked, Rows},
    page::Section,
    session::SignedIn,
};

/// A record.
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    pub(crate) act: String,
    pub(crate) object_kind: String,
    pub(crate) object_name: String,
    /// The object's page, if there is one of its kind. The object itself may be gone.
    pub(crate) object_path: Option<String>,
    pub(crate) outcome: String,
    pub(crate) reason: String,
    pub(crate) source: String,
    pub(crate) request_id: String,
    pub(crate) changes: Vec<Change>,
}

/// A field that changed. Of a secret it is only known that it was set.
pub(crate) struct Change {
    pub(crate) field: String,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// A value as people read it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn change((field, value): (String, Value)) -> Change {
    match &value {
        Value::Object(states) if states.contains_key("before") || states.contains_key("after") => {
            let state = |name| states.get(name).map(text).unwrap_or_default();
            Change { field, before: state("before"), after: state("after") }
        }
        other => Change { field, before: String::new(), after: text(other) },
    }
}

/// Where the pages of a kind of object are.
fn section(kind: &str) -> Option<Section> {
    Some(match kind {
        "LocalUser" => Section::LocalUsers,
        "ServiceUser" => Section::ServiceUsers,
        "AdministrativeRole" => Section::Roles,
        "Policy" => Section::Policies,
        "IdentityProvider" => Section::IdentityProviders,
        _ => return None,
    })
}

impl From<AuditRecord> for Entry {
    fn from(record: AuditRecord) -> Self {
        let place = section(&record.object_kind).zip(record.object_id);
        Self {
            object_path: place.map(|(section, id)| format!("{}/{id}", section.path())),
            id: record.id.to_string(),
            at: record.at,
            actor: record.actor,
            act: record.act,
            object_kind: record.object_kind,
            object_name: record.object_name,
            outcome: record.outcome,
            reason: record.reason,
            source: record.source,
            request_id: record.request_id,
            // When it was changed is said already.
            changes: record.changes.into_iter().filter(|(field, _)| field != "updated").map(change).collect(),
        }
    }
}

/// A page of the history of an object whose pages are at `path`.
pub(crate) async fn of_object(
    directory: &Directory,
    me: &SignedIn,
    path: &str,
    id: Uuid,
    query: Option<&str>,
) -> Result<Rows<Entry>> {
    let asked = Asked::new(format!("{path}/history"), query);
    let (records, matching) = audit::history(directory, &me.caller, id, asked.request(&[])).await?;
    Ok(Rows { asked, rows: records.into_iter().map(Entry::from).collect(), matching, total: matching })
}
