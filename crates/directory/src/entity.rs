//! What every stored object has: id, name and its folded key, notes, tags; and the checks that all objects share.

use std::collections::BTreeMap;

use icu_casemap::CaseMapperBorrowed;
use unicode_normalization::{UnicodeNormalization, is_nfc};
use uuid::Uuid;

use crate::error::{Error, Fault, Result};

/// Between the folded fields of a `search` column. No text that is stored can hold it.
pub(crate) const FIELD_SEPARATOR: char = '\u{1}';
/// Between the folded items of one field.
const ITEM_SEPARATOR: char = '\u{2}';

/// For the API's document: a text of one line.
pub(crate) const LINE_PATTERN: &str = r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]*$";
/// For the API's document: a text that may have lines.
pub(crate) const TEXT_PATTERN: &str =
    r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]*$";
/// For the API's document: a text of one line that neither begins nor ends with white space.
pub(crate) const NAME_PATTERN: &str = r"^(?!\s)[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]*[^\s\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]$";

pub(crate) const NAME_LENGTH: usize = 255;
const NOTES_LENGTH: usize = 4_096;
const TAG_LENGTH: usize = 128;
const TAG_COUNT: usize = 200;
const LABEL_LENGTH: usize = 255;
const LABEL_COUNT: usize = 200;

/// What two spellings of one name have in common: normal form C, full case folding, normal form C.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let composed: String = text.nfc().collect();
    CaseMapperBorrowed::new().fold_string(&composed).nfc().collect()
}

/// The value of a `search` column: the fields, folded, in the order in which the resource's list table numbers them.
pub(crate) fn search_text(fields: &[&str], lists: &[Vec<&str>]) -> String {
    let length = fields.iter().chain(lists.iter().flatten()).map(|text| text.len() + 1).sum();
    let mut all = String::with_capacity(length);
    let items = |all: &mut String, items: &[&str]| {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                all.push(ITEM_SEPARATOR);
            }
            all.push_str(item);
        }
        all.push(FIELD_SEPARATOR);
    };
    fields.iter().for_each(|field| items(&mut all, &[field]));
    lists.iter().for_each(|list| items(&mut all, list));
    all.pop();
    fold(&all)
}

/// What is wrong with a request, gathered until everything has been looked at.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

/// What a text may hold besides letters.
#[derive(Clone, Copy, PartialEq)]
enum Lines {
    One,
    Many,
}

