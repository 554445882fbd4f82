//! `portreeve serve`: opens the data, listens, and ends in good order.

use std::time::Duration;

use anyhow::Context;
use portreeve_directory::{Directory, caller::Caller, error::Error};
use portreeve_web::{
    App, Parts, router,
    server::{self, Phase},
};
use prometheus_client::registry::Registry;
use tokio::{
    net::TcpListener,
    signal::unix::{self, Signal, SignalKind},
    sync::watch,
};

use crate::{Misconfigured, memory, settings::Settings, telemetry, terminal, tls};

/// How long requests under way may go on after the first SIGTERM.
const GRACE: Duration = Duration::from_secs(8);
/// How often what has run out is removed.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// Serves until told to stop.
pub fn run(mut settings: Settings) -> anyhow::Result<()> {
    settings.check_exposure()?;
    let telemetry = telemetry::start(&settings)?;
    memory::keep_in();
    let runtime = super::runtime()?;
    let served = runtime.block_on(serve(&mut settings, telemetry.is_traced()));
    // What still runs had its time.
    runtime.shutdown_background();
    served
}

async fn serve(settings: &mut Settings, traced: bool) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    let _only_one = super::lock(&settings.location())?;
    let directory = super::open(settings).await?;
    directory.recover().await?;
    let mut parts = Parts::new(directory.clone());
    parts.proxies.clone_from(&settings.behind_proxy.value);
    parts.traced = traced;
    parts.tls_alone = settings.is_for_tls_alone();
    let (phase, phases) = watch::channel(Phase::Serving);
    parts.phase = phases.clone();
    let app = App::from(parts);
    let metrics = metrics_router(&app);
    let acceptor = tls::acceptor(settings)?;
    let listener = bind(settings.listen.value).await?;
    let address = listener.local_addr().context("the listener has no address")?;
    if let Some(address) = settings.metrics_listen.value {
        let listener = bind(address).await?;
        tokio::spawn(server::serve(listener, None, metrics, phases.clone(), GRACE));
    }
    // Once nothing can go wrong any more: a start that fails must not use up the only time that the password is shown.
    let given = settings.admin_password.value.take();
    let password = install_administrator(&directory, given).await?;
    tokio::spawn(tidy(directory.clone()));
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    greet(&format!("{scheme}://{address}"), settings, password.as_deref());
    if let Err(fault) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        tracing::debug!(%fault, "no supervisor was told");
    }
    let serving = tokio::spawn(server::serve(listener, acceptor, router::router(app), phases, GRACE));
    signals.wait().await;
    tracing::info!("stopping; a second signal ends at once");
    // A supervisor that cannot be told will see it.
    drop(sd_notify::notify(&[sd_notify::NotifyState::Stopping]));
    let ending = async {
        let delay = settings.drain_delay();
        if !delay.is_zero() {
            phase.send_replace(Phase::Leaving);
            tokio::time::sleep(delay).await;
        }
        phase.send_replace(Phase::Ending);
        serving.await
    };
    tokio::select! {
        ended = ending => {
            if !ended.context("the server stopped")? {
                tracing::warn!("some requests were still under way and were cut off");
            }
        }
        () = signals.wait() => {
            tracing::warn!("stopped at once");
            return Ok(());
        }
    }
    directory.close().context("leaving the data in order")
}

/// The signals that mean: stop. SIGHUP is one: the terminal is gone.
pub(super) struct Signals(tokio::sync::Mutex<[Signal; 3]>);

impl Signals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        let signal = |kind| unix::signal(kind).context("signals cannot be listened for");
        let all = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        let [terminate, interrupt, hangup] = all.map(signal);
        Ok(Self(tokio::sync::Mutex::new([terminate?, interrupt?, hangup?])))
    }

    pub(super) async fn wait(&self) {
        let mut all = self.0.lock().await;
        let [terminate, interrupt, hangup] = &mut *all;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

async fn install_administrator(directory: &Directory, given: Option<String>) -> anyhow::Result<Option<String>> {
    let caller = Caller::operator("first start".into());
    directory.install_administrator(&caller, given).await.map_err(|fault| match fault {
        Error::Invalid(faults) => {
            let said: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
            Misconfigured(format!("PORTREEVE_ADMIN_PASSWORD {}", said.join(", and "))).into()
        }
        other => anyhow::Error::from(other),
    })
}

async fn bind(address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

fn metrics_router(app: &App) -> axum::Router {
    let mut registry = Registry::with_prefix("portreeve");
    app.directory.metrics.register(&mut registry);
    app.metrics.register(&mut registry);
    router::metrics(registry)
}

async fn tidy(directory: Directory) {
    let mut every = tokio::time::interval(TIDY_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(fault) = directory.tidy().await {
            tracing::warn!(%fault, "what has run out was not removed; trying again in a minute");
        }
    }
}

fn greet(address: &str, settings: &Settings, password: Option<&str>) {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "portreeve {version}\n  listening on  {address}  (the console: {address}/ui/, the API: {address}/docs)\n"
    );
    text += &format!("  data in       {}", settings.location_text());
    if let Some(password) = password {
        text += &format!("\n  log in as     admin, with the password {password}  (shown only this once)");
    }
    terminal::say(&text);
    tracing::info!(address, data = settings.location_text(), version, "listening");
}
