//! The link to the next page of a list (RFC 8288), for whoever wants all of it, a page at a time.

use axum::{
    http::{HeaderValue, Uri, header},
    response::Response,
};

/// What an answer carries, up to the layer that knows its address: where the next page begins.
#[derive(Clone)]
pub(crate) struct NextPage(pub(crate) String);

/// Makes a header of it.
pub(crate) fn link(response: &mut Response, uri: &Uri) {
    let Some(NextPage(after)) = response.extensions_mut().remove() else { return };
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match &*name {
            "after" => {}
            "range" => drop(query.append_pair("range", &from_zero(&value))),
            _ => drop(query.append_pair(&name, &value)),
        }
    }
    let link = format!("<{}?{}>; rel=\"next\"", uri.path(), query.append_pair("after", &after).finish());
    if let Ok(link) = HeaderValue::try_from(link) {
        response.headers_mut().insert(header::LINK, link);
    }
}

/// As many rows, counted from where the next page begins.
fn from_zero(range: &str) -> String {
    let numbers = range.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    numbers.map_or_else(|| range.to_owned(), |(first, last): (u64, u64)| format!("0-{}", last.saturating_sub(first)))
}
