//! The reader: the zone in which times are shown, and the colours. Both are in cookies that the console's script sets, so
//! that a page is right from its first paint.

use axum::http::HeaderMap;
use jiff::tz::TimeZone;
use portreeve_directory::time::Timestamp;

use super::session::cookies;

/// The name of a zone, such as `Europe/Berlin`.
const ZONE: &str = "__Host-portreeve-zone";
/// `light` or `dark`.
pub(crate) const THEME: &str = "__Host-portreeve-theme";

/// How pages are shown to somebody.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    zone: TimeZone,
    theme: &'static str,
}

impl Reader {
    /// As the browser says.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let (mut zone, mut theme) = (TimeZone::UTC, "");
        for cookie in cookies(headers) {
            match cookie.name() {
                ZONE => zone = TimeZone::get(cookie.value()).unwrap_or(TimeZone::UTC),
                THEME => theme = ["light", "dark"].into_iter().find(|one| *one == cookie.value()).unwrap_or_default(),
                _ => {}
            }
        }
        Self { zone, theme }
    }

    /// `light`, `dark`, or nothing where the browser decides.
    pub(crate) fn theme(&self) -> &'static str {
        self.theme
    }

    /// The moment in the reader's zone: to the minute for reading, exactly on hover.
    pub(crate) fn time(&self, moment: Timestamp) -> String {
        let Ok(exact) = jiff::Timestamp::from_microsecond(moment.micros()) else { return String::new() };
        let local = exact.to_zoned(self.zone.clone());
        let (shown, whole) = (local.strftime("%e %b %Y, %H:%M"), local.strftime("%A, %e %B %Y, %H:%M:%S%.6f %Z"));
        let shown = shown.to_string();
        format!("<time datetime=\"{moment}\" title=\"{whole} ({moment})\">{}</time>", shown.trim_start())
    }

    /// The first moment of a day in the reader's zone, from `2026-11-22`.
    pub(crate) fn day(&self, text: &str) -> Option<Timestamp> {
        let day: jiff::civil::Date = text.parse().ok()?;
        self.moment(day)
    }

    /// The first moment of the day after, where a period ends that includes the day.
    pub(crate) fn day_after(&self, text: &str) -> Option<Timestamp> {
        let day: jiff::civil::Date = text.parse().ok()?;
        self.moment(day.tomorrow().ok()?)
    }

    fn moment(&self, day: jiff::civil::Date) -> Option<Timestamp> {
        let zoned = day.to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
    }

    /// The name of the reader's zone.
    pub(crate) fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(cookies: &str) -> Reader {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", cookies.parse().unwrap());
        Reader::of(&headers)
    }

    #[test]
    fn times_are_shown_in_the_readers_zone_and_exactly_on_hover() {
        let moment = Timestamp::parse("2026-11-21T23:35:14.988161Z").unwrap();
        let shown = reader("__Host-portreeve-zone=Europe%2FBerlin").time(moment);
        assert!(shown.contains(">22 Nov 2026, 00:35</time>"), "{shown}");
        assert!(shown.contains("Sunday, 22 November 2026, 00:35:14.988161 CET"), "{shown}");
        assert!(shown.contains("datetime=\"2026-11-21T23:35:14.988161Z\""), "{shown}");
        for odd in ["", "__Host-portreeve-zone=Nowhere", "__Host-portreeve-zone=..%2F..%2Fetc%2Fpasswd"] {
            assert!(reader(odd).time(moment).contains(">21 Nov 2026, 23:35</time>"), "{odd}");
        }
    }

    #[test]
    fn a_day_begins_and_ends_in_the_readers_zone() {
        let reader = reader("__Host-portreeve-zone=America/New_York; __Host-portreeve-theme=dark");
        assert_eq!(reader.theme(), "dark");
        assert_eq!(reader.day("2026-11-22").unwrap().to_string(), "2026-11-22T05:00:00.000000Z");
        assert_eq!(reader.day_after("2026-11-22").unwrap().to_string(), "2026-11-23T05:00:00.000000Z");
        assert_eq!(reader.day("yesterday"), None);
    }
}
