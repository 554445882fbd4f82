//! All routes. The API answers under `/admin` and, identically, without it.

use aide::{axum::ApiRouter, openapi::OpenApi};
use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use prometheus_client::registry::Registry;

use crate::{
    App, api, console,
    error::{self, Refusal},
    health,
    openapi::{self, docs},
    request::RequestLayer,
};

/// The API alone, with what it says of itself.
fn api_routes() -> ApiRouter<App> {
    ApiRouter::new()
        .merge(api::local_users::routes())
        .merge(api::service_users::routes())
        .merge(api::import::routes())
        .merge(api::identity_providers::routes())
        .merge(api::roles::routes())
        .merge(api::policies::routes())
        .merge(api::scripts::routes())
        .merge(api::claims::routes())
        .merge(api::explain::routes())
        .merge(api::tags::routes())
        .merge(api::global_settings::routes())
        .merge(api::ip_pools::routes())
        .merge(api::blacklist::routes())
        .merge(api::on_boarded_devices::routes())
        .merge(api::audit_logs::routes())
        .merge(api::login::routes())
        .merge(api::account::routes())
        .merge(api::version::routes())
}

/// Everything that is served.
pub fn router(app: App) -> Router {
    let api: Router<App> = api_routes().into();
    Router::new()
        .merge(api.clone())
        .nest("/admin", api)
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/openapi.json", get(openapi::document))
        .merge(console::routes())
        .route("/docs", get(docs::page))
        .route("/docs/style.css", get(docs::style))
        .fallback(|| async { Refusal::NoRoute })
        .layer(RequestLayer::new(app.clone()))
        .with_state(app)
}

/// The metrics, in Prometheus' text form. For a listener of their own.
pub fn metrics(registry: Registry) -> Router {
    let registry = std::sync::Arc::new(registry);
    let answer = move || async move {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &registry) {
            Ok(()) => {
                let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                ([(header::CONTENT_TYPE, form)], text).into_response()
            }
            Err(_) => error::plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written"),
        }
    };
    Router::new().route("/metrics", get(answer)).fallback(|| async { Refusal::NoRoute })
}

/// The API's document, made anew from the code.
pub fn describe() -> OpenApi {
    let mut document = openapi::begin();
    let _: Router<App> = api_routes().finish_api_with(&mut document, openapi::finish);
    document
}
