//! The one layer around every request: its id, where it came from, what it is counted, logged and traced as, and the
//! headers that every answer has.

use std::{
    convert::Infallible,
    hash::{BuildHasher, Hasher, RandomState},
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use ipnet::IpNet;
use portreeve_directory::caller::Origin;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use tower::{Layer, Service};
use tracing::Instrument;
use uuid::Uuid;

use crate::{App, error, paging};

/// The address at the other end of the connection; put into each request by the server.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// What is known of a request while it is answered.
#[derive(Debug)]
pub struct Context {
    /// Where it came from, and its id.
    pub origin: Origin,
    caller: OnceLock<Uuid>,
}

impl Context {
    /// Notes who asked, for the log.
    pub fn note_caller(&self, account: Uuid) {
        self.caller.get_or_init(|| account);
    }
}

/// Labels of the request metrics.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Labels {
    method: &'static str,
    route: String,
    status: u16,
}

/// What is counted of requests.
#[derive(Clone)]
pub struct Metrics {
    requests: Family<Labels, Counter>,
    latency: Family<Labels, Histogram, fn() -> Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = || Histogram::new(exponential_buckets(0.000_1, 2.5, 14));
        Self { requests: Family::default(), latency: Family::new_with_constructor(buckets) }
    }
}

impl Metrics {
    /// Adds them to a registry, which should carry the prefix `portreeve`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests by method, route and status", self.requests.clone());
        registry.register_with_unit("http_request_duration", "Time to answer", Unit::Seconds, self.latency.clone());
    }
}

/// Wraps the router, and with it every route.
#[derive(Clone)]
pub struct RequestLayer {
    app: App,
    next_id: Arc<AtomicU64>,
}

impl RequestLayer {
    /// For an application. Ids begin anywhere, so that those of two nodes or starts are unlikely to meet.
    pub fn new(app: App) -> Self {
        Self { app, next_id: Arc::new(AtomicU64::new(RandomState::new().build_hasher().finish())) }
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestService { inner, layer: self.clone() }
    }
}

/// See [`RequestLayer`].
#[derive(Clone)]
pub struct RequestService<S> {
    inner: S,
    layer: RequestLayer,
}

impl<S> Service<Request> for RequestService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let began = Instant::now();
        let app = self.layer.app.clone();
        let request_id = format!("{:016x}", self.layer.next_id.fetch_add(1, Ordering::Relaxed));
        let source = source(&request, &app.proxies);
        let context = Arc::new(Context { origin: Origin { source, request_id }, caller: OnceLock::new() });
        request.extensions_mut().insert(context.clone());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let if_none_match: Vec<_> = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect();
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let span = app.traced.then(|| request_span(&method, route.as_ref(), &context));
        let finish = async move {
            let response = match answer.await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => internal("a handler panicked"),
            };
            let mut response = complete(response, &method, &if_none_match, &context.origin.request_id);
            guard(response.headers_mut(), app.tls_alone);
            paging::link(&mut response, &uri);
            note(&app, &context, &method, route.as_ref(), response.status(), began.elapsed());
            Ok(response)
        };
        match span {
            Some(span) => Box::pin(finish.instrument(span)),
            None => Box::pin(finish),
        }
    }
}

/// Named as OpenTelemetry's conventions for HTTP have it.
fn request_span(method: &Method, route: Option<&MatchedPath>, context: &Context) -> tracing::Span {
    let (method, route) = (method_name(method), route.map_or("(none)", MatchedPath::as_str));
    tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        request_id = context.origin.request_id,
    )
}

fn internal(cause: &str) -> Response {
    let fault = portreeve_directory::error::Error::Internal(cause.into());
    error::Refusal::from(fault).into_response()
}

/// The client's address: the peer's, or what trusted proxies say of it, asked from the nearest on.
fn source(request: &Request, proxies: &[IpNet]) -> Option<IpAddr> {
    let mut source = request.extensions().get::<Peer>()?.0.ip().to_canonical();
    if proxies.is_empty() {
        return Some(source);
    }
    let trusted = |address: &IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut said = forwarded_for(request.headers());
    while trusted(&source) {
        match said.pop() {
            Some(address) => source = address,
            None => break,
        }
    }
    Some(source)
}

/// What `X-Forwarded-For` says, up to the first thing (from the right) that is no address.
pub(crate) fn forwarded_for(headers: &HeaderMap) -> Vec<IpAddr> {
    let values = headers.get_all("x-forwarded-for").iter();
    let said: Vec<&str> = values.flat_map(|value| value.to_str().unwrap_or("?").split(',')).collect();
    let mut addresses: Vec<IpAddr> =
        said.iter().rev().map_while(|part| part.trim().parse().ok()).map(|ip: IpAddr| ip.to_canonical()).collect();
    addresses.reverse();
    addresses
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

fn complete(mut response: Response, method: &Method, if_none_match: &[HeaderValue], request_id: &str) -> Response {
    let status = response.status();
    if let Some(error::Cause(cause)) = response.extensions_mut().remove() {
        tracing::error!(request_id, status = status.as_u16(), cause, "a request failed");
    }
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|form| form.as_bytes().starts_with(b"text/html"));
    if status == StatusCode::INTERNAL_SERVER_ERROR && !is_page {
        response = error::plain(status, request_id);
    } else if status.is_client_error() && !response.headers().contains_key(header::CONTENT_TYPE) {
        // Of the framework, which has no words of its own: a known path with another method, above all.
        let allow = response.headers_mut().remove(header::ALLOW);
        response = error::plain(status, "this path does not know that method");
        response.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)));
    }
    let unchanged = status == StatusCode::OK
        && (method == Method::GET || method == Method::HEAD)
        && matches_any(response.headers().get(header::ETAG), if_none_match);
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// For an answer that no browser has to show: should it show one all the same, it loads, runs and sends nothing.
const NO_PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
);
/// A year, and this host alone: what else runs below its name is not ours to decide about (RFC 6797).
const TLS_ALONE: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Tells browsers what may be done with an answer. Pages say more of themselves, and it stays.
fn guard(headers: &mut HeaderMap, tls_alone: bool) {
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NO_PAGE);
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    for name in ["cross-origin-opener-policy", "cross-origin-resource-policy"] {
        headers.insert(name, HeaderValue::from_static("same-origin"));
    }
    if tls_alone {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TLS_ALONE);
    }
}

fn matches_any(tag: Option<&HeaderValue>, wanted: &[HeaderValue]) -> bool {
    let Some(Ok(tag)) = tag.map(HeaderValue::to_str) else { return false };
    let mut tags = wanted.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        // A client may send any word; each would be a time series of its own.
        _ => "other",
    }
}

fn note(
    app: &App,
    context: &Context,
    method: &Method,
    route: Option<&MatchedPath>,
    status: StatusCode,
    took: Duration,
) {
    let path = route.map_or("(none)", MatchedPath::as_str);
    let route = path.strip_prefix("/admin").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let method = method_name(method);
    let labels = Labels { method, route: route.to_owned(), status: status.as_u16() };
    if app.traced {
        tracing::Span::current().record("http.response.status_code", status.as_u16());
    }
    app.metrics.requests.get_or_create(&labels).inc();
    app.metrics.latency.get_or_create(&labels).observe(took.as_secs_f64());
    let caller = context.caller.get().map(tracing::field::display);
    tracing::info!(
        target: "portreeve::request",
        request_id = context.origin.request_id,
        method,
        route,
        status = status.as_u16(),
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        caller,
    );
}
