//! The API's document as a page for people.

use axum::{http::header, response::IntoResponse};

/// `GET /docs`.
pub async fn page() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], "")
}

/// `GET /docs/style.css`.
pub async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css")], "")
}
