//! Answers: objects with their entity tag, lists that are sent while they are read, and nothing at all.

use std::marker::PhantomData;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use portreeve_directory::{
    list::{Listing, Summary},
    version::Versioned,
};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{error::Refusal, json, paging::NextPage};

/// What a list may take before it is sent in pieces. A shorter one has a length and an entity tag.
const WHOLE_LIST_BYTES: usize = 64 * 1024;

/// What a handler returns.
pub type Result<T> = std::result::Result<T, Refusal>;

fn tagged(mut response: Response, tag: String) -> Response {
    if let Ok(value) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// The entity tag of an answer's bytes.
pub(crate) fn digest_tag(bytes: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// The entity tag of a version of an object.
pub fn version_tag(version: i64) -> String {
    format!("\"{version:x}\"")
}

/// The version that an entity tag of ours stands for.
pub fn tagged_version(tag: &str) -> Option<i64> {
    let version = i64::from_str_radix(tag.strip_prefix('"')?.strip_suffix('"')?, 16).ok()?;
    (version_tag(version) == tag).then_some(version)
}

/// One object of a resource. 200.
pub struct Object<T>(pub Versioned<T>);

impl<T: Serialize> IntoResponse for Object<T> {
    fn into_response(self) -> Response {
        tagged(json::respond(StatusCode::OK, &self.0.object), version_tag(self.0.version))
    }
}

/// Something that is said, of no resource in particular. 200.
pub struct Said<T>(pub T);

impl<T: Serialize> IntoResponse for Said<T> {
    fn into_response(self) -> Response {
        json::respond(StatusCode::OK, &self.0)
    }
}

/// As [`Said`], with an entity tag made of its bytes. 200.
pub struct Known<T>(pub T);

impl<T: Serialize> IntoResponse for Known<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => whole(bytes),
            Err(_) => json::respond(StatusCode::OK, &self.0),
        }
    }
}

fn whole(bytes: Vec<u8>) -> Response {
    let tag = digest_tag(&bytes);
    tagged((StatusCode::OK, [(header::CONTENT_TYPE, json::TYPE)], bytes).into_response(), tag)
}

/// It is done, and there is nothing to say. 204.
pub struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// What an operation returns that is always refused.
pub enum Never {}

impl IntoResponse for Never {
    fn into_response(self) -> Response {
        match self {}
    }
}

/// A list as it is sent.
#[derive(Serialize, JsonSchema)]
pub struct ListBody<T> {
    /// The objects.
    pub data: Vec<T>,
    /// What is said of the list.
    #[serde(flatten)]
    pub summary: Summary,
}

/// Objects of a resource. 200.
pub struct List<T> {
    response: Response,
    rows: PhantomData<T>,
}

impl<T> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        self.response
    }
}

impl<T: Serialize + Send + 'static> List<T> {
    /// Reads what fits into one piece and, if there is more, sends it while it is read.
    pub async fn send(listing: Listing<T>) -> Result<Self> {
        let next = listing.next_page().map(NextPage);
        let mut response = Self::read(listing).await?;
        if let Some(next) = next {
            response.extensions_mut().insert(next);
        }
        Ok(Self { response, rows: PhantomData })
    }

    async fn read(mut listing: Listing<T>) -> Result<Response> {
        let mut bytes = Vec::from(&b"{\"data\":["[..]);
        let mut any = false;
        loop {
            let rows = listing.next_rows().await?;
            if rows.is_empty() {
                end(&mut bytes, listing)?;
                return Ok(whole(bytes));
            }
            write_rows(&mut bytes, &rows, any)?;
            any = true;
            if bytes.len() > WHOLE_LIST_BYTES {
                let body = Body::from_stream(pieces(bytes, listing));
                return Ok((StatusCode::OK, [(header::CONTENT_TYPE, json::TYPE)], body).into_response());
            }
        }
    }
}

type Piece = std::result::Result<Bytes, std::io::Error>;

/// The rest of a list. A fault breaks the connection off: half a list must not look like a whole one.
fn pieces<T>(first: Vec<u8>, listing: Listing<T>) -> impl futures_util::Stream<Item = Piece>
where
    T: Serialize + Send + 'static,
{
    futures_util::stream::unfold((Some(first), Some(listing)), |(first, listing)| async move {
        if let Some(first) = first {
            return Some((Ok(Bytes::from(first)), (None, listing)));
        }
        let mut listing = listing?;
        let mut bytes = Vec::new();
        let read = match listing.next_rows().await {
            Ok(rows) if rows.is_empty() => return Some((ended(listing), (None, None))),
            Ok(rows) => write_rows(&mut bytes, &rows, true),
            Err(fault) => Err(fault.into()),
        };
        match read {
            Ok(()) => Some((Ok(Bytes::from(bytes)), (None, Some(listing)))),
            Err(fault) => Some((Err(broken(&fault)), (None, None))),
        }
    })
}

fn ended<T: Send + 'static>(listing: Listing<T>) -> Piece {
    let mut bytes = Vec::new();
    end(&mut bytes, listing).map_err(|fault| broken(&fault))?;
    Ok(Bytes::from(bytes))
}

fn broken(fault: &Refusal) -> std::io::Error {
    tracing::error!(?fault, "a list broke off while it was being sent");
    std::io::Error::other("the list broke off")
}

fn write_rows<T: Serialize>(bytes: &mut Vec<u8>, rows: &[T], mut comma: bool) -> Result<()> {
    for row in rows {
        if std::mem::replace(&mut comma, true) {
            bytes.push(b',');
        }
        serde_json::to_writer(&mut *bytes, row).map_err(internal)?;
    }
    Ok(())
}

fn end<T: Send + 'static>(bytes: &mut Vec<u8>, listing: Listing<T>) -> Result<()> {
    let summary = serde_json::to_vec(&listing.summary()).map_err(internal)?;
    bytes.extend_from_slice(b"],");
    // The summary's own opening brace is the one that the list began with.
    bytes.extend_from_slice(&summary[1..]);
    Ok(())
}

fn internal(wrong: serde_json::Error) -> Refusal {
    Refusal::Directory(portreeve_directory::error::Error::Internal(wrong.to_string()))
}
