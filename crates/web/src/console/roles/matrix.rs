//! The table of types and targets that there are, in two parts: what means something here, and what is kept for others.

use std::collections::BTreeSet;

use portreeve_directory::privileges::{PrivilegeType, Target, all_pairs};

use super::privileges::{TICKS, UNSAID};
use crate::console::form::Form;

/// The types that mean something here.
const TYPES: [PrivilegeType; 7] = [
    PrivilegeType::All,
    PrivilegeType::View,
    PrivilegeType::Create,
    PrivilegeType::Edit,
    PrivilegeType::Tag,
    PrivilegeType::Delete,
    PrivilegeType::GetUserAttributes,
];

/// The targets that mean something here.
const TARGETS: [Target; 15] = [
    Target::All,
    Target::LocalUser,
    Target::ServiceUser,
    Target::AdministrativeRole,
    Target::Policy,
    Target::CriteriaScript,
    Target::UserClaimScript,
    Target::IdentityProvider,
    Target::IpPool,
    Target::Blacklist,
    Target::RegisteredDevice,
    Target::SessionInfo,
    Target::TokenRecord,
    Target::AuditLog,
    Target::GlobalSetting,
];

/// A box.
pub(super) struct Cell {
    /// What is sent if it is ticked.
    pub(super) value: String,
    pub(super) ticked: bool,
    pub(super) privilege_type: PrivilegeType,
}

/// One target, with a box for each type that there is of it.
pub(super) struct Line {
    pub(super) target: Target,
    pub(super) cells: Vec<Option<Cell>>,
}

/// Targets by types.
pub(super) struct Matrix {
    pub(super) types: Vec<PrivilegeType>,
    pub(super) lines: Vec<Line>,
    /// How many of its boxes are ticked.
    pub(super) ticked: usize,
}

fn is_ours((kind, target): &(PrivilegeType, Target)) -> bool {
    TYPES.contains(kind) && TARGETS.contains(target)
}

/// All types, or all targets, those that mean something here first.
fn ordered<T: Copy + Ord>(ours: &[T], all: BTreeSet<T>) -> (Vec<T>, Vec<T>) {
    (ours.to_vec(), all.into_iter().filter(|one| !ours.contains(one)).collect())
}

/// The types that can be chosen: those that mean something here, and the others.
pub(super) fn types() -> (Vec<PrivilegeType>, Vec<PrivilegeType>) {
    ordered(&TYPES, all_pairs().map(|(kind, _)| kind).collect())
}

/// The targets that can be chosen: those that mean something here, and the others.
pub(super) fn targets() -> (Vec<Target>, Vec<Target>) {
    ordered(&TARGETS, all_pairs().map(|(_, target)| target).collect())
}

impl Matrix {
    fn of(form: &Form, pairs: &BTreeSet<(PrivilegeType, Target)>) -> Self {
        let (ours, others) = types();
        let types = ours.into_iter().chain(others).filter(|kind| pairs.iter().any(|(own, _)| own == kind));
        let types: Vec<PrivilegeType> = types.collect();
        let (ours, others) = targets();
        let targets = ours.into_iter().chain(others).filter(|target| pairs.iter().any(|(_, own)| own == target));
        let cell = |privilege_type: PrivilegeType, target: Target| {
            pairs.contains(&(privilege_type, target)).then(|| {
                let value = format!("{privilege_type}/{target}");
                let unsaid = format!("{value}{UNSAID}");
                let value = if form.has_value(TICKS, &unsaid) { unsaid } else { value };
                Cell { ticked: form.has_value(TICKS, &value), value, privilege_type }
            })
        };
        let lines =
            targets.map(|target| Line { target, cells: types.iter().map(|kind| cell(*kind, target)).collect() });
        let lines: Vec<Line> = lines.collect();
        let ticked = lines.iter().flat_map(|line| line.cells.iter().flatten()).filter(|cell| cell.ticked).count();
        Self { types, lines, ticked }
    }

    /// What means something here, and the rest. Functions that are assigned are named one by one, so that no tick can
    /// stand for them.
    pub(super) fn both(form: &Form) -> (Self, Self) {
        let pairs = all_pairs().filter(|(kind, _)| *kind != PrivilegeType::AssignFunction);
        let (ours, others): (BTreeSet<_>, BTreeSet<_>) = pairs.partition(is_ours);
        (Self::of(form, &ours), Self::of(form, &others))
    }
}
