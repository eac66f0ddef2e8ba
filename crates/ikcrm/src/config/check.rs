//! Checks single settings of a client.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::Path;
use std::time::Duration;

use super::edition::Edition;
use crate::error::{Fault, FieldErrorCode as Code};
use crate::input::Value;
use crate::input::setting::{duration, whole};
use crate::transport::{Proxy, count_certificates, is_proxy_url};

const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);
const MOST_RETRIES: u32 = 10;
const LONGEST_SIGN_IN_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// A timeout from a number of seconds, checked as the typed setter's is.
pub(super) fn seconds(value: &Value) -> Result<Duration, Fault> {
    duration(value).and_then(check_timeout)
}

/// A number of retries, checked as the typed setter's is.
pub(super) fn retries(value: &Value) -> Result<u32, Fault> {
    let number = whole(value)?;
    u32::try_from(number).map_err(|_| fault_of_retries(number)).and_then(check_retries)
}

pub(super) fn check_timeout(timeout: Duration) -> Result<Duration, Fault> {
    if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
        return Err(fault_of_timeout(format!("{timeout:?}")));
    }
    Ok(timeout)
}

pub(super) fn check_interval(interval: Duration) -> Result<Duration, Fault> {
    if interval > LONGEST_SIGN_IN_INTERVAL {
        let longest = LONGEST_SIGN_IN_INTERVAL.as_secs();
        return Err(Fault(Code::Range, format!("must be 0 to {longest} s, got {interval:?}")));
    }
    Ok(interval)
}

fn fault_of_timeout(got: impl fmt::Display) -> Fault {
    let longest = LONGEST_TIMEOUT.as_secs();
    Fault(Code::Range, format!("must be more than 0 and at most {longest} s, got {got}"))
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
            Err(Fault(Code::Conflict, "give either a base URL or an edition, not both".to_owned()))
        }
        (Some(url), None) => check_base_url(&url),
        (None, edition) => Ok(edition.unwrap_or_default().base_url().to_owned()),
    }
}

fn check_base_url(url: &str) -> Result<String, Fault> {
    let fault = |message: &str| Err(Fault(Code::Format, message.to_owned()));
    if url.contains('@') {
        return fault("may not hold a user name or password; give the token as token");
    }
    if url.contains(['?', '#']) {
        return fault("may not hold a query or a fragment; give only scheme, host and path");
    }
    let Ok(uri) = url.parse::<http::Uri>() else {
        return fault("must be a URL such as https://lxcrm.weiwenjia.com");
    };
    if !is_host(uri.host().unwrap_or("-")) {
        return fault("must have a host, such as https://lxcrm.weiwenjia.com");
    }
    if !is_host_and_port(&uri) {
        return fault("may have nothing after the host but a port from 1 to 65535 and a path");
    }
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => Ok(url.trim_end_matches('/').to_owned()),
        (Some("http"), Some(host)) if is_loopback(host) => Ok(url.trim_end_matches('/').to_owned()),
        (Some("http"), Some(_)) => fault("must begin with https://; http is only for this machine"),
        _ => fault("must be a URL such as https://lxcrm.weiwenjia.com"),
    }
}

fn is_host(host: &str) -> bool {
    let ip = host.strip_prefix('[').map(|ip| ip.trim_end_matches(']'));
    ip.map_or(!host.is_empty(), |ip| ip.parse::<Ipv6Addr>().is_ok())
}

/// What else follows the host is no port to `http::Uri`: the requests would go to the usual one.
fn is_host_and_port(uri: &http::Uri) -> bool {
    let (host, authority) = (uri.host(), uri.authority());
    match authority.zip(host).and_then(|(all, host)| all.as_str().strip_prefix(host)) {
        Some("") | None => true,
        Some(rest) => {
            let digits = rest.strip_prefix(':').unwrap_or_default();
            digits.bytes().all(|byte| byte.is_ascii_digit())
                && digits.parse::<u16>().is_ok_and(|port| port > 0)
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

pub(super) fn check_proxy(proxy: Proxy) -> Result<Proxy, Fault> {
    match &proxy {
        Proxy::Url(url) if !is_proxy_url(url) => Err(Fault(
            Code::Format,
            "must be the URL of an HTTP proxy such as http://proxy.example:3128, or env".to_owned(),
        )),
        _ => Ok(proxy),
    }
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
