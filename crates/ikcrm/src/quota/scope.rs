//! `Scope`: the name of a quota that has no key of its own.

use ring::digest::{SHA256, digest};

/// Whose calls a quota counts, as far as a client's settings tell.
pub(crate) struct Scope<'a> {
    pub(crate) base_url: &'a str,
    /// The `corp_id`, the login, or the token.
    pub(crate) who: Option<&'a str>,
}

impl Scope<'_> {
    /// The CRM's host, and a fingerprint of whose calls they are. Secrets stay so.
    pub(super) fn name(&self) -> String {
        let host = host_of(self.base_url);
        let digest = digest(&SHA256, self.who.unwrap_or_default().as_bytes());
        let fingerprint = digest.as_ref().first_chunk().copied().map_or(0, u64::from_be_bytes);
        format!("{host} {fingerprint:016x}")
    }
}

/// The host that a base URL names, however it is written, and its port unless that is the usual one.
fn host_of(base_url: &str) -> String {
    let (scheme, rest) = base_url.split_once("://").unwrap_or_default();
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    let (host, port) = port.unwrap_or((&authority, ""));
    let usual = if scheme == "https" { "443" } else { "80" };
    let host = match host.trim_end_matches('.') {
        "localhost" | "[::1]" => "127.0.0.1",
        host => host,
    };
    if port.is_empty() || port == usual { host.to_owned() } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_name() {
        let same = ["https://Crm.example", "https://crm.example:443", "https://crm.example./api"];
        assert!(same.iter().all(|url| host_of(url) == "crm.example"));
        let same = ["http://localhost:8080", "http://127.0.0.1:8080/", "http://[::1]:8080"];
        assert!(same.iter().all(|url| host_of(url) == "127.0.0.1:8080"));
        assert_eq!(host_of("https://[2001:DB8::1]"), "[2001:db8::1]");
        assert_ne!(host_of("https://crm.example:8443"), host_of("https://crm.example"));
    }
}
