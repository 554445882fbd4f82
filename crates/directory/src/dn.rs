//! Distinguished names (RFC 4514) of accounts, `CN=<name>,OU=<provider>`, and of the devices that they log in from,
//! `CN=<device id>,CN=<name>,OU=<provider>`: how they are written and read.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::{entity::is_control, kind::AccountKind};

/// Bytes that a distinguished name may have.
pub(crate) const MAX_LENGTH: usize = 4_096;
/// What stands for itself nowhere in a value.
const SPECIAL: [char; 7] = ['"', '+', ',', ';', '<', '>', '\\'];

/// An account, by provider and name. There need not be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its provider.
    pub kind: AccountKind,
    /// Its name, in Unicode's normal form C.
    pub name: String,
}

/// A device that an account logs in from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The UUID that the client made for it; written in 32 hexadecimal digits.
    pub device_id: Uuid,
    /// Who logs in from it.
    pub account: Account,
}

impl Account {
    /// Reads `CN=<name>,OU=<provider>`. The error is a predicate of the text, for people: "must …".
    pub fn parse(text: &str) -> Result<Self, String> {
        match read(text)?.as_slice() {
            [(Attribute::Name, name), (Attribute::Unit, provider)] => account(name, provider),
            _ => Err("must have the form CN=<name>,OU=<provider>".into()),
        }
    }
}

impl Device {
    /// Reads `CN=<device id>,CN=<name>,OU=<provider>`. The error is a predicate of the text, for people: "must …".
    pub fn parse(text: &str) -> Result<Self, String> {
        match read(text)?.as_slice() {
            [(Attribute::Name, id), (Attribute::Name, name), (Attribute::Unit, provider)] => {
                Ok(Self { device_id: device_id(id)?, account: account(name, provider)? })
            }
            _ => Err("must have the form CN=<device id>,CN=<name>,OU=<provider>".into()),
        }
    }
}

/// What a distinguished name can name.
pub trait Named: Sized {
    /// For the API's document: the names that nothing has to be escaped in. There are more.
    const PATTERN: &'static str;

    /// Reads a distinguished name. The error is a predicate of the text, for people: "must …".
    fn parse_named(text: &str) -> Result<Self, String>;
}

impl Named for Account {
    const PATTERN: &'static str = r"^CN=[A-Za-z0-9._@-]{1,255},OU=(local|service)$";

    fn parse_named(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl Named for Device {
    const PATTERN: &'static str = r"^CN=[0-9a-f]{32},CN=[A-Za-z0-9._@-]{1,255},OU=(local|service)$";

    fn parse_named(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CN={},OU={}", Escaped(&self.name), self.kind.as_str())
    }
}

impl fmt::Display for Device {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CN={},{}", self.device_id.simple(), self.account)
    }
}

/// A value as it is written: with a backslash before what would mean something else.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.0.chars().count().saturating_sub(1);
        for (index, c) in self.0.chars().enumerate() {
            let at_an_end = (c == ' ' && (index == 0 || index == last)) || (c == '#' && index == 0);
            if at_an_end || SPECIAL.contains(&c) {
                write!(out, "\\")?;
            }
            write!(out, "{c}")?;
        }
        Ok(())
    }
}

fn account(name: &str, provider: &str) -> Result<Account, String> {
    let kind = [AccountKind::Local, AccountKind::Service].into_iter().find(|kind| kind.as_str() == provider);
    let kind = kind.ok_or("must name one of the providers local and service after OU=")?;
    Ok(Account { kind, name: name.to_owned() })
}

fn device_id(text: &str) -> Result<Uuid, String> {
    let plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = if plain { Uuid::try_parse(text).ok() } else { None };
    id.ok_or_else(|| "must begin with a device's id in 32 hexadecimal digits, without dashes".into())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attribute {
    /// `CN`.
    Name,
    /// `OU`.
    Unit,
}

/// The attributes of a distinguished name in their order, with their values as they are meant.
fn read(text: &str) -> Result<Vec<(Attribute, String)>, String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("may have at most {MAX_LENGTH} bytes"));
    }
    let mut rest = Some(text);
    let mut parts = Vec::new();
    while let Some(part) = rest {
        let (attribute, value) = part.split_once('=').ok_or("must be made of parts such as CN=<name>")?;
        let attribute = match attribute.trim_matches(' ') {
            name if name.eq_ignore_ascii_case("CN") => Attribute::Name,
            name if name.eq_ignore_ascii_case("OU") => Attribute::Unit,
            _ => return Err("must be made of the attributes CN and OU".into()),
        };
        let (value, behind) = read_value(value)?;
        parts.push((attribute, value));
        rest = behind;
    }
    Ok(parts)
}

/// A value, and what comes behind its comma if it has one.
fn read_value(text: &str) -> Result<(String, Option<&str>), String> {
    // Spaces around a value are not part of it, unless they are escaped.
    let text = text.trim_start_matches(' ');
    if text.starts_with('#') {
        return Err("may not have a value in its encoded form (#…); a name that begins with # is written \\#".into());
    }
    let (mut value, mut kept, mut behind) = (Vec::new(), 0, None);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ',' => {
                behind = Some(rest.as_str());
                break;
            }
            '\\' => {
                let (byte, unescaped) = read_escape(rest.as_str())?;
                value.push(byte);
                rest = unescaped.chars();
                kept = value.len();
            }
            c if SPECIAL.contains(&c) => return Err(format!("may have {c} in a value only behind a backslash")),
            c => {
                value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                if c != ' ' {
                    kept = value.len();
                }
            }
        }
    }
    value.truncate(kept);
    let value = String::from_utf8(value).map_err(|_| "must be UTF-8 once its escapes are read")?;
    if value.is_empty() {
        return Err("may not have an empty value".into());
    }
    if let Some(wrong) = value.chars().find(|c| is_control(*c)) {
        return Err(format!("may not have the control character U+{:04X} in a value", u32::from(wrong)));
    }
    Ok((value.nfc().collect(), behind))
}

