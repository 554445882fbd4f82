//! What handlers take: proof of who asks and what they may do, ids, bodies, list parameters. They run in the order in which
//! a handler names them, which is the order of the contract: 406, 401, 403, then 400.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, header, request::Parts},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use portreeve_directory::{
    audit::AuditRecord,
    blacklist::BlacklistedUser,
    caller::{Caller, Origin, PrivilegeType, Target},
    dn::Named,
    entity::parse_uuid,
    error::{Error, Fault},
    global_settings::GlobalSettings,
    identity_providers::IdentityProvider,
    ip_pools::IpPool,
    list,
    local_users::LocalUser,
    on_boarded_devices::OnBoardedDevice,
    policies::Policy,
    roles::AdministrativeRole,
    scripts::{CriteriaScript, UserScript},
    service_users::ServiceUser,
    sessions::{self, Purpose},
    tags::Tag,
    version::Expected,
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{App, answer::tagged_version, error::Refusal, json, negotiate, request::Context};

/// The longest body.
pub const BODY_LIMIT: usize = 1024 * 1024;
/// How long a body may take to come.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(30);

fn negotiate(parts: &Parts) -> Result<(), Refusal> {
    if negotiate::is_acceptable(&parts.headers) { Ok(()) } else { Err(Refusal::NotAcceptable) }
}

pub(crate) fn context(parts: &Parts) -> Result<Arc<Context>, Refusal> {
    let missing = || Error::Internal("the request has no context".into());
    Ok(parts.extensions.get::<Arc<Context>>().cloned().ok_or_else(missing)?)
}

/// The token, from `Bearer <token>` or, as one client sends it, `Bearer Bearer <token>`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let mut value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let mut found = None;
    for _ in 0..2 {
        let Some((scheme, rest)) = value.split_once(' ') else { break };
        if !scheme.eq_ignore_ascii_case("bearer") {
            break;
        }
        value = rest.trim_start_matches(' ');
        found = Some(value);
    }
    found
}

async fn authenticate(parts: &mut Parts, app: &App, purpose: Purpose) -> Result<Caller, Refusal> {
    negotiate(parts)?;
    let context = context(parts)?;
    let token = bearer(&parts.headers).ok_or(Error::Unauthorized)?;
    let caller = sessions::check(&app.directory, token, purpose, context.origin.clone()).await?;
    if let Some(session) = caller.session() {
        context.note_caller(session.account_id);
    }
    Ok(caller)
}

/// Anyone, as long as the answer's form is acceptable.
pub struct Anyone(pub Origin);

impl FromRequestParts<App> for Anyone {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refusal> {
        negotiate(parts)?;
        Ok(Self(context(parts)?.origin.clone()))
    }
}

/// Whoever has a token to work with.
pub struct Account(pub Caller);

impl FromRequestParts<App> for Account {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        authenticate(parts, app, Purpose::Work).await.map(Self)
    }
}

/// Whoever has any token, also one that is good only to be exchanged.
pub struct AnyToken(pub Caller);

impl FromRequestParts<App> for AnyToken {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        authenticate(parts, app, Purpose::Authentication).await.map(Self)
    }
}

/// Something that a privilege allows to do.
pub trait Act {
    /// Which type of privilege that is.
    const TYPE: PrivilegeType;

    /// Refused to a caller who may do it with no object of the target.
    fn authorize(caller: &Caller, target: Target) -> Result<(), Error> {
        caller.authorize(Self::TYPE, target).map(drop)
    }
}

/// Something that a privilege is about.
pub trait Subject {
    /// Which target of a privilege that is.
    const TARGET: Target;
    /// Whether a privilege over some objects of the target is as good as none.
    const WHOLE: bool = false;
}

/// To read.
pub enum View {}
/// To make new ones.
pub enum Create {}
/// To change.
pub enum Edit {}
/// To remove.
pub enum Delete {}
/// To read what an Identity Provider knows of an account.
pub enum GetUserAttributes {}
/// To decide about tags.
pub enum Tagging {}

impl Act for View {
    const TYPE: PrivilegeType = PrivilegeType::View;
}
impl Act for Create {
    const TYPE: PrivilegeType = PrivilegeType::Create;
}
impl Act for Edit {
    const TYPE: PrivilegeType = PrivilegeType::Edit;

    // Whoever may only tag sends the whole object too.
    fn authorize(caller: &Caller, target: Target) -> Result<(), Error> {
        caller.authorize_edit(target)
    }
}
impl Act for Delete {
    const TYPE: PrivilegeType = PrivilegeType::Delete;
}
impl Act for GetUserAttributes {
    const TYPE: PrivilegeType = PrivilegeType::GetUserAttributes;
}
impl Act for Tagging {
    const TYPE: PrivilegeType = PrivilegeType::Tag;
}
impl Subject for LocalUser {
    const TARGET: Target = Target::LocalUser;
}
impl Subject for ServiceUser {
    const TARGET: Target = Target::ServiceUser;
}
impl Subject for IdentityProvider {
    const TARGET: Target = Target::IdentityProvider;
}
impl Subject for AdministrativeRole {
    const TARGET: Target = Target::AdministrativeRole;
}
impl Subject for Policy {
    const TARGET: Target = Target::Policy;
}
impl Subject for CriteriaScript {
    const TARGET: Target = Target::CriteriaScript;
}
impl Subject for UserScript {
    const TARGET: Target = Target::UserClaimScript;
}
impl Subject for IpPool {
    const TARGET: Target = Target::IpPool;
}
impl Subject for Tag {
    const TARGET: Target = Target::All;
    const WHOLE: bool = true;
}
impl Subject for GlobalSettings {
    const TARGET: Target = Target::GlobalSetting;
    const WHOLE: bool = true;
}
impl Subject for OnBoardedDevice {
    const TARGET: Target = Target::RegisteredDevice;
}
impl Subject for AuditRecord {
    const TARGET: Target = Target::AuditLog;
    const WHOLE: bool = true;
}
impl Subject for BlacklistedUser {
    const TARGET: Target = Target::Blacklist;
}

