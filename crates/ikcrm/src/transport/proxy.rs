//! Through which proxy the CRM is reached: its URL, and the variables that name one. Pure.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::uri::{Authority, Uri};

use super::authority::{is_host, port};
use super::names::Place;

/// Through what the client is to reach the CRM.
#[derive(Clone, Default, PartialEq)]
pub(crate) enum Proxy {
    #[default]
    None,
    /// As the variables `https_proxy`, `all_proxy`, `no_proxy` say.
    Environment,
    Url(String),
}

impl Proxy {
    /// The proxy to this base URL.
    ///
    /// # Errors
    ///
    /// Says what is wrong with its URL, or with the variable that names it.
    pub(crate) fn choose(
        &self,
        base_url: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<ProxyUrl>, String> {
        match self {
            Self::None => Ok(None),
            Self::Environment => ProxyUrl::of_environment(base_url, variable),
            Self::Url(url) => ProxyUrl::parse(url).map(Some),
        }
    }
}

/// An HTTP proxy that can be used.
#[derive(Clone, PartialEq)]
pub(crate) struct ProxyUrl {
    /// Whether TLS is spoken with the proxy itself.
    pub(super) encrypted: bool,
    pub(super) place: Place,
    /// The header's value.
    pub(super) authorization: Option<String>,
}

/// Without the password.
impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProxyUrl").field(&self.place).finish()
    }
}

impl ProxyUrl {
    /// Reads `http://user:password@host:port`, or what is short for it: `host:port`.
    ///
    /// # Errors
    ///
    /// Says what is wrong, without user and password.
    fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let encrypted = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            other => {
                return Err(format!(
                    "must be the URL of an HTTP proxy such as http://proxy.example:3128, got one \
                     that begins with {other}://, which is not supported"
                ));
            }
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let place = place(host, if encrypted { 443 } else { 80 }).ok_or_else(|| {
            format!("must be the URL of an HTTP proxy such as http://proxy.example:3128, got the host {host:?}")
        })?;
        let authorization = user.map(|user| {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            let plain = [&decoded(user), b":".as_slice(), &decoded(password)].concat();
            format!("Basic {}", BASE64_STANDARD.encode(plain))
        });
        Ok(Self { encrypted, place, authorization })
    }

    /// The proxy that the standard variables name for this base URL, by the rules of curl: names
    /// in lower case come first, `https_proxy` before `all_proxy`, `no_proxy` before both; what is
    /// empty is not there. http goes to this machine only, and through no proxy.
    ///
    /// # Errors
    ///
    /// Says which variable is wrong, and why.
    fn of_environment(
        base_url: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let Some(target) = base_url.parse::<Uri>().ok().filter(is_https) else { return Ok(None) };
        let set = |name: &str| {
            let names = [name.to_owned(), name.to_ascii_uppercase()];
            let set = |name: String| {
                let value = variable(&name)?.trim().to_owned();
                (!value.is_empty()).then_some((name, value))
            };
            names.into_iter().find_map(set)
        };
        let target =
            Place::new(target.host().unwrap_or_default(), target.port_u16().unwrap_or(443));
        if set("no_proxy").is_some_and(|(_, list)| is_exempt(&target, &list)) {
            return Ok(None);
        }
        let named = set("https_proxy").or_else(|| set("all_proxy"));
        let read = |(name, url): (String, String)| {
            Self::parse(&url)
                .map_err(|fault| format!("{fault}; it comes from the environment variable {name}"))
        };
        named.map(read).transpose()
    }
}

fn is_https(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https")
}

/// A host with its port, if it is one.
fn place(text: &str, default: u16) -> Option<Place> {
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let port = port(&authority).ok()?.unwrap_or(default);
    is_host(host).then(|| Place::new(host, port))
}

/// The bytes of a part of a URL.
fn decoded(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut bytes = Vec::new();
    while let [first, tail @ ..] = rest {
        let hex = (*first == b'%').then(|| tail.get(..2)).flatten();
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    bytes
}

/// Whether one of the list's names, addresses or networks covers the place.
fn is_exempt(target: &Place, list: &str) -> bool {
    let entries = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
    entries.into_iter().any(|entry| covers(entry, target))
}

fn covers(entry: &str, target: &Place) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(ip) = target.host.parse::<IpAddr>() {
        return covers_address(entry, ip, target.port);
    }
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (entry, None),
    };
    if port.is_some_and(|port| port.parse() != Ok(target.port)) {
        return false;
    }
    let name = name.trim_start_matches('*').trim_matches('.').to_ascii_lowercase();
    let host = target.host.trim_end_matches('.').to_ascii_lowercase();
    let parent = host.strip_suffix(&name).map(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.is_empty() && parent == Some(true)
}

/// An address, alone or with a port, or a network such as `10.0.0.0/8`.
fn covers_address(entry: &str, ip: IpAddr, port: u16) -> bool {
    let (text, bits) = match entry.split_once('/') {
        Some((text, bits)) => (text, bits.parse().ok()),
        None => (entry, Some(128)),
    };
    let Some(bits) = bits else { return false };
    let alone = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    let with_port = || {
        let place = place(text, port).filter(|place| place.port == port)?;
        place.host.parse::<IpAddr>().ok()
    };
    alone.or_else(with_port).is_some_and(|network| same_network(network, ip, bits))
}

