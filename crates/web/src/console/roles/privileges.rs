//! Privileges as a form has them: ticks in a table for those without a limit, and a row for each of the others.

use portreeve_directory::{
    error::Fault,
    privileges::{Privilege, PrivilegeType, ScopeKind, scope_kind},
    roles::{PrivilegeInput, ScopeInput},
};
use serde::Serialize;

use crate::console::form::{Form, lines};

/// The field of the ticks. Each says a type and a target: `View/LocalUser`.
pub(super) const TICKS: &str = "allowed";
/// Behind a tick of a pair that takes no scope, where the role says nothing of one either: it stays so.
pub(super) const UNSAID: &str = "/unsaid";

const TYPE: &str = "limitedType";
const TARGET: &str = "limitedTarget";
const ALL: &str = "limitedAll";
const TAGS: &str = "limitedTags";
const IDS: &str = "limitedIds";
const DEFAULT_TAGS: &str = "limitedDefaultTags";
const FUNCTIONS: &str = "limitedFunctions";

/// A word as it is on the wire.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The tick that stands for a privilege, if one can.
fn tick(privilege: &Privilege) -> Option<String> {
    let (kind, target) = (privilege.privilege_type, privilege.target);
    let scope = privilege.scope.as_ref().filter(|scope| scope.ids.is_empty() && scope.tags.is_empty())?;
    let marks = privilege.default_tags.as_ref().is_some_and(|tags| !tags.is_empty());
    if marks || kind == PrivilegeType::AssignFunction {
        return None;
    }
    match scope.all {
        true => Some(format!("{kind}/{target}")),
        false if scope_kind(kind, target) == Some(ScopeKind::None) => Some(format!("{kind}/{target}{UNSAID}")),
        false => None,
    }
}

/// What fields hold for a role that has these privileges.
pub(super) fn values(privileges: &[Privilege]) -> Vec<(&'static str, String)> {
    let mut ticked: Vec<String> = Vec::new();
    let mut values = Vec::new();
    let pair = |tick: &str| tick.trim_end_matches(UNSAID).to_owned();
    for privilege in privileges {
        if let Some(tick) = tick(privilege).filter(|tick| ticked.iter().all(|own| pair(own) != pair(tick))) {
            ticked.push(tick);
            continue;
        }
        let scope = privilege.scope.clone().unwrap_or_default();
        let ids: Vec<String> = scope.ids.iter().map(ToString::to_string).collect();
        let functions: Vec<String> = privilege.functions.iter().flatten().map(word).collect();
        values.extend([
            (TYPE, privilege.privilege_type.to_string()),
            (TARGET, privilege.target.to_string()),
            (ALL, if scope.all { "true".to_owned() } else { String::new() }),
            (TAGS, scope.tags.join("\n")),
            (IDS, ids.join("\n")),
            (DEFAULT_TAGS, privilege.default_tags.clone().unwrap_or_default().join("\n")),
            (FUNCTIONS, functions.join("\n")),
        ]);
    }
    ticked.into_iter().map(|tick| (TICKS, tick)).chain(values).collect()
}

/// A privilege with limits, as it is filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Limited {
    pub(super) privilege_type: String,
    pub(super) target: String,
    /// All objects rather than those named.
    pub(super) all: bool,
    pub(super) tags: String,
    pub(super) ids: String,
    pub(super) default_tags: String,
    pub(super) functions: String,
}

/// The rows of a form in which anything is filled in.
pub(super) fn limited(form: &Form) -> Vec<Limited> {
    let column = |name| form.all(name).map(str::to_owned).collect::<Vec<_>>();
    let [types, targets, alls, tags, ids, defaults, functions] =
        [TYPE, TARGET, ALL, TAGS, IDS, DEFAULT_TAGS, FUNCTIONS].map(column);
    let at = |column: &[String], row: usize| column.get(row).cloned().unwrap_or_default();
    let rows = (0..types.len()).map(|row| Limited {
        privilege_type: at(&types, row),
        target: at(&targets, row),
        all: !at(&alls, row).is_empty(),
        tags: at(&tags, row),
        ids: at(&ids, row),
        default_tags: at(&defaults, row),
        functions: at(&functions, row),
    });
    rows.filter(|row| *row != Limited::default()).collect()
}

