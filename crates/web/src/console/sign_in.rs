//! Signing in and out.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use portreeve_directory::{
    Directory,
    error::Error,
    identity_providers,
    login::{self, LoginInput},
    passwords::Password,
    sessions::{self, Purpose},
};
use serde::Deserialize;

use super::{
    assets,
    form::{Form, Sent, SentByVisitor},
    page::{Answer, html, set_cookies},
    session::{Visitor, closed, opened},
    text::{filters, t},
};

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct Page {
    theme: &'static str,
    style: &'static str,
    icon: &'static str,
    script: &'static str,
    proof: String,
    form: Form,
    providers: Vec<String>,
    banner: String,
    /// Why the reader is here, who was somewhere else.
    ended: bool,
}

/// Where to go on.
#[derive(Deserialize)]
pub(super) struct Aim {
    #[serde(default)]
    next: String,
}

/// A page of the console, whatever somebody wrote into the address.
fn checked(next: &str) -> &str {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let ours = next == "/ui/" || next.strip_prefix("/ui/").is_some_and(|rest| !rest.starts_with("sign-"));
    if plain && ours { next } else { "/ui/" }
}

async fn show(directory: &Directory, visitor: &Visitor, status: StatusCode, form: Form) -> Answer {
    let (providers, banner) = identity_providers::names(directory).await?;
    let (proof, cookie) = visitor.proof(directory);
    let ended = visitor.was_signed_in() && form.problem().is_none();
    let page = Page {
        theme: visitor.reader.theme(),
        style: assets::style(),
        icon: assets::icon(),
        script: assets::script(),
        proof,
        form,
        providers,
        banner,
        ended,
    };
    let mut response = html(status, &page)?;
    set_cookies(response.headers_mut(), &[cookie]);
    Ok(response)
}

/// `GET /ui/sign-in`.
pub(super) async fn page(State(directory): State<Directory>, visitor: Visitor, Query(aim): Query<Aim>) -> Answer {
    let form = Form::of([("next", checked(&aim.next).to_owned())]);
    show(&directory, &visitor, StatusCode::OK, form).await
}

/// `POST /ui/sign-in`.
pub(super) async fn sign_in(State(directory): State<Directory>, sent: SentByVisitor) -> Answer {
    let SentByVisitor { visitor, headers, mut form } = sent;
    let password = form.take("password");
    let Some(device) = visitor.check(&headers, &form)? else {
        form.stopped(t("sign-in-no-cookies"));
        return show(&directory, &visitor, StatusCode::FORBIDDEN, form).await;
    };
    let (providers, _) = identity_providers::names(&directory).await?;
    let provider = form.get("provider").to_owned();
    let result = if providers.contains(&provider) {
        let input = LoginInput {
            provider_name: Some(provider),
            device_id: Some(device.to_string()),
            username: Some(form.get("username").to_owned()),
            password: Some(Password::new(password)),
        };
        login::login(&directory, input, Purpose::Console, visitor.origin.clone()).await
    } else {
        Err(Error::LoginRefused)
    };
    match result {
        Ok(login) => {
            visitor.end_kept(&directory).await?;
            let mut response = Redirect::to(checked(form.get("next"))).into_response();
            set_cookies(response.headers_mut(), &[opened(&login)]);
            Ok(response)
        }
        Err(Error::LoginRefused) => {
            form.stopped(t("sign-in-refused"));
            show(&directory, &visitor, StatusCode::UNAUTHORIZED, form).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /ui/sign-out`.
pub(super) async fn sign_out(State(directory): State<Directory>, Sent { me, .. }: Sent) -> Answer {
    sessions::end(&directory, &me.caller).await?;
    let mut response = Redirect::to("/ui/sign-in").into_response();
    set_cookies(response.headers_mut(), &[closed()]);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn only_pages_of_the_console_are_gone_on_to() {
        assert_eq!(checked("/ui/local-users?q=a&page=2"), "/ui/local-users?q=a&page=2");
        for other in [
            "",
            "/",
            "/uix",
            "//evil.example",
            "https://evil.example/ui/",
            "/ui/\\evil",
            "/ui/\r\nset-cookie: a",
            "javascript:alert(1)",
            "/ui/sign-in?next=/ui/",
            "/ui",
        ] {
            assert_eq!(checked(other), "/ui/", "{other}");
        }
    }
}
