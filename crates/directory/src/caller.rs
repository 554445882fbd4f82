//! Who asks, from where, and what they may do. No rule runs without a [`Caller`].

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    kind::AccountKind,
    store::sessions::Session,
};

pub use crate::origin::Origin;

/// The one account that may do everything.
pub(crate) const ADMINISTRATOR: &str = "admin";

/// What a privilege allows to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum PrivilegeType {
    /// Whatever there is to do.
    All,
    /// Read.
    View,
    /// Make new ones.
    Create,
    /// Change.
    Edit,
    /// Remove.
    Delete,
}

/// What a privilege is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Target {
    /// Everything.
    All,
    /// Local Users.
    LocalUser,
    /// Service Users.
    ServiceUser,
    /// Identity Providers.
    IdentityProvider,
}

/// Which objects of its target a privilege covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Scope {
    /// All of them.
    pub all: bool,
    /// Those with these ids.
    pub ids: Vec<Uuid>,
    /// Those that carry one of these tags.
    pub tags: Vec<String>,
}

/// The right to do something with some objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Privilege {
    /// What may be done.
    #[serde(rename = "type")]
    pub privilege_type: PrivilegeType,
    /// With what.
    pub target: Target,
    /// With which of them.
    pub scope: Scope,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    actor: Actor,
    origin: Origin,
}

#[derive(Debug, Clone)]
enum Actor {
    Account(Box<Session>),
    /// Someone with the data itself in their hands: the command line.
    Operator,
}

impl Caller {
    pub(crate) fn new(session: Session, origin: Origin) -> Self {
        Self { actor: Actor::Account(Box::new(session)), origin }
    }

    /// The operator at the command line, who may do everything.
    pub fn operator(request_id: String) -> Self {
        Self { actor: Actor::Operator, origin: Origin { source: None, request_id } }
    }

    /// Where the request came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The session, which the operator has none of.
    pub fn session(&self) -> Option<&Session> {
        match &self.actor {
            Actor::Account(session) => Some(session),
            Actor::Operator => None,
        }
    }

    /// How the audit log names the one who asks.
    pub(crate) fn audit_name(&self) -> &str {
        match &self.actor {
            Actor::Account(session) => &session.name,
            Actor::Operator => crate::audit::OPERATOR,
        }
    }

    /// What the caller may do as an administrator.
    pub fn privileges(&self) -> Vec<Privilege> {
        match &self.actor {
            Actor::Account(session) => privileges_of(session.kind, &session.name_key),
            Actor::Operator => everything(),
        }
    }

    /// Passes if the caller holds the privilege. Until roles exist, whoever has a session may read.
    pub fn authorize(&self, wanted: PrivilegeType, target: Target) -> Result<()> {
        if wanted == PrivilegeType::View || !self.privileges().is_empty() {
            return Ok(());
        }
        Err(Error::Forbidden(format!(
            "this needs the privilege {wanted:?} on {target:?}, which the caller does not hold"
        )))
    }
}

/// The administrative privileges of an account.
pub(crate) fn privileges_of(kind: AccountKind, name_key: &str) -> Vec<Privilege> {
    if is_administrator(kind, name_key) { everything() } else { Vec::new() }
}

pub(crate) fn is_administrator(kind: AccountKind, name_key: &str) -> bool {
    kind == AccountKind::Local && name_key == ADMINISTRATOR
}

fn everything() -> Vec<Privilege> {
    let scope = Scope { all: true, ids: Vec::new(), tags: Vec::new() };
    vec![Privilege { privilege_type: PrivilegeType::All, target: Target::All, scope }]
}
