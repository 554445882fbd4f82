//! Which form of answer a client accepts. There is one; clients ask for it under several names.

use axum::http::{HeaderMap, header::ACCEPT};

/// The oldest version of the interface that is spoken.
pub const LOWEST_VERSION: u32 = 19;
/// The newest version of the interface that is spoken.
pub const HIGHEST_VERSION: u32 = 23;

/// Whether one of the `Accept` headers names something that we send. Without any, everything is acceptable.
pub fn is_acceptable(headers: &HeaderMap) -> bool {
    let mut ranges = headers
        .get_all(ACCEPT)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    ranges.peek().is_none() || ranges.any(is_acceptable_range)
}

fn is_acceptable_range(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let known = matches!(media_type.as_str(), "application/json" | "*/*") || is_known_version(&media_type);
    let refused = parts.any(|parameter| {
        let quality = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
        quality.is_some_and(|quality| quality.parse().is_ok_and(|quality: f32| quality <= 0.0))
    });
    known && !refused
}

fn is_known_version(media_type: &str) -> bool {
    let version = media_type.strip_prefix("application/vnd.appgate.peer-v").and_then(|rest| rest.strip_suffix("+json"));
    version.is_some_and(|version| {
        let plain = !version.starts_with('+') && !version.starts_with('0');
        plain && version.parse().is_ok_and(|number: u32| (LOWEST_VERSION..=HIGHEST_VERSION).contains(&number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, value.parse().expect("is a header value"));
        }
        is_acceptable(&headers)
    }

    #[test]
    fn what_clients_send_is_accepted() {
        assert!(accepts(&[]));
        assert!(accepts(&[""]));
        assert!(accepts(&["*/*"]));
        assert!(accepts(&["application/json"]));
        assert!(accepts(&["application/vnd.appgate.peer-v19+json"]));
        assert!(accepts(&["Application/Vnd.Appgate.Peer-V23+JSON; charset=utf-8"]));
        assert!(accepts(&["text/html, application/json;q=0.5"]));
        assert!(accepts(&["application/vnd.appgate.peer-v5+json", "application/json"]));
    }

    #[test]
    fn anything_else_is_not() {
        for other in [
            "text/html",
            "application/xml",
            "application/vnd.appgate.peer-v5+json",
            "application/vnd.appgate.peer-v24+json",
            "application/vnd.appgate.peer-v+19+json",
            "application/vnd.appgate.peer-v019+json",
            "application/json;q=0",
            "application/jsonp",
            "json",
        ] {
            assert!(!accepts(&[other]), "{other}");
        }
    }
}
