//! Who sits before the console. The token of the session is in a cookie that no script can read; forms carry a digest of
//! it, which no other site can know; what one should not do unasked takes a password that was given a short while ago.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use cookie::{Cookie, SameSite};
use portreeve_directory::{
    Directory,
    caller::{Caller, Origin, PrivilegeType, Target},
    error::Error,
    login::{self, Login, LoginInput},
    passwords::Password,
    sessions::{self, Purpose},
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{form::Form, page::Note, problem::Problem, reader::Reader, text::t};
use crate::{App, error::Refusal, request::Context};

/// The token. `__Host-` is the browser's word for it that only this very host set it, over TLS or on loopback (RFC 6265bis, 4.1.3.2).
const SESSION: &str = "__Host-portreeve-session";
/// What the browser is known by, at every login from it.
const DEVICE: &str = "__Host-portreeve-device";
/// How long a browser is known by the same name.
const DEVICE_DAYS: i64 = 400;
/// How long after a login nobody is asked for the password again (OWASP ASVS 5.0, 7.5.3).
const FRESH: Duration = Duration::from_secs(15 * 60);

/// All cookies that a browser sent.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'_>> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(Cookie::split_parse_encoded).flatten()
}

/// The value of a cookie that a browser sent.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    cookies(headers).find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

/// A cookie that scripts cannot read and other sites' forms do not bring along.
pub(crate) fn guarded(name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build((name, value)).path("/").secure(true).http_only(true).same_site(SameSite::Lax).build()
}

/// Takes a cookie away from the browser.
pub(crate) fn removed(name: &'static str) -> Cookie<'static> {
    let mut cookie = guarded(name, String::new());
    cookie.make_removal();
    cookie
}

/// What the forms of whoever holds a secret carry: nothing that the secret could be found from.
fn proof(secret: &str) -> String {
    BASE64.encode(Sha256::digest(format!("portreeve console form {secret}")))
}

fn is_proof(given: &str, secret: &str) -> bool {
    given.as_bytes().ct_eq(proof(secret).as_bytes()).into()
}

/// Refuses what another site made the browser send.
fn check_site(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get("sec-fetch-site").map(|value| value.as_bytes()) {
        None | Some(b"same-origin") => Ok(()),
        Some(_) => Err(Problem::from(Error::Forbidden(t("problem-other-site").into_owned()))),
    }
}

fn context(parts: &Parts) -> Result<Arc<Context>, Problem> {
    let missing = || Error::Internal("the request has no context".into());
    Ok(parts.extensions.get::<Arc<Context>>().cloned().ok_or_else(missing)?)
}

/// Somebody who has not signed in, by the name of their browser.
pub(crate) struct Visitor {
    pub(crate) reader: Reader,
    pub(crate) origin: Origin,
    /// Nothing if the browser came for the first time, or keeps no cookies of ours.
    device: Option<Uuid>,
    /// The token of a session that the browser still holds, good or not.
    kept: Option<String>,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let headers = &parts.headers;
        Ok(Self {
            reader: Reader::of(headers),
            origin: context(parts)?.origin.clone(),
            device: cookie(headers, DEVICE).and_then(|text| Uuid::try_parse(&text).ok()),
            kept: cookie(headers, SESSION),
        })
    }
}

impl Visitor {
    /// Whether somebody has been signed in on this browser.
    pub(crate) fn was_signed_in(&self) -> bool {
        self.kept.is_some()
    }

    /// Ends the session that the browser held before somebody signed in anew, so that none is left without a browser.
    pub(crate) async fn end_kept(&self, directory: &Directory) -> Result<(), Problem> {
        let Some(token) = &self.kept else { return Ok(()) };
        match sessions::check(directory, token, Purpose::Console, self.origin.clone()).await {
            Ok(caller) => Ok(sessions::end(directory, &caller).await?),
            Err(Error::Unauthorized) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What the form to sign in carries, and the cookie that it goes with.
    pub(crate) fn proof(&self, directory: &Directory) -> (String, Cookie<'static>) {
        let device = self.device.unwrap_or_else(|| directory.new_device());
        let mut cookie = guarded(DEVICE, device.to_string());
        cookie.set_max_age(cookie::time::Duration::days(DEVICE_DAYS));
        (proof(&device.to_string()), cookie)
    }

    /// The name of the browser, once it is known that the form was one of ours. Nothing if it keeps no cookies.
    pub(crate) fn check(&self, headers: &HeaderMap, form: &Form) -> Result<Option<Uuid>, Problem> {
        check_site(headers)?;
        let Some(device) = self.device else { return Ok(None) };
        if is_proof(form.get("proof"), &device.to_string()) { Ok(Some(device)) } else { Err(Problem::stale_form()) }
    }
}

/// The cookie of a session that was just opened.
pub(crate) fn opened(login: &Login) -> Cookie<'static> {
    guarded(SESSION, login.token.expose().to_owned())
}

/// Takes the token away from the browser.
pub(crate) fn closed() -> Cookie<'static> {
    removed(SESSION)
}

