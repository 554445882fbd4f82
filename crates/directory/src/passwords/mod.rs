//! Passwords: what a new one must be, and how any is held in memory.

pub(crate) mod foreign;
pub(crate) mod hasher;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::entity::{Faults, fold};

/// The longest password, in code points. Long enough for any passphrase, short enough to cost nothing.
pub const MAX_LENGTH: usize = 1_024;

/// A password: wiped when dropped, never shown.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password as it was given.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// What is hashed: the UTF-8 of the password in Unicode's normal form C (NIST SP 800-63B-4, 3.1.1.2), so that it is the
    /// same from every keyboard.
    pub(crate) fn normalized(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.nfc().collect::<String>().into_bytes())
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Password(…)")
    }
}

impl<'de> serde::Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl schemars::JsonSchema for Password {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Password".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "password", "writeOnly": true })
    }
}

/// Sorted by bytes, in lower case. Where it comes from and under which licence stands beside it.
const COMMON: &str = include_str!("common-passwords.txt");

fn is_common(password: &str) -> bool {
    let wanted = password.to_lowercase();
    let (mut low, mut high) = (0, COMMON.len());
    // Binary search over lines: the middle is moved back to where its line begins.
    while low < high {
        let middle = COMMON.floor_char_boundary(low.midpoint(high));
        let begin = COMMON[..middle].rfind('\n').map_or(0, |end| end + 1);
        let end = COMMON[middle..].find('\n').map_or(COMMON.len(), |length| middle + length);
        match COMMON[begin..end].cmp(&wanted) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = begin,
        }
    }
    false
}

/// Notes what is wrong with a new password (NIST SP 800-63B-4, 3.1.1.2: length and known-bad lists, no composition rules).
/// `own` are words that belong to the account: its name and e-mail address.
pub(crate) fn check(password: &Password, min_length: i64, own: &[&str], faults: &mut Faults) {
    let length = password.0.nfc().count();
    if length < usize::try_from(min_length).unwrap_or(0).max(1) {
        faults.add("password", format!("must have at least {} characters", min_length.max(1)));
    }
    if length > MAX_LENGTH {
        faults.add("password", format!("may have at most {MAX_LENGTH} characters"));
        return;
    }
    let folded = Zeroizing::new(fold(&password.0));
    if is_common(&password.0) {
        faults.add("password", "is among the most used passwords, which attackers try first; choose another");
    } else if *folded == "portreeve" || own.iter().any(|word| !word.is_empty() && fold(word) == *folded) {
        faults.add("password", "may not be the name or e-mail address of the account or the name of this product");
    }
}

/// How many hashes `workers` threads compute a second, with nothing else to do: the limit of logins on this machine.
pub fn hash_rate(workers: usize, time: std::time::Duration) -> crate::error::Result<f64> {
    let began = std::time::Instant::now();
    let count = || -> crate::error::Result<u32> {
        let (mut hasher, mut hashes) = (hasher::Hasher::default(), 0);
        let password = Password::new("what-nobody-guesses-42".into());
        while began.elapsed() < time {
            hasher.hash(&password, &[7; 16])?;
            hashes += 1;
        }
        Ok(hashes)
    };
    let counts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(count)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(Ok(0))).collect::<crate::error::Result<Vec<u32>>>()
    })?;
    Ok(f64::from(counts.iter().sum::<u32>()) / began.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_password_is_found_and_no_other() {
        assert!(COMMON.lines().count() > 10_000);
        assert!(COMMON.lines().is_sorted());
        assert!(COMMON.lines().all(is_common));
        assert!(is_common("PassWord"));
        for absent in ["", "\n", "tSW3!QBv(rj{UuLY", "zzzzzzzzzzzzzzzzzzzzzzzzz", "password\n123", "é"] {
            assert!(!is_common(absent), "{absent:?}");
        }
    }

    #[test]
    fn debug_output_hides_the_password() {
        assert!(!format!("{:?}", Password::new("geheim".into())).contains("geheim"));
    }
}
