//! Logs, for people on a terminal and as JSON elsewhere, and traces when there is somewhere to send them.

use std::io::IsTerminal;

use anyhow::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    Misconfigured,
    settings::{LogFormat, Settings, masked},
};

/// Sends what has been gathered when it is dropped.
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Whether traces are sent anywhere.
    pub fn is_traced(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(Err(fault)) = self.0.as_ref().map(SdkTracerProvider::shutdown) {
            tracing::debug!(%fault, "the last traces were not sent");
        }
    }
}

/// Starts logging and tracing. To be called before the runtime is started: the exporter makes a client of its own.
pub fn start(settings: &Settings) -> anyhow::Result<Telemetry> {
    let level = &settings.log_level.value;
    let filter =
        EnvFilter::try_new(level).map_err(|fault| Misconfigured(format!("log-level {level} is no filter: {fault}")))?;
    let human = match settings.log_format.value {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let lines: Box<dyn Layer<Registry> + Send + Sync> = if human {
        let colours = std::io::stderr().is_terminal();
        Box::new(fmt::layer().compact().with_target(false).with_ansi(colours).with_writer(std::io::stderr))
    } else {
        let json = fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
        Box::new(json.with_writer(std::io::stderr))
    };
    let provider = settings.otlp_endpoint.value.as_deref().map(provider).transpose()?;
    let traces = provider.as_ref().map(|provider| {
        let tracer = provider.tracer("portreeve");
        tracing_opentelemetry::layer().with_tracer(tracer)
    });
    tracing_subscriber::registry().with(lines).with(traces).with(filter).try_init().context("logging")?;
    Ok(Telemetry(provider))
}

fn provider(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    // What is wrong with it may quote the password that is in it.
    let wrong = || Misconfigured(format!("otlp-endpoint {} is not an address like http://host:4318", masked(endpoint)));
    // The OTLP specification: what is given is the base, the signal's path is appended.
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    // A name and a password become a header: as part of the address they would be in the lines of the level trace, and not be sent.
    let asked = reqwest::blocking::Client::new().post(url).build().map_err(|_| wrong())?;
    // Traces go where the operator said, and nowhere that somebody else says.
    let stay = reqwest::redirect::Policy::none();
    let client = reqwest::blocking::Client::builder().redirect(stay).default_headers(asked.headers().clone());
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client.build().context("a client for traces")?)
        .with_endpoint(asked.url().as_str())
        .build()
        .map_err(|_| wrong())?;
    let resource = Resource::builder().with_service_name("portreeve").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
