//! What the readers of bytes from outside promise, as properties of any bytes: `fuzz/` looks for bytes that break one, and tests
//! try each on seeds that are changed here and there.

#[path = "../../../fuzz/seeds.rs"]
mod seeds;

use seeds::SECRET;
use serde_json::{Map, Value};
use unicode_normalization::is_nfc;
use url::form_urlencoded;
use uuid::Uuid;

use crate::{
    accounts::View as _,
    dn,
    entity::{Faults, is_control},
    javascript, json,
    kind::AccountKind,
    list::{self, Table},
    local_users::{LocalUser, LocalUserInput},
    login::{LoginInput, PasswordChangeInput},
    objects::View as _,
    passwords::foreign::ForeignHash,
    policies::{Policy, PolicyInput},
    service_users::{ServiceUser, ServiceUserInput},
    store,
    transfer::{Format, Rows, Writer},
};

/// Whether two values are the same, but for the last digits of fractions, which are not read exactly.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let close = |one: f64, other: f64| (one - other).abs() <= one.abs() * 1e-14;
            one == other || one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| close(one, other))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        (one, other) => one == other,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A text that is stored is one that can be stored.
fn assert_storable(text: &str) {
    assert!(is_nfc(text), "{text:?} is not in normal form C");
    let wrong = text.chars().find(|&c| is_control(c) && !matches!(c, '\n' | '\r' | '\t'));
    assert_eq!(wrong, None, "{text:?}");
}

/// JSON: what is read is not deep, and is read the same again when it is written. No type of a body panics, and
/// errors about bodies with passwords quote none.
pub fn json(bytes: &[u8]) {
    if let Ok(value) = json::parse::<Value>(bytes) {
        assert!(depth(&value) <= 64, "{value}");
        let lenient: Value = serde_json::from_slice(bytes).expect("who reads less strictly reads it too");
        assert!(same(&value, &lenient));
        let written = value.to_string();
        let again = json::parse::<Value>(written.as_bytes()).expect("what was read can be written and read");
        assert!(same(&value, &again), "{value} {again}");
    }
    for wrong in [json::parse::<LoginInput>(bytes).err(), json::parse::<PasswordChangeInput>(bytes).err()] {
        let wrong = wrong.unwrap_or_default();
        assert!(!wrong.contains(SECRET), "{wrong}");
    }
    let mut faults = Faults::default();
    if let Ok(input) = json::parse::<LocalUserInput>(bytes) {
        let (profile, _) = input.check(&mut faults);
        if std::mem::take(&mut faults).check().is_ok() {
            let texts = [&profile.name, &profile.notes, &profile.first_name, &profile.email];
            texts.into_iter().chain(&profile.tags).for_each(|text| assert_storable(text));
        }
    }
    if let Ok(input) = json::parse::<ServiceUserInput>(bytes) {
        let (profile, _) = input.check(&mut faults);
        if faults.check().is_ok() {
            profile.labels.iter().for_each(|(key, value)| {
                assert_storable(key);
                assert_storable(value);
            });
        }
    }
    let _ = json::parse::<PolicyInput>(bytes);
}

/// Rows of an import, after a byte that says of what kind and in which format: lines go up, and what is read is read the same again
/// when it is written.
pub fn rows(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let kind = if first & 1 == 0 { AccountKind::Local } else { AccountKind::Service };
    let format = if first & 2 == 0 { Format::Ndjson } else { Format::Csv };
    let mut written = Writer::new(Vec::new(), format, kind, true).expect("a vector takes all");
    let (mut line, mut kept) = (0, Vec::new());
    let read = read_all(bytes, format, kind).unwrap_or_default();
    // A carriage return that stands alone ends a row and no line; the last row may be one that is not closed.
    let alone = bytes.windows(2).any(|two| two[0] == b'\r' && two[1] != b'\n');
    let last = read.last().map_or(0, |row| row.0);
    for row in read {
        assert!(row.0 > line || alone || line == last, "line {} comes after {line}", row.0);
        line = row.0;
        let Ok(mut fields) = row.1 else { continue };
        // An export has no passwords in clear; a table can only hold labels that are an object.
        fields.remove("password");
        let fits = format == Format::Ndjson || fields.get("labels").is_none_or(Value::is_object);
        if fits && fields.keys().all(|name| written.has(name)) {
            written.write(&fields).expect("a vector takes all");
            kept.push(fields);
        }
    }
    let written = written.into_inner().expect("a vector takes all");
    let again = read_all(&written, format, kind).expect("what was written can be read");
    assert_eq!(again.len(), kept.len());
    for (fields, (_, again)) in kept.into_iter().zip(again) {
        let again = again.expect("what was written can be read");
        assert!(same(&Value::Object(fields), &Value::Object(again.clone())), "{again:?}");
    }
}