/// Whoever may do this. The rule asks again; here it is asked so that a 403 comes before a 400.
pub struct May<A, S> {
    /// Who asks.
    pub caller: Caller,
    act: PhantomData<(A, S)>,
}

impl<A: Act, S: Subject> FromRequestParts<App> for May<A, S> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let caller = authenticate(parts, app, Purpose::Work).await?;
        A::authorize(&caller, S::TARGET)?;
        if S::WHOLE {
            caller.authorize_all(A::TYPE, S::TARGET)?;
        }
        Ok(Self { caller, act: PhantomData })
    }
}

/// The id in the path.
pub struct Id(pub Uuid);

impl FromRequestParts<App> for Id {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let wrong = || Refusal::BadRequest("the id in the path is not a UUID".into());
        let Path(id) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| wrong())?;
        parse_uuid(&id).map(Self).ok_or_else(wrong)
    }
}

/// The distinguished name in the path.
pub struct DistinguishedName<T>(pub T);

impl<T: Named> FromRequestParts<App> for DistinguishedName<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let wrong = |what: &str| Refusal::BadRequest(format!("the distinguished name in the path {what}"));
        let Path(text) = Path::<String>::from_request_parts(parts, app)
            .await
            .map_err(|_| wrong("must be UTF-8, percent-encoded"))?;
        T::parse_named(&text).map(Self).map_err(|what| wrong(&what))
    }
}

/// What an object's entity tag must be for a change to be made.
pub struct IfMatch(pub Expected);

impl FromRequestParts<App> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refusal> {
        let values: Vec<&str> =
            parts.headers.get_all(header::IF_MATCH).iter().map(|value| value.to_str().unwrap_or_default()).collect();
        let mut tags = values.iter().flat_map(|value| value.split(',')).map(str::trim);
        if values.is_empty() || tags.clone().any(|tag| tag == "*") {
            return Ok(Self(Expected::Any));
        }
        // A tag that is none of ours matches nothing.
        Ok(Self(Expected::OneOf(tags.by_ref().filter_map(tagged_version).collect())))
    }
}

/// The bytes of a body, within their limits.
pub(crate) async fn body(request: Request) -> Result<Bytes, Refusal> {
    let read = Limited::new(request.into_body(), BODY_LIMIT).collect();
    match tokio::time::timeout(BODY_TIME, read).await {
        Err(_) => Err(Refusal::TooSlow),
        Ok(Err(fault)) if fault.is::<LengthLimitError>() => Err(Refusal::TooLarge(BODY_LIMIT)),
        Ok(Err(_)) => Err(Refusal::BadRequest("the body broke off".into())),
        Ok(Ok(body)) => Ok(body.to_bytes()),
    }
}

/// A JSON body. Whatever type it claims to be, it must parse.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &App) -> Result<Self, Refusal> {
        let bytes = body(request).await?;
        json::parse(&bytes)
            .map(Self)
            .map_err(|wrong| Refusal::BadRequest(format!("the body is not the JSON that is taken here: {wrong}")))
    }
}

/// The parameters of a list.
pub struct ListParameters(pub list::Request);

impl FromRequestParts<App> for ListParameters {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refusal> {
        let mut request = list::Request::default();
        let mut faults = Vec::new();
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            let value = value.into_owned();
            let single = match &*name {
                "query" => {
                    request.queries.push(value);
                    continue;
                }
                "range" => &mut request.range,
                "after" => &mut request.after,
                "orderBy" => &mut request.order_by,
                "descending" => &mut request.descending,
                name => {
                    let field = name.strip_prefix("filterBy[").and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
                    request.filters.push((field.to_owned(), value));
                    continue;
                }
            };
            if single.replace(value).is_some() {
                faults.push(Fault { field: name.into_owned(), message: "may be given only once".into() });
            }
        }
        if faults.is_empty() { Ok(Self(request)) } else { Err(Error::Invalid(faults).into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_what_clients_send() {
        let token = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().expect("is a header value"));
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(token("Bearer abc=").as_deref(), Some("abc="));
        assert_eq!(token("bearer   abc=").as_deref(), Some("abc="));
        assert_eq!(token("Bearer Bearer abc=").as_deref(), Some("abc="));
        assert_eq!(token("Basic abc="), None);
        assert_eq!(token("abc="), None);
        assert_eq!(token("Bearer"), None);
    }
}
