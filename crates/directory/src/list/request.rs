//! What a client asks of a list, and whether it can be asked.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::{Condition, Field, Table, Values};
#[cfg(any(test, feature = "fuzzing"))]
use crate::store::list::Page;
use crate::{
    entity::{Faults, fold, is_control, parse_uuid},
    error::{Error, Result},
    privileges::Reach,
    store::list::{Key, Position, Select},
    time::Timestamp,
};

const MAX_QUERY_LENGTH: usize = 1_024;
const MAX_CONDITIONS: usize = 32;

/// What a client asks of a list.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Each must be contained in one of the searched fields.
    pub queries: Vec<String>,
    /// First and last row, both included, from 0: `0-49`.
    pub range: Option<String>,
    /// Where an earlier answer ended, in its words. Rows are then counted from there.
    pub after: Option<String>,
    /// The name of a field; `name` if absent.
    pub order_by: Option<String>,
    /// `true` or `false`.
    pub descending: Option<String>,
    /// Field and value.
    pub filters: Vec<(String, String)>,
}

/// A request that can be answered.
pub(super) struct Checked {
    pub(super) select: Select,
    pub(super) behind: Option<Position>,
    pub(super) first: u64,
    pub(super) wanted: u64,
}

/// The statement of a request's first page, and the same with other values in the place of all of the request's; nothing if it
/// cannot be answered.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn statements(table: &'static Table, request: &Request) -> Option<[String; 2]> {
    let checked = check(table, Reach::Everything, request, Timestamp::from_micros(0)).ok()?;
    let mut other = checked.select.clone();
    for condition in &mut other.conditions {
        match condition {
            Condition::Contains(_, text) | Condition::Tagged(_, text) | Condition::Same(_, text) => {
                "x".clone_into(text)
            }
            Condition::Equals(_, number) => *number = 0,
            Condition::Is(_, value) => *value = false,
            Condition::HasId(id) => *id = Uuid::nil(),
            _ => {}
        }
    }
    let page = |behind| Page { behind, skip: checked.first, limit: checked.wanted };
    let key = |position: &Position| match position.key {
        Key::Text(_) => Key::Text("x".into()),
        Key::Bool(_) => Key::Bool(false),
        Key::Int(_) => Key::Int(0),
        Key::Id => Key::Id,
    };
    let behind = checked.behind.as_ref().map(|position| Position { key: key(position), id: Uuid::nil() });
    Some([checked.select.page_text(&page(checked.behind.clone())), other.page_text(&page(behind))])
}

/// Finds everything that is wrong with a request.
pub(super) fn check(table: &'static Table, reach: Reach, request: &Request, now: Timestamp) -> Result<Checked> {
    let mut faults = Faults::default();
    let names = |wanted: fn(&&'static Field) -> bool| -> String {
        let names: Vec<&str> = table.fields().filter(wanted).map(|field| field.name).collect();
        names.join(", ")
    };
    let order_by = request.order_by.as_deref().unwrap_or(table.order.0);
    let order = table.fields().find(|field| field.name == order_by && field.order.is_some());
    if order.is_none() {
        faults.add("orderBy", format!("must be one of {}", names(|field| field.order.is_some())));
    }
    let descending = match request.descending.as_deref() {
        Some("true") => true,
        Some("false") => false,
        // An order that nobody asked for goes the way that it goes by itself.
        None => request.order_by.is_none() && table.order.1,
        Some(_) => {
            faults.add("descending", "must be true or false");
            false
        }
    };
    let (first, wanted) = match request.range.as_deref().map(parse_range) {
        None => (0, u64::MAX),
        Some(Some(range)) => range,
        Some(None) => {
            faults.add("range", "must be two row numbers from 0, the second not below the first, such as 0-49");
            (0, 0)
        }
    };
    let mut behind = None;
    if let (Some(after), Some(order)) = (&request.after, order) {
        behind = position_of(order, after);
        if behind.is_none() {
            faults.add("after", "must be what the Link of an answer in the same order says; begin again without it");
        }
    }
    if request.queries.len() + request.filters.len() > MAX_CONDITIONS {
        faults.add("query", format!("may be given, with filters, at most {MAX_CONDITIONS} times"));
    }
    let mut conditions = Vec::new();
    for query in &request.queries {
        if let Some(text) = check_text("query", query, &mut faults) {
            conditions.push(Condition::Contains(None, text));
        }
    }
    for (name, value) in &request.filters {
        match table.fields().find(|field| field.name == name && field.values != Values::Time) {
            Some(field) => conditions.extend(check_filter(table, field, value, now, &mut faults)),
            None => {
                let filters = names(|field| field.values != Values::Time);
                faults.add(name, format!("is no field to filter by; those are {filters}"));
            }
        }
    }
    faults.check()?;
    let order = order.ok_or_else(|| Error::Internal("a list without order".into()))?;
    let select = Select { table, order, descending, conditions, reach };
    Ok(Checked { select, behind, first, wanted })
}

