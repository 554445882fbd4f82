//! Versions of objects, with which two who change the same object find out about each other.

use crate::error::{Error, Result};

/// One object and the version that its entity tag is made of.
#[derive(Debug, Clone)]
pub struct Versioned<T> {
    /// The object.
    pub object: T,
    /// Raised by every change of what a reader sees.
    pub version: i64,
}

/// The version that an object must still have for a change to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    /// Whichever it has.
    #[default]
    Any,
    /// One of these.
    OneOf(Vec<i64>),
}

impl Expected {
    pub(crate) fn check(&self, version: i64) -> Result<()> {
        match self {
            Self::OneOf(versions) if !versions.contains(&version) => Err(Error::PreconditionFailed),
            _ => Ok(()),
        }
    }
}
