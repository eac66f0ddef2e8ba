//! Base URLs: one that is taken means to us what it means to `http::Uri`, which sends the requests.

use std::net::IpAddr;

use http::Uri;
use ikcrm::fuzz;

const PATH: &str = "/api/v2/opportunities/1";

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(base) = fuzz::base_url(text) else { return };
    let given: Uri = text.parse().expect("a URL that was taken");
    let url = format!("{base}{PATH}");
    let asked: Uri = url.parse().unwrap_or_else(|error| panic!("{url:?}: {error}"));
    assert_eq!(asked.scheme(), given.scheme());
    assert_eq!(asked.port_u16(), given.port_u16());
    let (found, expected) = (asked.host().expect("a host"), given.host().expect("a host"));
    assert!(found.eq_ignore_ascii_case(expected), "{text:?} goes to {found:?}");
    assert!(asked.path().ends_with(PATH) && asked.query().is_none(), "{asked}");
    check_by_hand(&base, &asked);
}

/// What the text itself says.
fn check_by_hand(base: &str, asked: &Uri) {
    let (scheme, rest) = base.split_once("://").expect("a scheme");
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    assert!(!base.contains(['@', '?', '#', ' ']) && !base.contains('\\'), "{base:?}");
    assert!(!host.is_empty());
    assert_eq!(asked.host(), Some(host));
    assert_eq!(asked.port_u16().is_none(), authority == host);
    assert_eq!(asked.port_u16(), port.parse().ok());
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    assert!(scheme.eq_ignore_ascii_case("https") || is_here, "{base:?} is not encrypted");
}
