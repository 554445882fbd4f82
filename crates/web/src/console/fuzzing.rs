//! What the console's readers of cookies and forms promise, as properties: see [`crate::fuzzing`].

use axum::http::{HeaderMap, HeaderValue, header};
use portreeve_directory::time::Timestamp;

use super::{form::Form, reader::Reader, session};

/// Cookies: the value of each is read again when it is written, and none of them is markup in a time.
pub(crate) fn cookies(headers: &HeaderMap) {
    for cookie in session::cookies(headers) {
        let written = session::guarded("x", cookie.value().to_owned()).encoded().stripped().to_string();
        let again = HeaderValue::try_from(&written).expect("what is written is a header");
        let read = session::cookie(&HeaderMap::from_iter([(header::COOKIE, again)]), "x");
        // A cookie that is written begins and ends with no white space: it is escaped.
        assert_eq!(read.as_deref(), Some(cookie.value()), "{written}");
    }
    let time = Reader::of(headers).time(Timestamp::from_micros(1_795_340_312_753_535));
    assert!(time.matches(['<', '>']).count() == 4 && time.matches('"').count() == 4, "{time}");
}

/// A form: what was filled in is read again when a browser sends it again, and a secret that is taken is there no more.
pub(crate) fn form(bytes: &[u8]) {
    let mut form = Form::parse(bytes);
    let names: Vec<String> = form.names().map(str::to_owned).collect();
    let mut written = form_urlencoded::Serializer::new(String::new());
    for name in &names {
        written.append_pair(name, form.get(name));
    }
    let again = Form::parse(written.finish().as_bytes());
    // What is left of a carriage return that stood alone is sent as a line break.
    for name in names.iter().filter(|name| !form.get(name).contains('\r')) {
        assert_eq!(again.get(name), form.get(name), "{name:?}");
    }
    let before = form.all("password").count();
    let taken = form.take("password");
    assert!(form.all("password").count() + 1 == before || (before == 0 && taken.is_empty()), "{taken}");
}
