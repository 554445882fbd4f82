//! What is to become of one row, decided from the row and from what is there.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{PASSWORD_HASH, READ_ONLY, Row, Transferred, found::Found, is_known};
use crate::{
    Directory,
    accounts::{self, Wanted, changed, check_counters},
    caller::Caller,
    entity::Faults,
    error::{Error, Fault, Result},
    json,
    passwords::{self, Password, foreign::ForeignHash},
    store::accounts::Account,
};

/// As the audit log calls it.
pub(super) const ACT: &str = "import";

/// What is to be done.
pub(super) enum Plan {
    New { account: Account, password: Option<Password>, hash: Option<String> },
    Change { before: Box<Account>, wanted: Wanted, password: Option<Password> },
    Same(Uuid),
    Refuse(Vec<Fault>),
}

fn fault(field: &str, message: impl Into<String>) -> Fault {
    Fault { field: field.into(), message: message.into() }
}

pub(super) fn plan<V: Transferred>(
    directory: &Directory,
    caller: &Caller,
    upsert: bool,
    min_length: i64,
    row: Row,
    found: Found,
) -> Result<Plan> {
    let mut fields = match row.fields {
        Ok(fields) => fields,
        Err(fault) => return Ok(Plan::Refuse(vec![fault])),
    };
    let mut faults = Faults::default();
    for unknown in fields.keys().filter(|field| !is_known(V::KIND, field)) {
        faults.add(&unknown.escape_debug().to_string(), format!("is no field of a {}", V::KIND.noun()));
    }
    let given = fields.remove(PASSWORD_HASH);
    let before = match which::<V>(&found, upsert, &fields) {
        Ok(before) => before,
        Err(fault) => return Ok(Plan::Refuse(vec![fault])),
    };
    let object = match before {
        Some(before) => laid_over(serde_json::to_value(V::from(before.clone())).unwrap_or_default(), fields),
        None => laid_over(Value::default(), fields),
    };
    let (mut profile, input) = match json::read::<V::Input>(Value::Object(object)) {
        Ok(input) => V::check(input, &mut faults),
        Err(fault) => {
            faults.add(&fault.field, fault.message);
            return refused(faults);
        }
    };
    let id = faults.id("id", input.id.clone());
    let counters = check_counters(&input, &mut faults);
    if let Some(password) = &input.password {
        passwords::check(password, min_length, &[&profile.name, &profile.email], &mut faults);
    }
    let hash = check_hash(given, input.password.is_some(), caller, &mut faults);
    if before.is_none() {
        faults.add_tags(&mut profile.tags, caller.authority().default_tags(V::KIND.target()));
    }
    if let Err(invalid) = faults.check() {
        return match invalid {
            Error::Invalid(faults) => Ok(Plan::Refuse(faults)),
            other => Err(other),
        };
    }
    let password = input.password;
    let Some(before) = before else {
        let has_password = password.is_some() || hash.is_some();
        let account = accounts::new(directory, V::KIND, id, profile, &counters, has_password);
        return Ok(Plan::New { account, password, hash });
    };
    let hash = hash.filter(|hash| found.hash.as_ref() != Some(hash));
    let wanted = Wanted { profile, counters, hash, act: ACT };
    if password.is_none() && wanted.hash.is_none() && changed(before, &wanted, before.updated) == *before {
        return Ok(Plan::Same(before.id));
    }
    Ok(Plan::Change { before: Box::new(before.clone()), wanted, password })
}

fn refused(faults: Faults) -> Result<Plan> {
    match faults.check() {
        Err(Error::Invalid(faults)) => Ok(Plan::Refuse(faults)),
        Err(other) => Err(other),
        Ok(()) => Err(Error::Internal("a row was refused without a fault".into())),
    }
}

/// The account that a row is about, if it is there and may be changed.
fn which<'a, V: Transferred>(
    found: &'a Found,
    upsert: bool,
    fields: &Map<String, Value>,
) -> Result<Option<&'a Account>, Fault> {
    let there = |field: &str, account: &Account| {
        let value = if field == "id" { account.id.to_string() } else { account.profile.name.clone() };
        fault(field, format!("is taken: there is already a {} with the {field} {value}", V::KIND.noun()))
    };
    match (&found.by_id, &found.by_name) {
        (None, None) => Ok(None),
        (Some(one), Some(other)) if one.id != other.id => Err(there("name", other)),
        (Some(one), _) if !upsert || !found.in_reach => Err(there("id", one)),
        (_, Some(one)) if !upsert || !found.in_reach => Err(there("name", one)),
        (Some(one), _) => Ok(Some(one)),
        (None, Some(other)) if fields.get("id").is_some_and(|id| !id.is_null()) => {
            let words =
                format!("is not that of the account with this name, {}; leave it out to change that one", other.id);
            Err(fault("id", words))
        }
        (None, Some(other)) => Ok(Some(other)),
    }
}

/// What the row leaves out stays as it is; null means unset, as it does to the API.
fn laid_over(account: Value, fields: Map<String, Value>) -> Map<String, Value> {
    let mut object = match account {
        Value::Object(object) => object,
        _ => Map::new(),
    };
    // What is left out of these is kept by the API's own rules, which cannot be said of one that is sent back.
    for kept in ["failedLoginAttempts", "lockStart"].iter().chain(&READ_ONLY) {
        object.remove(*kept);
    }
    object.extend(fields.into_iter().filter(|(field, _)| !READ_ONLY.contains(&field.as_str())));
    object
}

fn check_hash(given: Option<Value>, has_password: bool, caller: &Caller, faults: &mut Faults) -> Option<String> {
    let hash = match given? {
        Value::Null => return None,
        Value::String(hash) => hash,
        _ => {
            faults.add(PASSWORD_HASH, "must be a text");
            return None;
        }
    };
    if has_password {
        faults.add(PASSWORD_HASH, "cannot be given together with a password");
    }
    if !caller.authority().is_everything() {
        faults.add(PASSWORD_HASH, "can be given only by a caller who may do everything");
    }
    if let Err(wrong) = ForeignHash::parse(&hash) {
        faults.add(PASSWORD_HASH, wrong);
    }
    Some(hash)
}
