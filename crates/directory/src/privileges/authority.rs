//! What several privileges come to: what is in reach of their holder, and whether they hold whatever another does.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Function, Privilege, PrivilegeType, Scope, ScopeKind, Target, all_pairs, scope_kind};

/// All that someone may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authority {
    privileges: Vec<Privilege>,
}

/// Which objects of a target someone may do something with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All of them, and whatever is no object at all.
    Everything,
    /// Those with one of the ids or tags.
    Only {
        /// Of the objects, or of the Identity Providers that they belong to.
        ids: BTreeSet<Uuid>,
        /// Carried by the objects, or by the Identity Providers that they belong to.
        tags: BTreeSet<String>,
    },
}

/// A privilege that somebody would need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing(pub PrivilegeType, pub Target);

impl Reach {
    /// No object at all.
    pub const NOTHING: Self = Self::Only { ids: BTreeSet::new(), tags: BTreeSet::new() };

    /// Whether no object can be in it.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Only { ids, tags } if ids.is_empty() && tags.is_empty())
    }

    /// What is in one or the other.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only { mut ids, mut tags }, Self::Only { ids: other_ids, tags: other_tags }) => {
                ids.extend(other_ids);
                tags.extend(other_tags);
                Self::Only { ids, tags }
            }
            _ => Self::Everything,
        }
    }

    fn add(&mut self, scope: &Scope) {
        if let Self::Only { ids, tags } = self {
            ids.extend(&scope.ids);
            tags.extend(scope.tags.iter().cloned());
        }
    }

    /// Whether all that `other` ever reaches, whatever objects come to be, is in this one.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everything, _) => true,
            (_, Self::Everything) => false,
            (Self::Only { ids, tags }, Self::Only { ids: other_ids, tags: other_tags }) => {
                other_ids.is_subset(ids) && other_tags.is_subset(tags)
            }
        }
    }
}

/// What one privilege reaches of a pair.
fn reach_of(privilege: &Privilege, wanted: PrivilegeType, target: Target) -> Reach {
    let on_type = privilege.privilege_type == wanted || privilege.privilege_type == PrivilegeType::All;
    let on_target = privilege.target == target || privilege.target == Target::All;
    let own = scope_kind(privilege.privilege_type, privilege.target);
    let (Some(wanted_kind), Some(own), true, true) = (scope_kind(wanted, target), own, on_type, on_target) else {
        return Reach::NOTHING;
    };
    let empty = Scope::default();
    let scope = privilege.scope.as_ref().unwrap_or(&empty);
    if own == ScopeKind::None || scope.all {
        return Reach::Everything;
    }
    // Some objects of everything are not all of something that has no objects.
    if wanted_kind == ScopeKind::None && privilege.target == Target::All && target != Target::All {
        return Reach::NOTHING;
    }
    let mut reach = Reach::NOTHING;
    reach.add(scope);
    reach
}

impl Authority {
    /// The union of privileges.
    pub fn new(privileges: impl IntoIterator<Item = Privilege>) -> Self {
        let mut united: Vec<Privilege> = Vec::new();
        for privilege in privileges {
            if !united.contains(&privilege) {
                united.push(privilege);
            }
        }
        Self { privileges: united }
    }

    /// That of one who may do everything.
    pub fn everything() -> Self {
        Self::new([Privilege::everything()])
    }

    /// The privileges, each once.
    pub fn privileges(&self) -> &[Privilege] {
        &self.privileges
    }

    /// Whether it is `All` on `All`.
    pub fn is_everything(&self) -> bool {
        self.privileges.iter().any(|held| held.privilege_type == PrivilegeType::All && held.target == Target::All)
    }

    /// The objects of a target with which something may be done.
    pub fn reach(&self, wanted: PrivilegeType, target: Target) -> Reach {
        let each = self.privileges.iter().map(|privilege| reach_of(privilege, wanted, target));
        each.fold(Reach::NOTHING, Reach::or)
    }

