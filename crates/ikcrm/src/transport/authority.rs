//! Reads the host and the port of a URL, which libraries guess where they are wrong. Pure.

use std::net::Ipv6Addr;

use http::uri::Authority;

/// Whether this is a host's name or address.
pub(crate) fn is_host(host: &str) -> bool {
    let ip = host.strip_prefix('[').map(|ip| ip.trim_end_matches(']'));
    ip.map_or(!host.is_empty(), |ip| ip.parse::<Ipv6Addr>().is_ok())
}

/// The port, if one is given.
///
/// # Errors
///
/// What stands in its place, when that is no port; a library for URLs takes the scheme's own then.
pub(crate) fn port(authority: &Authority) -> Result<Option<u16>, &str> {
    let rest = authority.as_str().get(authority.host().len()..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(None);
    }
    let digits = rest.strip_prefix(':').ok_or(rest)?;
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u16>());
    match number {
        Some(Ok(port @ 1..)) => Ok(Some(port)),
        _ => Err(digits),
    }
}
