//! The two kinds of account, and with them the two providers.

use crate::error::{Failure, Result};

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
    pub fn as_str(self) -> &'static str {
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

    /// What privileges and the audit log call it.
    pub(crate) fn target(self) -> &'static str {
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
