//! Hashes that people bring from elsewhere: recognised, held to an upper limit of cost, computed, compared.
//!
//! Whoever imports a hash decides what a login to that account costs, so no form is taken whose cost is not bounded: none
//! takes more than 64 MiB, nor more than a few seconds of one core (half the lease of an attempt is five). At the first good
//! login ours takes its place.

mod crypt;
mod parse;

use argon2::{Algorithm, Argon2, Version};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Password;
use crate::error::{Error, Result};

/// The longest text of a hash. The longest that is known has about 180 characters.
const MAX_TEXT: usize = 512;
/// Argon2: as for hashes of our own.
const MAX_ARGON2: (u32, u32, u32) = (65_536, 8, 4);
/// bcrypt: each step doubles; 14 takes about a second of a core.
const MAX_BCRYPT_COST: u32 = 14;
/// scrypt and yescrypt: memory, 128·N·r bytes.
const MAX_SCRYPT_MEMORY: u64 = 64 * 1024 * 1024;
/// scrypt: memory times lanes, which is what its time goes with.
const MAX_SCRYPT_WORK: u64 = 4 * MAX_SCRYPT_MEMORY;
/// PBKDF2: frameworks ask for up to 1,300,000 today.
const MAX_PBKDF2_ITERATIONS: u32 = 2_000_000;
/// PBKDF2: iterations times blocks of output, which is what its time goes with.
const MAX_PBKDF2_WORK: u64 = 6_000_000;
/// SHA-crypt: tools ask for up to 656,000.
const MAX_SHA_CRYPT_ROUNDS: u32 = 1_000_000;
/// The crypt functions hash the password in every round: a longer one, which libxcrypt refuses too, is never right.
const MAX_CRYPT_PASSWORD: usize = 512;
/// bcrypt sees no more of a password.
const BCRYPT_PASSWORD: usize = 72;

/// Which digest a construction is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

impl Digest {
    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// How a hash is computed, and what it costs.
enum Scheme {
    Argon2 {
        algorithm: Algorithm,
        version: Version,
        params: argon2::Params,
    },
    Bcrypt {
        cost: u32,
        /// As Django does, so that long passwords are not cut off: of the SHA-256 of the password, in hexadecimal.
        of_sha256: bool,
    },
    Scrypt(scrypt::Params),
    Pbkdf2 {
        digest: Digest,
        iterations: u32,
    },
    Md5Crypt,
    Sha256Crypt(sha_crypt::Params),
    Sha512Crypt(sha_crypt::Params),
    Yescrypt(yescrypt::Params),
    /// One digest of password and salt, as LDAP servers have it.
    Salted(Digest),
}

/// A hash of a known kind and of a bounded cost, taken apart.
pub(crate) struct ForeignHash {
    scheme: Scheme,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl ForeignHash {
    /// Reads a hash. Says in words, that quote nothing of it, what is wrong with one that cannot be taken.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parse::parse(text)
    }

    /// Whether the password is the one that was hashed. Compares in constant time.
    pub(super) fn verify(&self, password: &Password) -> Result<bool> {
        let password = password.normalized();
        let tag = self.derive(&password)?;
        let fits = self.takes(&password);
        Ok(fits && bool::from(tag.ct_eq(&self.tag)))
    }

    /// Does the work of a comparison and compares nothing with the hash.
    pub(super) fn decoy(&self, password: &Password) -> Result<()> {
        let tag = self.derive(&password.normalized())?;
        std::hint::black_box(bool::from(tag.ct_eq(&vec![0; self.tag.len()])));
        Ok(())
    }

    /// Fails unless the work of a comparison is within what docs/security-model.md promises of each kind.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn assert_bounded(&self) {
        const MIB: u64 = 1024 * 1024;
        match &self.scheme {
            Scheme::Argon2 { params, .. } => {
                assert!(params.m_cost() <= 65_536 && params.t_cost() <= 8 && params.p_cost() <= 4, "{params:?}");
            }
            Scheme::Bcrypt { cost, .. } => assert!((4..=14).contains(cost), "{cost}"),
            Scheme::Scrypt(params) => {
                let memory = 128 * params.n() * u64::from(params.r());
                assert!(memory <= 64 * MIB && memory * u64::from(params.p()) <= 256 * MIB, "{params:?}");
            }
            Scheme::Pbkdf2 { digest, iterations } => {
                let blocks = self.tag.len().div_ceil(digest.length());
                assert!((1..=2_000_000).contains(iterations), "{iterations}");
                assert!(u64::from(*iterations) * blocks as u64 <= 6_000_000, "{iterations} {blocks}");
            }
            // The crate does not say how many rounds they are; more than these are no parameters of its own either.
            Scheme::Sha256Crypt(params) | Scheme::Sha512Crypt(params) => {
                let rounds = params.to_string();
                let rounds = rounds.trim_start_matches("rounds=").parse::<u32>();
                assert!(rounds.is_ok_and(|rounds| rounds <= 1_000_000), "{params}");
            }
            Scheme::Yescrypt(params) => {
                assert!(128 * params.n() * u64::from(params.r()) <= 64 * MIB, "{params:?}");
            }
            Scheme::Md5Crypt | Scheme::Salted(_) => {}
        }
        assert!(self.salt.len() <= 64 && (16..=64).contains(&self.tag.len()));
    }

