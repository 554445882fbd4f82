//! What became of rows.

use uuid::Uuid;

use crate::error::Fault;

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Result {
    /// There is a new account.
    Created,
    /// The account is another now.
    Changed,
    /// The account was so already.
    Unchanged,
    /// Nothing was done, for these reasons.
    Refused(Vec<Fault>),
}

/// A row and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The row's line.
    pub line: u64,
    /// The name that it gives; empty if it gives none.
    pub name: String,
    /// The account, if there is one.
    pub id: Option<Uuid>,
    /// What became of it.
    pub result: Result,
}

impl Outcome {
    pub(super) fn without_id_if_refused(self) -> Self {
        let refused = matches!(self.result, Result::Refused(_));
        Self { id: self.id.filter(|_| !refused), ..self }
    }
}
