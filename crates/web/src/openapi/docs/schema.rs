//! JSON Schema in words: what type a value has, what limits it keeps, what it may look like.

use serde_json::Value;

use super::text::{Piece, pieces};

/// Where the document keeps its schemas.
const SCHEMAS: &str = "#/components/schemas/";

/// The type of a value, with links to the schemas that it names.
pub(super) fn kind(schema: &Value) -> Vec<Piece> {
    if let Some(target) = schema["$ref"].as_str() {
        return match target.strip_prefix(SCHEMAS) {
            Some(name) => vec![Piece::Schema(name.into())],
            None => vec![Piece::Code(target.into())],
        };
    }
    for several in ["allOf", "anyOf", "oneOf"] {
        if let Some(options) = schema[several].as_array() {
            let between = if several == "allOf" { " and " } else { " or " };
            return joined(options.iter().map(kind), between);
        }
    }
    match &schema["type"] {
        Value::String(name) => named(name, schema),
        Value::Array(names) => joined(names.iter().filter_map(Value::as_str).map(|name| named(name, schema)), " or "),
        _ => vec![Piece::Words("anything".into())],
    }
}

fn joined(kinds: impl Iterator<Item = Vec<Piece>>, between: &str) -> Vec<Piece> {
    let mut all = Vec::new();
    for kind in kinds {
        if !all.is_empty() {
            all.push(Piece::Words(between.into()));
        }
        all.extend(kind);
    }
    all
}

fn named(name: &str, schema: &Value) -> Vec<Piece> {
    let of = |what: &str, inner: &Value| {
        let mut all = vec![Piece::Words(what.into())];
        if inner.is_object() {
            all.push(Piece::Words(" of ".into()));
            all.extend(kind(inner));
        }
        all
    };
    match (name, schema["format"].as_str()) {
        ("array", _) => of("array", &schema["items"]),
        ("object", _) => of("object", &schema["additionalProperties"]),
        ("null", _) | (_, None) => vec![Piece::Words(name.into())],
        (_, Some(format)) => vec![Piece::Words(format!("{name} ({format})"))],
    }
}

/// The limits of a value and of what is in it, a phrase each.
pub(super) fn constraints(schema: &Value) -> Vec<String> {
    let mut all = own_constraints(schema);
    for (key, whose) in PARTS {
        all.extend(own_constraints(&schema[key]).into_iter().map(|phrase| format!("{whose}: {phrase}")));
    }
    if schema["writeOnly"] == true {
        all.push("never in an answer".into());
    }
    if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
        all.push(format!("default {default}"));
    }
    all
}

/// What a value holds, and how that is called.
const PARTS: [(&str, &str); 3] = [("items", "each"), ("propertyNames", "keys"), ("additionalProperties", "values")];

fn own_constraints(schema: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for (least, most, what) in [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " entries"),
        ("minProperties", "maxProperties", " entries"),
    ] {
        all.extend(match (schema[least].as_i64(), schema[most].as_i64()) {
            (Some(least), Some(most)) if least == most => Some(format!("exactly {least}{what}")),
            (Some(least), Some(most)) => Some(format!("{least} to {most}{what}")),
            (Some(least), None) => Some(format!("at least {least}{what}")),
            (None, Some(most)) => Some(format!("at most {most}{what}")),
            (None, None) => None,
        });
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        all.push(format!("one of {}", values.join(", ")));
    }
    all
}

/// The regular expressions that a value or what is in it must match. Long, so the page folds them away.
pub(super) fn patterns(schema: &Value) -> Vec<String> {
    let own = schema["pattern"].as_str().map(str::to_owned);
    let parts = PARTS.iter().filter_map(|(key, whose)| Some(format!("{whose}: {}", schema[*key]["pattern"].as_str()?)));
    own.into_iter().chain(parts).collect()
}

/// The first example, as JSON; empty if there is none.
pub(super) fn example(schema: &Value) -> String {
    schema["examples"].get(0).map(ToString::to_string).unwrap_or_default()
}

/// The values of an enumeration, with what each means.
pub(super) fn variants(schema: &Value) -> Vec<(String, Vec<Piece>)> {
    let options = schema["oneOf"].as_array().into_iter().flatten();
    let named = options.filter_map(|option| {
        let description = option["description"].as_str().unwrap_or_default();
        Some((option["const"].as_str()?.to_owned(), pieces(description)))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(schema: &Value) -> String {
        let word = |piece: Piece| match piece {
            Piece::Words(text) | Piece::Code(text) => text,
            Piece::Schema(name) => format!("[{name}]"),
        };
        kind(schema).into_iter().map(word).collect()
    }

    #[test]
    fn types_are_said_in_words() {
        assert_eq!(words(&json!({"type": ["string", "null"], "format": "uuid"})), "string (uuid) or null");
        let items = json!({"type": "array", "items": {"$ref": "#/components/schemas/Fault"}});
        assert_eq!(words(&items), "array of [Fault]");
        let labels = json!({"type": "object", "additionalProperties": {"type": "string"}});
        assert_eq!(words(&labels), "object of string");
        assert_eq!(words(&json!({"allOf": [{"$ref": "#/components/schemas/Scope"}]})), "[Scope]");
    }

    #[test]
    fn limits_are_said_in_words() {
        let tags = json!({"maxItems": 200, "items": {"minLength": 1, "maxLength": 128, "pattern": "^a$"}});
        assert_eq!(constraints(&tags), ["at most 200 entries", "each: 1 to 128 characters"]);
        assert_eq!(patterns(&tags), ["each: ^a$"]);
        let order = json!({"enum": ["name", "id"], "default": "name"});
        assert_eq!(constraints(&order), [r#"one of "name", "id""#, r#"default "name""#]);
    }
}
