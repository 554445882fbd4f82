//! The API's document (OpenAPI 3.1). It is made from the handlers' types: each extractor and each answer says here what
//! parameters, bodies and statuses it brings. What is served is the committed `openapi.json`, which a test keeps the same.

mod answers;
pub mod docs;
mod parameters;
mod rows;

use aide::{
    OperationInput,
    generate::GenContext,
    openapi::{
        Components, Header, HeaderStyle, Info, License, MediaType, OpenApi, Operation, Parameter, ParameterData,
        ParameterSchemaOrContent, PathStyle, QueryStyle, ReferenceOr, RequestBody, Response, SchemaObject,
        SecurityScheme, StatusCode,
    },
    transform::{TransformOpenApi, TransformOperation},
};
use axum::http::header;
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::json;

use crate::{
    error::{ErrorBody, InvalidBody, LoginRefusedBody, NotAcceptableBody},
    extract::{Account, Act, AnyToken, Anyone, Body, Id, IfMatch, ListParameters, May, Subject},
};

pub(crate) use parameters::listing;

/// The document as it is committed and served.
pub const DOCUMENT: &str = include_str!("../../../../openapi.json");

type Statuses = Vec<(Option<u16>, Response)>;

/// `GET /openapi.json`.
pub async fn document() -> impl axum::response::IntoResponse {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], DOCUMENT)
}

/// An empty document.
pub(crate) fn begin() -> OpenApi {
    OpenApi {
        info: Info {
            title: "Portreeve".into(),
            summary: Some("A directory of people and machines, and the door they log in through.".into()),
            description: Some(include_str!("about.md").trim().into()),
            version: env!("CARGO_PKG_VERSION").into(),
            license: Some(License {
                name: "Apache-2.0".into(),
                identifier: Some("Apache-2.0".into()),
                ..License::default()
            }),
            ..Info::default()
        },
        components: Some(Components::default()),
        ..OpenApi::default()
    }
}

/// What is said of all operations alike.
pub(crate) fn finish(document: TransformOpenApi<'_>) -> TransformOpenApi<'_> {
    let mut document = document.security_scheme(
        "bearer",
        SecurityScheme::Http {
            scheme: "bearer".into(),
            bearer_format: None,
            description: Some("The `token` of a login.".into()),
            extensions: IndexMap::default(),
        },
    );
    let api = document.inner_mut();
    let operations = api.paths.iter_mut().flat_map(|paths| paths.paths.values_mut()).filter_map(|path| match path {
        ReferenceOr::Item(path) => path.get.as_mut(),
        ReferenceOr::Reference { .. } => None,
    });
    for operation in operations {
        add_not_modified(operation);
    }
    document
}

/// A read whose answer has an entity tag can be asked to say only whether it has changed.
fn add_not_modified(operation: &mut Operation) {
    let Some(responses) = operation.responses.as_mut() else { return };
    let tagged = responses.responses.values().any(|response| match response {
        ReferenceOr::Item(response) => response.headers.contains_key("ETag"),
        ReferenceOr::Reference { .. } => false,
    });
    if tagged {
        let unchanged = Response { description: "It has not changed.".into(), ..Response::default() };
        responses.responses.insert(StatusCode::Code(304), ReferenceOr::Item(unchanged));
        responses.responses.sort_unstable_by(|one, _, other, _| code(one).cmp(&code(other)));
        let says = "The entity tag of what the client has; 304 if it is still so.";
        add_parameter(operation, header_parameter("If-None-Match", says));
    }
}

fn code(status: &StatusCode) -> u16 {
    match status {
        StatusCode::Code(code) | StatusCode::Range(code) => *code,
    }
}

/// Names an operation.
pub(crate) fn about(
    summary: &'static str,
    operation_id: &'static str,
    tag: &'static str,
) -> impl Fn(TransformOperation<'_>) -> TransformOperation<'_> {
    move |operation| operation.summary(summary).id(operation_id).tag(tag)
}

/// Adds what a login says when it lets nobody in.
pub(crate) fn refuses_logins(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let says = "Nobody was let in. The answer is the same whatever the reason.";
    add_status::<LoginRefusedBody>(operation, 401, says)
}

/// Adds what is said to an account without any privilege of an administrator.
pub(crate) fn for_administrators(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    add_status::<ErrorBody>(operation, 403, "The account holds no administrative privilege.")
}

/// Adds what is said when a change cannot stand beside what there is.
pub(crate) fn may_clash(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    add_status::<ErrorBody>(operation, 409, "It clashes with another object or with what must stay true.")
}

/// Adds what is said when the body names something that is not there, or that the caller may not see.
pub(crate) fn may_miss(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    add_status::<ErrorBody>(operation, 404, "There is no such object.")
}

fn add_status<'t, T: JsonSchema>(
    mut operation: TransformOperation<'t>,
    status: u16,
    description: &str,
) -> TransformOperation<'t> {
    let response = aide::generate::in_context(|ctx| json_response::<T>(ctx, description));
    let responses = &mut operation.inner_mut().responses.get_or_insert_with(Default::default).responses;
    responses.insert(StatusCode::Code(status), ReferenceOr::Item(response));
    responses.sort_unstable_by(|one, _, other, _| code(one).cmp(&code(other)));
    operation
}

fn schema_object(json_schema: Schema) -> SchemaObject {
    SchemaObject { json_schema, external_docs: None, example: None }
}

fn json_content<T: JsonSchema>(ctx: &mut GenContext) -> IndexMap<String, MediaType> {
    let schema = schema_object(ctx.schema.subschema_for::<T>());
    [("application/json".to_owned(), MediaType { schema: Some(schema), ..MediaType::default() })].into()
}

