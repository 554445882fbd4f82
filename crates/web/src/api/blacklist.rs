//! The blacklist over REST.

use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    blacklist::{self, BlacklistedUser, BlacklistedUserInput},
    dn::Account,
};

use crate::{
    App,
    answer::{Done, List, Object, Result},
    extract::{Body, Create, Delete, DistinguishedName, IfMatch, ListParameters, May, View},
    openapi::{about, listing, may_clash},
};

const TAG: &str = "Blacklist";
/// By what a list can be ordered.
const ORDERS: &[&str] = &["username", "providerName", "reason", "blacklistedAt"];

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/blacklist",
            get_with(list, |op| {
                listing(about("List blacklisted accounts", "listBlacklist", TAG)(op), ORDERS, "username")
            })
            .post_with(create, |op| may_clash(about("Blacklist an account", "createBlacklistedUser", TAG)(op))),
        )
        .api_route(
            "/blacklist/{dn}",
            get_with(get, about("Get a blacklisted account", "getBlacklistedUser", TAG))
                .delete_with(delete, about("Take an account off the blacklist", "deleteBlacklistedUser", TAG)),
        )
}

async fn list(
    State(directory): State<Directory>,
    may: May<View, BlacklistedUser>,
    ListParameters(request): ListParameters,
) -> Result<List<BlacklistedUser>> {
    List::send(blacklist::list(&directory, &may.caller, request).await?).await
}

async fn get(
    State(directory): State<Directory>,
    may: May<View, BlacklistedUser>,
    DistinguishedName(account): DistinguishedName<Account>,
) -> Result<Object<BlacklistedUser>> {
    Ok(Object(blacklist::get(&directory, &may.caller, &account).await?))
}

async fn create(
    State(directory): State<Directory>,
    may: May<Create, BlacklistedUser>,
    Body(input): Body<BlacklistedUserInput>,
) -> Result<Object<BlacklistedUser>> {
    Ok(Object(blacklist::create(&directory, &may.caller, input).await?))
}

async fn delete(
    State(directory): State<Directory>,
    may: May<Delete, BlacklistedUser>,
    DistinguishedName(account): DistinguishedName<Account>,
    IfMatch(expected): IfMatch,
) -> Result<Done> {
    blacklist::delete(&directory, &may.caller, &account, expected).await?;
    Ok(Done)
}
