//! What statements take and what they give, whichever database runs them.

use uuid::Uuid;

use super::{postgres, sqlite};
use crate::{error::Failure, time::Timestamp};

/// A value bound to a placeholder.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Int(i64),
    Bool(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<Timestamp> for Value<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.micros())
    }
}
impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}
impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}
impl<'a> From<&'a Uuid> for Value<'a> {
    fn from(value: &'a Uuid) -> Self {
        Self::Bytes(value.as_bytes())
    }
}
impl<'a> From<&'a [u8; 32]> for Value<'a> {
    fn from(value: &'a [u8; 32]) -> Self {
        Self::Bytes(value)
    }
}

/// One row of an answer; columns are numbered from 0.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    fn get<T>(&self, column: usize) -> Result<T, Failure>
    where
        T: rusqlite::types::FromSql + for<'p> tokio_postgres::types::FromSql<'p>,
    {
        match self {
            Self::Sqlite(row) => row.get(column).map_err(sqlite::failure),
            Self::Postgres(row) => row.try_get(column).map_err(postgres::failure),
        }
    }
    pub(crate) fn int(&self, column: usize) -> Result<i64, Failure> {
        self.get(column)
    }
    pub(crate) fn bool(&self, column: usize) -> Result<bool, Failure> {
        self.get(column)
    }
    pub(crate) fn text(&self, column: usize) -> Result<String, Failure> {
        self.get(column)
    }
    pub(crate) fn bytes(&self, column: usize) -> Result<Vec<u8>, Failure> {
        self.get(column)
    }
    pub(crate) fn time(&self, column: usize) -> Result<Timestamp, Failure> {
        self.get(column).map(Timestamp::from_micros)
    }
    pub(crate) fn uuid(&self, column: usize) -> Result<Uuid, Failure> {
        let read = |bytes: &[u8]| Uuid::from_slice(bytes).map_err(|wrong| Failure::Broken(wrong.to_string()));
        match self {
            Self::Sqlite(row) => {
                let bytes = row.get_ref(column).map_err(sqlite::failure)?;
                read(bytes.as_blob().map_err(|wrong| Failure::Broken(wrong.to_string()))?)
            }
            Self::Postgres(row) => read(row.try_get(column).map_err(postgres::failure)?),
        }
    }
    /// A column of JSON text.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: usize) -> Result<T, Failure> {
        let text = match self {
            Self::Sqlite(row) => row.get_ref(column).map_err(sqlite::failure)?.as_str().unwrap_or_default(),
            Self::Postgres(row) => row.try_get(column).map_err(postgres::failure)?,
        };
        serde_json::from_str(text).map_err(|wrong| Failure::Broken(wrong.to_string()))
    }
}

/// The text of a column of JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|wrong| Failure::Broken(wrong.to_string()))
}
