//! On-boarded devices over REST.

use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    dn::Device,
    on_boarded_devices::{self, OnBoardedDevice, RevocationInput},
};

use crate::{
    App,
    answer::{Done, Known, List, Result},
    extract::{Body, Delete, DistinguishedName, ListParameters, May, View},
    openapi::{about, listing},
};

const TAG: &str = "On-boarded Devices";
/// By what a list can be ordered.
const ORDERS: &[&str] =
    &["distinguishedName", "username", "providerName", "deviceId", "hostname", "onBoardedAt", "lastSeenAt"];

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/on-boarded-devices",
            get_with(list, |op| {
                listing(about("List on-boarded devices", "listOnBoardedDevices", TAG)(op), ORDERS, "lastSeenAt")
            }),
        )
        .api_route(
            "/on-boarded-devices/revoke-tokens",
            post_with(revoke, about("End the sessions of devices", "revokeTokens", TAG)),
        )
        .api_route(
            "/on-boarded-devices/{dn}",
            get_with(get, about("Get an on-boarded device", "getOnBoardedDevice", TAG))
                .delete_with(delete, about("Forget a device and end its sessions", "deleteOnBoardedDevice", TAG)),
        )
}

async fn list(
    State(directory): State<Directory>,
    may: May<View, OnBoardedDevice>,
    ListParameters(request): ListParameters,
) -> Result<List<OnBoardedDevice>> {
    List::send(on_boarded_devices::list(&directory, &may.caller, request).await?).await
}

async fn get(
    State(directory): State<Directory>,
    may: May<View, OnBoardedDevice>,
    DistinguishedName(device): DistinguishedName<Device>,
) -> Result<Known<OnBoardedDevice>> {
    Ok(Known(on_boarded_devices::get(&directory, &may.caller, &device).await?))
}

async fn delete(
    State(directory): State<Directory>,
    may: May<Delete, OnBoardedDevice>,
    DistinguishedName(device): DistinguishedName<Device>,
) -> Result<Done> {
    on_boarded_devices::delete(&directory, &may.caller, &device).await?;
    Ok(Done)
}

async fn revoke(
    State(directory): State<Directory>,
    may: May<Delete, OnBoardedDevice>,
    Body(input): Body<RevocationInput>,
) -> Result<List<OnBoardedDevice>> {
    List::send(on_boarded_devices::revoke(&directory, &may.caller, input).await?).await
}
