//! Which types of privilege there are on which targets, and what their scopes are made of.

use std::{collections::BTreeMap, sync::LazyLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PrivilegeType, Target};

/// What a scope is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ScopeKind {
    /// There is none: the privilege is about all of it.
    #[serde(rename = "")]
    None,
    /// Ids and tags of the objects themselves.
    #[serde(rename = "scope")]
    Objects,
    /// Ids and tags of the Identity Providers that the objects belong to.
    #[serde(rename = "idp")]
    Providers,
}

type Map = BTreeMap<PrivilegeType, BTreeMap<Target, ScopeKind>>;

/// The table as it was recorded from the interface that we speak.
#[expect(clippy::expect_used, reason = "the text is part of the program, and a test reads it")]
static MAP: LazyLock<Map> =
    LazyLock::new(|| serde_json::from_str(include_str!("map.json")).expect("map.json is a table of known words"));

/// Types that there are on targets which the table leaves out although roles name them.
const BESIDE_THE_MAP: [PrivilegeType; 6] = [
    PrivilegeType::All,
    PrivilegeType::View,
    PrivilegeType::Create,
    PrivilegeType::Edit,
    PrivilegeType::Tag,
    PrivilegeType::Delete,
];

/// What the scope of such a privilege is made of; nothing if there is no such privilege.
pub fn scope_kind(privilege_type: PrivilegeType, target: Target) -> Option<ScopeKind> {
    if matches!(target, Target::Secret | Target::DiscoveredApp) {
        return BESIDE_THE_MAP.contains(&privilege_type).then_some(ScopeKind::Objects);
    }
    MAP.get(&privilege_type)?.get(&target).copied()
}

/// All pairs of a type and a target that there are.
pub fn all_pairs() -> impl Iterator<Item = (PrivilegeType, Target)> {
    let beside = [Target::Secret, Target::DiscoveredApp].into_iter();
    let beside = beside.flat_map(|target| BESIDE_THE_MAP.into_iter().map(move |kind| (kind, target)));
    MAP.iter().flat_map(|(kind, targets)| targets.keys().map(|target| (*kind, *target))).chain(beside)
}

/// A target that there is for a type of privilege.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetEntry {
    /// The target.
    pub name: Target,
    /// Whether its scope is made of ids and tags.
    pub scopable: bool,
    /// Whether its scope is made of Identity Providers.
    pub scopable_by_idp: bool,
}

/// The table as clients read it: for each type its targets.
pub fn type_target_map() -> BTreeMap<PrivilegeType, Vec<TargetEntry>> {
    let entry = |(target, kind): (&Target, &ScopeKind)| TargetEntry {
        name: *target,
        scopable: *kind == ScopeKind::Objects,
        scopable_by_idp: *kind == ScopeKind::Providers,
    };
    MAP.iter().map(|(kind, targets)| (*kind, targets.iter().map(entry).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole() {
        assert_eq!(MAP.values().map(BTreeMap::len).sum::<usize>(), 208);
        assert_eq!(scope_kind(PrivilegeType::View, Target::LocalUser), Some(ScopeKind::Objects));
        assert_eq!(scope_kind(PrivilegeType::View, Target::Blacklist), Some(ScopeKind::Providers));
        assert_eq!(scope_kind(PrivilegeType::View, Target::AuditLog), Some(ScopeKind::None));
        assert_eq!(scope_kind(PrivilegeType::Reboot, Target::LocalUser), None);
        assert_eq!(scope_kind(PrivilegeType::View, Target::Secret), Some(ScopeKind::Objects));
    }
}