fn check_text(field: &str, text: &str, faults: &mut Faults) -> Option<String> {
    if text.chars().count() > MAX_QUERY_LENGTH {
        faults.add(field, format!("may have at most {MAX_QUERY_LENGTH} characters"));
        return None;
    }
    if text.chars().any(|c| is_control(c) && !matches!(c, '\n' | '\r' | '\t')) {
        faults.add(field, "may not contain control characters");
        return None;
    }
    Some(fold(text))
}

fn check_filter(
    table: &Table,
    field: &'static Field,
    value: &str,
    now: Timestamp,
    faults: &mut Faults,
) -> Option<Condition> {
    let name = field.name;
    let order = field.order.unwrap_or_default();
    match field.values {
        Values::Text => Some(Condition::Contains(Some(field), check_text(name, value, faults)?)),
        Values::Tags => {
            check_text(name, value, faults)?;
            Some(Condition::Tagged(table.tag_kind(), normalized(value)))
        }
        Values::Bool => match value {
            "true" => Some(Condition::Is(order, true)),
            "false" => Some(Condition::Is(order, false)),
            _ => {
                faults.add(name, "must be true or false");
                None
            }
        },
        Values::Int | Values::Time => {
            let number = value.parse().ok();
            if number.is_none() {
                faults.add(name, "must be a whole number");
            }
            Some(Condition::Equals(order, number?))
        }
        Values::State => {
            let state = match value {
                "locked" => Some(Condition::LockedAt(now)),
                word => STATES.iter().find(|(state, _)| *state == word).map(|(_, holds)| Condition::Holds(holds)),
            };
            if state.is_none() {
                faults.add(name, "must be one of enabled, disabled, locked, blocked, unused");
            }
            state
        }
        Values::Id => {
            let id = parse_uuid(value);
            if id.is_none() {
                faults.add(name, "must be a UUID");
            }
            Some(Condition::HasId(id?))
        }
    }
}

/// How an account can stand with the door, in words that an index is made of.
const STATES: [(&str, &str); 4] = [
    ("enabled", "disabled = FALSE"),
    ("disabled", "disabled = TRUE"),
    ("blocked", "failures_since_reset >= 100"),
    ("unused", "used = FALSE"),
];

fn normalized(tag: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfc(tag).collect()
}

/// Between the name of an order and the key in it.
const MARK: char = '\u{1}';

/// A position as clients carry it. It says nothing that they have not just read.
pub(super) fn cursor(order: &Field, position: &Position) -> String {
    let key = match &position.key {
        Key::Text(text) => text.clone(),
        Key::Bool(value) => value.to_string(),
        Key::Int(number) => number.to_string(),
        Key::Id => String::new(),
    };
    let mut bytes = position.id.as_bytes().to_vec();
    bytes.extend_from_slice(format!("{}{MARK}{key}", order.name).as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position that a cursor stands for, if it is one in this order.
fn position_of(order: &Field, cursor: &str) -> Option<Position> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    let (name, key) = std::str::from_utf8(rest).ok()?.split_once(MARK)?;
    if name != order.name || key.contains('\0') {
        return None;
    }
    let key = match order.values {
        _ if order.order == Some("id") => key.is_empty().then_some(Key::Id)?,
        Values::Text | Values::Tags | Values::State => Key::Text(key.into()),
        Values::Bool => Key::Bool(key.parse().ok()?),
        Values::Int | Values::Time => Key::Int(key.parse().ok()?),
        Values::Id => Key::Id,
    };
    Some(Position { key, id: Uuid::from_bytes(*id) })
}

/// First row and number of rows.
fn parse_range(text: &str) -> Option<(u64, u64)> {
    let digits = |text: &str| -> Option<u64> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // Within what both databases take as an offset.
        if plain { text.parse().ok().filter(|number| *number < 1 << 62) } else { None }
    };
    let (first, last) = text.split_once('-')?;
    let (first, last) = (digits(first)?, digits(last)?);
    (first <= last).then(|| (first, last - first + 1))
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn ranges_are_two_rows_in_order() {
        assert_eq!(parse_range("0-49"), Some((0, 50)));
        assert_eq!(parse_range("7-7"), Some((7, 1)));
        for wrong in ["", "-", "5-", "-5", "5-4", "a-b", "0-49/50", "+0-4", "0-99999999999999999999", " 0-4"] {
            assert_eq!(parse_range(wrong), None, "{wrong}");
        }
    }
}
