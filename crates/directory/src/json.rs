//! JSON that comes from outside, read strictly: what two parsers could read differently is refused.

use std::{collections::HashSet, fmt};

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::Fault;

/// How deep objects and arrays may lie in each other.
const MAX_DEPTH: usize = 64;

/// Reads a text. The error says where it is wrong and what was expected there, and quotes nothing of it.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let mut scan = serde_json::Deserializer::from_slice(body);
    Strict { depth: MAX_DEPTH }.deserialize(&mut scan).map_err(|wrong| without_values(&wrong))?;
    scan.end().map_err(|wrong| without_values(&wrong))?;
    let mut read = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut read).map_err(|wrong| {
        let path = wrong.path().to_string();
        let what = without_values(wrong.inner());
        if path == "." { what } else { format!("{path}: {what}") }
    })
}

/// Reads JSON that has been looked at already. The fault names the field, and quotes nothing of it.
pub(crate) fn read<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Fault> {
    serde_path_to_error::deserialize(value)
        .map_err(|wrong| Fault { field: wrong.path().to_string(), message: without_values(wrong.inner()) })
}

fn without_values(wrong: &serde_json::Error) -> String {
    let text = wrong.to_string();
    // Between "invalid type: " and ", expected " stands the value itself.
    match text.rfind(", expected ") {
        Some(at) if text.starts_with("invalid") => text[at + 2..].to_owned(),
        _ => text,
    }
}

/// Any JSON that is not too deep and has no key twice in one object.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth }),
            None => Err(E::custom(format!("objects and arrays lie more than {MAX_DEPTH} deep in each other"))),
        }
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        while items.next_element_seed(deeper)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key) {
                return Err(A::Error::custom("an object has the same key twice"));
            }
            entries.next_value_seed(deeper)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        parse::<serde_json::Value>(body.as_bytes()).expect_err(body)
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        assert!(refused(r#"{"a":1,"a":1}"#).contains("same key twice"));
        assert!(refused(r#"[{"b":{"a":1,"\u0061":2}}]"#).contains("same key twice"));
        assert!(refused(r"{} {}").contains("trailing"));
        assert!(refused("").contains("EOF"));
        assert!(refused("{\"a\":\"\u{1}\"}").contains("control character"));
        let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(refused(&deep(65)).contains("deep"));
        assert!(refused(&deep(100_000)).contains("deep"));
        assert!(parse::<serde_json::Value>(deep(64).as_bytes()).is_ok());
    }

    #[test]
    fn errors_say_where_and_quote_nothing() {
        #[derive(serde::Deserialize, Debug)]
        struct Outer {
            #[expect(dead_code, reason = "only its type matters")]
            disabled: bool,
        }
        let wrong = parse::<Outer>(br#"{"disabled":"geheim, expected a secret"}"#).expect_err("is wrong");
        assert_eq!(wrong, "disabled: expected a boolean at line 1 column 39");
    }
}
