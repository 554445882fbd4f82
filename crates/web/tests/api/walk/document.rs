//! What the document says of each operation: where it is, what it takes, what it gives, and who may do it.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::harness::Server;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(portreeve_web::openapi::DOCUMENT).unwrap());

/// Something that can be done.
#[derive(Debug, Clone)]
pub struct Operation {
    pub method: String,
    pub path: String,
    raw: &'static Value,
}

/// Every operation that there is.
pub fn operations() -> Vec<Operation> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let of = |(path, all): (&String, &'static Value)| {
        let path = path.clone();
        all.as_object().unwrap().iter().map(move |(method, raw)| Operation {
            method: method.to_uppercase(),
            path: path.clone(),
            raw,
        })
    };
    let all: Vec<Operation> = paths.flat_map(of).collect();
    assert!(all.len() > 60, "the document has lost its operations: {}", all.len());
    all
}

/// The operations that take JSON.
pub fn with_bodies() -> impl Iterator<Item = Operation> {
    operations().into_iter().filter(|operation| operation.takes().is_some())
}

/// The one operation of a path, if it is there.
pub fn operation(method: &str, path: &str) -> Option<Operation> {
    operations().into_iter().find(|operation| operation.method == method && operation.path == path)
}

/// A schema with its reference followed, and without the alternative of being null.
pub fn resolve(schema: &'static Value) -> &'static Value {
    let alternatives = ["anyOf", "allOf", "oneOf"].iter().find_map(|word| schema[*word].as_array());
    if let Some(alternatives) = alternatives {
        return alternatives.iter().find(|one| one["type"] != "null").map_or(schema, resolve);
    }
    match schema["$ref"].as_str() {
        Some(reference) => resolve(DOCUMENT.pointer(reference.strip_prefix('#').unwrap()).unwrap()),
        None => schema,
    }
}

/// Whether a value of a schema may be of a JSON type.
pub fn may_be(schema: &Value, wanted: &str) -> bool {
    schema["type"] == wanted || schema["type"].as_array().is_some_and(|types| types.iter().any(|one| one == wanted))
}

/// The fields that a schema names.
pub fn fields(schema: &'static Value) -> impl Iterator<Item = (&'static String, &'static Value)> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    resolve(schema)["properties"].as_object().unwrap_or(&NONE).iter()
}

/// Each field of each schema of the document.
pub fn all_fields() -> impl Iterator<Item = (&'static String, &'static Value)> {
    DOCUMENT["components"]["schemas"].as_object().unwrap().values().flat_map(fields)
}

impl Operation {
    /// How a failing case is called.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn content(&self, form: &str) -> Option<&'static Value> {
        Some(&self.raw["requestBody"]["content"].get(form)?["schema"])
    }

    /// The schema of the JSON that it takes.
    pub fn takes(&self) -> Option<&'static Value> {
        self.content("application/json")
    }

    /// The schema of the rows that it takes: what the collection is given one by one.
    pub fn rows(&self) -> Option<&'static Value> {
        self.content("application/x-ndjson")?;
        operation("POST", self.path.rsplit_once('/')?.0)?.takes()
    }

    /// The schema of what it gives.
    pub fn gives(&self) -> Option<&'static Value> {
        let content = &self.raw["responses"]["200"]["content"];
        content.get("application/json").or_else(|| content.get("application/x-ndjson")).map(|form| &form["schema"])
    }

    /// Whether fields that are not known are kept and given back.
    pub fn keeps_others(&self) -> bool {
        let reads = if self.method == "POST" && self.collection().is_none() { self.below() } else { self.path.clone() };
        let read = operation("GET", &reads).and_then(|read| read.gives());
        read.or(self.gives()).is_some_and(|schema| resolve(schema)["additionalProperties"] == true)
    }

    /// Whether it takes a token.
    pub fn is_secured(&self) -> bool {
        self.raw["security"].is_array()
    }

    /// Type and target of the privilege that it needs.
    pub fn privilege(&self) -> Option<(&'static str, &'static str)> {
        let privilege = &self.raw["x-privilege"];
        Some((privilege["type"].as_str()?, privilege["target"].as_str()?))
    }

    /// The names of its parameters in a place (`path`, `query`, `header`).
    pub fn parameters(&self, place: &str) -> Vec<&'static str> {
        let all = self.raw["parameters"].as_array().into_iter().flatten();
        all.filter(|one| one["in"] == place).map(|one| one["name"].as_str().unwrap()).collect()
    }

    /// The collection that the object in the path is one of.
    pub fn collection(&self) -> Option<String> {
        self.path.split_once("/{").map(|(collection, _)| collection.to_owned())
    }

    /// The path of one object of the collection that this is.
    fn below(&self) -> String {
        let below = format!("{}/{{", self.path);
        operations().into_iter().map(|one| one.path).find(|path| path.starts_with(&below)).unwrap_or_default()
    }

    /// Whether it makes objects that have a path of their own.
    pub fn makes(&self) -> bool {
        self.method == "POST" && self.takes().is_some() && !self.below().is_empty()
    }

    /// What makes objects such as the one in the path, if they can be made.
    pub fn maker(&self) -> Option<Self> {
        operation("POST", &self.collection()?).filter(Self::makes)
    }

    /// Whether it gives a list with its parameters.
    pub fn lists(&self) -> bool {
        self.method == "GET"
            && self.gives().is_some_and(|schema| resolve(schema)["properties"]["totalCount"].is_object())
    }

    /// The path with a key in the place of its parameter.
    pub fn filled(&self, key: &str) -> String {
        let part = |part: &str| if part.starts_with('{') { key.to_owned() } else { part.to_owned() };
        self.path.split('/').map(part).collect::<Vec<_>>().join("/")
    }
}

/// What an object is found by in its collection's paths: its id, or its distinguished name.
pub fn key(object: &Value) -> String {
    let named = |ending: &str| {
        object
            .as_object()
            .unwrap()
            .iter()
            .find(|(name, _)| name.ends_with(ending))
            .and_then(|(_, value)| value.as_str())
    };
    let key = object["id"].as_str().or_else(|| named("istinguishedName"));
    key.unwrap_or_else(|| panic!("no key in {object}")).to_owned()
}

/// What is in a collection, as the administrator sees it.
pub async fn objects(server: &Server, collection: &str) -> Vec<Value> {
    server.get(collection).await.expect(200).json["data"].as_array().unwrap().clone()
}
