//! Local Users over REST.

use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    local_users::{self, LocalUser, LocalUserInput},
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
            "/local-users",
            get_with(list, about("List Local Users", "listLocalUsers", "Local Users"))
                .post_with(create, |op| may_clash(about("Create a Local User", "createLocalUser", "Local Users")(op))),
        )
        .api_route(
            "/local-users/{id}",
            get_with(get, about("Get a Local User", "getLocalUser", "Local Users"))
                .put_with(replace, |op| may_clash(about("Replace a Local User", "replaceLocalUser", "Local Users")(op)))
                .delete_with(delete, |op| {
                    may_clash(about("Delete a Local User", "deleteLocalUser", "Local Users")(op))
                }),
        )
}

async fn list(
    State(directory): State<Directory>,
    may: May<View, LocalUser>,
    ListParameters(request): ListParameters,
) -> Result<List<LocalUser>> {
    List::send(local_users::list(&directory, &may.caller, request).await?).await
}

async fn get(State(directory): State<Directory>, may: May<View, LocalUser>, Id(id): Id) -> Result<Object<LocalUser>> {
    Ok(Object(local_users::get(&directory, &may.caller, id).await?))
}

async fn create(
    State(directory): State<Directory>,
    may: May<Create, LocalUser>,
    Body(input): Body<LocalUserInput>,
) -> Result<Object<LocalUser>> {
    Ok(Object(local_users::create(&directory, &may.caller, input).await?))
}

async fn replace(
    State(directory): State<Directory>,
    may: May<Edit, LocalUser>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
    Body(input): Body<LocalUserInput>,
) -> Result<Object<LocalUser>> {
    Ok(Object(local_users::replace(&directory, &may.caller, id, expected, input).await?))
}

async fn delete(
    State(directory): State<Directory>,
    may: May<Delete, LocalUser>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
) -> Result<Done> {
    local_users::delete(&directory, &may.caller, id, expected).await?;
    Ok(Done)
}
