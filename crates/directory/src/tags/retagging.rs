//! A tag gets another name, or goes: everything that carries it and every role that names it.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use crate::{
    configuration::{Rows, privileges_of},
    error::{Failure, Result},
    identity_providers,
    kind::{AccountKind, ObjectKind},
    privileges::{Privilege, Target},
    store::{self, Tx, objects::Object},
};

/// What can carry tags.
#[derive(Debug, Clone, Copy)]
pub(super) enum Carrier {
    Account(AccountKind),
    Provider,
    Object(ObjectKind),
}

impl Carrier {
    /// All of them.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let accounts = [AccountKind::Local, AccountKind::Service].map(Self::Account);
        accounts.into_iter().chain([Self::Provider]).chain(ObjectKind::ALL.map(Self::Object))
    }

    /// As what its tags are noted.
    pub(super) fn tag_kind(self) -> &'static str {
        match self {
            Self::Account(kind) => kind.as_str(),
            Self::Provider => identity_providers::TABLE.tag_kind(),
            Self::Object(kind) => kind.as_str(),
        }
    }

    /// The target of privileges over it.
    pub(super) fn target(self) -> Target {
        match self {
            Self::Account(kind) => kind.target(),
            Self::Provider => Target::IdentityProvider,
            Self::Object(kind) => kind.target(),
        }
    }
}

/// A tag in place of which there is to be another one, or none.
#[derive(Debug, Clone)]
pub(super) struct Retagging {
    pub(super) from: String,
    pub(super) to: Option<String>,
}

/// Whether a privilege names a tag.
pub(super) fn names(privilege: &Privilege, tag: &str) -> bool {
    let scope = privilege.scope.iter().flat_map(|scope| &scope.tags);
    scope.chain(privilege.default_tags.iter().flatten()).any(|named| named == tag)
}

/// Roles whose privileges name a tag.
pub(super) async fn roles_naming(tx: &mut Tx, tag: &str) -> Result<Vec<Object>> {
    // As it stands in JSON, with a character in place of each that databases take differently.
    let text = json!(tag).to_string().replace('\\', "_");
    let mut roles = store::objects::naming(tx, ObjectKind::Role, &text).await?;
    let mut wrong = None;
    roles.retain(|role| match privileges_of(role) {
        Ok(privileges) => privileges.iter().any(|privilege| names(privilege, tag)),
        Err(failure) => {
            wrong = Some(failure);
            false
        }
    });
    wrong.map_or(Ok(roles), |failure| Err(failure.into()))
}

impl Retagging {
    /// Puts the one in the place of the other.
    pub(super) fn apply(&self, tags: &mut Vec<String>) {
        let mut kept: Vec<String> = Vec::new();
        for tag in tags.drain(..) {
            let tag = if tag == self.from { self.to.clone() } else { Some(tag) };
            kept.extend(tag.filter(|tag| !kept.contains(tag)));
        }
        *tags = kept;
    }

    fn apply_to_role(&self, role: &mut Object) -> Result<(), Failure> {
        let mut privileges = privileges_of(role)?;
        for privilege in &mut privileges {
            let scope = privilege.scope.as_mut().map(|scope| &mut scope.tags);
            scope.into_iter().chain(&mut privilege.default_tags).for_each(|tags| self.apply(tags));
        }
        role.body.insert("privileges".into(), json!(privileges));
        Ok(())
    }

    /// The configuration as it will be.
    pub(super) fn rows(&self, rows: &Rows) -> Result<Rows> {
        let mut rows = rows.clone();
        for object in &mut rows.objects {
            self.apply(&mut object.tags);
            if object.kind == ObjectKind::Role {
                self.apply_to_role(object)?;
            }
        }
        rows.providers.iter_mut().for_each(|provider| self.apply(&mut provider.common.tags));
        Ok(rows)
    }

    /// Makes the change. The tag itself has been changed already, which keeps it from being given to anything meanwhile.
    pub(super) async fn run(&self, tx: &mut Tx) -> Result<()> {
        let mut done = BTreeSet::new();
        for role in roles_naming(tx, &self.from).await? {
            self.change_object(tx, ObjectKind::Role, &role.id).await?;
            done.insert(role.id);
        }
        for carrier in Carrier::all() {
            let mut next = Some(Uuid::nil());
            while let Some(first) = next {
                let page = store::retagging::carriers(tx, &self.from, carrier.tag_kind(), &first).await?;
                let Some(last) = page.last() else { break };
                self.change_page(tx, carrier, &page, &done).await?;
                let tags = (self.from.as_str(), self.to.as_deref());
                store::retagging::replace_noted(tx, tags, carrier.tag_kind(), (&first, last)).await?;
                next = last.as_u128().checked_add(1).map(Uuid::from_u128);
            }
        }
        Ok(())
    }

    async fn change_page(&self, tx: &mut Tx, carrier: Carrier, page: &[Uuid], done: &BTreeSet<Uuid>) -> Result<()> {
        match carrier {
            Carrier::Account(kind) => {
                let mut held = store::retagging::hold_accounts(tx, kind, page).await?;
                held.iter_mut().for_each(|account| self.apply(&mut account.profile.tags));
                store::retagging::set_tags(tx, &held).await?;
            }
            Carrier::Provider => {
                for id in page {
                    let Some(mut held) = store::identity_providers::hold(tx, id).await? else { continue };
                    self.apply(&mut held.common.tags);
                    held.updated = tx.now();
                    store::identity_providers::update(tx, &held).await?;
                }
            }
            Carrier::Object(kind) => {
                for id in page.iter().filter(|id| !done.contains(*id)) {
                    self.change_object(tx, kind, id).await?;
                }
            }
        }
        Ok(())
    }

    async fn change_object(&self, tx: &mut Tx, kind: ObjectKind, id: &Uuid) -> Result<()> {
        let Some(mut held) = store::objects::hold(tx, kind, id).await? else { return Ok(()) };
        self.apply(&mut held.tags);
        if kind == ObjectKind::Role {
            self.apply_to_role(&mut held)?;
        }
        held.updated = tx.now();
        Ok(store::objects::update(tx, &held).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::Retagging;

    #[test]
    fn the_order_stays_and_nothing_is_there_twice() {
        let tags = |tags: &[&str]| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
        let change = |to: Option<&str>, given: &[&str]| {
            let mut given = tags(given);
            Retagging { from: "b".into(), to: to.map(Into::into) }.apply(&mut given);
            given
        };
        assert_eq!(change(Some("x"), &["c", "b", "a"]), tags(&["c", "x", "a"]));
        assert_eq!(change(Some("a"), &["c", "b", "a"]), tags(&["c", "a"]));
        assert_eq!(change(Some("B"), &["b"]), tags(&["B"]));
        assert_eq!(change(None, &["c", "b", "a"]), tags(&["c", "a"]));
        assert_eq!(change(Some("x"), &["c"]), tags(&["c"]));
    }
}
