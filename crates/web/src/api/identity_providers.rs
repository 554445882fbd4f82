//! Identity Providers over REST.

use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    identity_providers::{self, IdentityProvider, IdentityProviderInput},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    App,
    answer::{Known, List, Never, Object, Result},
    extract::{Anyone, Body, Create, Delete, Edit, Id, IfMatch, ListParameters, May, View},
    openapi::{about, may_clash},
};

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/identity-providers",
            get_with(list, about("List Identity Providers", "listIdentityProviders", "Identity Providers")).post_with(
                create,
                about("Create an Identity Provider", "createIdentityProvider", "Identity Providers"),
            ),
        )
        .api_route(
            "/identity-providers/names",
            get_with(names, about("Name the providers to log in with", "listIdentityProviderNames", "Login")),
        )
        .api_route(
            "/identity-providers/{id}",
            get_with(get, about("Get an Identity Provider", "getIdentityProvider", "Identity Providers"))
                .put_with(replace, |op| {
                    may_clash(about("Replace an Identity Provider", "replaceIdentityProvider", "Identity Providers")(
                        op,
                    ))
                })
                .delete_with(
                    delete,
                    about("Delete an Identity Provider", "deleteIdentityProvider", "Identity Providers"),
                ),
        )
}

async fn list(
    State(directory): State<Directory>,
    may: May<View, IdentityProvider>,
    ListParameters(request): ListParameters,
) -> Result<List<IdentityProvider>> {
    List::send(identity_providers::list(&directory, &may.caller, request).await?).await
}

async fn get(
    State(directory): State<Directory>,
    may: May<View, IdentityProvider>,
    Id(id): Id,
) -> Result<Object<IdentityProvider>> {
    Ok(Object(identity_providers::get(&directory, &may.caller, id).await?))
}

/// Always refused; the words say why.
async fn create(may: May<Create, IdentityProvider>) -> Result<Never> {
    Err(identity_providers::create(&may.caller).into())
}

async fn replace(
    State(directory): State<Directory>,
    may: May<Edit, IdentityProvider>,
    Id(id): Id,
    IfMatch(expected): IfMatch,
    Body(input): Body<IdentityProviderInput>,
) -> Result<Object<IdentityProvider>> {
    Ok(Object(identity_providers::replace(&directory, &may.caller, id, expected, input).await?))
}

/// Always refused; the words say why.
async fn delete(State(directory): State<Directory>, may: May<Delete, IdentityProvider>, Id(id): Id) -> Result<Never> {
    Err(identity_providers::delete(&directory, &may.caller, id).await.into())
}

/// The providers with which one may log in.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ProviderNames {
    /// The providers.
    data: Vec<ProviderName>,
    /// What is to be shown before a login.
    banner_message: String,
}

/// A provider with which one may log in.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ProviderName {
    /// What logins give as `providerName`.
    #[schemars(example = &"local")]
    name: String,
    /// What to show.
    #[schemars(example = &"local")]
    display_name: String,
    /// What it asks for; always `Credentials`.
    #[serde(rename = "type")]
    #[schemars(example = &"Credentials")]
    provider_type: &'static str,
    /// Always empty: there are no certificates.
    certificate_priorities: [(); 0],
}

async fn names(State(directory): State<Directory>, _: Anyone) -> Result<Known<ProviderNames>> {
    let (names, banner_message) = identity_providers::names(&directory).await?;
    let provider = |name: String| ProviderName {
        display_name: name.clone(),
        name,
        provider_type: "Credentials",
        certificate_priorities: [],
    };
    Ok(Known(ProviderNames { data: names.into_iter().map(provider).collect(), banner_message }))
}
