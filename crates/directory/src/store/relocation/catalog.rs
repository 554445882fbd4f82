//! Every table that a directory is made of, with its columns: the one place that says what is carried from store to store. A
//! test compares it with the tables that the migrations make.

/// What a column holds. None may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Bool,
    Text,
    Bytes,
}

/// A table, as it is carried.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Those of the primary key first, in its order.
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// How many columns are the primary key.
    pub(crate) key: usize,
    /// What else is unique: another row may still hold in the target what a row has by now in the source.
    pub(crate) unique: &'static [&'static [&'static str]],
    /// A condition for the rows that are carried.
    pub(crate) only: Option<&'static str>,
}

use Kind::{Bool, Bytes, Int, Text};

/// In an order in which no row comes before one that it refers to. `schema_version` is not among them, as each store's own
/// migrations write it, nor `account_changes`, whose numbers are those of one store; `login_attempts` is, as accounts count what they note.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "facts",
        columns: &[("name", Text), ("value", Text)],
        key: 1,
        unique: &[],
        // What one store alone knows of its moving, and of the numbers of its changes.
        only: Some("name NOT IN ('relocation', 'account changes forgotten')"),
    },
    Table {
        name: "configuration",
        columns: &[("id", Int), ("version", Int), ("settings", Text)],
        key: 1,
        unique: &[],
        only: None,
    },
    Table {
        name: "identity_providers",
        columns: &[
            ("id", Bytes),
            ("kind", Text),
            ("name", Text),
            ("name_key", Text),
            ("notes", Text),
            ("tags", Text),
            ("search", Text),
            ("lockout_threshold", Int),
            ("lockout_minutes", Int),
            ("min_password_length", Int),
            ("settings", Text),
            ("created", Int),
            ("updated", Int),
            ("version", Int),
        ],
        key: 1,
        unique: &[&["kind"], &["name_key"]],
        only: None,
    },
    Table {
        name: "accounts",
        columns: &[
            ("id", Bytes),
            ("kind", Text),
            ("name", Text),
            ("name_key", Text),
            ("notes", Text),
            ("tags", Text),
            ("first_name", Text),
            ("last_name", Text),
            ("email", Text),
            ("phone", Text),
            ("labels", Text),
            ("search", Text),
            ("disabled", Bool),
            ("password_hash", Text),
            ("credential_version", Int),
            ("failed_attempts", Int),
            ("failures_since_reset", Int),
            ("attempts_in_flight", Int),
            ("lock_start", Int),
            ("created", Int),
            ("updated", Int),
            ("version", Int),
            ("profile_version", Int),
            ("used", Bool),
        ],
        key: 1,
        unique: &[&["kind", "name_key"]],
        only: None,
    },
    Table {
        name: "object_tags",
        columns: &[("tag", Text), ("kind", Text), ("object_id", Bytes)],
        key: 3,
        unique: &[],
        only: None,
    },
    Table {
        name: "login_attempts",
        columns: &[("id", Bytes), ("account_id", Bytes), ("started", Int)],
        key: 1,
        unique: &[],
        only: None,
    },
    Table {
        name: "sessions",
        columns: &[
            ("id", Bytes),
            ("account_id", Bytes),
            ("credential_version", Int),
            ("device_id", Bytes),
            ("source", Text),
            ("created", Int),
            ("expires", Int),
            ("policies", Text),
            ("configuration", Int),
            ("profile", Int),
            ("idle_limit", Int),
            ("last_used", Int),
        ],
        key: 1,
        unique: &[],
        only: None,
    },
    Table {
        name: "tokens",
        columns: &[("digest", Bytes), ("session_id", Bytes), ("purpose", Text)],
        key: 1,
        unique: &[],
        only: None,
    },
    Table {
        name: "objects",
        columns: &[
            ("kind", Text),
            ("id", Bytes),
            ("name", Text),
            ("name_key", Text),
            ("notes", Text),
            ("tags", Text),
            ("body", Text),
            ("fault", Text),
            ("search", Text),
            ("created", Int),
            ("updated", Int),
            ("version", Int),
        ],
        key: 2,
        unique: &[&["kind", "name_key"]],
        only: None,
    },
    Table {
        name: "tags",
        columns: &[
            ("id", Bytes),
            ("name", Text),
            ("name_key", Text),
            ("notes", Text),
            ("color_code", Int),
            ("search", Text),
            ("created", Int),
            ("updated", Int),
            ("version", Int),
        ],
        key: 1,
        unique: &[&["name"]],
        only: None,
    },
    Table {
        name: "blacklist",
        columns: &[
            ("id", Bytes),
            ("kind", Text),
            ("name", Text),
            ("name_key", Text),
            ("reason", Text),
            ("search", Text),
            ("blacklisted_at", Int),
            ("version", Int),
        ],
        key: 1,
        unique: &[&["kind", "name_key"]],
        only: None,
    },
    Table {
        name: "devices",
        columns: &[
            ("id", Bytes),
            ("account_id", Bytes),
            ("kind", Text),
            ("device_id", Bytes),
            ("on_boarded", Int),
            ("last_seen", Int),
        ],
        key: 1,
        unique: &[&["account_id", "device_id"]],
        only: None,
    },
    Table {
        name: "audit_log",
        columns: &[
            ("id", Bytes),
            ("at", Int),
            ("actor", Text),
            ("act", Text),
            ("object_kind", Text),
            ("object_id", Text),
            ("object_name", Text),
            ("outcome", Text),
            ("reason", Text),
            ("source", Text),
            ("request_id", Text),
            ("changes", Text),
            ("search", Text),
        ],
        key: 1,
        unique: &[],
        only: None,
    },
];

impl Table {
    /// The columns' names, separated by commas.
    pub(super) fn column_list(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// The names of the key's columns.
    pub(super) fn key_columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns[..self.key].iter().map(|(name, _)| *name)
    }

    /// Where a column stands.
    pub(super) fn position(&self, column: &str) -> usize {
        self.columns.iter().position(|(name, _)| *name == column).unwrap_or(usize::MAX)
    }
}
