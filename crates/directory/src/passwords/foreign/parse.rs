//! Which kind of hash a text is, what it costs, and whether that is within the limits.

use argon2::{Algorithm, Version};
use base64::{
    Engine as _, alphabet,
    engine::{
        DecodePaddingMode, GeneralPurpose,
        general_purpose::{GeneralPurposeConfig, STANDARD},
    },
};

use super::{
    Digest, ForeignHash, MAX_ARGON2, MAX_BCRYPT_COST, MAX_PBKDF2_ITERATIONS, MAX_PBKDF2_WORK, MAX_SCRYPT_MEMORY,
    MAX_SCRYPT_WORK, MAX_SHA_CRYPT_ROUNDS, MAX_TEXT, Scheme, crypt,
};

type Parsed = Result<ForeignHash, String>;

const EITHER: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, EITHER);
/// Some implementations leave something in the bits that are over.
const BCRYPT_BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::BCRYPT, EITHER.with_decode_allow_trailing_bits(true));

/// SHA-crypt's rounds where the text names none.
const DEFAULT_ROUNDS: u32 = 5_000;

pub(super) fn parse(text: &str) -> Parsed {
    if text.len() > MAX_TEXT {
        return Err(format!("may have at most {MAX_TEXT} characters"));
    }
    if let Some((scheme, rest)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        return ldap(&scheme.to_ascii_uppercase(), rest);
    }
    if text.starts_with('$') { modular(text) } else { django(text) }
}

fn unknown<T>() -> Result<T, String> {
    Err("is no hash of a kind that is known here; docs/import.md lists those that are".into())
}

fn damaged<T>(kind: &str) -> Result<T, String> {
    Err(format!("begins like a hash of {kind} and does not go on like one; it may be damaged or cut off"))
}

fn too_much<T>(kind: &str, limit: impl std::fmt::Display) -> Result<T, String> {
    Err(format!("costs more to compute than is allowed: {kind} may have at most {limit}"))
}

/// `$kind$…`: the Modular Crypt Format and PHC strings.
fn modular(text: &str) -> Parsed {
    let fields: Vec<&str> = text.split('$').skip(1).collect();
    match *fields.as_slice() {
        ["argon2id", ref rest @ ..] => argon2(Algorithm::Argon2id, rest),
        ["argon2i", ref rest @ ..] => argon2(Algorithm::Argon2i, rest),
        ["argon2d", ref rest @ ..] => argon2(Algorithm::Argon2d, rest),
        ["2a" | "2b" | "2y", ref rest @ ..] => bcrypt(rest, false),
        ["scrypt", costs, salt, tag] => {
            let (Some([log_n, r, p]), Some(salt)) = (named(costs, ["ln=", "r=", "p="]), decoded(salt)) else {
                return damaged("scrypt");
            };
            scrypt(log_n, r, p, salt, tag)
        }
        ["pbkdf2", costs, salt, tag] => pbkdf2(Digest::Sha1, costs, decoded(salt), tag),
        ["pbkdf2-sha256", costs, salt, tag] => pbkdf2(Digest::Sha256, costs, decoded(salt), tag),
        ["pbkdf2-sha512", costs, salt, tag] => pbkdf2(Digest::Sha512, costs, decoded(salt), tag),
        ["scrypt" | "pbkdf2" | "pbkdf2-sha256" | "pbkdf2-sha512", ..] => damaged("that kind"),
        ["1" | "5" | "6" | "y", ..] => unix(&fields),
        _ => unknown(),
    }
}

/// What the crypt function of Unix makes, less bcrypt.
fn unix(fields: &[&str]) -> Parsed {
    match *fields {
        ["1", salt, tag] => crypted(Scheme::Md5Crypt, "MD5-crypt", salt, 8, tag, 16),
        [kind @ ("5" | "6"), salt, tag] => sha_crypt(kind, DEFAULT_ROUNDS, salt, tag),
        [kind @ ("5" | "6"), rounds, salt, tag] => match rounds.strip_prefix("rounds=").and_then(number) {
            Some(rounds) => sha_crypt(kind, rounds, salt, tag),
            None => damaged("SHA-crypt"),
        },
        ["y", params, salt, tag] => yescrypt(params, salt, tag),
        _ => damaged("that kind"),
    }
}

/// `{SCHEME}…`: what LDAP servers keep (RFC 3112 and its heirs).
fn ldap(scheme: &str, rest: &str) -> Parsed {
    match scheme {
        "SSHA" => salted(Digest::Sha1, rest),
        "SSHA256" => salted(Digest::Sha256, rest),
        "SSHA512" => salted(Digest::Sha512, rest),
        "CRYPT" | "ARGON2" if rest.starts_with('$') => modular(rest),
        "PBKDF2" | "PBKDF2-SHA1" => ldap_pbkdf2(Digest::Sha1, rest),
        "PBKDF2-SHA256" => ldap_pbkdf2(Digest::Sha256, rest),
        "PBKDF2-SHA512" => ldap_pbkdf2(Digest::Sha512, rest),
        _ => unknown(),
    }
}

