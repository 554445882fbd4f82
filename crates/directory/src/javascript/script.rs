//! What goes into the engine and what comes out: scripts, claims, verdicts and faults.

use std::fmt;

use serde_json::{Map, Value};
use uuid::Uuid;

/// The longest text of a thrown value that is kept.
const LONGEST_MESSAGE: usize = 200;

/// A message made fit to be shown: one line that is not too long, without what would move a terminal's cursor.
pub(super) fn one_line(message: &str) -> String {
    let is_moving = |c: char| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c);
    message.chars().map(|c| if is_moving(c) { ' ' } else { c }).take(LONGEST_MESSAGE).collect()
}

/// One script as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// The body of a function of `claims`.
    pub(crate) expression: String,
}

/// All scripts of one state of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Raised by every change of any of them. Workers keep what they compiled until they meet another version.
    pub(crate) version: i64,
    /// Callable by name in all scripts, themselves included.
    pub(crate) criteria: Vec<Source>,
    pub(crate) user_scripts: Vec<Source>,
    pub(crate) policies: Vec<Source>,
}

/// What a script is asked about.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    /// Who logs in.
    pub(crate) user: Map<String, Value>,
    /// From what device.
    pub(crate) device: Value,
    /// When, and to which node.
    pub(crate) system: Value,
}

/// Why a script gave no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScriptFault {
    /// It threw, or cannot be compiled: what, in one line of at most 200 characters.
    Threw(String),
    /// It ran for longer than a script, or all of an evaluation, may.
    OutOfTime,
    /// It needed more memory than there is for a script.
    OutOfMemory,
    /// Its calls were nested too deeply.
    OutOfStack,
    /// It returned something else than its kind has to: what.
    WrongType(String),
}

impl ScriptFault {
    /// Whether it ran against a limit. How far it would have got may depend on more than its claims.
    pub(crate) fn is_exhaustion(&self) -> bool {
        matches!(self, Self::OutOfTime | Self::OutOfMemory | Self::OutOfStack)
    }

    /// The label in metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Threw(_) => "threw",
            Self::OutOfTime => "time",
            Self::OutOfMemory => "memory",
            Self::OutOfStack => "stack",
            Self::WrongType(_) => "type",
        }
    }
}

impl fmt::Display for ScriptFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threw(what) => write!(f, "the script failed: {what}"),
            Self::OutOfTime => f.write_str("the script ran out of time"),
            Self::OutOfMemory => f.write_str("the script ran out of memory"),
            Self::OutOfStack => f.write_str("the script's calls were nested too deeply"),
            Self::WrongType(what) => write!(f, "the script returned the wrong type: {what}"),
        }
    }
}

/// What came of one script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome<T> {
    pub(crate) id: Uuid,
    pub(crate) result: Result<T, ScriptFault>,
    /// Whether `claims.device`, or more of `claims.system` than the provider's name, was read, so that the result may differ
    /// at another login of the same account.
    pub(crate) reads_circumstances: bool,
}

/// What came of all scripts of one login.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evaluation {
    /// `claims.user` with what the user scripts added.
    pub(crate) user: Map<String, Value>,
    /// In the order in which they were asked for.
    pub(crate) user_scripts: Vec<Outcome<()>>,
    /// In the order of the sources.
    pub(crate) policies: Vec<Outcome<bool>>,
}

/// Where a script's text is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxFault {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for SyntaxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}
