//! What lists and single reads know of a resource: its table, its columns, and the fields that can be asked for.

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
    Field::text("name", "name_key"),
    Field::of("id", "id", Values::Id),
    Field::text("notes", "split_part(search, '\u{1}', 2)"),
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
}

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
        Self { name, order: Some(order), values: Values::Text }
    }
    pub(crate) const fn of(name: &'static str, order: &'static str, values: Values) -> Self {
        Self { name, order: Some(order), values }
    }
    pub(crate) const TAGS: Self = Self { name: "tags", order: None, values: Values::Tags };
    pub(crate) const STATE: Self = Self { name: "state", order: None, values: Values::State };
}
