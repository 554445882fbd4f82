//! A moment, as stored (microseconds) and as sent (RFC 3339, UTC, always six fractional digits), and who says what time it is.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::fmt::temporal::DateTimePrinter;

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0000-01-01T00:00:00Z.
    const YEAR_0: Self = Self(-62_167_219_200_000_000);

    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This moment and a while.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This moment less a while.
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Reads RFC 3339 with any offset. Digits beyond the microsecond are dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = Self(text.parse::<jiff::Timestamp>().ok()?.as_microsecond());
        // A year before 0000 has no form in RFC 3339, so it could not be given back.
        (moment >= Self::YEAR_0).then_some(moment)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let moment = jiff::Timestamp::from_microsecond(self.0).map_err(|_| std::fmt::Error)?;
        PRINTER.print_timestamp(&moment, jiff::fmt::StdFmtWrite(out)).map_err(|_| std::fmt::Error)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("is no time"))
    }
}

impl schemars::JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$",
            "examples": ["2026-11-21T16:35:14.988161Z"],
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time of day")]
fn wall() -> Timestamp {
    Timestamp(0).plus(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default())
}

/// A clock that nobody sets and that goes on while the machine sleeps.
fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// A time that follows another without its jumps.
#[derive(Clone, Copy)]
struct Steady {
    time: Timestamp,
    elapsed: Duration,
}

impl Steady {
    fn next(self, wall: Timestamp, elapsed: Duration) -> Self {
        let step = elapsed.saturating_sub(self.elapsed);
        let time = self.time.plus(step);
        let allowed = Timestamp(0).plus(step / 60).0;
        let gap = wall.0.saturating_sub(time.0).clamp(-allowed, allowed);
        // What rounds down to nothing is asked for again with the next step.
        if allowed == 0 { self } else { Self { time: Timestamp(time.0 + gap), elapsed } }
    }
}

/// Where the time comes from. The rest of the crate never asks the operating system itself.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's own clock, followed at a measured pace: when it is set while we run, forward or back, ours closes the
    /// gap by a second a minute, so that a lock of a minute lasts 59 to 61 seconds whatever the clock does.
    pub fn system() -> Self {
        let steady = Mutex::new(Steady { time: wall(), elapsed: since_boot() });
        Self::from_fn(move || {
            let mut steady = steady.lock().unwrap_or_else(PoisonError::into_inner);
            *steady = steady.next(wall(), since_boot());
            steady.time
        })
    }

    /// Any other source, for tests that move the time.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_hurries_or_delays_us_by_a_second_a_minute() {
        let minute = Duration::from_secs(60);
        let start = Steady { time: Timestamp(7_200_000_000), elapsed: minute };
        for (set, lasts) in [(2 * 3_600_000_000, 61_000_000), (-7_200_000_000, 59_000_000), (0, 60_000_000)] {
            let wall = Timestamp(start.time.0 + 60_000_000 + set);
            assert_eq!(start.next(wall, 2 * minute).time.0 - start.time.0, lasts, "set by {set}");
        }
    }

    #[test]
    fn time_is_written_with_six_digits_and_read_with_any_offset() {
        let moment = Timestamp::parse("2026-11-21T17:35:14.988161999+01:00").expect("is a time");
        assert_eq!(moment.to_string(), "2026-11-21T16:35:14.988161Z");
        assert_eq!(
            Timestamp::parse("2020-01-01T00:00:00Z").expect("is a time").to_string(),
            "2020-01-01T00:00:00.000000Z"
        );
        for wrong in ["", "2026-11-21", "2026-11-21T16:35:14", "yesterday"] {
            assert_eq!(Timestamp::parse(wrong), None, "{wrong}");
        }
    }
}
