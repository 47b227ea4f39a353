//! Alerts to a webhook. Its address may be a secret, so no message holds any of it.

use std::sync::Arc;

use ureq::tls::{Certificate, RootCerts, TlsConfig};
use url::Url;

use super::{Alert, TRY};

/// An address that takes alerts as JSON.
#[derive(Clone)]
pub struct Webhook {
    url: String,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Webhook(***)")
    }
}

impl Webhook {
    /// Webhook of an address; `None` if it is none of HTTP.
    pub(super) fn new(url: &str) -> Option<Webhook> {
        let parsed = Url::parse(url).ok()?;
        let is_http = matches!(parsed.scheme(), "http" | "https") && parsed.has_host();
        is_http.then(|| Webhook { url: parsed.into() })
    }

    pub(super) fn send(&self, alert: &Alert) -> Result<(), String> {
        let mut tls = TlsConfig::builder();
        if self.url.starts_with("https:") {
            let known = rustls_native_certs::load_native_certs().certs;
            let known = known.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
            tls = tls
                .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .root_certs(RootCerts::Specific(Arc::new(known)));
        }
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(TRY))
            .max_redirects(0)
            .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .tls_config(tls.build())
            .build()
            .new_agent();
        let body = serde_json::to_vec(alert).map_err(|error| error.to_string())?;
        let answer = agent.post(&self.url).content_type("application/json").send(&body);
        let status = answer.map_err(|error| error.to_string())?.status();
        if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
    }
}
