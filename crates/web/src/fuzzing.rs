//! What the readers of headers and forms promise, as properties of any bytes: for `fuzz/`, and for tests that try changed seeds.

#[cfg(test)]
#[path = "../../../fuzz/seeds.rs"]
mod seeds;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{answer::tagged_version, console, extract::bearer, negotiate, request};

fn headers(name: HeaderName, value: &HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([(name, value.clone())])
}

/// A value that every header is given in turn. What comes out stood in it, and is read again as it is.
pub fn header(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    if let Some(token) = bearer(&headers(header::AUTHORIZATION, &value)) {
        assert!(bytes.to_ascii_lowercase().starts_with(b"bearer "), "{value:?}");
        assert!(bytes.ends_with(token.as_bytes()) && !token.starts_with(' '), "{value:?}");
        let again = HeaderValue::try_from(format!("Bearer Bearer {token}")).expect("was one");
        assert_eq!(bearer(&headers(header::AUTHORIZATION, &again)), Some(token));
        let mut twice = headers(header::AUTHORIZATION, &value);
        twice.append(header::AUTHORIZATION, value.clone());
        assert_eq!(bearer(&twice), None);
    }
    let said = String::from_utf8_lossy(bytes);
    for address in request::forwarded_for(&headers(HeaderName::from_static("x-forwarded-for"), &value)) {
        let parts = said.split(',').filter_map(|part| part.trim().parse::<std::net::IpAddr>().ok());
        assert!(parts.into_iter().any(|part| part.to_canonical() == address), "{address} in {value:?}");
    }
    for tag in said.split(',') {
        assert!(tagged_version(tag).is_none() || tag.starts_with('"'), "{tag}");
    }
    // An empty list says nothing.
    let empty = said.split(',').all(|part| part.trim().is_empty());
    let acceptable = negotiate::is_acceptable(&headers(header::ACCEPT, &value));
    assert!(!acceptable || said.contains('*') || empty || said.to_ascii_lowercase().contains("json"), "{said}");
    console::fuzzing::cookies(&headers(header::COOKIE, &value));
}

/// A form.
pub fn form(bytes: &[u8]) {
    console::fuzzing::form(bytes);
}

#[cfg(test)]
mod tests {
    use super::{seeds::around, *};

    #[test]
    fn headers_are_read_as_they_are_written() {
        around("header", 20_000, header);
    }

    #[test]
    fn forms_are_read_as_they_are_written() {
        around("form", 10_000, form);
    }
}
