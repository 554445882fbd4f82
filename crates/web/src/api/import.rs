//! Accounts in bulk over REST: NDJSON in, and a line for each row out, as they are taken. Neither is ever held whole.

use std::{collections::VecDeque, time::Duration};

use aide::axum::{ApiRouter, routing::post_with};
use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::{FromRequest, FromRequestParts, Request, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use portreeve_directory::{
    Directory,
    caller::{Caller, Origin},
    error::{Error, Fault},
    kind::AccountKind,
    local_users::LocalUser,
    service_users::ServiceUser,
    sessions::{self, Purpose},
    transfer::{self, BATCH, Importer, Outcome, Row, Rule},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    App,
    answer::Result,
    error::Refusal,
    extract::{BODY_LIMIT, BODY_TIME, Create, May, bearer, context},
    openapi::about,
};

/// The longest body, all rows together.
const STREAM_LIMIT: usize = 1024 * 1024 * 1024;
/// Rows that have come are taken when none follows for this long, so that whoever sends slowly is answered too.
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/local-users/import",
            post_with(local_users, about("Import Local Users", "importLocalUsers", "Local Users")),
        )
        .api_route(
            "/service-users/import",
            post_with(service_users, about("Import Service Users", "importServiceUsers", "Service Users")),
        )
}

async fn local_users(
    State(directory): State<Directory>,
    may: May<Create, LocalUser>,
    Options(rule): Options,
    stream: Stream,
) -> Result<Results> {
    Ok(take(directory, &may.caller, AccountKind::Local, rule, stream)?)
}

async fn service_users(
    State(directory): State<Directory>,
    may: May<Create, ServiceUser>,
    Options(rule): Options,
    stream: Stream,
) -> Result<Results> {
    Ok(take(directory, &may.caller, AccountKind::Service, rule, stream)?)
}

/// What is done with rows of accounts that are there already, and whether anything is written.
pub struct Options(Rule);

impl FromRequestParts<App> for Options {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> std::result::Result<Self, Refusal> {
        let (mut rule, mut faults) = (Rule::default(), Vec::new());
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            let which = match &*name {
                "upsert" => &mut rule.upsert,
                "dryRun" => &mut rule.dry_run,
                _ => continue,
            };
            match &*value {
                "true" => *which = true,
                "false" => *which = false,
                _ => faults.push(Fault { field: name.into_owned(), message: "must be true or false".into() }),
            }
        }
        if faults.is_empty() { Ok(Self(rule)) } else { Err(Error::Invalid(faults).into()) }
    }
}

/// A body that is read while it comes, and who sends it.
pub struct Stream {
    body: BodyDataStream,
    token: String,
    origin: Origin,
}

impl FromRequest<App> for Stream {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &App) -> std::result::Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let token = bearer(&parts.headers).ok_or(Error::Unauthorized)?.to_owned();
        let origin = context(&parts)?.origin.clone();
        Ok(Self { body: body.into_data_stream(), token, origin })
    }
}

/// What became of a row.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowResult {
    /// The row's line, from 1.
    line: u64,
    /// `created`, `changed`, `unchanged` or `refused`; in a last line `stopped`, if the import could not go on. What was
    /// taken before stands.
    result: &'static str,
    /// The account, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<uuid::Uuid>,
    /// The name that the row gives.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(default)]
    name: String,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    errors: Vec<Fault>,
    /// Why the import could not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl From<Outcome> for RowResult {
    fn from(outcome: Outcome) -> Self {
        let (result, errors) = match outcome.result {
            transfer::RowResult::Created => ("created", Vec::new()),
            transfer::RowResult::Changed => ("changed", Vec::new()),
            transfer::RowResult::Unchanged => ("unchanged", Vec::new()),
            transfer::RowResult::Refused(faults) => ("refused", faults),
        };
        let Outcome { line, name, id, .. } = outcome;
        Self { line, result, id, name, errors, message: None }
    }
}

/// The lines of an import. 200.
pub struct Results(Response);

impl IntoResponse for Results {
    fn into_response(self) -> Response {
        self.0
    }
}

