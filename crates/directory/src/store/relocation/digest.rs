//! What the rows of a table come to: the same for the same rows, whichever database they are in.

use sha2::{Digest as _, Sha256};

use super::{Cell, Cells, Table};

/// The SHA-256 of a table's columns and of its rows in the order of their keys, while it is being made.
pub(crate) struct Digest {
    rows: u64,
    hash: Sha256,
}

impl Digest {
    /// Of no rows yet.
    pub(crate) fn begin(table: &Table) -> Self {
        let mut digest = Self { rows: 0, hash: Sha256::new() };
        digest.text(table.name);
        for (column, _) in table.columns {
            digest.text(column);
        }
        digest
    }

    /// And of this row.
    pub(crate) fn add(&mut self, row: &Cells) {
        self.rows += 1;
        for cell in row {
            match cell {
                Cell::Int(value) => {
                    self.hash.update(b"i");
                    self.hash.update(value.to_be_bytes());
                }
                Cell::Bool(value) => self.hash.update([b'b', u8::from(*value)]),
                Cell::Text(text) => {
                    self.hash.update(b"t");
                    self.text(text);
                }
                Cell::Bytes(bytes) => {
                    self.hash.update(b"x");
                    self.bytes(bytes);
                }
            }
        }
    }

    /// How many rows there were, and the digest as hexadecimal digits.
    pub(crate) fn end(self) -> (u64, String) {
        (self.rows, self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// With their number, so that none can pass from one column to the next.
    fn bytes(&mut self, bytes: &[u8]) {
        self.hash.update((bytes.len() as u64).to_be_bytes());
        self.hash.update(bytes);
    }
}
