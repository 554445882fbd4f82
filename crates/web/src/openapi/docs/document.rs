//! The parts of the API's document that the page shows, read from its text. Maps keep the document's order, which is the
//! order in which the routes were named.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

/// The whole document.
#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) info: Info,
    pub(super) paths: IndexMap<String, IndexMap<String, Operation>>,
    pub(super) components: Components,
}

#[derive(Deserialize)]
pub(super) struct Info {
    pub(super) title: String,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) version: String,
}

#[derive(Deserialize)]
pub(super) struct Components {
    pub(super) schemas: IndexMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    pub(super) operation_id: String,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) parameters: Vec<Parameter>,
    pub(super) request_body: Option<Content>,
    pub(super) responses: IndexMap<String, Response>,
    #[serde(default)]
    pub(super) security: Vec<Value>,
    #[serde(rename = "x-privilege")]
    pub(super) privilege: Option<Privilege>,
}

#[derive(Deserialize)]
pub(super) struct Parameter {
    #[serde(rename = "in")]
    pub(super) place: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) required: bool,
    pub(super) schema: Value,
}

/// The body of a request.
#[derive(Deserialize)]
pub(super) struct Content {
    pub(super) content: IndexMap<String, Media>,
}

#[derive(Deserialize)]
pub(super) struct Media {
    pub(super) schema: Value,
}

#[derive(Deserialize)]
pub(super) struct Response {
    pub(super) description: String,
    #[serde(default)]
    pub(super) headers: IndexMap<String, Header>,
    #[serde(default)]
    pub(super) content: IndexMap<String, Media>,
}

#[derive(Deserialize)]
pub(super) struct Header {
    #[serde(default)]
    pub(super) description: String,
}

#[derive(Deserialize)]
pub(super) struct Privilege {
    #[serde(rename = "type")]
    pub(super) privilege_type: String,
    pub(super) target: String,
}
