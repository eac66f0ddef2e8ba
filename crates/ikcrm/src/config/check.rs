//! Checks single settings of a client.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::edition::Edition;
use crate::error::{Fault, FieldError, FieldErrorCode as Code, spelt};
use crate::input::setting::{Limits, flag, text, whole};
use crate::input::{Value, excerpt};
use crate::transport::{
    self, Identity, IdentityFault, Proxy, ProxyUrl, count_certificates, is_host,
};

pub(super) const TIMEOUT: Limits = Limits { longest: Duration::from_secs(3600), zero: false };
pub(super) const IDLE: Limits = Limits { longest: Duration::from_secs(3600), zero: true };
pub(super) const SIGN_IN_INTERVAL: Limits =
    Limits { longest: Duration::from_secs(24 * 3600), zero: true };
const MOST_RETRIES: u32 = 10;

/// What the path of each endpoint begins with.
const API: &str = "/api/v2";

/// A number of retries, checked as the typed setter's is.
pub(super) fn retries(value: &Value) -> Result<u32, Fault> {
    let number = whole(value)?;
    u32::try_from(number).map_err(|_| fault_of_retries(number)).and_then(check_retries)
}

/// Whose certificates are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TlsRoots {
    /// Mozilla's, which are bundled.
    #[default]
    Bundled,
    /// The operating system's.
    System,
}

pub(super) fn tls_roots(value: &Value) -> Result<TlsRoots, Fault> {
    match text(value)?.as_str() {
        "bundled" => Ok(TlsRoots::Bundled),
        "system" => Ok(TlsRoots::System),
        other => {
            let message = format!("must be bundled or system, got {:?}", excerpt(other));
            Err(Fault(Code::Format, message))
        }
    }
}

/// A truth value, or its text as the environment's variables have it.
pub(super) fn switch(value: &Value) -> Result<bool, Fault> {
    match value {
        Value::Text(text) if text == "true" => Ok(true),
        Value::Text(text) if text == "false" => Ok(false),
        _ => flag(value),
    }
}

pub(super) fn check_retries(retries: u32) -> Result<u32, Fault> {
    if retries > MOST_RETRIES { Err(fault_of_retries(retries)) } else { Ok(retries) }
}

fn fault_of_retries(got: impl fmt::Display) -> Fault {
    Fault(Code::Range, format!("must be 0 to {MOST_RETRIES}, got {got}"))
}

pub(super) fn base_url(url: Option<String>, edition: Option<Edition>) -> Result<String, Fault> {
    match (url, edition) {
        (Some(_), Some(_)) => {
            let message = format!("give either {} or edition, not both", spelt("base_url"));
            Err(Fault(Code::Conflict, message))
        }
        (Some(url), None) => check_base_url(&url),
        (None, edition) => Ok(edition.unwrap_or_default().base_url().to_owned()),
    }
}

fn check_base_url(url: &str) -> Result<String, Fault> {
    let fault = |message: &str| Err(Fault(Code::Format, message.to_owned()));
    if url.contains('@') {
        return fault("must not contain a user name or a password; give the token as token");
    }
    if url.contains(['?', '#']) {
        return fault("must not contain a query or a fragment; give only scheme, host and path");
    }
    let Ok(uri) = url.parse::<http::Uri>() else {
        return fault("must be a URL such as https://lxcrm.weiwenjia.com");
    };
    if !is_host(uri.host().unwrap_or("-")) {
        return fault("must have a host, such as https://lxcrm.weiwenjia.com");
    }
    if let Some(Err(port)) = uri.authority().map(transport::port) {
        return fault(&format!(
            "has the port {port:?}; write a colon and a number from 1 to 65535"
        ));
    }
    if let Some(wrong) = not_of_a_path(uri.path()) {
        return fault(&format!("has {wrong:?} in its path; percent-encode it, as %20 for a space"));
    }
    let base = without_endpoint(url);
    if let Some((_, rest)) = base.split_once(API) {
        return fault(&format!("must end before or after {API}; leave {rest:?} out"));
    }
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => Ok(base),
        (Some("http"), Some(host)) if is_loopback(host) => Ok(base),
        (Some("http"), Some(_)) => {
            fault("must begin with https://; http:// is allowed only for this machine (localhost)")
        }
        _ => fault("must be a URL such as https://lxcrm.weiwenjia.com"),
    }
}

/// The first character that no path of a URL has; a server, or a proxy on the way, may take it for
/// another, as many take `\` for `/`.
fn not_of_a_path(path: &str) -> Option<char> {
    path.chars().find(|c| !c.is_ascii_alphanumeric() && !"/%-._~!$&'()*+,;=:".contains(*c))
}

/// The URL without the part of the path that each endpoint begins with, which may be given too.
fn without_endpoint(url: &str) -> String {
    let url = url.trim_end_matches('/');
    url.strip_suffix(API).unwrap_or(url).trim_end_matches('/').to_owned()
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A variable's value by its name.
pub(super) type Environment = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The proxy to go through to this base URL, as the environment says if it is to.
pub(super) fn check_proxy(
    proxy: &Proxy,
    base_url: &str,
    environment: Option<&Environment>,
) -> Result<Option<ProxyUrl>, Fault> {
    let variable = |name: &str| match environment {
        Some(read) => read(name),
        None => std::env::var(name).ok(),
    };
    proxy.choose(base_url, &variable).map_err(|fault| Fault(Code::Format, fault))
}

pub(super) fn read_certificates(path: &Path) -> Result<Vec<u8>, Fault> {
    let shown = path.display();
    let pem = std::fs::read(path)
        .map_err(|error| Fault(Code::Format, format!("cannot read {shown}: {error}")))?;
    match count_certificates(&pem) {
        Ok(0) => Err(Fault(Code::Format, format!("{shown} holds no PEM certificate"))),
        Ok(_) => Ok(pem),
        Err(error) => Err(Fault(Code::Format, format!("{shown} is not PEM: {error}"))),
    }
}

/// The certificate to show, and its key.
pub(super) fn read_identity(
    certificate: Option<&Path>,
    key: Option<&Path>,
) -> Result<Option<Identity>, FieldError> {
    let Some(certificate) = certificate else {
        let message = "give the file of the certificate that the key is of";
        let missing = || FieldError::new("client_cert", Code::Required, message);
        return key.map_or(Ok(None), |_| Err(missing()));
    };
    Identity::read(certificate, key).map(Some).map_err(|fault| match fault {
        IdentityFault::OfCertificate(message) => Fault(Code::Format, message).of("client_cert"),
        IdentityFault::OfKey(message) => Fault(Code::Format, message).of("client_key"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_no_base_url() {
        let fault = check_base_url("https://crm.example.com/api/v2/opportunities/").unwrap_err();
        assert_eq!(fault.1, "must end before or after /api/v2; leave \"/opportunities\" out");
    }

    #[test]
    fn a_base_url_is_kept_up_to_the_path_of_the_api() {
        for (url, base) in [
            ("https://crm.example.com", "https://crm.example.com"),
            ("https://crm.example.com:443//", "https://crm.example.com:443"),
            ("https://crm.example.com/api/v2", "https://crm.example.com"),
            ("https://crm.example.com/crm/api/v2/", "https://crm.example.com/crm"),
            ("https://crm.example.com/api", "https://crm.example.com/api"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
            ("http://LocalHost:1", "http://LocalHost:1"),
        ] {
            assert_eq!(check_base_url(url).map_err(|fault| fault.1), Ok(base.to_owned()));
        }
    }
}