impl Faults {
    pub(crate) fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(Fault { field: field.into(), message: message.into() });
    }

    pub(crate) fn missing(&mut self, field: &str) {
        self.add(field, "may not be null");
    }

    /// All is well, or everything that is not.
    pub(crate) fn check(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }

    /// The id that the client chose, if it chose one.
    pub(crate) fn id(&mut self, field: &str, id: Option<String>) -> Option<Uuid> {
        let id = id?;
        let parsed = parse_uuid(&id);
        if parsed.is_none() {
            self.add(field, "must be a UUID such as 4c07bc67-57ea-42dd-b702-c2d6c45419fc");
        }
        parsed
    }

    /// The body's id of an object that has one already.
    pub(crate) fn same_id(&mut self, id: Option<String>, own: Uuid) {
        if self.id("id", id).is_some_and(|id| id != own) {
            self.add("id", "must be the id in the path, or be left out");
        }
    }

    /// The name of an object.
    pub(crate) fn name(&mut self, name: Option<String>) -> String {
        let name = self.required("name", name);
        if name.trim() != name {
            self.add("name", "may not begin or end with white space");
        }
        name
    }

    /// A text that must be there.
    pub(crate) fn required(&mut self, field: &str, text: Option<String>) -> String {
        self.required_up_to(NAME_LENGTH, field, text)
    }

    /// The name of a tag: whatever objects can carry.
    pub(crate) fn tag(&mut self, field: &str, tag: Option<String>) -> String {
        self.required_up_to(TAG_LENGTH, field, tag)
    }

    fn required_up_to(&mut self, max: usize, field: &str, text: Option<String>) -> String {
        match text {
            None => self.missing(field),
            Some(text) if text.is_empty() => self.add(field, "may not be empty"),
            Some(text) => return self.text(field, text, max, Lines::One),
        }
        String::new()
    }

    /// A text that may be absent, which is the same as empty.
    pub(crate) fn optional(&mut self, field: &str, text: Option<String>) -> String {
        self.text(field, text.unwrap_or_default(), NAME_LENGTH, Lines::One)
    }

    /// A word of a fixed list, which must be there.
    pub(crate) fn word<T: serde::de::DeserializeOwned>(
        &mut self,
        field: &str,
        text: Option<&String>,
        what: &str,
    ) -> Option<T> {
        let Some(text) = text else {
            self.missing(field);
            return None;
        };
        let known = serde_json::from_value(serde_json::Value::from(text.as_str())).ok();
        if known.is_none() {
            self.add(field, format!("is no {what}; see /administrative-roles/type-target-map"));
        }
        known
    }

    /// Notes, which may have lines.
    pub(crate) fn notes(&mut self, notes: Option<String>) -> String {
        self.lines("notes", notes)
    }

    /// A text that may have lines and may be absent, which is the same as empty.
    pub(crate) fn lines(&mut self, field: &str, text: Option<String>) -> String {
        self.text(field, text.unwrap_or_default(), NOTES_LENGTH, Lines::Many)
    }

    /// Tags in the order sent, each once.
    pub(crate) fn tags(&mut self, tags: Option<Vec<String>>) -> Vec<String> {
        self.tags_at("tags", tags)
    }

    /// Tags at another place than an object's own.
    pub(crate) fn tags_at(&mut self, path: &str, tags: Option<Vec<String>>) -> Vec<String> {
        let mut kept: Vec<String> = Vec::new();
        for (index, tag) in tags.unwrap_or_default().into_iter().enumerate() {
            let field = format!("{path}[{index}]");
            if tag.is_empty() {
                self.add(&field, "may not be empty");
            }
            let tag = self.text(&field, tag, TAG_LENGTH, Lines::One);
            if !kept.contains(&tag) {
                kept.push(tag);
            }
            if kept.len() > TAG_COUNT {
                self.add(path, format!("may have at most {TAG_COUNT} entries"));
                break;
            }
        }
        kept
    }

    /// Adds tags that nobody sent, if they are not there.
    pub(crate) fn add_tags(&mut self, tags: &mut Vec<String>, more: Vec<String>) {
        for tag in more {
            if !tags.contains(&tag) {
                tags.push(tag);
                if tags.len() == TAG_COUNT + 1 {
                    self.add("tags", format!("may have at most {TAG_COUNT} entries, with those that your role adds"));
                }
            }
        }
    }

    /// Labels. `null` in place of a value is refused: there is nothing that it could mean.
    pub(crate) fn labels(&mut self, labels: Option<BTreeMap<String, String>>) -> BTreeMap<String, String> {
        let labels = labels.unwrap_or_default();
        if labels.len() > LABEL_COUNT {
            self.add("labels", format!("may have at most {LABEL_COUNT} entries"));
            return BTreeMap::new();
        }
        let mut kept = BTreeMap::new();
        for (key, value) in labels {
            let field = format!("labels.{}", key.escape_debug());
            if key.is_empty() {
                self.add("labels", "a key may not be empty");
            }
            let key = self.text(&field, key, LABEL_LENGTH, Lines::One);
            let value = self.text(&field, value, LABEL_LENGTH, Lines::One);
            if kept.insert(key, value).is_some() {
                self.add(&field, "is there twice in other spellings of the same letters");
            }
        }
        kept
    }

    /// A whole number that may be written with a fraction of zero.
    pub(crate) fn integer(
        &mut self,
        field: &str,
        number: Option<serde_json::Number>,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let number = number?;
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range before it is used")]
        let whole = number.as_i64().or_else(|| number.as_f64().filter(|n| n.fract() == 0.0).map(|n| n as i64));
        let fits = whole.filter(|whole| range.contains(whole));
        if fits.is_none() {
            self.add(field, format!("must be a whole number from {} to {}", range.start(), range.end()));
        }
        fits
    }

    fn text(&mut self, field: &str, text: String, max: usize, lines: Lines) -> String {
        let text = if is_nfc(&text) { text } else { text.nfc().collect() };
        if text.chars().count() > max {
            self.add(field, format!("may have at most {max} characters"));
        }
        let allowed = |c: char| lines == Lines::Many && matches!(c, '\n' | '\r' | '\t');
        if let Some(wrong) = text.chars().find(|&c| is_control(c) && !allowed(c)) {
            self.add(field, format!("may not contain the control character U+{:04X}", u32::from(wrong)));
        }
        text
    }
}

/// Control characters, and those that reorder the text around them, with which one name is made to look like another.
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Reads a UUID in its usual form of 36 characters, and no other.
pub fn parse_uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_fold_to_one_key() {
        for (one, other) in [
            ("Alice", "aLICE"),
            ("STRASSE", "straße"),
            ("caf\u{e9}", "CAFE\u{301}"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("\u{212a}elvin", "kelvin"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("alice"), fold("alicе"), "the second ends in a Cyrillic letter");
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for c in (0..0x2_0000).filter_map(char::from_u32) {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let mut faults = Faults::default();
        faults.name(Some(" a\u{0}".into()));
        faults.required("firstName", None);
        faults.tags(Some(vec![String::new(), "x".repeat(129)]));
        faults.integer("failedLoginAttempts", serde_json::Number::from_f64(1.5), 0..=9);
        let Err(Error::Invalid(found)) = faults.check() else { panic!("nothing was found") };
        let fields: Vec<&str> = found.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["name", "name", "firstName", "tags[0]", "tags[1]", "failedLoginAttempts"]);
    }
}