/// Whether the first bits of two addresses are the same.
fn same_network(network: IpAddr, ip: IpAddr, bits: u32) -> bool {
    let rest = |width: u32| width.saturating_sub(bits);
    match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => {
            let differ = network.to_bits() ^ ip.to_bits();
            differ.checked_shr(rest(32)).unwrap_or_default() == 0
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) => {
            let differ = network.to_bits() ^ ip.to_bits();
            differ.checked_shr(rest(128)).unwrap_or_default() == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(base_url: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let proxy = ProxyUrl::of_environment(base_url, &variable)?;
        Ok(proxy.map(|proxy| proxy.place.to_string()))
    }

    #[test]
    fn variables_are_taken_in_curls_order() {
        let lower = ("https_proxy", "http://lower:1");
        let upper = ("HTTPS_PROXY", "upper:2");
        let all = ("ALL_PROXY", "https://all");
        let http = ("HTTP_PROXY", "http://http:3");
        let url = "https://crm.example.com";
        for (variables, expected) in [
            (&[upper, lower, all][..], Some("lower:1")),
            (&[upper, ("https_proxy", ""), all], Some("upper:2")),
            (&[all, http], Some("all:443")),
            (&[http], None),
            (&[], None),
            (&[("https_proxy", "socks5://s:1"), ("no_proxy", "example.com")], None),
        ] {
            assert_eq!(chosen(url, variables).unwrap().as_deref(), expected, "{variables:?}");
        }
        assert_eq!(chosen("http://127.0.0.1:1", &[upper, all, http]).unwrap(), None);
    }

    #[test]
    fn what_is_no_http_proxy_is_refused_by_name() {
        for scheme in ["socks5", "socks5h", "socks4", "ftp"] {
            let url = format!("{scheme}://user:secret@proxy:1080");
            let fault = chosen("https://crm.example.com", &[("ALL_PROXY", &url)]).unwrap_err();
            assert!(fault.contains("ALL_PROXY") && fault.contains(scheme), "{fault}");
            assert!(!fault.contains("secret"), "{fault}");
        }
        for url in
            ["", "http://", "http://:1", "http://a b", "a:b:c", "http://[]:1", "http://[::x]"]
        {
            assert!(ProxyUrl::parse(url).is_err(), "{url}");
        }
        for url in ["proxy:0", "proxy:65536", "proxy:", "proxy:+80", "http://[::1]6", "[::1]6:80"] {
            assert!(ProxyUrl::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn user_and_password_are_decoded_once() {
        let authorization = |url| ProxyUrl::parse(url).unwrap().authorization;
        let basic = |plain: &str| Some(format!("Basic {}", BASE64_STANDARD.encode(plain)));
        assert_eq!(authorization("http://u%40x:p%2540:%@h:1"), basic("u@x:p%40:%"));
        assert_eq!(authorization("u@h"), basic("u:"));
        assert_eq!(authorization("h"), None);
        let shown = format!("{:?}", ProxyUrl::parse("http://user:secret@h:1").unwrap());
        assert!(!shown.contains("secret") && !shown.contains("user"), "{shown}");
    }

    #[test]
    fn no_proxy_covers_names_addresses_and_networks() {
        for (list, host, expected) in [
            ("example.com", "crm.example.com", true),
            ("example.com", "example.com", true),
            ("example.com", "badexample.com", false),
            (".example.com", "crm.example.com", true),
            (".example.com", "example.com", true),
            ("*.example.com", "crm.example.com", true),
            ("EXAMPLE.com.", "CRM.Example.COM", true),
            ("a.org, example.com", "crm.example.com", true),
            ("a.org example.com", "crm.example.com", true),
            ("example.com:443", "crm.example.com", true),
            ("example.com:8443", "crm.example.com", false),
            ("example.com:8443", "crm.example.com:8443", true),
            ("*", "crm.example.com", true),
            (".", "crm.example.com", false),
            ("example.com", "10.0.0.1", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1:443", "10.0.0.1", true),
            ("10.0.0.1:80", "10.0.0.1", false),
            ("10.0.0.0/8", "10.9.8.7", true),
            ("10.0.0.0/8", "11.9.8.7", false),
            ("0.0.0.0/0", "11.9.8.7", true),
            ("10.0.0.0/x", "10.0.0.0", false),
            ("0.0.0.1", "10.0.0.1", false),
            ("::1", "[::1]", true),
            ("[::1]", "[::1]", true),
            ("fd00::/8", "[fd12::1]", true),
            ("fd00::/8", "[fe80::1]", false),
        ] {
            let url = format!("https://{host}");
            let variables = [("https_proxy", "http://proxy:1"), ("no_proxy", list)];
            let exempt = chosen(&url, &variables).unwrap().is_none();
            assert_eq!(exempt, expected, "{list} {host}");
        }
    }
}
