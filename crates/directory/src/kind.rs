//! The kinds of account, and with them the two providers, and the kinds of object that decide what accounts may do.

use crate::{
    error::{Failure, Result},
    privileges::Target,
};

/// A person or a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountKind {
    /// A Local User.
    Local,
    /// A Service User.
    Service,
}

impl AccountKind {
    /// The provider that the account belongs to, by name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Service => "service",
        }
    }

    /// The reverse of `as_str`.
    pub(crate) fn from_text(text: &str) -> Result<Self, Failure> {
        match text {
            "local" => Ok(Self::Local),
            "service" => Ok(Self::Service),
            other => Err(Failure::Broken(format!("an account of kind {other}"))),
        }
    }

    /// The target of privileges over it.
    pub(crate) const fn target(self) -> Target {
        match self {
            Self::Local => Target::LocalUser,
            Self::Service => Target::ServiceUser,
        }
    }

    /// The kind that privileges on a target are about, if it is one.
    pub(crate) fn of_target(target: Target) -> Option<Self> {
        [Self::Local, Self::Service].into_iter().find(|kind| kind.target() == target)
    }

    /// What the audit log calls it.
    pub(crate) fn object_kind(self) -> &'static str {
        match self {
            Self::Local => "LocalUser",
            Self::Service => "ServiceUser",
        }
    }

    /// What people call such an account.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Local => "Local User",
            Self::Service => "Service User",
        }
    }
}

/// The kinds of object that decide what accounts may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// An administrative role.
    Role,
    /// A policy.
    Policy,
    /// A function that policies call.
    CriteriaScript,
    /// A function that adds claims.
    UserScript,
    /// A pool of addresses, which Portreeve does not use.
    IpPool,
}

impl ObjectKind {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Role, Self::Policy, Self::CriteriaScript, Self::UserScript, Self::IpPool];

    /// The target of privileges over it, which is also how it is stored and what the audit log calls it.
    pub(crate) const fn target(self) -> Target {
        match self {
            Self::Role => Target::AdministrativeRole,
            Self::Policy => Target::Policy,
            Self::CriteriaScript => Target::CriteriaScript,
            Self::UserScript => Target::UserClaimScript,
            Self::IpPool => Target::IpPool,
        }
    }

    /// The kind that privileges on a target are about, if it is one.
    pub(crate) fn of_target(target: Target) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.target() == target)
    }

    /// How it is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "AdministrativeRole",
            Self::Policy => "Policy",
            Self::CriteriaScript => "CriteriaScript",
            Self::UserScript => "UserClaimScript",
            Self::IpPool => "IpPool",
        }
    }

    /// The reverse of `as_str`.
    pub(crate) fn from_text(text: &str) -> Result<Self, Failure> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| Failure::Broken(format!("an object of kind {text}")))
    }

    /// What people call it.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Role => "Administrative Role",
            Self::Policy => "Policy",
            Self::CriteriaScript => "Criteria Script",
            Self::UserScript => "User Claim Script",
            Self::IpPool => "IP Pool",
        }
    }
}
