//! Argon2id (RFC 9106), one [`Hasher`] a worker, each with a block of memory that it uses again. Hashes that were made
//! elsewhere are verified here too.
//!
//! The fast implementation is young and unaudited: it is used only after it has agreed, on this machine and in this
//! process, with the RFC's vector and with the implementation that we fall back to.

use std::sync::OnceLock;

use argon2_rust::params::Memory;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Password, foreign::ForeignHash};
use crate::error::{Error, Result};

const SALT_LENGTH: usize = 16;
const TAG_LENGTH: usize = 32;

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// OWASP Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1.
const DEFAULT: Cost = Cost { memory_kib: 19_456, passes: 2, lanes: 1 };
/// A stored hash that asks for more is not computed: no row may be a bomb.
const HIGHEST: Cost = Cost { memory_kib: 65_536, passes: 8, lanes: 4 };

/// A stored hash, taken apart. In text: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>`, base64 without padding.
struct Stored {
    cost: Cost,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Stored {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let mut costs = parts.next()?.split(',');
        let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse().ok();
        let cost = Cost { memory_kib: cost("m=")?, passes: cost("t=")?, lanes: cost("p=")? };
        let salt = BASE64.decode(parts.next()?).ok()?;
        let tag = BASE64.decode(parts.next()?).ok()?;
        let bounded = cost.memory_kib <= HIGHEST.memory_kib
            && cost.passes <= HIGHEST.passes
            && cost.lanes <= HIGHEST.lanes
            && cost.lanes >= 1
            && cost.passes >= 1
            && cost.memory_kib >= 8 * cost.lanes
            && (8..=64).contains(&salt.len())
            && (16..=64).contains(&tag.len());
        (bounded && costs.next().is_none() && parts.next().is_none()).then_some(Self { cost, salt, tag })
    }
}

/// Computes hashes. Its block of memory is made at the first use and given back when it is dropped.
pub(crate) struct Hasher {
    /// What its own hashes cost.
    cost: Cost,
    pooled: Option<argon2_rust::Hasher>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { cost: DEFAULT, pooled: None }
    }
}

impl Hasher {
    /// One whose hashes cost next to nothing, where there are to be very many.
    #[cfg(test)]
    pub(crate) fn cheap(memory_kib: u32) -> Self {
        Self { cost: Cost { memory_kib, passes: 1, lanes: 1 }, pooled: None }
    }

    /// Whether a stored hash was made with other parameters than we use now, or elsewhere.
    pub(crate) fn is_outdated(&self, stored: &str) -> bool {
        Stored::parse(stored).is_none_or(|stored| stored.cost != self.cost || stored.tag.len() != TAG_LENGTH)
    }

    /// The text to store for a new password.
    pub(crate) fn hash(&mut self, password: &Password, salt: &[u8; SALT_LENGTH]) -> Result<String> {
        let mut tag = [0; TAG_LENGTH];
        self.derive(self.cost, &password.normalized(), salt, &mut tag)?;
        let Cost { memory_kib, passes, lanes } = self.cost;
        let (salt, tag) = (BASE64.encode(salt), BASE64.encode(tag));
        let stored = format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${tag}");
        #[cfg(test)]
        crate::simulation::watch::hashed(&password.normalized(), &stored);
        Ok(stored)
    }

    /// Whether the password is the one that was stored. Compares in constant time.
    pub(crate) fn verify(&mut self, password: &Password, stored: &str) -> Result<bool> {
        #[cfg(test)]
        crate::simulation::watch::compared_with_hash(&password.normalized(), stored);
        let Some(stored) = Stored::parse(stored) else {
            let foreign = ForeignHash::parse(stored)
                .map_err(|wrong| Error::Internal(format!("a stored password hash {wrong}")))?;
            return foreign.verify(password);
        };
        let mut tag = Zeroizing::new(vec![0; stored.tag.len()]);
        self.derive(stored.cost, &password.normalized(), &stored.salt, &mut tag)?;
        Ok(tag.ct_eq(&stored.tag).into())
    }

    /// Does the work of a comparison with `stored` (or with a new hash) and compares nothing.
    pub(crate) fn decoy(&mut self, password: &Password, stored: &str) -> Result<()> {
        let own = Stored::parse(stored);
        if let (None, Ok(foreign)) = (&own, ForeignHash::parse(stored)) {
            return foreign.decoy(password);
        }
        let cost = own.map_or(self.cost, |stored| stored.cost);
        let mut tag = Zeroizing::new(vec![0; TAG_LENGTH]);
        self.derive(cost, &password.normalized(), &[0x5a; SALT_LENGTH], &mut tag)?;
        std::hint::black_box(bool::from(tag.ct_eq(&[0; TAG_LENGTH])));
        Ok(())
    }

    fn derive(&mut self, cost: Cost, password: &[u8], salt: &[u8], tag: &mut [u8]) -> Result<()> {
        if cost != DEFAULT || tag.len() != TAG_LENGTH || !fast_is_right() {
            return derive_slowly(cost, password, salt, tag);
        }
        let hasher = match &mut self.pooled {
            Some(hasher) => hasher,
            none => none.insert(pooled(cost)?),
        };
        hasher.hash_into(password, salt, tag).map_err(internal)
    }
}

