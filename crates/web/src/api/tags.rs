//! Tags over REST.

use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    tags::{self, Tag, TagDetails, TagInput},
};

use crate::{
    App,
    answer::{Done, List, Object, Result},
    extract::{Body, Id, IfMatch, ListParameters, May, Tagging, View},
    openapi::{about, may_clash},
};

const TAG: &str = "Tags";

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/tags",
            get_with(list, about("List Tags", "listTags", TAG))
                .post_with(create, |op| may_clash(about("Create a Tag", "createTag", TAG)(op))),
        )
        .api_route(
            "/tags/{id}",
            get_with(get, about("Get a Tag", "getTag", TAG))
                .put_with(replace, |op| {
                    may_clash(about("Replace a Tag, wherever it is carried", "replaceTag", TAG)(op))
                })
                .delete_with(delete, |op| {
                    may_clash(about("Delete a Tag, wherever it is carried", "deleteTag", TAG)(op))
                }),
        )
}

async fn list(
    State(directory): State<Directory>,
    may: May<View, Tag>,
    ListParameters(request): ListParameters,
) -> Result<List<Tag>> {
    List::send(tags::list(&directory, &may.caller, request).await?).await
}

async fn get(State(directory): State<Directory>, may: May<View, Tag>, Id(id): Id) -> Result<Object<TagDetails>> {
    Ok(Object(tags::get(&directory, &may.caller, id).await?))
}

async fn create(
    State(directory): State<Directory>,
    may: May<Tagging, Tag>,
    Body(input): Body<TagInput>,
) -> Result<Object<TagDetails>> {
    Ok(Object(tags::create(&directory, &may.caller, input).await?))
}

async fn replace(
    State(directory): State<Directory>,
    may: May<Tagging, Tag>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
    Body(input): Body<TagInput>,
) -> Result<Object<TagDetails>> {
    Ok(Object(tags::replace(&directory, &may.caller, id, expected, input).await?))
}

async fn delete(
    State(directory): State<Directory>,
    may: May<Tagging, Tag>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
) -> Result<Done> {
    tags::delete(&directory, &may.caller, id, expected).await?;
    Ok(Done)
}
