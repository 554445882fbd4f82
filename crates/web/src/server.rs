//! The listener: connections with limits on their number, the size of a head and the time that it may take; TLS; and an end
//! that is told beforehand and lets requests under way finish.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
};
use futures_util::FutureExt;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tokio_io_timeout::TimeoutWriter;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::request::Peer;

/// Connections that are open at once; more wait in the system's queue.
const CONNECTION_LIMIT: usize = 10_000;
/// How long the head of a request may take, and an idle connection may stay.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// How long a TLS handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long a client may take nothing of an answer.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// The longest head.
const HEAD_LIMIT: usize = 64 * 1024;
/// The pause after a fault of the listener (out of files, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How far a server is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It serves.
    Serving,
    /// It serves on, and says that it is about to end: a load balancer sends what comes next elsewhere.
    Leaving,
    /// It listens no more.
    Ending,
}

/// Serves until `phase` comes to the ending, then lets what is under way finish for at most `grace`. Says whether all did.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    mut phase: watch::Receiver<Phase>,
    grace: Duration,
) -> bool {
    let permits = Arc::new(Semaphore::new(CONNECTION_LIMIT));
    let mut connections = JoinSet::new();
    loop {
        let accept = async {
            // The semaphore is never closed.
            let permit = permits.clone().acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            accepted = accept => accepted,
            _ = phase.wait_for(|phase| *phase == Phase::Ending) => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let answering = connection(stream, peer, tls.clone(), router.clone(), phase.clone());
                connections.spawn(async move {
                    answering.await;
                    drop(permit);
                });
            }
            Err(fault) => {
                tracing::warn!(%fault, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Whoever was let into the system's queue before the end would else be cut off.
    while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
        connections.spawn(connection(stream, peer, tls.clone(), router.clone(), phase.clone()));
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    tokio::time::timeout(grace, all_ended).await.is_ok()
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    phase: watch::Receiver<Phase>,
) {
    if let Err(fault) = open(stream, peer, tls, router, phase).await {
        tracing::debug!(%peer, fault, "a connection ended");
    }
}

async fn open(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    phase: watch::Receiver<Phase>,
) -> Result<(), String> {
    stream.set_nodelay(true).map_err(|fault| fault.to_string())?;
    match tls {
        None => answer(stream, peer, router, phase).await,
        Some(acceptor) => {
            let handshake = tokio::time::timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await;
            let stream = handshake.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            answer(stream.map_err(|fault| fault.to_string())?, peer, router, phase).await
        }
    }
}

async fn answer<S>(stream: S, peer: SocketAddr, router: Router, mut phase: watch::Receiver<Phase>) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let now = phase.clone();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        let (answering, now) = (router.clone().oneshot(request), now.clone());
        async move {
            let mut answer = answering.await?;
            // So that the next request comes on another connection, and not on this one in the moment of its end.
            if *now.borrow() != Phase::Serving {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    // Who asks and does not read would else keep the connection, and what it holds, for ever.
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(WRITE_TIME));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_LIMIT)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // What has already come is seen before the end is.
        biased;
        ended = connection.as_mut() => return ended.map_err(|fault| fault.to_string()),
        _ = phase.wait_for(|phase| *phase == Phase::Ending) => connection.as_mut().graceful_shutdown(),
    }
    connection.await.map_err(|fault| fault.to_string())
}
