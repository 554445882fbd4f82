//! The API's document as a page for people. It is rendered once, from the document that is served; it runs no script and
//! loads nothing but its style sheet.

mod document;
mod page;
mod schema;
mod text;

use std::sync::LazyLock;

use askama::Template;
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use portreeve_directory::error::Error;

use super::DOCUMENT;
use crate::{answer::digest_tag, error::Refusal};
use page::Page;

const STYLE: &str = include_str!("../../assets/docs.css");

/// Nothing but the style sheet: what the page says comes from the document, and no browser is to find more in it.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static PAGE: LazyLock<Result<Text, String>> = LazyLock::new(|| render(DOCUMENT).map(Text::new));
static SHEET: LazyLock<Text> = LazyLock::new(|| Text::new(STYLE.into()));

/// Something to be served, with its entity tag.
struct Text {
    body: String,
    tag: String,
}

impl Text {
    fn new(body: String) -> Self {
        Self { tag: digest_tag(body.as_bytes()), body }
    }

    fn answer(&'static self, form: &'static str) -> Response {
        let headers = [
            (header::CONTENT_TYPE, form),
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::ETAG, self.tag.as_str()),
        ];
        (headers, self.body.as_str()).into_response()
    }
}

fn render(document: &str) -> Result<String, String> {
    let document = serde_json::from_str(document).map_err(|wrong| format!("the API's document: {wrong}"))?;
    Page::new(document).render().map_err(|wrong| format!("the page of the API: {wrong}"))
}

/// `GET /docs`.
pub async fn page() -> Response {
    match &*PAGE {
        Ok(page) => page.answer("text/html; charset=utf-8"),
        Err(cause) => Refusal::from(Error::Internal(cause.clone())).into_response(),
    }
}

/// `GET /docs/style.css`.
pub async fn style() -> Response {
    SHEET.answer("text/css; charset=utf-8")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn attributes<'a>(html: &'a str, opening: &str) -> Vec<&'a str> {
        html.split(opening).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    fn rendered() -> String {
        render(DOCUMENT).expect("the committed document can be shown")
    }

    #[test]
    fn every_operation_and_every_schema_has_its_place() {
        let html = rendered();
        let ids: HashSet<&str> = attributes(&html, " id=\"").into_iter().collect();
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).expect("is JSON");
        let paths = document["paths"].as_object().expect("has paths");
        let operations: Vec<&str> = paths
            .values()
            .filter_map(serde_json::Value::as_object)
            .flat_map(serde_json::Map::values)
            .filter_map(|operation| operation["operationId"].as_str())
            .collect();
        assert!(operations.len() > 20);
        for operation in operations {
            assert!(ids.contains(operation), "{operation} is not on the page");
        }
        for name in document["components"]["schemas"].as_object().expect("has schemas").keys() {
            assert!(ids.contains(format!("schema-{name}").as_str()), "{name} is not on the page");
        }
    }

    #[test]
    fn every_link_within_the_page_leads_somewhere() {
        let html = rendered();
        let ids = attributes(&html, " id=\"");
        let places: HashSet<&str> = ids.iter().copied().collect();
        assert_eq!(places.len(), ids.len(), "an id is there twice");
        let links = attributes(&html, "href=\"#");
        assert!(links.len() > 100);
        for link in links {
            assert!(places.contains(link), "#{link} leads nowhere");
        }
    }

    #[test]
    fn nothing_is_loaded_or_run_that_the_policy_forbids() {
        let html = rendered();
        for forbidden in ["<script", " style=\"", "<style", "http://", "https://", " on"] {
            let found = html.match_indices(forbidden).find(|(at, _)| html[..*at].rfind('<') > html[..*at].rfind('>'));
            assert_eq!(found, None, "{forbidden}");
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }

    #[test]
    fn what_the_document_says_is_text_and_never_markup() {
        let document = r#"{"info":{"title":"<i>","version":"1","description":"a `<b>`"},"components":{"schemas":{}},
            "paths":{"/x":{"get":{"operationId":"x","summary":"<script>","responses":{}}}}}"#;
        let html = render(document).expect("is shown");
        assert!(!html.contains("<script>") && !html.contains("<i>") && !html.contains("<b>"));
    }
}
