//! Rows written as NDJSON or CSV.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::{Format, PASSWORD_HASH, fields};
use crate::kind::AccountKind;

/// A row with its fields in the order of the columns.
struct Ordered<'a>(&'a [&'static str], &'a Map<String, Value>);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        for column in self.0 {
            if let Some(value) = self.1.get(*column) {
                fields.serialize_entry(column, value)?;
            }
        }
        fields.end()
    }
}

/// Writes rows.
pub struct Writer<W: Write> {
    columns: Vec<&'static str>,
    output: Output<W>,
}

enum Output<W: Write> {
    Ndjson(W),
    Csv(Box<csv::Writer<W>>),
}

impl<W: Write> Writer<W> {
    /// Writes what stands before the rows.
    pub fn new(output: W, format: Format, kind: AccountKind, with_hashes: bool) -> io::Result<Self> {
        let mut columns = fields(kind).to_vec();
        columns.extend(with_hashes.then_some(PASSWORD_HASH));
        let output = match format {
            Format::Ndjson => Output::Ndjson(output),
            Format::Csv => {
                let mut output = csv::Writer::from_writer(output);
                output.write_record(&columns)?;
                Output::Csv(Box::new(output))
            }
        };
        Ok(Self { columns, output })
    }

    /// Writes a row.
    pub fn write(&mut self, row: &Map<String, Value>) -> io::Result<()> {
        match &mut self.output {
            Output::Ndjson(output) => {
                serde_json::to_writer(&mut *output, &Ordered(&self.columns, row))?;
                output.write_all(b"\n")
            }
            Output::Csv(output) => {
                let cells = self.columns.iter().map(|column| match row.get(*column) {
                    None | Some(Value::Null) => String::new(),
                    // As it is, also where it begins like a spreadsheet's formula: it is to be read again.
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                });
                Ok(output.write_record(cells)?)
            }
        }
    }

    /// Whether a field has a column.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn has(&self, field: &str) -> bool {
        self.columns.contains(&field)
    }

    /// What was written to.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn into_inner(self) -> io::Result<W> {
        match self.output {
            Output::Ndjson(output) => Ok(output),
            Output::Csv(output) => output.into_inner().map_err(|fault| io::Error::other(fault.to_string())),
        }
    }

    /// Sees to it that all of it is written.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.output {
            Output::Ndjson(output) => output.flush(),
            Output::Csv(output) => output.flush(),
        }
    }
}