fn ldap_pbkdf2(digest: Digest, rest: &str) -> Parsed {
    match *rest.split('$').collect::<Vec<_>>().as_slice() {
        [costs, salt, tag] => pbkdf2(digest, costs, decoded(salt), tag),
        _ => damaged("PBKDF2"),
    }
}

/// `algorithm$…`, in which salts are texts and not base64.
fn django(text: &str) -> Parsed {
    let Some((algorithm, rest)) = text.split_once('$') else { return unknown() };
    let fields: Vec<&str> = rest.split('$').collect();
    match (algorithm, fields.as_slice()) {
        ("pbkdf2_sha256", [costs, salt, tag]) => pbkdf2(Digest::Sha256, costs, Some(salt.as_bytes().into()), tag),
        ("pbkdf2_sha1", [costs, salt, tag]) => pbkdf2(Digest::Sha1, costs, Some(salt.as_bytes().into()), tag),
        ("argon2", _) if rest.starts_with("argon2") => modular(&format!("${rest}")),
        ("bcrypt_sha256", ["", "2a" | "2b" | "2y", rest @ ..]) => bcrypt(rest, true),
        ("bcrypt", ["", "2a" | "2b" | "2y", rest @ ..]) => bcrypt(rest, false),
        ("scrypt", [n, salt, r, p, tag]) => match (number(n), number(r), number(p)) {
            (Some(n), Some(r), Some(p)) if n.is_power_of_two() => {
                scrypt(n.trailing_zeros(), r, p, salt.as_bytes().into(), tag)
            }
            _ => damaged("scrypt"),
        },
        ("pbkdf2_sha256" | "pbkdf2_sha1" | "argon2" | "bcrypt_sha256" | "bcrypt" | "scrypt", _) => damaged("that kind"),
        _ => unknown(),
    }
}

fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // One too large for the type is too large for every limit.
    plain.then(|| text.parse().unwrap_or(u32::MAX))
}