fn json_response<T: JsonSchema>(ctx: &mut GenContext, description: &str) -> Response {
    Response { description: description.into(), content: json_content::<T>(ctx), ..Response::default() }
}

fn with_header(mut response: Response, name: &str, description: &str, schema: Schema) -> Response {
    let header = Header {
        description: Some(description.into()),
        style: HeaderStyle::Simple,
        required: false,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(schema_object(schema)),
        example: None,
        examples: IndexMap::default(),
        extensions: IndexMap::default(),
    };
    response.headers.insert(name.into(), ReferenceOr::Item(header));
    response
}

fn tagged(response: Response) -> Response {
    with_header(response, "ETag", "Changes whenever the answer does.", json_schema!({"type": "string"}))
}

fn error(ctx: &mut GenContext, status: u16, description: &str) -> (Option<u16>, Response) {
    (Some(status), json_response::<ErrorBody>(ctx, description))
}

fn invalid(ctx: &mut GenContext) -> (Option<u16>, Response) {
    (Some(422), json_response::<InvalidBody>(ctx, "Values that cannot be accepted, all of them."))
}

fn for_anyone(ctx: &mut GenContext) -> Statuses {
    vec![(Some(406), json_response::<NotAcceptableBody>(ctx, "The client accepts no form of answer that there is."))]
}

fn for_tokens(ctx: &mut GenContext) -> Statuses {
    let mut statuses = for_anyone(ctx);
    statuses.push(error(ctx, 401, "No token, or one that is not good (any more). Log in again."));
    statuses
}

fn need_token(operation: &mut Operation) {
    operation.security = vec![[("bearer".to_owned(), Vec::new())].into_iter().collect()];
}

fn parameter_data(name: &str, description: &str, required: bool, schema: Schema) -> ParameterData {
    ParameterData {
        name: name.into(),
        description: Some(description.into()),
        required,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(schema_object(schema)),
        example: None,
        examples: IndexMap::default(),
        explode: None,
        extensions: IndexMap::default(),
    }
}

fn header_parameter(name: &str, description: &str) -> Parameter {
    let schema = json_schema!({"type": "string"});
    Parameter::Header { parameter_data: parameter_data(name, description, false, schema), style: HeaderStyle::Simple }
}

fn query_parameter(name: &str, description: &str, schema: Schema) -> Parameter {
    let mut parameter_data = parameter_data(name, description, false, schema);
    parameter_data.explode = Some(true);
    Parameter::Query { parameter_data, allow_reserved: false, style: QueryStyle::Form, allow_empty_value: None }
}

fn add_parameter(operation: &mut Operation, parameter: Parameter) {
    operation.parameters.push(ReferenceOr::Item(parameter));
}

impl OperationInput for Anyone {
    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        for_anyone(ctx)
    }
}

impl OperationInput for Account {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        need_token(operation);
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        let mut statuses = for_tokens(ctx);
        statuses.push(error(ctx, 403, "The old password was not accepted."));
        statuses
    }
}

impl OperationInput for AnyToken {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        need_token(operation);
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        for_tokens(ctx)
    }
}

impl<A: Act, S: Subject> OperationInput for May<A, S> {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        need_token(operation);
        let privilege = json!({ "type": A::TYPE, "target": S::TARGET });
        operation.extensions.insert("x-privilege".into(), privilege);
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        let mut statuses = for_tokens(ctx);
        statuses.push(error(ctx, 403, "The caller's privileges do not cover it; the message names the missing one."));
        statuses
    }
}

impl OperationInput for Id {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let schema = json_schema!({"type": "string", "format": "uuid"});
        let parameter_data = parameter_data("id", "The object's id.", true, schema);
        add_parameter(operation, Parameter::Path { parameter_data, style: PathStyle::Simple });
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        vec![error(ctx, 400, "The id in the path is not a UUID."), error(ctx, 404, "There is no such object.")]
    }
}

impl OperationInput for IfMatch {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let says = "The entity tag that the object must still have for the change to be made.";
        add_parameter(operation, header_parameter("If-Match", says));
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        vec![error(ctx, 412, "The object is no longer the one that `If-Match` names.")]
    }
}

impl<T: JsonSchema> OperationInput for Body<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let body = RequestBody { content: json_content::<T>(ctx), required: true, ..RequestBody::default() };
        operation.request_body = Some(ReferenceOr::Item(body));
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        vec![
            error(ctx, 400, "The body (or an id in the path) is not what is taken here."),
            error(ctx, 408, "The body did not come in time."),
            error(ctx, 413, "The body is too long."),
            invalid(ctx),
        ]
    }
}

impl OperationInput for ListParameters {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let texts = json_schema!({"type": "array", "items": {"type": "string"}});
        let each = "Each must be contained, in upper or lower case, in one of the searched fields.";
        let range = json_schema!({"type": "string", "pattern": "^[0-9]{1,9}-[0-9]{1,9}$", "examples": ["0-49"]});
        let rows = "First and last row, both included, from 0. All rows if left out.";
        let end = "Where an earlier page ended, as its Link says.";
        let order = json_schema!({"type": "string", "default": "name", "enum": parameters::ORDERS});
        for parameter in [
            query_parameter("query", each, texts),
            query_parameter("range", rows, range),
            query_parameter("after", end, json_schema!({"type": "string"})),
            query_parameter("orderBy", "The field by which the rows are ordered.", order),
            query_parameter("descending", "Whether the order is reversed.", json_schema!({"type": "boolean"})),
            query_parameter("name", "Part of the name. Other fields filter alike.", json_schema!({"type": "string"})),
            query_parameter("tags", "A tag that the object carries.", json_schema!({"type": "string"})),
        ] {
            add_parameter(operation, parameter);
        }
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        vec![invalid(ctx)]
    }
}
