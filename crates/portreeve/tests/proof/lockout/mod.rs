//! The lock-out is exact: never more comparisons than it says, never a right password refused for the guesses of others, and
//! locks as long as they are to be, whatever is killed and whatever clocks say.

mod counted;
mod ends;
mod guesses;
mod judge;
mod town;
mod witness;

/// Of the accounts that are guessed at.
const PASSWORD: &str = "a password for the guessed";
/// Of that password, and cheap to compare: what goes on around the comparison meets the more often.
const CHEAP_HASH: &str = "{SSHA256}HuCbxcqMPiRtCt8dJrhgFAOf2y2C3cWzSJa3g3DEzW1zYWx0IG9mIG1hbnk=";
/// What wrong clocks are wrong by (seconds).
const HOURS: i64 = 2 * 3_600;
/// How long a lock lasts (minutes); the least that can be set.
const MINUTES: u64 = 1;
/// The same in microseconds.
const LASTS: i64 = 60_000_000;

/// This machine's time of day, which is that of a PostgreSQL that runs on it (microseconds since 1970).
fn now() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}
