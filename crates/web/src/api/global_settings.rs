//! Global Settings over REST.

use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    global_settings::{self, GlobalSettings, GlobalSettingsInput},
};

use crate::{
    App,
    answer::{Done, Known, Result},
    extract::{Body, Delete, Edit, May, View},
    openapi::about,
};

const TAG: &str = "Global Settings";

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new().api_route(
        "/global-settings",
        get_with(get, about("Get the Global Settings", "getGlobalSettings", TAG))
            .put_with(replace, about("Replace the Global Settings", "replaceGlobalSettings", TAG))
            .delete_with(reset, about("Bring the Global Settings back to their defaults", "resetGlobalSettings", TAG)),
    )
}

async fn get(State(directory): State<Directory>, may: May<View, GlobalSettings>) -> Result<Known<GlobalSettings>> {
    Ok(Known(global_settings::get(&directory, &may.caller).await?))
}

async fn replace(
    State(directory): State<Directory>,
    may: May<Edit, GlobalSettings>,
    Body(input): Body<GlobalSettingsInput>,
) -> Result<Done> {
    global_settings::replace(&directory, &may.caller, input).await?;
    Ok(Done)
}

async fn reset(State(directory): State<Directory>, may: May<Delete, GlobalSettings>) -> Result<Done> {
    global_settings::reset(&directory, &may.caller).await?;
    Ok(Done)
}