    /// Whether all of the password is hashed.
    fn takes(&self, password: &[u8]) -> bool {
        let crypt = matches!(self.scheme, Scheme::Md5Crypt | Scheme::Sha256Crypt(_) | Scheme::Sha512Crypt(_));
        !crypt || password.len() <= MAX_CRYPT_PASSWORD
    }

    fn derive(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (salt, mut tag) = (&*self.salt, Zeroizing::new(vec![0; self.tag.len()]));
        let cut = &password[..password.len().min(MAX_CRYPT_PASSWORD)];
        match &self.scheme {
            Scheme::Argon2 { algorithm, version, params } => {
                let argon2 = Argon2::new(*algorithm, *version, params.clone());
                argon2.hash_password_into(password, salt, &mut tag).map_err(internal)?;
            }
            Scheme::Bcrypt { cost, of_sha256 } => {
                let hex = Zeroizing::new(of_sha256.then(|| hex_of_sha256(password)));
                let password = hex.as_ref().map_or(password, |hex| hex.as_bytes());
                tag = bcrypt_of(*cost, salt, password)?;
            }
            Scheme::Scrypt(params) => scrypt::scrypt(password, salt, params, &mut tag).map_err(internal)?,
            Scheme::Pbkdf2 { digest, iterations } => {
                let pbkdf2 = match digest {
                    Digest::Sha1 => pbkdf2_hmac::<Sha1>,
                    Digest::Sha256 => pbkdf2_hmac::<Sha256>,
                    Digest::Sha512 => pbkdf2_hmac::<Sha512>,
                };
                pbkdf2(password, salt, *iterations, &mut tag);
            }
            Scheme::Md5Crypt => tag = crypt::permuted(&crypt::md5_crypt(cut, salt)),
            Scheme::Sha256Crypt(params) => tag = crypt::permuted(&sha_crypt::sha256_crypt(cut, salt, *params)),
            Scheme::Sha512Crypt(params) => tag = crypt::permuted(&sha_crypt::sha512_crypt(cut, salt, *params)),
            Scheme::Yescrypt(params) => {
                yescrypt::yescrypt(password, salt, params, &mut tag).map_err(internal)?;
            }
            Scheme::Salted(digest) => {
                tag = Zeroizing::new(match digest {
                    Digest::Sha1 => Sha1::new().chain_update(password).chain_update(salt).finalize().to_vec(),
                    Digest::Sha256 => Sha256::new().chain_update(password).chain_update(salt).finalize().to_vec(),
                    Digest::Sha512 => Sha512::new().chain_update(password).chain_update(salt).finalize().to_vec(),
                });
            }
        }
        Ok(tag)
    }
}

fn internal(cause: impl std::fmt::Display) -> Error {
    Error::Internal(format!("an imported hash: {cause}"))
}

fn hex_of_sha256(password: &[u8]) -> String {
    Sha256::digest(password).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bcrypt_of(cost: u32, salt: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    // With the zero byte that ends a text in C, which belongs to what is hashed.
    let mut key = Zeroizing::new([0; BCRYPT_PASSWORD]);
    let length = password.len().min(BCRYPT_PASSWORD);
    key[..length].copy_from_slice(&password[..length]);
    let used = (length + 1).min(BCRYPT_PASSWORD);
    let salt: [u8; 16] = salt.try_into().map_err(internal)?;
    let mut tag = bcrypt::bcrypt(cost, salt, &key[..used]).to_vec();
    // The last of its 24 bytes was never part of the text.
    tag.pop();
    Ok(Zeroizing::new(tag))
}

#[cfg(test)]
mod tests;