impl Limited {
    /// `tags` are those that the role names already.
    fn input(self, tags: &[String]) -> PrivilegeInput {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let (ids, scoped) = (lines(&self.ids, &[]), lines(&self.tags, tags));
        let scope = ScopeInput { all: Some(self.all), ids: Some(ids), tags: Some(scoped) };
        PrivilegeInput {
            privilege_type: given(self.privilege_type),
            target: given(self.target),
            scope: Some(scope),
            default_tags: Some(lines(&self.default_tags, tags)),
            functions: Some(lines(&self.functions, &[])),
        }
    }
}

fn ticked(tick: &str) -> PrivilegeInput {
    let is_said = !tick.ends_with(UNSAID);
    let (kind, target) = tick.trim_end_matches(UNSAID).split_once('/').unwrap_or((tick, ""));
    PrivilegeInput {
        privilege_type: Some(kind.to_owned()),
        target: Some(target.to_owned()),
        scope: Some(ScopeInput { all: Some(is_said), ..ScopeInput::default() }),
        ..PrivilegeInput::default()
    }
}

/// Where in a form a privilege stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Table,
    /// The number of the row, from 1.
    Row(usize),
}

/// Whether a privilege that was filled in is just this one.
fn says(input: &PrivilegeInput, privilege: &Privilege) -> bool {
    let (given, scope) = (input.scope.clone().unwrap_or_default(), privilege.scope.clone().unwrap_or_default());
    let ids: Vec<String> = scope.ids.iter().map(ToString::to_string).collect();
    let functions: Vec<String> = privilege.functions.iter().flatten().map(word).collect();
    input.privilege_type == Some(privilege.privilege_type.to_string())
        && input.target == Some(privilege.target.to_string())
        && (given.all, given.tags.unwrap_or_default(), given.ids.unwrap_or_default())
            == (Some(scope.all), scope.tags, ids)
        && input.default_tags.clone().unwrap_or_default() == privilege.default_tags.clone().unwrap_or_default()
        && input.functions.clone().unwrap_or_default() == functions
}

/// The privileges of a form, and where each stands. Those that the role has already come first and in its order, so that
/// its history shows no change where there is none.
pub(super) fn inputs(form: &Form, existing: &[Privilege]) -> (Vec<Place>, Vec<PrivilegeInput>) {
    let scoped = existing.iter().filter_map(|privilege| privilege.scope.as_ref()).flat_map(|scope| &scope.tags);
    let given = existing.iter().filter_map(|privilege| privilege.default_tags.as_ref()).flatten();
    let tags: Vec<String> = scoped.chain(given).cloned().collect();
    let ticks = form.all(TICKS).map(|tick| (Place::Table, ticked(tick)));
    let rows = limited(form).into_iter().enumerate();
    let rows = rows.map(|(index, row)| (Place::Row(index + 1), row.input(&tags)));
    let mut all: Vec<_> = ticks.chain(rows).collect();
    let position =
        |input: &PrivilegeInput| existing.iter().position(|privilege| says(input, privilege)).unwrap_or(usize::MAX);
    all.sort_by_cached_key(|(_, input)| position(input));
    all.into_iter().unzip()
}

/// The same fault, named by where in the form its privilege stands.
pub(super) fn placed(fault: Fault, places: &[Place]) -> Fault {
    let parts = fault.field.strip_prefix("privileges[").and_then(|rest| rest.split_once(']'));
    let Some((Ok(index), rest)) = parts.map(|(index, rest)| (index.parse::<usize>(), rest)) else { return fault };
    let field = match (places.get(index), rest) {
        (Some(Place::Row(row)), "") => format!("limited[{row}].type"),
        (Some(Place::Row(row)), ".scope") => format!("limited[{row}].with"),
        (Some(Place::Row(row)), rest) => format!("limited[{row}]{}", rest.replacen(".scope", "", 1)),
        _ => "privileges".to_owned(),
    };
    Fault { field, message: fault.message }
}
