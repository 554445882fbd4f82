//! What the document says of rows that come and go as a stream.

use aide::{
    OperationInput, OperationOutput,
    generate::GenContext,
    openapi::{MediaType, Operation, ReferenceOr, RequestBody, Response},
};
use indexmap::IndexMap;
use schemars::json_schema;

use super::{Statuses, add_parameter, error, invalid, query_parameter, schema_object};
use crate::api::import::{Options, Results, RowResult, Stream};

const NDJSON: &str = "application/x-ndjson";

fn content(schema: schemars::Schema) -> IndexMap<String, MediaType> {
    let media = MediaType { schema: Some(schema_object(schema)), ..MediaType::default() };
    [(NDJSON.to_owned(), media)].into_iter().collect()
}

impl OperationInput for Options {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let upsert =
            "Change accounts that are there already, where the row says otherwise, rather than refusing the row.";
        let dry_run = "Write nothing, and say what would become of every row.";
        for (name, says) in [("upsert", upsert), ("dryRun", dry_run)] {
            let schema = json_schema!({"type": "boolean", "default": false});
            add_parameter(operation, query_parameter(name, says, schema));
        }
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        vec![invalid(ctx)]
    }
}

impl OperationInput for Stream {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let says = "A JSON object a line, as the object is created, of at most 1 MiB each; in all at most 1 GiB.";
        let schema = json_schema!({"type": "string"});
        let body = RequestBody {
            description: Some(says.into()),
            content: content(schema),
            required: true,
            extensions: IndexMap::default(),
        };
        operation.request_body = Some(ReferenceOr::Item(body));
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        vec![error(ctx, 400, "The request is not what is taken here.")]
    }
}

impl OperationOutput for Results {
    type Inner = RowResult;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        let says = "A line for each row, in their order, as they are taken. Read it while you send: what is not read is \
                    waited for.";
        let response = Response {
            description: says.into(),
            content: content(ctx.schema.subschema_for::<RowResult>()),
            ..Response::default()
        };
        vec![(Some(200), response)]
    }
}
