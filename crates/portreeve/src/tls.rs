//! TLS: the certificate that is given, or one of our own making.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use portreeve_directory::store::folder::keep_names;
use rustls::{
    ServerConfig,
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio_rustls::TlsAcceptor;

use crate::{Misconfigured, certificates, settings::Settings};

/// Where the certificate of our own making lies.
pub fn self_signed_certificate(data: &Path) -> PathBuf {
    data.join("tls-self-signed.crt")
}

/// What accepts TLS connections, if we are to end TLS.
pub fn acceptor(settings: &Settings) -> anyhow::Result<Option<TlsAcceptor>> {
    let (certificate, key) = match (&settings.tls_cert.value, &settings.tls_key.value) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        _ if settings.tls_self_signed.value => make_self_signed(settings)?,
        _ => return Ok(None),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let own = settings.tls_cert.value.is_none();
    let remedy = if own { "; remove both files, and others are made" } else { "" };
    let (at_certificate, at_key) =
        (format!("tls-cert {}", certificate.display()), format!("tls-key {}", key.display()));
    let wrong = |at: &str, fault: String| Misconfigured(format!("{at}: {fault}{remedy}"));
    let algorithms = provider.signature_verification_algorithms;
    let chain =
        certificates::read_chain(&certificate, own, &algorithms).map_err(|fault| wrong(&at_certificate, fault))?;
    let private = certificates::read_key(&key).map_err(|fault| wrong(&at_key, fault))?;
    let certified = CertifiedKey::from_der(chain, private, &provider)
        .map_err(|fault| fault.to_string())
        .and_then(|certified| certificates::check_pair(&certified, &algorithms).map(|()| certified))
        .map_err(|fault| wrong(&format!("{at_certificate} and {at_key}"), fault))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS")?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn make_self_signed(settings: &Settings) -> anyhow::Result<(PathBuf, PathBuf)> {
    let data = &settings.data.value;
    let (certificate, key) = (self_signed_certificate(data), data.join("tls-self-signed.key"));
    if certificate.exists() && key.exists() {
        return Ok((certificate, key));
    }
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let listen = settings.listen.value.ip();
    if !listen.is_unspecified() && !listen.is_loopback() {
        names.push(listen.to_string());
    }
    let made = rcgen::generate_simple_self_signed(names).context("a self-signed certificate")?;
    std::fs::create_dir_all(data).with_context(|| data.display().to_string())?;
    // The certificate comes last and goes first: where there are both, they belong together.
    if certificate.exists() {
        std::fs::remove_file(&certificate).with_context(|| certificate.display().to_string())?;
        keep_names(data).with_context(|| data.display().to_string())?;
    }
    write_private(&key, &made.signing_key.serialize_pem())?;
    write_private(&certificate, &made.cert.pem())?;
    Ok((certificate, key))
}

/// Whole or not at all, whatever happens meanwhile.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let shown = || path.display().to_string();
    let folder = path.parent().with_context(shown)?;
    // It is made so that its owner alone can read it.
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(shown)?;
    file.write_all(text.as_bytes()).with_context(shown)?;
    file.as_file().sync_all().with_context(shown)?;
    file.persist(path).with_context(shown)?;
    keep_names(folder).with_context(shown)
}
