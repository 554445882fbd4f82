//! IP Pools over REST. They can be read, and nothing else.

use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    ip_pools::{self, IpPool},
};

use crate::{
    App,
    answer::{List, Object, Result},
    extract::{Id, ListParameters, May, View},
    openapi::about,
};

const TAG: &str = "IP Pools";

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route("/ip-pools", get_with(list, about("List IP Pools", "listIpPools", TAG)))
        .api_route("/ip-pools/{id}", get_with(get, about("Get an IP Pool", "getIpPool", TAG)))
}

async fn list(
    State(directory): State<Directory>,
    may: May<View, IpPool>,
    ListParameters(request): ListParameters,
) -> Result<List<IpPool>> {
    List::send(ip_pools::list(&directory, &may.caller, request).await?).await
}

async fn get(State(directory): State<Directory>, may: May<View, IpPool>, Id(id): Id) -> Result<Object<IpPool>> {
    Ok(Object(ip_pools::get(&directory, &may.caller, id).await?))
}