    /// Tags that a new object of this holder is given.
    pub fn default_tags(&self, target: Target) -> Vec<String> {
        let creates = |held: &&Privilege| !reach_of(held, PrivilegeType::Create, target).is_nothing();
        let mut tags: Vec<String> = Vec::new();
        for tag in self.privileges.iter().filter(creates).filter_map(|held| held.default_tags.as_ref()).flatten() {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
        tags
    }

    /// A part of a privilege that is not held, if there is one. Whoever holds all parts may hand the privilege on.
    pub fn lacks(&self, privilege: &Privilege) -> Option<Missing> {
        let whole = Missing(privilege.privilege_type, privilege.target);
        if self.is_everything() {
            return None;
        }
        if whole == Missing(PrivilegeType::All, Target::All) {
            return Some(whole);
        }
        all_pairs()
            .find(|&(kind, target)| {
                let theirs = reach_of(privilege, kind, target);
                let same_pair = (kind, target) == (privilege.privilege_type, privilege.target);
                (same_pair || !theirs.is_nothing())
                    && !(self.reach(kind, target).covers(&theirs) && self.holds_extras(privilege, kind, target))
            })
            .map(|(kind, target)| Missing(kind, target))
    }

    /// Besides the scope: the functions that may be assigned, and the tags that whatever is created must bear.
    fn holds_extras(&self, privilege: &Privilege, kind: PrivilegeType, target: Target) -> bool {
        match kind {
            PrivilegeType::Create => {
                let theirs = privilege.default_tags.as_deref().unwrap_or_default();
                self.default_tags(target).iter().all(|tag| theirs.contains(tag))
            }
            PrivilegeType::AssignFunction => {
                let theirs = privilege.functions.as_deref().unwrap_or_default();
                theirs.iter().all(|function| self.may_assign(target, *function))
            }
            _ => true,
        }
    }

    fn may_assign(&self, target: Target, function: Function) -> bool {
        self.privileges.iter().any(|held| {
            !reach_of(held, PrivilegeType::AssignFunction, target).is_nothing()
                && held.functions.as_ref().is_some_and(|functions| functions.contains(&function))
        })
    }

    /// A part of another's authority that is not held, if there is one.
    pub fn lacks_of(&self, other: &Self) -> Option<Missing> {
        other.privileges.iter().find_map(|privilege| self.lacks(privilege))
    }

    /// The rights that holders of these privileges gain over an object of the target by its being given these tags.
    pub fn gained_by_tags(&self, tags: &[String], target: Target) -> Vec<Missing> {
        let concerned = |&(kind, on): &(PrivilegeType, Target)| {
            on == target || (target == Target::IdentityProvider && scope_kind(kind, on) == Some(ScopeKind::Providers))
        };
        let by_tag = |kind, on| {
            self.privileges.iter().any(|privilege| match reach_of(privilege, kind, on) {
                Reach::Everything => false,
                Reach::Only { tags: reached, .. } => tags.iter().any(|tag| reached.contains(tag)),
            })
        };
        all_pairs()
            .filter(concerned)
            .filter(|&(kind, on)| by_tag(kind, on))
            .map(|(kind, on)| Missing(kind, on))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn privilege(privilege_type: PrivilegeType, target: Target, tags: &[&str]) -> Privilege {
        let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
        let scope = Some(Scope { all: false, ids: Vec::new(), tags });
        Privilege { privilege_type, target, scope, default_tags: None, functions: None }
    }

    fn only(tags: &[&str]) -> Reach {
        Reach::Only { ids: BTreeSet::new(), tags: tags.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn what_is_in_reach_follows_the_table() {
        use {PrivilegeType::*, Target as On};
        let authority = Authority::new([
            privilege(View, On::All, &["a"]),
            privilege(All, On::LocalUser, &["b"]),
            privilege(Tag, On::ServiceUser, &["c"]),
            privilege(Tag, On::Policy, &[]),
        ]);
        assert_eq!(authority.reach(View, On::LocalUser), only(&["a", "b"]));
        assert_eq!(authority.reach(View, On::Policy), only(&["a"]));
        assert_eq!(authority.reach(Tag, On::LocalUser), only(&["b"]));
        assert_eq!(authority.reach(Tag, On::ServiceUser), only(&["c"]));
        assert_eq!(authority.reach(Tag, On::Policy), Reach::Everything, "the pair takes no scope");
        assert_eq!(authority.reach(View, On::AuditLog), Reach::NOTHING, "a part of everything is no audit log");
        assert_eq!(authority.reach(Delete, On::ServiceUser), Reach::NOTHING);
        assert_eq!(Authority::everything().reach(Edit, On::GlobalSetting), Reach::Everything);
    }

    #[test]
    fn nobody_hands_on_what_they_do_not_hold() {
        use {PrivilegeType::*, Target as On};
        let holder =
            Authority::new([privilege(All, On::LocalUser, &["a", "b"]), privilege(View, On::ServiceUser, &["a"])]);
        assert_eq!(holder.lacks(&privilege(View, On::LocalUser, &["a"])), None);
        assert_eq!(holder.lacks(&privilege(All, On::LocalUser, &["b"])), None);
        assert_eq!(holder.lacks(&privilege(View, On::ServiceUser, &["b"])), Some(Missing(View, On::ServiceUser)));
        assert_eq!(holder.lacks(&privilege(All, On::ServiceUser, &["a"])), Some(Missing(All, On::ServiceUser)));
        assert_eq!(holder.lacks(&privilege(View, On::All, &["a"])).map(|m| m.0), Some(View));
        let each = all_pairs().filter(|&(kind, on)| kind == View && on != On::All);
        let viewer = Authority::new(each.map(|(kind, on)| privilege(kind, on, &["a"])));
        let on_all = Some(Missing(View, On::All));
        assert_eq!(viewer.lacks(&privilege(View, On::All, &["a"])), on_all, "which is more than each");
        assert_eq!(holder.lacks(&Privilege::everything()), Some(Missing(All, On::All)));
        assert_eq!(holder.lacks(&privilege(View, On::AuditLog, &[])), Some(Missing(View, On::AuditLog)));
        assert_eq!(Authority::everything().lacks(&Privilege::everything()), None);
        let tagged = Privilege { default_tags: Some(vec!["a".into()]), ..privilege(Create, On::LocalUser, &["a"]) };
        let bare = privilege(Create, On::LocalUser, &["a"]);
        assert_eq!(Authority::new([tagged.clone()]).lacks(&bare), Some(Missing(Create, On::LocalUser)));
        let all = privilege(All, On::LocalUser, &["a"]);
        let without_tags = Some(Missing(Create, On::LocalUser));
        assert_eq!(Authority::new([all.clone(), tagged.clone()]).lacks(&all), without_tags, "a part of it");
        assert_eq!(Authority::new([bare]).lacks(&tagged), None);
    }

    #[test]
    fn nobody_hands_on_a_function_that_they_may_not_assign() {
        let assign = |functions: &[Function]| Privilege {
            functions: Some(functions.to_vec()),
            ..privilege(PrivilegeType::AssignFunction, Target::Appliance, &[])
        };
        let holder = Authority::new([assign(&[Function::Gateway]), assign(&[Function::Portal])]);
        let missing = Some(Missing(PrivilegeType::AssignFunction, Target::Appliance));
        assert_eq!(holder.lacks(&assign(&[Function::Portal, Function::Gateway])), None);
        assert_eq!(holder.lacks(&assign(&[Function::Portal, Function::Controller])), missing);
        // Nor do those of another target count.
        let viewer = Privilege { privilege_type: PrivilegeType::View, ..assign(&[Function::Controller]) };
        assert_eq!(Authority::new([assign(&[]), viewer]).lacks(&assign(&[Function::Controller])), missing);
    }

    #[test]
    fn a_tag_gives_what_scopes_name_it_for() {
        use {PrivilegeType::*, Target as On};
        let roles = Authority::new([
            Privilege::everything(),
            privilege(Delete, On::LocalUser, &["a"]),
            privilege(View, On::Blacklist, &["a"]),
        ]);
        let tags = |tag: &str| vec![tag.to_owned()];
        assert_eq!(roles.gained_by_tags(&tags("a"), On::LocalUser), [Missing(Delete, On::LocalUser)]);
        assert_eq!(roles.gained_by_tags(&tags("a"), On::IdentityProvider), [Missing(View, On::Blacklist)]);
        assert_eq!(roles.gained_by_tags(&tags("b"), On::LocalUser), []);
    }
}
