//! What the page shows: the document turned into headings, tables and links.

use std::collections::HashSet;

use askama::Template;
use indexmap::IndexMap;
use serde_json::Value;

use super::{
    document::{Document, Media, Operation, Parameter, Response},
    schema::{constraints, example, kind, patterns, variants},
    text::{Piece, pieces},
};

/// The page.
#[derive(Template)]
#[template(path = "docs.html")]
pub(super) struct Page {
    title: String,
    version: String,
    summary: String,
    paragraphs: Vec<Vec<Piece>>,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

/// Operations that carry one tag.
struct Group {
    anchor: String,
    name: String,
    operations: Vec<Shown>,
}

/// An operation.
struct Shown {
    anchor: String,
    method: String,
    path: String,
    summary: String,
    paragraphs: Vec<Vec<Piece>>,
    needs: String,
    parameters: Vec<Field>,
    body: Option<Body>,
    answers: Vec<Answer>,
}

struct Body {
    kind: Vec<Piece>,
    fields: Vec<Field>,
}

struct Answer {
    status: String,
    /// `good`, `other` or `bad`: the style sheet's names.
    class: &'static str,
    description: Vec<Piece>,
    headers: Vec<(String, Vec<Piece>)>,
    kind: Vec<Piece>,
}

/// A row of a table of fields or parameters.
struct Field {
    name: String,
    /// Where a parameter goes; empty for a field.
    place: String,
    required: bool,
    kind: Vec<Piece>,
    constraints: Vec<String>,
    patterns: Vec<String>,
    description: Vec<Piece>,
    example: String,
}

struct Schema {
    anchor: String,
    name: String,
    description: Vec<Piece>,
    kind: Vec<Piece>,
    fields: Vec<Field>,
    values: Vec<(String, Vec<Piece>)>,
}

impl Page {
    pub(super) fn new(document: Document) -> Self {
        let Document { info, paths, components } = document;
        let mut groups: IndexMap<String, Group> = IndexMap::new();
        for (path, methods) in paths {
            for (method, operation) in methods {
                let name = operation.tags.first().cloned().unwrap_or_else(|| "Other".into());
                let anchor = format!("tag-{}", name.to_lowercase().replace(' ', "-"));
                let group = groups.entry(name.clone()).or_insert(Group { anchor, name, operations: Vec::new() });
                group.operations.push(shown(&method, &path, operation, &components.schemas));
            }
        }
        Self {
            title: info.title,
            version: info.version,
            summary: info.summary,
            paragraphs: paragraphs(&info.description),
            groups: groups.into_values().collect(),
            schemas: components.schemas.iter().map(|(name, schema)| shown_schema(name, schema)).collect(),
        }
    }
}

fn paragraphs(markdown: &str) -> Vec<Vec<Piece>> {
    markdown.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).map(pieces).collect()
}

fn shown(method: &str, path: &str, operation: Operation, schemas: &IndexMap<String, Value>) -> Shown {
    let needs = match &operation.privilege {
        Some(privilege) => format!("Needs the privilege {} on {}", privilege.privilege_type, privilege.target),
        None if operation.security.is_empty() => "Open to anyone".into(),
        None => "Needs a token".into(),
    };
    let mut answers: Vec<Answer> = operation.responses.into_iter().map(answer).collect();
    answers.sort_by(|one, other| one.status.cmp(&other.status));
    Shown {
        anchor: operation.operation_id,
        method: method.to_uppercase(),
        path: path.into(),
        summary: operation.summary,
        paragraphs: paragraphs(&operation.description),
        needs,
        parameters: operation.parameters.into_iter().map(parameter).collect(),
        body: operation.request_body.and_then(|body| shown_body(&body.content, schemas)),
        answers,
    }
}

/// The body with its own fields, so that nobody has to jump for them.
fn shown_body(content: &IndexMap<String, Media>, schemas: &IndexMap<String, Value>) -> Option<Body> {
    let schema = &content.values().next()?.schema;
    let named = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next()).and_then(|name| schemas.get(name));
    Some(Body { kind: kind(schema), fields: fields(named.unwrap_or(schema)) })
}

fn answer((status, response): (String, Response)) -> Answer {
    let class = match status.as_bytes().first() {
        Some(b'2') => "good",
        Some(b'3') => "other",
        _ => "bad",
    };
    let headers = response.headers.into_iter().map(|(name, header)| (name, pieces(&header.description))).collect();
    let kind = response.content.values().next().map(|media| kind(&media.schema)).unwrap_or_default();
    Answer { status, class, description: pieces(&response.description), headers, kind }
}

fn parameter(parameter: Parameter) -> Field {
    let Parameter { place, name, description, required, schema } = parameter;
    Field { place, ..field(&name, required, &description, &schema) }
}

fn field(name: &str, required: bool, description: &str, schema: &Value) -> Field {
    Field {
        name: name.into(),
        place: String::new(),
        required,
        kind: kind(schema),
        constraints: constraints(schema),
        patterns: patterns(schema),
        description: pieces(description),
        example: example(schema),
    }
}

/// Required fields first, in the order in which the types name them.
fn fields(schema: &Value) -> Vec<Field> {
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let seen: HashSet<&str> = required.iter().copied().collect();
    let optional = properties.keys().map(String::as_str).filter(|name| !seen.contains(name));
    required
        .iter()
        .copied()
        .chain(optional)
        .filter_map(|name| {
            let schema = properties.get(name)?;
            let description = schema["description"].as_str().unwrap_or_default();
            Some(field(name, seen.contains(name), description, schema))
        })
        .collect()
}

fn shown_schema(name: &str, schema: &Value) -> Schema {
    let (fields, values) = (fields(schema), variants(schema));
    Schema {
        anchor: format!("schema-{name}"),
        name: name.into(),
        description: pieces(schema["description"].as_str().unwrap_or_default()),
        kind: if fields.is_empty() && values.is_empty() { kind(schema) } else { Vec::new() },
        fields,
        values,
    }
}