type ReadRow = (u64, Result<Map<String, Value>, String>);

fn read_all(bytes: &[u8], format: Format, kind: AccountKind) -> std::io::Result<Vec<ReadRow>> {
    let mut rows = Rows::new(bytes, format, kind)?;
    let mut all = Vec::new();
    loop {
        let some = rows.next_rows(7)?;
        if some.is_empty() {
            return Ok(all);
        }
        all.extend(some.into_iter().map(|row| (row.line, row.into_fields().map_err(|fault| fault.message))));
    }
}

/// Distinguished names: what is read is read the same again when it is written, in whatever case its attributes are.
pub fn distinguished_name(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(account) = dn::Account::parse(text) {
        assert_storable(&account.name);
        let shown = account.to_string();
        let spaced =
            format!(" cn = {} , Ou={} ", shown[3..].rsplit_once(",OU=").expect("has a unit").0, account.kind.as_str());
        for again in [&shown, &spaced].into_iter().filter(|again| again.len() <= dn::MAX_LENGTH) {
            assert_eq!(dn::Account::parse(again).as_ref(), Ok(&account), "{again:?}");
        }
    }
    if let Ok(device) = dn::Device::parse(text) {
        let shown = device.to_string();
        assert!(shown.len() > dn::MAX_LENGTH || dn::Device::parse(&shown) == Ok(device), "{shown:?}");
    }
}

/// Hashes from elsewhere: what is taken costs no more than is promised, and what is not is not quoted.
pub fn hash(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match ForeignHash::parse(text) {
        Ok(hash) => hash.assert_bounded(),
        Err(wrong) => assert!(!wrong.contains(SECRET), "{wrong}"),
    }
}

/// What is asked of a list: whatever the values are, the statement is the same.
pub fn list(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let tables: [&'static Table; 3] = [LocalUser::TABLE, ServiceUser::TABLE, Policy::TABLE];
    let table = tables[usize::from(*first) % tables.len()];
    let mut request = list::Request::default();
    for (name, value) in form_urlencoded::parse(bytes) {
        let value = value.into_owned();
        match &*name {
            "query" => request.queries.push(value),
            "range" => request.range = Some(value),
            "after" => request.after = Some(value),
            "orderBy" => request.order_by = Some(value),
            "descending" => request.descending = Some(value),
            name => request.filters.push((name.to_owned(), value)),
        }
    }
    if let Some([with_values, without]) = list::statements(table, &request) {
        assert_eq!(with_values, without);
        assert!(!with_values.contains(SECRET), "{with_values}");
    }
}

/// Scripts: what is taken for the body of a function is one, of which nothing runs when it is defined.
pub fn expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    javascript::assert_sealed(text);
}

/// Addresses of databases: an error quotes nothing of them that may be a password.
pub fn database_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(wrong) = store::read_address(text) {
        assert!(!format!("{wrong:?}").contains(SECRET), "{wrong:?}");
    }
}

/// Ids, in the one form that is taken.
pub fn id(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(id) = crate::entity::parse_uuid(text) {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
        assert_eq!(Uuid::try_parse(text), Ok(id));
    }
}

#[cfg(test)]
mod tests {
    use super::{seeds::around, *};

    #[test]
    fn json_is_read_strictly_and_again() {
        around("json", 20_000, json);
    }

    #[test]
    fn rows_are_read_as_they_are_written() {
        around("rows", 10_000, rows);
    }

    #[test]
    fn distinguished_names_are_read_as_they_are_written() {
        around("distinguished_name", 20_000, distinguished_name);
    }

    #[test]
    fn no_hash_costs_more_than_is_promised() {
        around("hash", 20_000, hash);
    }

    #[test]
    fn no_value_becomes_part_of_a_statement() {
        around("list", 10_000, list);
    }

    #[test]
    fn no_script_runs_when_it_is_defined() {
        around("expression", 300, expression);
    }

    #[test]
    fn no_error_about_an_address_quotes_a_password() {
        around("database_url", 10_000, database_url);
    }

    #[test]
    fn ids_have_one_form() {
        around("id", 10_000, id);
    }
}
