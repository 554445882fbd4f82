//! Policies over REST.

use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    policies::{self, Policy, PolicyInput},
};

use crate::{
    App,
    answer::{Done, List, Object, Result},
    extract::{Body, Create, Delete, Edit, Id, IfMatch, ListParameters, May, View},
    openapi::{about, may_clash},
};

const TAG: &str = "Policies";

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/policies",
            get_with(list, about("List Policies", "listPolicies", TAG))
                .post_with(create, |op| may_clash(about("Create a Policy", "createPolicy", TAG)(op))),
        )
        .api_route(
            "/policies/{id}",
            get_with(get, about("Get a Policy", "getPolicy", TAG))
                .put_with(replace, |op| may_clash(about("Replace a Policy", "replacePolicy", TAG)(op)))
                .delete_with(delete, |op| may_clash(about("Delete a Policy", "deletePolicy", TAG)(op))),
        )
}

async fn list(
    State(directory): State<Directory>,
    may: May<View, Policy>,
    ListParameters(request): ListParameters,
) -> Result<List<Policy>> {
    List::send(policies::list(&directory, &may.caller, request).await?).await
}

async fn get(State(directory): State<Directory>, may: May<View, Policy>, Id(id): Id) -> Result<Object<Policy>> {
    Ok(Object(policies::get(&directory, &may.caller, id).await?))
}

async fn create(
    State(directory): State<Directory>,
    may: May<Create, Policy>,
    Body(input): Body<PolicyInput>,
) -> Result<Object<Policy>> {
    Ok(Object(policies::create(&directory, &may.caller, input).await?))
}

async fn replace(
    State(directory): State<Directory>,
    may: May<Edit, Policy>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
    Body(input): Body<PolicyInput>,
) -> Result<Object<Policy>> {
    Ok(Object(policies::replace(&directory, &may.caller, id, expected, input).await?))
}

async fn delete(
    State(directory): State<Directory>,
    may: May<Delete, Policy>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
) -> Result<Done> {
    policies::delete(&directory, &may.caller, id, expected).await?;
    Ok(Done)
}
