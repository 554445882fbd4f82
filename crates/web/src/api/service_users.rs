//! Service Users over REST.

use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    service_users::{self, ServiceUser, ServiceUserInput},
};

use crate::{
    App,
    answer::{Done, List, Object, Result},
    extract::{Body, Create, Delete, Edit, Id, IfMatch, ListParameters, May, View},
    openapi::{about, may_clash},
};

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/service-users",
            get_with(list, about("List Service Users", "listServiceUsers", "Service Users")).post_with(create, |op| {
                may_clash(about("Create a Service User", "createServiceUser", "Service Users")(op))
            }),
        )
        .api_route(
            "/service-users/{id}",
            get_with(get, about("Get a Service User", "getServiceUser", "Service Users"))
                .put_with(replace, |op| {
                    may_clash(about("Replace a Service User", "replaceServiceUser", "Service Users")(op))
                })
                .delete_with(delete, |op| {
                    may_clash(about("Delete a Service User", "deleteServiceUser", "Service Users")(op))
                }),
        )
}

async fn list(
    State(directory): State<Directory>,
    may: May<View, ServiceUser>,
    ListParameters(request): ListParameters,
) -> Result<List<ServiceUser>> {
    List::send(service_users::list(&directory, &may.caller, request).await?).await
}

async fn get(
    State(directory): State<Directory>,
    may: May<View, ServiceUser>,
    Id(id): Id,
) -> Result<Object<ServiceUser>> {
    Ok(Object(service_users::get(&directory, &may.caller, id).await?))
}

async fn create(
    State(directory): State<Directory>,
    may: May<Create, ServiceUser>,
    Body(input): Body<ServiceUserInput>,
) -> Result<Object<ServiceUser>> {
    Ok(Object(service_users::create(&directory, &may.caller, input).await?))
}

async fn replace(
    State(directory): State<Directory>,
    may: May<Edit, ServiceUser>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
    Body(input): Body<ServiceUserInput>,
) -> Result<Object<ServiceUser>> {
    Ok(Object(service_users::replace(&directory, &may.caller, id, expected, input).await?))
}

async fn delete(
    State(directory): State<Directory>,
    may: May<Delete, ServiceUser>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
) -> Result<Done> {
    service_users::delete(&directory, &may.caller, id, expected).await?;
    Ok(Done)
}
