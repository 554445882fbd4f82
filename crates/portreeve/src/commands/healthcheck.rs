//! `portreeve healthcheck`.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use crate::{
    settings::{Given, Settings},
    terminal, tls,
};

/// How long the answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Whom to ask.
#[derive(Debug, Args)]
pub struct HealthcheckArguments {
    /// The server's address, if it is not the one of the configuration: http://127.0.0.1:8080
    #[arg(long, env = "PORTREEVE_HEALTHCHECK_URL", value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    given: Given,
}

/// Asks, and fails if the answer is not good.
pub fn run(arguments: &HealthcheckArguments) -> anyhow::Result<()> {
    let settings = Settings::resolve(&arguments.given)?;
    // Whoever sends us elsewhere is not the server that was asked about.
    let stay = reqwest::redirect::Policy::none();
    let mut client = reqwest::blocking::Client::builder().timeout(TIMEOUT).no_proxy().redirect(stay);
    if settings.tls_self_signed.value {
        let path = tls::self_signed_certificate(&settings.data.value);
        let pem = std::fs::read(&path).with_context(|| path.display().to_string())?;
        client = client.tls_certs_only([reqwest::Certificate::from_pem(&pem).context("the certificate")?]);
    }
    let base = arguments.url.clone().unwrap_or_else(|| {
        let mut address = settings.listen.value;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        format!("{}://{address}", if settings.has_tls() { "https" } else { "http" })
    });
    let url = format!("{}/readyz", base.trim_end_matches('/'));
    let client = client.build().context("a client")?;
    let status = client.get(&url).send().with_context(|| format!("{url} does not answer"))?.status();
    if !status.is_success() {
        bail!("{url} answers {status}");
    }
    terminal::say("ready");
    Ok(())
}