fn internal(cause: impl std::fmt::Display) -> Error {
    Error::Internal(format!("Argon2: {cause}"))
}

fn pooled(cost: Cost) -> Result<argon2_rust::Hasher> {
    let params = argon2_rust::Params::builder()
        .memory(Memory::kib(u64::from(cost.memory_kib)))
        .passes(cost.passes)
        .lanes(cost.lanes)
        .build()
        .map_err(internal)?;
    let mut hasher =
        argon2_rust::Argon2::new(argon2_rust::Algorithm::Argon2id, argon2_rust::Version::V0x13, params).hasher();
    hasher.reserve().map_err(internal)?;
    Ok(hasher)
}

fn derive_slowly(cost: Cost, password: &[u8], salt: &[u8], tag: &mut [u8]) -> Result<()> {
    let params = argon2::Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(tag.len())).map_err(internal)?;
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(password, salt, tag)
        .map_err(internal)
}

/// Whether the fast implementation may be used here. Its code depends on the processor, so this is asked at every start.
pub(crate) fn fast_is_right() -> bool {
    static RIGHT: OnceLock<bool> = OnceLock::new();
    *RIGHT.get_or_init(|| {
        let right = matches_rfc() && matches_fallback();
        if !right {
            tracing::error!("the fast Argon2id gives wrong answers on this processor; a slower one is used instead");
        }
        right
    })
}

/// RFC 9106, section 5.3.
fn matches_rfc() -> bool {
    const TAG: [u8; 32] = [
        0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9, 0xd0, 0x1e,
        0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59,
    ];
    let mut tag = [0; 32];
    let hashed = pooled(Cost { memory_kib: 32, passes: 3, lanes: 4 }).and_then(|mut hasher| {
        hasher.hash_into_with_ad(&[1; 32], &[2; 16], &[3; 8], &[4; 12], &mut tag).map_err(internal)
    });
    hashed.is_ok() && tag == TAG
}

fn matches_fallback() -> bool {
    let cost = Cost { memory_kib: 256, passes: 2, lanes: 1 };
    let Ok(mut hasher) = pooled(cost) else { return false };
    (0..4_u8).all(|round| {
        let (password, salt) = (vec![round; 7 * usize::from(round)], [round ^ 0x5a; SALT_LENGTH]);
        let (mut fast, mut slow) = ([0; TAG_LENGTH], [1; TAG_LENGTH]);
        hasher.hash_into(&password, &salt, &mut fast).is_ok()
            && derive_slowly(cost, &password, &salt, &mut slow).is_ok()
            && fast == slow
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.into())
    }

    #[test]
    fn the_fast_implementation_agrees_with_the_other() {
        assert!(matches_rfc());
        assert!(matches_fallback());
        let mut hasher = Hasher::default();
        for text in ["", "a", "correct horse battery staple", "påsswörd", &"x".repeat(1_024)] {
            let (mut fast, mut slow) = ([0; TAG_LENGTH], [0; TAG_LENGTH]);
            hasher.derive(DEFAULT, text.as_bytes(), &[7; SALT_LENGTH], &mut fast).expect("hashes");
            derive_slowly(DEFAULT, text.as_bytes(), &[7; SALT_LENGTH], &mut slow).expect("hashes");
            assert_eq!(fast, slow, "{text}");
        }
    }

    #[test]
    fn the_same_password_in_another_normal_form_is_the_same() {
        let mut hasher = Hasher::default();
        let stored = hasher.hash(&password("caf\u{e9}s are open"), &[1; SALT_LENGTH]).expect("hashes");
        assert!(hasher.verify(&password("cafe\u{301}s are open"), &stored).expect("verifies"));
        assert!(!hasher.verify(&password("cafes are open"), &stored).expect("verifies"));
    }

    #[test]
    fn a_hash_with_other_costs_is_verified_and_outdated() {
        let cost = Cost { memory_kib: 1_024, passes: 1, lanes: 2 };
        let mut tag = [0; TAG_LENGTH];
        derive_slowly(cost, b"old password", &[3; SALT_LENGTH], &mut tag).expect("hashes");
        let stored =
            format!("$argon2id$v=19$m=1024,t=1,p=2${}${}", BASE64.encode([3; SALT_LENGTH]), BASE64.encode(tag));
        let mut hasher = Hasher::default();
        assert!(hasher.is_outdated(&stored));
        assert!(hasher.verify(&password("old password"), &stored).expect("verifies"));
        let fresh = hasher.hash(&password("old password"), &[3; SALT_LENGTH]).expect("hashes");
        assert!(!hasher.is_outdated(&fresh));
    }

    #[test]
    fn a_bomb_is_refused() {
        let salt = BASE64.encode([0; 16]);
        let tag = BASE64.encode([0; 32]);
        for costs in
            ["m=4294967295,t=2,p=1", "m=19456,t=4000000000,p=1", "m=19456,t=2,p=0", "m=8,t=1,p=4", "m=19456,t=2"]
        {
            let stored = format!("$argon2id$v=19${costs}${salt}${tag}");
            assert!(Hasher::default().verify(&password("x"), &stored).is_err(), "{costs}");
        }
    }
}
