//! What the web framework does without us: bare answers of the same size, made of ready objects anew for each request.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde::{Deserialize, Serialize};

use super::accounts;
use crate::terminal;

/// Objects of the longest page.
const PAGE: u64 = 50;

/// A Local User as it is answered.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    id: String,
    name: String,
    notes: String,
    created: String,
    updated: String,
    tags: Vec<String>,
    first_name: String,
    last_name: String,
    email: String,
    phone: String,
    disabled: bool,
    failed_login_attempts: i64,
    lock_start: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    data: &'a [Object],
    range: &'static str,
    order_by: &'static str,
    descending: bool,
    queries: [&'static str; 0],
    filter_by: [&'static str; 0],
    total_count: u64,
}

#[derive(Serialize)]
struct Refusal {
    id: &'static str,
    message: &'static str,
}

/// Serves them until it is ended.
pub async fn serve() -> anyhow::Result<()> {
    let objects = (0..PAGE).map(|number| serde_json::from_value(accounts::answer(number, PAGE)));
    let objects: Arc<Vec<Object>> = Arc::new(objects.collect::<Result<_, _>>()?);
    let router = Router::new()
        .route("/refusal", get(refusal))
        .route("/object", get(object))
        .route("/page/{rows}", get(page))
        .with_state(objects);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    terminal::say(&format!("http://{}", listener.local_addr()?));
    axum::serve(listener, router).await?;
    Ok(())
}

async fn refusal() -> (StatusCode, Json<Refusal>) {
    (StatusCode::BAD_REQUEST, Json(Refusal { id: "bad request", message: "the id in the path is not a UUID" }))
}

async fn object(State(objects): State<Arc<Vec<Object>>>) -> axum::response::Response {
    axum::response::IntoResponse::into_response(Json(&objects[0]))
}

async fn page(State(objects): State<Arc<Vec<Object>>>, Path(rows): Path<usize>) -> axum::response::Response {
    let page = Page {
        data: &objects[..rows.min(objects.len())],
        range: "0-49/10000",
        order_by: "name",
        descending: false,
        queries: [],
        filter_by: [],
        total_count: 10_000,
    };
    axum::response::IntoResponse::into_response(Json(page))
}