/// Somebody who has signed in.
pub(crate) struct SignedIn {
    pub(crate) caller: Caller,
    pub(crate) reader: Reader,
    /// What was done by the request before this one.
    pub(crate) note: Option<Note>,
    /// What is to be set in the browser with the answer.
    pub(crate) cookies: Vec<Cookie<'static>>,
    token: String,
    device: Option<Uuid>,
    fresh: bool,
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let context = context(parts)?;
        let headers = &parts.headers;
        let token = cookie(headers, SESSION).ok_or_else(|| Problem::sign_in(parts))?;
        let directory = &app.directory;
        let caller = match sessions::check(directory, &token, Purpose::Console, context.origin.clone()).await {
            Ok(caller) => caller,
            Err(Error::Unauthorized) => return Err(Problem::sign_in(parts)),
            Err(error) => return Err(error.into()),
        };
        let session = caller.session().ok_or_else(|| Problem::sign_in(parts))?;
        context.note_caller(session.account_id);
        let fresh = directory.now() < session.opened.plus(FRESH);
        let note = Note::of(headers);
        Ok(Self {
            reader: Reader::of(headers),
            cookies: note.is_some().then(Note::removed).into_iter().collect(),
            note,
            device: cookie(headers, DEVICE).and_then(|text| Uuid::try_parse(&text).ok()),
            token,
            fresh,
            caller,
        })
    }
}

impl SignedIn {
    /// What forms carry.
    pub(crate) fn proof(&self) -> String {
        proof(&self.token)
    }

    /// Whether the password was given a short while ago.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Refuses a form that is not one of ours.
    pub(crate) fn check(&self, headers: &HeaderMap, form: &Form) -> Result<(), Problem> {
        check_site(headers)?;
        if is_proof(form.get("proof"), &self.token) { Ok(()) } else { Err(Problem::stale_form()) }
    }

    /// Whether the caller may see anything of a target.
    pub(crate) fn sees(&self, target: Target) -> bool {
        self.may(PrivilegeType::View, target)
    }

    /// Whether the caller may see all of a target.
    pub(crate) fn sees_all(&self, target: Target) -> bool {
        self.caller.authorize_all(PrivilegeType::View, target).is_ok()
    }

    /// Whether the caller may do this with any object of a target.
    pub(crate) fn may(&self, wanted: PrivilegeType, target: Target) -> bool {
        !self.caller.authority().reach(wanted, target).is_nothing()
    }

    /// Passes if the password was given a short while ago, or stands in the form: then the session begins anew. Otherwise
    /// the form says what is missing. To be asked before everything that should not be done with a screen left unlocked.
    pub(crate) async fn confirm(&mut self, directory: &Directory, form: &mut Form) -> Result<bool, Problem> {
        if self.fresh {
            return Ok(true);
        }
        let password = form.take("confirm");
        let Some(session) = self.caller.session().filter(|_| !password.is_empty()) else {
            form.add_fault("confirm", t("confirm-missing"));
            return Ok(false);
        };
        let device = self.device.unwrap_or_else(|| directory.new_device());
        let input = LoginInput {
            provider_name: Some(session.kind.as_str().to_owned()),
            device_id: Some(device.to_string()),
            username: Some(session.name.clone()),
            password: Some(Password::new(password)),
        };
        let login = match login::login(directory, input, Purpose::Console, self.caller.origin().clone()).await {
            Ok(login) => login,
            Err(Error::LoginRefused) => {
                form.add_fault("confirm", t("confirm-wrong"));
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        sessions::end(directory, &self.caller).await?;
        login.token.expose().clone_into(&mut self.token);
        self.cookies.push(opened(&login));
        self.caller = sessions::check(directory, &self.token, Purpose::Console, self.caller.origin().clone()).await?;
        self.fresh = true;
        Ok(true)
    }
}

/// What the API would refuse with, for what is not a page's business.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Directory(error) => error.into(),
            Refusal::TooLarge(_) => Error::invalid("form", t("problem-too-large")).into(),
            Refusal::TooSlow | Refusal::BadRequest(_) => Error::invalid("form", t("problem-broken-off")).into(),
            Refusal::NoRoute | Refusal::NotAcceptable => Self::no_page(),
        }
    }
}
