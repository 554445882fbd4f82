//! Which versions of the interface are spoken.

use aide::axum::{ApiRouter, routing::get_with};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    App,
    answer::Known,
    extract::Anyone,
    negotiate::{HIGHEST_VERSION, LOWEST_VERSION},
    openapi::about,
};

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route("/version", get_with(version, about("Name the versions that are spoken", "getVersion", "Version")))
}

/// Versions of the interface.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Version {
    /// The newest that is spoken.
    #[schemars(example = 23)]
    peer_version: u32,
    /// The oldest that is spoken.
    #[schemars(example = 19)]
    lowest_peer_version_supported: u32,
}

async fn version(_: Anyone) -> Known<Version> {
    Known(Version { peer_version: HIGHEST_VERSION, lowest_peer_version_supported: LOWEST_VERSION })
}
