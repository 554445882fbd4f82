//! The caller's own account over REST.

use aide::axum::{ApiRouter, routing::put_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    login::{self, PasswordChangeInput},
};

use crate::{
    App,
    answer::{Done, Result},
    extract::{Account, Body},
    openapi::about,
};

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new().api_route(
        "/account/password",
        put_with(change_password, about("Change one's own password", "changeOwnPassword", "Account")),
    )
}

async fn change_password(
    State(directory): State<Directory>,
    Account(caller): Account,
    Body(input): Body<PasswordChangeInput>,
) -> Result<Done> {
    login::change_password(&directory, &caller, input).await?;
    Ok(Done)
}
