//! Administrative Roles over REST.

use std::collections::BTreeMap;

use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    caller::PrivilegeType,
    privileges::{self, TargetEntry},
    roles::{self, AdministrativeRole, AdministrativeRoleInput},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    App,
    answer::{Done, Known, List, Object, Result},
    extract::{Body, Create, Delete, Edit, Id, IfMatch, ListParameters, May, View},
    openapi::{about, may_clash},
};

const TAG: &str = "Administrative Roles";

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/administrative-roles",
            get_with(list, about("List Administrative Roles", "listAdministrativeRoles", TAG))
                .post_with(create, |op| {
                    may_clash(about("Create an Administrative Role", "createAdministrativeRole", TAG)(op))
                }),
        )
        .api_route(
            "/administrative-roles/type-target-map",
            get_with(type_target_map, about("Tell which privileges there are", "getTypeTargetMap", TAG)),
        )
        .api_route(
            "/administrative-roles/{id}",
            get_with(get, about("Get an Administrative Role", "getAdministrativeRole", TAG))
                .put_with(replace, |op| {
                    may_clash(about("Replace an Administrative Role", "replaceAdministrativeRole", TAG)(op))
                })
                .delete_with(delete, |op| {
                    may_clash(about("Delete an Administrative Role", "deleteAdministrativeRole", TAG)(op))
                }),
        )
}

async fn list(
    State(directory): State<Directory>,
    may: May<View, AdministrativeRole>,
    ListParameters(request): ListParameters,
) -> Result<List<AdministrativeRole>> {
    List::send(roles::list(&directory, &may.caller, request).await?).await
}

async fn get(
    State(directory): State<Directory>,
    may: May<View, AdministrativeRole>,
    Id(id): Id,
) -> Result<Object<AdministrativeRole>> {
    Ok(Object(roles::get(&directory, &may.caller, id).await?))
}

async fn create(
    State(directory): State<Directory>,
    may: May<Create, AdministrativeRole>,
    Body(input): Body<AdministrativeRoleInput>,
) -> Result<Object<AdministrativeRole>> {
    Ok(Object(roles::create(&directory, &may.caller, input).await?))
}

async fn replace(
    State(directory): State<Directory>,
    may: May<Edit, AdministrativeRole>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
    Body(input): Body<AdministrativeRoleInput>,
) -> Result<Object<AdministrativeRole>> {
    Ok(Object(roles::replace(&directory, &may.caller, id, expected, input).await?))
}

async fn delete(
    State(directory): State<Directory>,
    may: May<Delete, AdministrativeRole>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
) -> Result<Done> {
    roles::delete(&directory, &may.caller, id, expected).await?;
    Ok(Done)
}

/// Which privileges there are.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TypeTargetMap {
    /// For each type of privilege its targets.
    #[schemars(with = "BTreeMap<String, Vec<TargetEntry>>")]
    action_matrix_map: BTreeMap<PrivilegeType, Vec<TargetEntry>>,
}

async fn type_target_map(_: May<View, AdministrativeRole>) -> Known<TypeTargetMap> {
    Known(TypeTargetMap { action_matrix_map: privileges::type_target_map() })
}
