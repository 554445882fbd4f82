//! A directory's rows as they are carried from one store into another: read in the order of their keys, and written many at a
//! time. Nothing here knows what a row means.

mod catalog;
mod digest;
pub(crate) mod file;
pub(crate) mod marks;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use catalog::{TABLES, Table};
pub(crate) use digest::Digest;
pub(crate) use read::{Cursor, Reader};
pub(crate) use write::{Changes, write};

use super::Value;

/// One value of a row. Within a column all are of one kind, and are ordered as their bytes are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    Int(i64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row: one cell a column, in the order of the table's columns.
pub(crate) type Cells = Vec<Cell>;

impl Cell {
    /// About as many bytes as it takes.
    fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Int(_) | Self::Bool(_) => 0,
                Self::Text(text) => text.len(),
                Self::Bytes(bytes) => bytes.len(),
            }
    }
}

/// About as many bytes as a row takes.
pub(crate) fn size(row: &Cells) -> usize {
    row.iter().map(Cell::size).sum()
}

impl<'a> From<&'a Cell> for Value<'a> {
    fn from(cell: &'a Cell) -> Self {
        match cell {
            Cell::Int(value) => Self::Int(*value),
            Cell::Bool(value) => Self::Bool(*value),
            Cell::Text(value) => Self::Text(value),
            Cell::Bytes(value) => Self::Bytes(value),
        }
    }
}

/// Whether the tables have their names, or are put away under others that no rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    Closed,
}

impl Door {
    /// What a table is called. The one with the mark keeps its name.
    fn name(self, table: &str) -> String {
        match self {
            Self::Closed if table != marks::TABLE => format!("closed_{table}"),
            _ => table.to_owned(),
        }
    }
}