/// `a=1,b=2`, with these names in this order.
fn named<const COUNT: usize>(text: &str, names: [&str; COUNT]) -> Option<[u32; COUNT]> {
    let mut parts = text.split(',');
    let mut numbers = [0; COUNT];
    for (value, name) in numbers.iter_mut().zip(names) {
        *value = number(parts.next()?.strip_prefix(name)?)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Standard base64, with or without padding, or passlib's, which has `.` for `+`.
fn decoded(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.replace('.', "+")).ok()
}

fn made(kind: &str, scheme: Scheme, salt: Vec<u8>, tag: Vec<u8>) -> Parsed {
    // Shorter tags are guessed, and none of the kinds makes longer ones.
    if salt.len() > 64 || !(16..=64).contains(&tag.len()) {
        return damaged(kind);
    }
    Ok(ForeignHash { scheme, salt, tag })
}

fn argon2(algorithm: Algorithm, fields: &[&str]) -> Parsed {
    // Where no version is named it is 1.0, of which the text did not tell yet.
    let (version, costs, salt, tag) = match *fields {
        ["v=19", costs, salt, tag] => (Version::V0x13, costs, salt, tag),
        ["v=16", costs, salt, tag] | [costs, salt, tag] => (Version::V0x10, costs, salt, tag),
        _ => return damaged("Argon2"),
    };
    let (Some([memory, passes, lanes]), Some(salt), Some(tag)) =
        (named(costs, ["m=", "t=", "p="]), decoded(salt), decoded(tag))
    else {
        return damaged("Argon2");
    };
    let (max_memory, max_passes, max_lanes) = MAX_ARGON2;
    if memory > max_memory || passes > max_passes || lanes > max_lanes {
        return too_much("Argon2", format!("m={max_memory}, t={max_passes} and p={max_lanes}"));
    }
    let Ok(params) = argon2::Params::new(memory, passes, lanes, Some(tag.len())) else { return damaged("Argon2") };
    if salt.len() < 8 {
        return damaged("Argon2");
    }
    made("Argon2", Scheme::Argon2 { algorithm, version, params }, salt, tag)
}

fn bcrypt(fields: &[&str], of_sha256: bool) -> Parsed {
    let &[cost, rest] = fields else { return damaged("bcrypt") };
    let (Some(cost), true) = (number(cost), cost.len() == 2 && rest.is_ascii() && rest.len() == 53) else {
        return damaged("bcrypt");
    };
    if cost > MAX_BCRYPT_COST {
        return too_much("bcrypt", format!("a cost of {MAX_BCRYPT_COST}"));
    }
    let (Ok(salt), Ok(tag)) = (BCRYPT_BASE64.decode(&rest[..22]), BCRYPT_BASE64.decode(&rest[22..])) else {
        return damaged("bcrypt");
    };
    if cost < 4 || salt.len() != 16 || tag.len() != 23 {
        return damaged("bcrypt");
    }
    made("bcrypt", Scheme::Bcrypt { cost, of_sha256 }, salt, tag)
}

fn scrypt(log_n: u32, r: u32, p: u32, salt: Vec<u8>, tag: &str) -> Parsed {
    let Some(tag) = decoded(tag).filter(|tag| [32, 64].contains(&tag.len())) else { return damaged("scrypt") };
    let memory = 1_u64.checked_shl(log_n).unwrap_or(u64::MAX).saturating_mul(128).saturating_mul(r.into());
    // The lanes' blocks, 128·r·p bytes, are bounded with the work.
    if log_n > 32 || memory > MAX_SCRYPT_MEMORY || memory.saturating_mul(p.into()) > MAX_SCRYPT_WORK {
        return too_much("scrypt", "64 MiB (128·N·r), and four times that over all of p");
    }
    let params = u8::try_from(log_n).ok().filter(|log_n| *log_n >= 1);
    let Some(params) = params.and_then(|log_n| ::scrypt::Params::new(log_n, r, p).ok()) else {
        return damaged("scrypt");
    };
    made("scrypt", Scheme::Scrypt(params), salt, tag)
}

/// `costs` is a number, or as PHC strings have it `i=600000` with or without `l=32`.
fn pbkdf2(digest: Digest, costs: &str, salt: Option<Vec<u8>>, tag: &str) -> Parsed {
    // The first part of a longer tag is a tag too: what was cut off is seen by a length that nobody makes.
    let usual = |tag: &Vec<u8>| [digest.length().min(32), 64].contains(&tag.len());
    let (Some(salt), Some(tag)) = (salt, decoded(tag).filter(usual)) else { return damaged("PBKDF2") };
    let with_length = || named(costs, ["i=", "l="]).filter(|[_, length]| usize::try_from(*length) == Ok(tag.len()));
    let iterations = number(costs)
        .or_else(|| named(costs, ["i="]).map(|[iterations]| iterations))
        .or_else(|| with_length().map(|[iterations, _]| iterations));
    let Some(iterations @ 1..) = iterations else { return damaged("PBKDF2") };
    if iterations > MAX_PBKDF2_ITERATIONS {
        return too_much("PBKDF2", format!("{MAX_PBKDF2_ITERATIONS} iterations"));
    }
    let blocks = tag.len().div_ceil(digest.length()) as u64;
    if u64::from(iterations).saturating_mul(blocks) > MAX_PBKDF2_WORK {
        return too_much("PBKDF2", format!("{MAX_PBKDF2_WORK} iterations over all blocks of its output"));
    }
    made("PBKDF2", Scheme::Pbkdf2 { digest, iterations }, salt, tag)
}

fn sha_crypt(kind: &str, rounds: u32, salt: &str, tag: &str) -> Parsed {
    if rounds > MAX_SHA_CRYPT_ROUNDS {
        return too_much("SHA-crypt", format!("{MAX_SHA_CRYPT_ROUNDS} rounds"));
    }
    let Ok(params) = ::sha_crypt::Params::new(rounds) else { return damaged("SHA-crypt") };
    let (scheme, length) =
        if kind == "5" { (Scheme::Sha256Crypt(params), 32) } else { (Scheme::Sha512Crypt(params), 64) };
    crypted(scheme, "SHA-crypt", salt, 16, tag, length)
}

/// The salt is hashed as it is written.
fn crypted(scheme: Scheme, kind: &str, salt: &str, longest: usize, tag: &str, length: usize) -> Parsed {
    match crypt::decode(tag) {
        Some(tag) if tag.len() == length && salt.len() <= longest => made(kind, scheme, salt.as_bytes().into(), tag),
        _ => damaged(kind),
    }
}

fn yescrypt(params: &str, salt: &str, tag: &str) -> Parsed {
    let (Ok(params), Some(salt), Some(tag)) =
        (params.parse::<::yescrypt::Params>(), crypt::decode(salt), crypt::decode(tag))
    else {
        return damaged("yescrypt");
    };
    let memory = params.n().saturating_mul(128).saturating_mul(params.r().into());
    if memory > MAX_SCRYPT_MEMORY {
        return too_much("yescrypt", "64 MiB (128·N·r)");
    }
    // Only what libxcrypt makes: one lane, and no time beyond what the memory takes. The crate tells only so whether there is.
    let plain = ::yescrypt::Params::new(::yescrypt::Mode::default(), params.n(), params.r(), 1);
    if plain != Ok(params) {
        return too_much("yescrypt", "p=1 and t=0, in its usual flavour");
    }
    if tag.len() != 32 {
        return damaged("yescrypt");
    }
    made("yescrypt", Scheme::Yescrypt(params), salt, tag)
}

fn salted(digest: Digest, text: &str) -> Parsed {
    let Ok(mut tag) = STANDARD.decode(text) else { return damaged("a salted digest") };
    if tag.len() <= digest.length() {
        return damaged("a salted digest");
    }
    let salt = tag.split_off(digest.length());
    made("a salted digest", Scheme::Salted(digest), salt, tag)
}
