//! Bodies made up from their schemas, each as the contract takes it.

use serde_json::{Map, Value, json};

use super::document::{self, Operation, fields, may_be, resolve};
use crate::harness::{DEVICE, PASSWORD, Server};

/// Whose body it is, wherever the document leaves it open.
#[derive(Debug, Clone)]
pub struct Sample {
    pub name: String,
    /// Of distinguished names.
    pub provider: &'static str,
    pub tags: Vec<String>,
}

/// Words of lists of which the first means too much.
const WORDS: [&str; 3] = ["View", "LocalUser", "Access"];

impl Sample {
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), provider: "local", tags: Vec::new() }
    }

    /// A body with all that is needed, and of the rest what the document says enough of.
    pub fn body(&self, schema: &'static Value) -> Value {
        let schema = resolve(schema);
        let is_needed =
            |field: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == field));
        let mut body = Map::new();
        for (field, schema) in fields(schema) {
            if let Some(value) = self.value(field, resolve(schema), is_needed(field)) {
                body.insert(field.clone(), value);
            }
        }
        Value::Object(body)
    }

    fn value(&self, field: &str, schema: &'static Value, is_needed: bool) -> Option<Value> {
        let example = schema["examples"][0].as_str();
        if let Some(words) = schema["enum"].as_array() {
            let word = WORDS.iter().find(|word| words.iter().any(|one| one == **word));
            return Some(word.map_or_else(|| words[0].clone(), |word| json!(word)));
        }
        if may_be(schema, "array") {
            let item = resolve(&schema["items"]);
            return match field {
                "tags" => Some(json!(self.tags)),
                _ if may_be(item, "object") => Some(json!([self.body(item)])),
                _ => None,
            };
        }
        if may_be(schema, "object") {
            return schema["properties"].is_object().then(|| self.body(schema));
        }
        if !may_be(schema, "string") {
            return schema.get("minimum").cloned();
        }
        let text = match (schema["format"].as_str(), example) {
            (Some("uuid"), _) => return is_needed.then(|| json!(DEVICE)),
            (Some("password"), _) => PASSWORD.to_owned(),
            (Some(_), _) => return None,
            (None, Some(example)) => match example.split_once("CN=bobby,OU=local") {
                Some((before, after)) => format!("{before}CN={},OU={}{after}", self.name, self.provider),
                None if matches!(field, "name" | "username") => self.name.clone(),
                None if field == "providerName" => self.provider.to_owned(),
                None => example.to_owned(),
            },
            (None, None) if schema["maxLength"].is_number() => format!("{field} of {}", self.name),
            (None, None) => return None,
        };
        Some(json!(text))
    }

    /// Makes an object by an operation that does so, and gives it as it was answered.
    pub async fn make(&self, server: &Server, operation: &Operation) -> Value {
        let body = self.body(operation.takes().unwrap());
        server.post(&operation.path, body).await.expect(200).json
    }

    /// What an operation may be sent that means something: for a PUT, what is there, and its path.
    pub async fn request(&self, server: &Server, operation: &Operation) -> (String, Value) {
        let schema = operation.takes().unwrap();
        let path = self.path(server, operation).await;
        if operation.method != "PUT" || document::operation("GET", &operation.path).is_none() {
            return (path, self.body(schema));
        }
        let mut object = server.get(&path).await.expect(200).json;
        let known: Vec<&String> = fields(schema).map(|(field, _)| field).collect();
        object.as_object_mut().unwrap().retain(|field, _| known.contains(&field));
        (path, object)
    }

    /// The operation's path, with an object of its own if it is about one, or else one that is there.
    pub async fn path(&self, server: &Server, operation: &Operation) -> String {
        let Some(collection) = operation.collection() else { return operation.path.clone() };
        let object = match operation.maker() {
            Some(maker) => self.make(server, &maker).await,
            None => document::objects(server, &collection).await.remove(0),
        };
        operation.filled(&document::key(&object))
    }
}