fn take(
    directory: Directory,
    caller: &Caller,
    kind: AccountKind,
    rule: Rule,
    stream: Stream,
) -> std::result::Result<Results, Error> {
    let importer = Importer::new(&directory, caller, kind, rule)?;
    let lines = Lines { stream, buffer: Vec::new(), rows: VecDeque::new(), line: 0, read: 0, ended: false };
    let import = Import { directory, importer, lines };
    let pieces = stream::unfold(Some(import), |import| async move {
        let mut import = import?;
        match import.next().await {
            Ok(None) => None,
            Ok(Some(outcomes)) => Some((written(outcomes.into_iter().map(RowResult::from)), Some(import))),
            Err(message) => {
                let (line, result) = (import.lines.line, "stopped");
                let last = RowResult {
                    line,
                    result,
                    id: None,
                    name: String::new(),
                    errors: Vec::new(),
                    message: Some(message),
                };
                Some((written([last]), None))
            }
        }
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok(Results((StatusCode::OK, kind, Body::from_stream(pieces)).into_response()))
}

fn written(results: impl IntoIterator<Item = RowResult>) -> std::io::Result<Bytes> {
    let mut bytes = Vec::new();
    for result in results {
        serde_json::to_writer(&mut bytes, &result)?;
        bytes.push(b'\n');
    }
    Ok(bytes.into())
}

struct Import {
    directory: Directory,
    importer: Importer,
    lines: Lines,
}

impl Import {
    /// Takes the next rows. Nothing when there are no more; words when it cannot go on.
    async fn next(&mut self) -> std::result::Result<Option<Vec<Outcome>>, String> {
        let rows = self.lines.next_rows().await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let (token, origin) = (self.lines.stream.token.clone(), self.lines.stream.origin.clone());
        let (directory, importer) = (&self.directory, &mut self.importer);
        let taken = async move {
            // Who was logged out meanwhile, or may not any more, imports no further.
            importer.renew(sessions::check(directory, &token, Purpose::Work, origin).await?)?;
            importer.take(rows).await
        };
        taken.await.map(Some).map_err(|fault| match fault {
            known @ (Error::Unauthorized | Error::Forbidden(_) | Error::Overloaded { .. }) => known.to_string(),
            fault => {
                tracing::error!(%fault, "an import could not go on");
                "the rest could not be taken; the server's log says why".into()
            }
        })
    }
}

/// The lines of a body.
struct Lines {
    stream: Stream,
    /// What has come of a line that is not whole.
    buffer: Vec<u8>,
    rows: VecDeque<Row>,
    line: u64,
    read: usize,
    ended: bool,
}

impl Lines {
    async fn next_rows(&mut self) -> std::result::Result<Vec<Row>, String> {
        while self.rows.len() < BATCH && !self.ended {
            let wait = if self.rows.is_empty() { BODY_TIME } else { PAUSE };
            match tokio::time::timeout(wait, self.stream.body.next()).await {
                Err(_) if !self.rows.is_empty() => break,
                Err(_) => return Err("the next row did not come in time".into()),
                Ok(None) => {
                    self.ended = true;
                    self.end_line();
                }
                Ok(Some(Err(_))) => return Err("the body broke off".into()),
                Ok(Some(Ok(bytes))) => self.add(&bytes)?,
            }
        }
        let count = self.rows.len().min(BATCH);
        Ok(self.rows.drain(..count).collect())
    }

    fn add(&mut self, bytes: &[u8]) -> std::result::Result<(), String> {
        self.read += bytes.len();
        if self.read > STREAM_LIMIT {
            return Err(format!("the body may have at most {STREAM_LIMIT} bytes"));
        }
        for (number, part) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if number > 0 {
                self.end_line();
            }
            if self.buffer.len() + part.len() > BODY_LIMIT {
                return Err(format!("a row may have at most {BODY_LIMIT} bytes"));
            }
            self.buffer.extend_from_slice(part);
        }
        Ok(())
    }

    fn end_line(&mut self) {
        self.line += 1;
        let text = std::mem::take(&mut self.buffer);
        if !text.trim_ascii().is_empty() {
            self.rows.push_back(Row::from_json(self.line, &text));
        }
    }
}
