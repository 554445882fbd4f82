//! Logging in and out over REST.

use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::extract::State;
use portreeve_directory::{
    Directory,
    caller::Privilege,
    login::{self, Login, LoginInput},
    sessions::{self, Purpose},
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    App,
    answer::{Done, Result, Said},
    extract::{AnyToken, Anyone, Body},
    openapi::{about, for_administrators, refuses_logins},
};

pub(crate) fn routes() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route("/login", post_with(log_in, |op| refuses_logins(about("Log in", "login", "Login")(op))))
        .api_route(
            "/authentication",
            post_with(authenticate, |op| {
                refuses_logins(about("Log in, for a token to be exchanged", "authenticate", "Login")(op))
            }),
        )
        .api_route(
            "/authorization",
            get_with(authorize, |op| {
                for_administrators(about("Exchange a token for one to work with", "authorize", "Login")(op))
            }),
        )
        .api_route("/authentication/logout", post_with(log_out, about("Log out", "logout", "Login")))
}

/// A session.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LoginAnswer {
    /// Who logged in.
    user: LoggedIn,
    /// What to send as `Authorization: Bearer …`.
    #[schemars(length(min = 44, max = 44), example = &"2Wn0R1q8s2o9zWmUqSx0mJv0rYk1mZ0v9r1c3bq7b3A=")]
    token: String,
    /// When the token ends.
    expires: Timestamp,
    /// What is to be shown after a login.
    message_of_the_day: String,
}

/// Who logged in.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LoggedIn {
    /// The account's name, as it is stored.
    #[schemars(example = &"admin")]
    name: String,
    /// Whether a second factor is still due.
    need_two_factor_auth: bool,
    /// Whether the audit log may be read.
    can_access_audit_logs: bool,
    /// What the account may do as an administrator.
    privileges: Vec<Privilege>,
}

impl From<Login> for LoginAnswer {
    fn from(login: Login) -> Self {
        Self {
            user: LoggedIn {
                name: login.name,
                need_two_factor_auth: false,
                can_access_audit_logs: login.can_access_audit_logs,
                privileges: login.privileges,
            },
            token: login.token.expose().to_owned(),
            expires: login.expires,
            message_of_the_day: login.message_of_the_day,
        }
    }
}

async fn log_in(
    State(directory): State<Directory>,
    Anyone(origin): Anyone,
    Body(input): Body<LoginInput>,
) -> Result<Said<LoginAnswer>> {
    Ok(Said(login::login(&directory, input, Purpose::Work, origin).await?.into()))
}

async fn authenticate(
    State(directory): State<Directory>,
    Anyone(origin): Anyone,
    Body(input): Body<LoginInput>,
) -> Result<Said<LoginAnswer>> {
    Ok(Said(login::login(&directory, input, Purpose::Authentication, origin).await?.into()))
}

async fn authorize(State(directory): State<Directory>, AnyToken(caller): AnyToken) -> Result<Said<LoginAnswer>> {
    Ok(Said(login::authorize(&directory, &caller).await?.into()))
}

async fn log_out(State(directory): State<Directory>, AnyToken(caller): AnyToken) -> Result<Done> {
    sessions::end(&directory, &caller).await?;
    Ok(Done)
}
