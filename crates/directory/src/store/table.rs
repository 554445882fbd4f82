//! What lists and single reads know of a resource: its table, its columns, and the fields that can be asked for.

use crate::kind::AccountKind;

/// A resource as its lists and single reads see it.
#[derive(Debug)]
pub(crate) struct Table {
    /// The table, under whose name its objects' tags are noted if it has no kinds.
    pub(crate) name: &'static str,
    /// What is selected from, if it is more than the table.
    pub(crate) from: Option<&'static str>,
    /// Of rows of several kinds in one table: whose they are.
    pub(crate) kind: Option<&'static str>,
    pub(crate) columns: &'static str,
    /// What its lists can be ordered and filtered by.
    pub(crate) fields: &'static [&'static [Field]],
    /// The field by which they are ordered if a client does not say, and whether from the end.
    pub(crate) order: (&'static str, bool),
    pub(crate) scoped: Scoped,
}

/// What the scope of a privilege is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scoped {
    /// The object's own id and tags.
    ByObject,
    /// Id and tags of the provider that it belongs to.
    ByProvider,
    /// Nothing: some of it is none of it.
    Not,
}

/// The fields of every object. Every `search` column has the name first and the notes second.
pub(crate) const ENTITY_FIELDS: &[Field] = &[
    Field::NAME,
    Field::of("id", "id", Values::Id),
    Field::long_part("notes", 2),
    Field::of("created", "created", Values::Time),
    Field::of("updated", "updated", Values::Time),
    Field::TAGS,
];

/// Of a resource of objects that carry tags and are ordered by their names.
const ENTITY: Table = Table {
    name: "",
    from: None,
    kind: None,
    columns: "",
    fields: &[ENTITY_FIELDS],
    order: ("name", false),
    scoped: Scoped::ByObject,
};

impl Table {
    /// A table of objects that have the fields of every object.
    pub(crate) const fn entities(name: &'static str, kind: Option<&'static str>, columns: &'static str) -> Self {
        Self { name, kind, columns, ..ENTITY }
    }

    /// With fields of their own besides.
    pub(crate) const fn with(self, fields: &'static [&'static [Field]]) -> Self {
        Self { fields, ..self }
    }

    /// All fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().copied().flatten()
    }

    /// Whether it is the accounts of a kind.
    pub(crate) fn is_of_accounts(&self, kind: AccountKind) -> bool {
        self.name == "accounts" && self.kind == Some(kind.as_str())
    }

    /// As what the objects' tags are noted.
    pub(crate) fn tag_kind(&self) -> &'static str {
        self.kind.unwrap_or(self.name)
    }
}

/// A field by which a list may be ordered and, most of them, filtered.
#[derive(Debug)]
pub(crate) struct Field {
    /// As clients name it.
    pub(crate) name: &'static str,
    /// What the rows are ordered by, or nothing if they cannot be.
    pub(crate) order: Option<&'static str>,
    pub(crate) values: Values,
    /// Which part of `search` it is, from 1, if it is one.
    pub(crate) part: Option<usize>,
    /// Whether it may hold so much that no client should have to carry it.
    pub(crate) long: bool,
}

/// The parts of `search`, from 1.
const PARTS: [&str; 8] = [
    "split_part(search, '\u{1}', 1)",
    "split_part(search, '\u{1}', 2)",
    "split_part(search, '\u{1}', 3)",
    "split_part(search, '\u{1}', 4)",
    "split_part(search, '\u{1}', 5)",
    "split_part(search, '\u{1}', 6)",
    "split_part(search, '\u{1}', 7)",
    "split_part(search, '\u{1}', 8)",
];

/// What a field holds, which says how it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Folded text, which contains what is asked for.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number, which equals it.
    Int,
    /// A moment; not filtered by.
    Time,
    /// An id, which equals it.
    Id,
    /// Tags, of which one equals it.
    Tags,
    /// One of a few words for how an account stands with the door.
    State,
}

impl Field {
    pub(crate) const fn text(name: &'static str, order: &'static str) -> Self {
        Self::of(name, order, Values::Text)
    }
    pub(crate) const fn of(name: &'static str, order: &'static str, values: Values) -> Self {
        Self { name, order: Some(order), values, part: None, long: false }
    }
    /// A folded text that is nowhere but in `search`, as the part of that number.
    pub(crate) const fn part(name: &'static str, number: usize) -> Self {
        Self { part: Some(number), ..Self::text(name, PARTS[number - 1]) }
    }
    /// The same, which may be long.
    pub(crate) const fn long_part(name: &'static str, number: usize) -> Self {
        Self { long: true, ..Self::part(name, number) }
    }
    /// The name, which has a column of its own and is the first part of `search` too.
    pub(crate) const NAME: Self = Self { part: Some(1), ..Self::text("name", "name_key") };
    pub(crate) const TAGS: Self = Self { name: "tags", order: None, values: Values::Tags, part: None, long: false };
    pub(crate) const STATE: Self = Self { name: "state", order: None, values: Values::State, part: None, long: false };
}
