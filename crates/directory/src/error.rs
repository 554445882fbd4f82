//! What can go wrong, one variant per answer that a caller can get. The public text and the cause are kept apart.

/// The result of everything the directory does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One fault of one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Fault {
    /// JSON path of the field, such as `claimMappings[0].claimName`.
    #[schemars(example = &"name")]
    pub field: String,
    /// What is wrong with it and what would be right.
    #[schemars(example = &"may not be null")]
    pub message: String,
}

/// Why the store could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// A unique value is already there; the text names the constraint or its columns.
    #[error("a unique value is already there ({0})")]
    Clash(String),
    /// A row refers to one that is not there (any more).
    #[error("a row refers to one that is not there ({0})")]
    Orphan(String),
    /// Another transaction was in the way; the same closure may succeed when run again.
    #[error("another transaction was in the way: {0}")]
    Contention(String),
    /// What was decided beforehand was decided about another state of the data; to be decided anew.
    #[error("the data kept changing while a decision about it was made")]
    Moved,
    /// The connection was lost, or none could be made, before anything was to be committed: nothing was done, and the same closure
    /// may succeed on another connection.
    #[error("the database is not available: {0}")]
    Lost(String),
    /// The database was to commit and has not said that it did. It may have.
    #[error("the database has not said whether it has committed: {0}")]
    InDoubt(String),
    /// The database has no room left to write to. What is there can be read.
    #[error("the database has no room left: {0}")]
    Full(String),
    /// The database cannot be reached, cannot be written, or is too busy.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Something in the database is not what was written there. Nothing of it was taken for true.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The database refused something that it should not have had to.
    #[error("the database answered with an error: {0}")]
    Broken(String),
}

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No token, or one that is not (or no longer) good.
    #[error("the token is missing, unknown, expired or revoked; log in again")]
    Unauthorized,
    /// A login was refused. Which of the reasons it was is in the audit log only.
    #[error("Invalid username or password.")]
    LoginRefused,
    /// The caller is known and may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such object, or none that the caller may see.
    #[error("{0}")]
    NotFound(String),
    /// The object clashes with another or with what must stay true.
    #[error("{0}")]
    Conflict(String),
    /// The object is no longer the one the caller's `If-Match` names.
    #[error("the object has changed since it was read; read it again and repeat the change")]
    PreconditionFailed,
    /// The request is well formed, its values are not: every fault at once.
    #[error("{} of the request's values cannot be accepted", .0.len())]
    Invalid(Vec<Fault>),
    /// There is more to do than there is room for; nothing was done.
    #[error("too much is waiting to be done; try again")]
    Overloaded {
        /// When it is worth another try.
        retry_after_seconds: u64,
    },
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] Failure),
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// One faulty field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault { field: field.into(), message: message.into() }])
    }

    /// Whether the store could not write, for now: what can as well be left unwritten may go on.
    pub(crate) fn is_for_now(&self) -> bool {
        matches!(self, Self::Store(Failure::Full(_) | Failure::Unavailable(_) | Failure::Lost(_) | Failure::InDoubt(_)))
    }
}
