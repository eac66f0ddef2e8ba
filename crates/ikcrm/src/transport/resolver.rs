//! Resolves names: literal addresses at once, others from a cache of one minute.
//!
//! ureq's own resolver starts a thread on every call, pooled connection or not.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::attempt::Attempt;
use crate::sync::lock;

const KEEP: Duration = Duration::from_secs(60);
/// How many addresses of one name are tried.
const MAX_ADDRESSES: usize = 16;

/// A host and a port.
type Key = (String, u16);

#[derive(Debug, Default)]
pub(super) struct CachingResolver {
    known: Mutex<HashMap<Key, (Instant, Vec<SocketAddr>)>>,
}

impl Resolver for CachingResolver {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or(Error::HostNotFound)?;
        let port =
            uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = match bare.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) => self.look_up(bare, port)?,
        };
        let mut resolved = self.empty();
        addresses.into_iter().take(MAX_ADDRESSES).for_each(|address| resolved.push(address));
        if resolved.is_empty() { Err(Error::HostNotFound) } else { Ok(resolved) }
    }
}

impl CachingResolver {
    fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let key = (host.to_owned(), port);
        if let Some(addresses) = self.cached(&key) {
            return Ok(addresses);
        }
        let name = key.clone();
        let look_up = move || name.to_socket_addrs().map(Iterator::collect);
        let addresses: Vec<SocketAddr> = match Attempt::current() {
            Some(attempt) => attempt.off_thread(look_up)?,
            None => look_up()?,
        };
        let mut known = lock(&self.known);
        known.insert(key, (Instant::now(), addresses.clone()));
        Ok(addresses)
    }

    fn cached(&self, key: &Key) -> Option<Vec<SocketAddr>> {
        let known = lock(&self.known);
        let (since, addresses) = known.get(key)?;
        (since.elapsed() < KEEP).then(|| addresses.clone())
    }
}