/// What stands behind a backslash, and the rest.
fn read_escape(text: &str) -> Result<(u8, &str), String> {
    let escaped = |c: &char| matches!(c, ' ' | '#' | '=') || SPECIAL.contains(c);
    if let Some(byte) = text.chars().next().filter(escaped).and_then(|c| u8::try_from(c).ok()) {
        return Ok((byte, &text[1..]));
    }
    // The bytes of a character's UTF-8, each in two digits.
    let digits = text.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let wrong = "must have, behind every backslash, a special character or two hexadecimal digits";
    byte.map(|byte| (byte, &text[2..])).ok_or_else(|| wrong.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Account {
        Account { kind: AccountKind::Local, name: name.into() }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let pieces =
            ["a", "O'Neil", ",", "\"", "+", "=", "<>", ";", "\\", "#", " ", "  x ", "\\2C", "é", "字", "🦀", "CN="];
        let device_id = Uuid::from_u128(0x877b_2d88_7c20_48e4_b2e8_daae_6bb4_c077);
        let mut read = 0;
        for one in pieces {
            for two in pieces {
                for three in pieces {
                    for kind in [AccountKind::Local, AccountKind::Service] {
                        let account = Account { kind, name: [one, two, three].concat() };
                        let device = Device { device_id, account: account.clone() };
                        assert_eq!(Account::parse(&account.to_string()), Ok(account.clone()), "{account}");
                        assert_eq!(Device::parse(&device.to_string()), Ok(device.clone()), "{device}");
                        read += 1;
                    }
                }
            }
        }
        assert_eq!(read, 2 * pieces.len().pow(3));
        assert_eq!(named("Doe, John").to_string(), "CN=Doe\\, John,OU=local");
        assert_eq!(named(" #a=b ").to_string(), "CN=\\ #a=b\\ ,OU=local");
        let device = Device { device_id, account: named("#1") };
        assert_eq!(device.to_string(), "CN=877b2d887c2048e4b2e8daae6bb4c077,CN=\\#1,OU=local");
    }

    #[test]
    fn other_spellings_mean_the_same() {
        for text in [
            "CN=Doe\\, John,OU=local",
            "cn=Doe\\2C John,ou=local",
            "CN=Doe\\2c\\20John, OU=local",
            " Cn = Doe\\, John , Ou = local ",
            "CN=\\44\\6f\\65\\,\\ John,OU=local",
        ] {
            assert_eq!(Account::parse(text), Ok(named("Doe, John")), "{text}");
        }
        assert_eq!(Account::parse("CN=a=b,OU=local"), Account::parse("CN=a\\=b,OU=local"));
        assert_eq!(Account::parse("CN=caf\\C3\\A9,OU=local"), Ok(named("caf\u{e9}")));
        assert_eq!(Account::parse("CN=cafe\u{301},OU=local"), Ok(named("caf\u{e9}")));
        let upper = Device::parse("CN=877B2D887C2048E4B2E8DAAE6BB4C077,CN=bob,OU=service");
        assert_eq!(upper, Device::parse("CN=877b2d887c2048e4b2e8daae6bb4c077,CN=bob,OU=service"));
        assert!(upper.is_ok());
    }

    #[test]
    fn what_is_malformed_is_an_error() {
        let long = format!("CN={},OU=local", "a".repeat(MAX_LENGTH));
        for text in [
            "",
            ",",
            "=",
            "bob",
            "CN=bob",
            "OU=local",
            "OU=local,CN=bob",
            "CN=bob,OU=local,",
            "CN=bob,,OU=local",
            "CN=,OU=local",
            "CN= ,OU=local",
            "CN=bob,OU=",
            "CN=bob,OU=ldap",
            "CN=bob,OU=LOCAL",
            "CN=bob,OU=decoy",
            "CN=a,CN=b,OU=local",
            "CN=a,OU=local,OU=local",
            "UID=bob,OU=local",
            "CN=bob+OU=local",
            "CN=a+b,OU=local",
            "CN=\"bob\",OU=local",
            "CN=a;b,OU=local",
            "CN=<bob>,OU=local",
            "CN=#04024869,OU=local",
            "CN=bob\\",
            "CN=bob\\,OU=local",
            "CN=bob\\x,OU=local",
            "CN=bob\\4,OU=local",
            "CN=bob\\C3,OU=local",
            "CN=a\\00,OU=local",
            "CN=bob\\é,OU=local",
            "CN=a\u{0}b,OU=local",
            "CN=a\u{202e}b,OU=local",
            long.as_str(),
        ] {
            assert!(Account::parse(text).is_err(), "{text}");
            assert!(Device::parse(text).is_err(), "{text}");
        }
        for id in [
            "877b2d88-7c20-48e4-b2e8-daae6bb4c077",
            "877b2d887c2048e4b2e8daae6bb4c07",
            "bob",
            "{877b2d887c2048e4b2e8daae6bb4c077}",
        ] {
            assert!(Device::parse(&format!("CN={id},CN=bob,OU=local")).is_err(), "{id}");
        }
    }
}
