//! Who asks, from where, and what they may do. No rule runs without a [`Caller`].

use std::sync::Arc;

use crate::{
    error::{Error, Result},
    store::{
        scope,
        sessions::{Session, Standing},
    },
};

pub use crate::{
    origin::Origin,
    privileges::{Authority, Missing, Privilege, PrivilegeType, Reach, Scope, Target},
};

/// The name of the account that is made at the first start.
pub(crate) const ADMINISTRATOR: &str = "admin";

/// How the audit log names the one at the command line.
const OPERATOR: &str = "(operator)";

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    actor: Actor,
    authority: Arc<Authority>,
    origin: Origin,
}

#[derive(Debug, Clone)]
enum Actor {
    Account(Box<(Session, Standing)>),
    /// Someone with the data itself in their hands: the command line.
    Operator,
}

impl Caller {
    pub(crate) fn new(session: Session, standing: Standing, authority: Arc<Authority>, origin: Origin) -> Self {
        Self { actor: Actor::Account(Box::new((session, standing))), authority, origin }
    }

    /// The operator at the command line, who may do everything.
    pub fn operator(request_id: String) -> Self {
        let origin = Origin { source: None, request_id };
        Self { actor: Actor::Operator, authority: Arc::new(Authority::everything()), origin }
    }

    /// Where the request came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The session, which the operator has none of.
    pub fn session(&self) -> Option<&Session> {
        match &self.actor {
            Actor::Account(account) => Some(&account.0),
            Actor::Operator => None,
        }
    }

    /// What the session's authority was found from.
    pub(crate) fn standing(&self) -> Option<&Standing> {
        match &self.actor {
            Actor::Account(account) => Some(&account.1),
            Actor::Operator => None,
        }
    }

    /// How the audit log names the one who asks.
    pub(crate) fn audit_name(&self) -> &str {
        match &self.actor {
            Actor::Account(account) => &account.0.name,
            Actor::Operator => OPERATOR,
        }
    }

    /// All that the caller may do.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The objects with which the caller may do this. Refused if there can be none.
    pub fn authorize(&self, wanted: PrivilegeType, target: Target) -> Result<Reach> {
        let reach = self.authority.reach(wanted, target);
        if reach.is_nothing() {
            return Err(missing(Missing(wanted, target)));
        }
        if !scope::fits(&reach) {
            let reason = "the scopes of the caller's privileges name more objects than can be looked for; use tags";
            return Err(Error::Forbidden(reason.into()));
        }
        Ok(reach)
    }

    /// Passes if the caller may change some object of the target, or at least its tags.
    pub fn authorize_edit(&self, target: Target) -> Result<()> {
        let edit = self.authorize(PrivilegeType::Edit, target);
        edit.or_else(|refused| self.authorize(PrivilegeType::Tag, target).map_err(|_| refused)).map(drop)
    }

    /// Passes if the caller may do this without any limit.
    pub fn authorize_all(&self, wanted: PrivilegeType, target: Target) -> Result<()> {
        match self.authority.reach(wanted, target) {
            Reach::Everything => Ok(()),
            Reach::Only { .. } => Err(missing(Missing(wanted, target))),
        }
    }

    /// The objects with which the caller may do this; none if the caller lacks the privilege.
    pub(crate) fn reach(&self, wanted: PrivilegeType, target: Target) -> Reach {
        self.authorize(wanted, target).unwrap_or(Reach::NOTHING)
    }
}

/// What somebody is told who lacks a privilege altogether.
pub(crate) fn missing(Missing(wanted, target): Missing) -> Error {
    Error::Forbidden(missing_text(Missing(wanted, target)))
}

/// The same words for a refusal and for its explanation.
pub(crate) fn missing_text(Missing(wanted, target): Missing) -> String {
    format!("this needs the privilege {wanted} on {target}, which the caller does not hold")
}

/// What somebody is told whose privilege does not reach an object.
pub(crate) fn out_of_scope(needed: Missing) -> Error {
    Error::Forbidden(out_of_scope_text(needed))
}

/// The same words for a refusal and for its explanation.
pub(crate) fn out_of_scope_text(Missing(wanted, target): Missing) -> String {
    format!(
        "this needs the privilege {wanted} on {target} with a scope that includes the object; the caller's does not"
    )
}
