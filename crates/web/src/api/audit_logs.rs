//! The audit log over REST.

use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    audit::{self, AuditRecord, Period},
};

use crate::{
    App,
    answer::{Known, List, Result},
    extract::{Id, ListParameters, May, View},
    openapi::{about, listing},
};

const TAG: &str = "Audit Log";
/// By what a list can be ordered.
const ORDERS: &[&str] =
    &["at", "actor", "act", "objectKind", "objectId", "objectName", "outcome", "source", "requestId", "reason"];

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/audit-logs",
            get_with(list, |op| listing(about("List what was done", "listAuditLogs", TAG)(op), ORDERS, "at")),
        )
        .api_route("/audit-logs/{id}", get_with(get, about("Get a record of what was done", "getAuditLog", TAG)))
}

async fn list(
    State(directory): State<Directory>,
    may: May<View, AuditRecord>,
    ListParameters(request): ListParameters,
) -> Result<List<AuditRecord>> {
    List::send(audit::list(&directory, &may.caller, request, Period::default()).await?).await
}

async fn get(
    State(directory): State<Directory>,
    may: May<View, AuditRecord>,
    Id(id): Id,
) -> Result<Known<AuditRecord>> {
    Ok(Known(audit::get(&directory, &may.caller, id).await?))
}
