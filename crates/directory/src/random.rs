//! Where randomness comes from. The rest of the crate never asks the operating system itself.

use std::sync::Arc;

use uuid::Uuid;

use crate::time::Timestamp;

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// A source of random bytes.
#[derive(Clone)]
pub struct Random(Arc<Fill>);

impl Random {
    /// The operating system's generator.
    ///
    /// # Panics
    /// The source panics if the operating system has no randomness: nothing secret can be made then.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for randomness")]
    pub fn system() -> Self {
        Self::from_fn(|bytes| getrandom::fill(bytes).expect("the operating system gives no randomness"))
    }

    /// Any other source, for tests that must repeat.
    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    fn bytes<const LENGTH: usize>(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        (self.0)(&mut bytes);
        bytes
    }

    /// A new identifier: UUID version 7 (RFC 9562), which sorts by time.
    pub fn uuid(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    /// 256 bits, for a token.
    pub(crate) fn token(&self) -> [u8; 32] {
        self.bytes()
    }

    /// A salt for a password hash.
    pub(crate) fn salt(&self) -> [u8; 16] {
        self.bytes()
    }

    /// Any number.
    pub(crate) fn number(&self) -> u128 {
        u128::from_le_bytes(self.bytes())
    }

    /// A version, below 0, of something that is only thought of: another one each time.
    pub(crate) fn supposed_version(&self) -> i64 {
        i64::from_le_bytes(self.bytes()) | i64::MIN
    }

    /// A password that nobody chose: 130 bits (OWASP ASVS 5.0, 11.5.1) in letters and digits that are not taken for one another.
    pub fn password(&self) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
        self.bytes::<26>().iter().map(letter).collect()
    }
}
