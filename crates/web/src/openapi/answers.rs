//! What the document says of answers: those of handlers, and the refusals that any of them may give.

use aide::{
    OperationOutput,
    generate::GenContext,
    openapi::{Operation, Response},
};
use schemars::{JsonSchema, json_schema};

use super::{Statuses, error, json_response, tagged, with_header};
use crate::{
    answer::{Done, Known, List, ListBody, Never, Object, Said},
    error::{ErrorBody, Refusal},
};

impl<T: JsonSchema> OperationOutput for Object<T> {
    type Inner = T;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        vec![(Some(200), tagged(json_response::<T>(ctx, "The object as it is now.")))]
    }
}

impl<T: JsonSchema> OperationOutput for Said<T> {
    type Inner = T;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        vec![(Some(200), json_response::<T>(ctx, "It is done."))]
    }
}

impl<T: JsonSchema> OperationOutput for Known<T> {
    type Inner = T;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        vec![(Some(200), tagged(json_response::<T>(ctx, "What is known.")))]
    }
}

impl<T: JsonSchema> OperationOutput for List<T> {
    type Inner = ListBody<T>;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        let says = "The rows that were asked for. A long list has no entity tag: it is sent while it is read.";
        let next = "The next page, as `rel=\"next\"`, if there may be one and the range is of at most 512 rows.";
        let response =
            with_header(json_response::<ListBody<T>>(ctx, says), "Link", next, json_schema!({"type": "string"}));
        vec![(Some(200), tagged(response))]
    }
}

impl OperationOutput for Done {
    type Inner = ();

    fn inferred_responses(_: &mut GenContext, _: &mut Operation) -> Statuses {
        vec![(Some(204), Response { description: "It is done.".into(), ..Response::default() })]
    }
}

impl OperationOutput for Never {
    type Inner = ();
}

const RETRY: &str = "Seconds after which it is worth another try.";

impl OperationOutput for Refusal {
    type Inner = ErrorBody;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Statuses {
        let (status, busy) = error(
            ctx,
            503,
            "There is too much to do, or the database is not available: nothing was done, try again. With the id `in doubt`, it \
             may have been done: look first.",
        );
        let seconds = json_schema!({"type": "integer", "minimum": 1});
        let busy = with_header(busy, "Retry-After", RETRY, seconds.clone());
        let fault = "A fault of ours. The message is the id under which the log says more.";
        let full = "There is no room left where the data is kept. It can be read, and not be written until there is.";
        let (no_room, full) = error(ctx, 507, full);
        let full = with_header(full, "Retry-After", RETRY, seconds);
        vec![error(ctx, 500, fault), (status, busy), (no_room, full)]
    }
}
