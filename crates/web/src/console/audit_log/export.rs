//! The audit log as a file: exactly the records that are asked for, sent while they are read, so that the longest log takes
//! no more memory than a short one.

use std::borrow::Cow;

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::header,
    response::IntoResponse,
};
use bytes::Bytes;
use csv::{Terminator, WriterBuilder};
use futures_util::{Stream, stream::unfold};
use portreeve_directory::{
    Directory,
    audit::{self, AuditRecord},
    error::{Error, Result},
    list::{Listing, Request},
};

use super::{FILTERS, SECTION, period};
use crate::console::{listing::Asked, page::Answer, problem::Problem, session::SignedIn};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// RFC 4180, a line of names first.
    Csv,
    /// A record a line, as the API gives it.
    Ndjson,
}

const COLUMNS: [&str; 12] = [
    "id",
    "at",
    "actor",
    "act",
    "objectKind",
    "objectId",
    "objectName",
    "outcome",
    "reason",
    "source",
    "requestId",
    "changes",
];

/// With a quote before what a spreadsheet would take for a formula (OWASP, CSV Injection).
fn cell(text: &str) -> Cow<'_, str> {
    let begins = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if text.starts_with(begins) { format!("'{text}").into() } else { text.into() }
}

fn row(record: &AuditRecord) -> Result<[String; 12]> {
    let changes = serde_json::to_string(&record.changes).map_err(internal)?;
    let (id, at) = (record.id.to_string(), record.at.to_string());
    let object_id = record.object_id.map(|id| id.to_string()).unwrap_or_default();
    let cells = [
        &id,
        &at,
        &record.actor,
        &record.act,
        &record.object_kind,
        &object_id,
        &record.object_name,
        &record.outcome,
        &record.reason,
        &record.source,
        &record.request_id,
        &changes,
    ];
    Ok(cells.map(|text| cell(text).into_owned()))
}

fn internal(wrong: impl std::fmt::Display) -> Error {
    Error::Internal(format!("a record cannot be written: {wrong}"))
}

impl Format {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "csv" => Self::Csv,
            "ndjson" => Self::Ndjson,
            _ => return None,
        })
    }

    /// The name's ending and the media type.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Csv => ("csv", "text/csv; charset=utf-8; header=present"),
            Self::Ndjson => ("ndjson", "application/x-ndjson"),
        }
    }

    /// What stands before all records.
    fn head(self) -> Result<Vec<u8>> {
        match self {
            Self::Csv => lines([Ok(COLUMNS)]),
            Self::Ndjson => Ok(Vec::new()),
        }
    }

    fn write(self, records: &[AuditRecord]) -> Result<Vec<u8>> {
        if self == Self::Csv {
            return lines(records.iter().map(row));
        }
        let mut bytes = Vec::new();
        for record in records {
            serde_json::to_writer(&mut bytes, record).map_err(internal)?;
            bytes.push(b'\n');
        }
        Ok(bytes)
    }
}

fn lines<T: AsRef<[u8]>>(rows: impl IntoIterator<Item = Result<[T; 12]>>) -> Result<Vec<u8>> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row?).map_err(internal)?;
    }
    writer.into_inner().map_err(internal)
}

/// A fault breaks the connection off: half a file must not look like a whole one.
fn pieces(
    head: Vec<u8>,
    listing: Listing<AuditRecord>,
    format: Format,
) -> impl Stream<Item = std::result::Result<Bytes, std::io::Error>> {
    unfold((Some(head), Some(listing)), move |(head, listing)| async move {
        if let Some(head) = head.filter(|head| !head.is_empty()) {
            return Some((Ok(Bytes::from(head)), (None, listing)));
        }
        let mut listing = listing?;
        let records = match listing.next_rows().await {
            Ok(records) if records.is_empty() => return None,
            records => records,
        };
        match records.and_then(|records| format.write(&records)) {
            Ok(bytes) => Some((Ok(Bytes::from(bytes)), (None, Some(listing)))),
            Err(fault) => {
                tracing::error!(%fault, "an export of the audit log broke off");
                Some((Err(std::io::Error::other("the export broke off")), (None, None)))
            }
        }
    })
}

/// `GET /ui/audit-log/export`.
pub(super) async fn export(State(directory): State<Directory>, me: SignedIn, RawQuery(query): RawQuery) -> Answer {
    let asked = Asked::new(SECTION.path(), query.as_deref());
    let (period, form) = period(&me, &asked);
    let format = Format::of(asked.get("format")).ok_or_else(Problem::no_page)?;
    if !form.faults().is_empty() {
        return Err(Error::Invalid(form.faults().to_vec()).into());
    }
    let request = Request { range: None, ..asked.request(&FILTERS) };
    let listing = audit::list(&directory, &me.caller, request, period).await?;
    let (ending, media_type) = format.names();
    let moment: String = directory.now().to_string().chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
    let name = format!("attachment; filename=\"portreeve-audit-log-{moment}Z.{ending}\"");
    let body = Body::from_stream(pieces(format.head()?, listing, format));
    let headers = [(header::CONTENT_TYPE, media_type.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            assert_eq!(cell(text), format!("'{text}"));
        }
        for text in ["", "a=b", "192.0.2.7", "{\"a\":1}", "'quoted"] {
            assert_eq!(cell(text), text);
        }
    }

    #[test]
    fn lines_are_those_of_rfc_4180() {
        let row = |first: &str| {
            let mut row = [""; 12].map(str::to_owned);
            first.clone_into(&mut row[0]);
            Ok(row)
        };
        let rows = ["plain", "a,b", "a \"b\"", "a\r\nb", "ü"];
        let text = String::from_utf8(lines(rows.map(row)).unwrap()).unwrap();
        let rest = ",".repeat(11);
        assert_eq!(
            text,
            format!("plain{rest}\r\n\"a,b\"{rest}\r\n\"a \"\"b\"\"\"{rest}\r\n\"a\r\nb\"{rest}\r\nü{rest}\r\n")
        );
    }
}
