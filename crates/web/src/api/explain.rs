//! Why somebody may do something, over REST.

use aide::axum::{ApiRouter, routing::post_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    explain::{self, ExplainInput, Explanation},
    policies::Policy,
};

use crate::{
    App,
    answer::{Result, Said},
    extract::{Body, May, View},
    openapi::{about, may_miss},
};

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new().api_route(
        "/explain",
        post_with(ask, |op| may_miss(about("Explain why an account may do something", "explain", "Authority")(op))),
    )
}

async fn ask(
    State(directory): State<Directory>,
    may: May<View, Policy>,
    Body(input): Body<ExplainInput>,
) -> Result<Said<Explanation>> {
    Ok(Said(explain::explain(&directory, &may.caller, input).await?))
}
