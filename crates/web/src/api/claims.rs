//! Claims and the attributes that they are made of, over REST.

use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    attributes::{self, Attributes, AttributesInput, ClaimNames},
    identity_providers::IdentityProvider,
};

use crate::{
    App,
    answer::{Known, Result, Said},
    extract::{Body, GetUserAttributes, Id, May, View},
    openapi::about,
};

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/claims/names",
            get_with(names, about("Name the claims that there are", "listClaimNames", "Authority")),
        )
        .api_route(
            "/identity-providers/{id}/attributes",
            post_with(of_account, about("Tell an account's attributes", "getUserAttributes", "Identity Providers")),
        )
}

async fn names(State(directory): State<Directory>, may: May<View, IdentityProvider>) -> Result<Known<ClaimNames>> {
    Ok(Known(attributes::names(&directory, &may.caller).await?))
}

async fn of_account(
    State(directory): State<Directory>,
    may: May<GetUserAttributes, IdentityProvider>,
    Id(id): Id,
    Body(input): Body<AttributesInput>,
) -> Result<Said<Attributes>> {
    Ok(Said(attributes::of_account(&directory, &may.caller, id, input).await?))
}
