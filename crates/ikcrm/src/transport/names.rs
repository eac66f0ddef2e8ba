//! Finds the addresses of a host: literal ones at once, others from a cache of one minute.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::attempt::interruptible;
use super::failure::Fault;
use crate::error::spelt;

const KEEP: Duration = Duration::from_secs(60);
/// How many addresses of one name are tried.
const MAX_ADDRESSES: usize = 16;

/// Where to connect to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// A name or an address, without the brackets of IPv6.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Place {
    pub(super) fn new(host: &str, port: u16) -> Self {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        Self { host: bare.unwrap_or(host).to_owned(), port }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The names that were looked up.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<HashMap<Place, (Instant, Vec<SocketAddr>)>>);

impl Names {
    /// The addresses of a place, at least one.
    pub(super) fn resolve(&self, place: &Place) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = place.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, place.port)]);
        }
        if let Some(addresses) = self.cached(place) {
            return Ok(addresses);
        }
        let name = (place.host.clone(), place.port);
        let look_up = move || name.to_socket_addrs().map(|all| all.take(MAX_ADDRESSES).collect());
        let addresses: Vec<SocketAddr> = interruptible(look_up)?;
        if addresses.is_empty() {
            return Err(io::Error::other("the name has no address"));
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(place.clone(), (Instant::now(), addresses.clone()));
        Ok(addresses)
    }

    fn cached(&self, place: &Place) -> Option<Vec<SocketAddr>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, addresses) = known.get(place)?;
        (since.elapsed() < KEEP).then(|| addresses.clone())
    }
}

/// Those of the addresses that are this machine's own, to which alone http may go: a name such as
/// `localhost` may be given to another machine.
pub(super) fn only_this_machine(
    place: &Place,
    addresses: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, Fault> {
    let (own, others): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.ip().to_canonical().is_loopback());
    match others.first() {
        Some(other) if own.is_empty() => Err(Fault::permanent(format!(
            "http:// is allowed only for this machine, but {} is {} here: give an https URL as {}",
            place.host,
            other.ip(),
            spelt("base_url"),
        ))),
        _ => Ok(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(addresses: &[&str]) -> Result<Vec<SocketAddr>, Fault> {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        only_this_machine(&Place::new("localhost", 80), addresses)
    }

    #[test]
    fn http_goes_to_loopback_addresses_only() {
        let own = ["127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80"];
        assert_eq!(kept(&own).unwrap().len(), 3);
        assert_eq!(kept(&["10.0.0.1:80", "127.0.0.1:80"]).unwrap(), kept(&own[..1]).unwrap());
        let fault = kept(&["10.0.0.1:80"]).unwrap_err();
        assert!(!fault.passing);
        assert!(fault.message.contains("localhost is 10.0.0.1"), "{}", fault.message);
    }
}
