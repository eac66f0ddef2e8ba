//! Makes connections: looks the host up, connects, asks a proxy for a tunnel, begins TLS.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout};

use super::attempt::Attempt;
use super::failure::while_doing;
use super::names::{Names, Place, only_this_machine};
use super::proxy::ProxyUrl;
use super::tcp::{Layer, Tcp};
use super::tls::{self, Tls};
use super::tunnel;
use super::wire::Wire;
use crate::error::spelt;

/// How connections are made.
#[derive(Debug)]
pub(super) struct Dialer {
    names: Names,
    proxy: Option<ProxyUrl>,
    /// The PEM text of certificates to trust besides the bundled ones.
    ca_bundle: Option<Vec<u8>>,
    /// Whether the operating system's certificates are trusted in the place of the bundled ones.
    system_roots: bool,
    tls: OnceLock<Arc<ClientConfig>>,
}

impl Dialer {
    pub(super) fn new(
        proxy: Option<ProxyUrl>,
        ca_bundle: Option<Vec<u8>>,
        system_roots: bool,
    ) -> Self {
        Self { names: Names::default(), proxy, ca_bundle, system_roots, tls: OnceLock::new() }
    }

    fn dial(&self, uri: &Uri, encrypted: bool) -> io::Result<Box<dyn Layer>> {
        let host = uri.host().unwrap_or_default();
        let target = Place::new(host, uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 }));
        if !encrypted {
            return self.reach(&target, "the CRM at", true);
        }
        let link = match &self.proxy {
            None => self.reach(&target, "the CRM at", false)?,
            Some(proxy) => self.reach_through(proxy, &target)?,
        };
        self.encrypt(link, &target, spelt("base_url"))
    }

    fn reach(&self, place: &Place, whom: &str, alone: bool) -> io::Result<Box<dyn Layer>> {
        let failing = || while_doing(format!("connecting to {whom} {place}"));
        let addresses = self.names.resolve(place).map_err(failing())?;
        let addresses = if alone { only_this_machine(place, addresses)? } else { addresses };
        Ok(Box::new(Tcp::connect(addresses).map_err(failing())?))
    }

    fn reach_through(&self, proxy: &ProxyUrl, target: &Place) -> io::Result<Box<dyn Layer>> {
        let mut link = self.reach(&proxy.place, "the proxy", false)?;
        if proxy.encrypted {
            link = self.encrypt(link, &proxy.place, "proxy")?;
        }
        tunnel::open(&mut *link, proxy, target)?;
        Ok(link)
    }

    /// Begins TLS with a place that is named by a setting.
    fn encrypt(
        &self,
        link: Box<dyn Layer>,
        place: &Place,
        setting: &str,
    ) -> io::Result<Box<dyn Layer>> {
        let config = if let Some(config) = self.tls.get() {
            Arc::clone(config)
        } else {
            let config = tls::config(self.ca_bundle.as_deref(), self.system_roots)?;
            Arc::clone(self.tls.get_or_init(|| config))
        };
        Ok(Box::new(Tls::connect(config, link, place, setting)?))
    }
}

impl Connector for Dialer {
    type Out = Wire;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Wire>, Error> {
        let attempt = Attempt::current();
        attempt.iter().for_each(Attempt::connecting);
        let encrypted = details.needs_tls();
        let link = self.dial(details.uri, encrypted)?;
        attempt.map_or(Ok(()), |attempt| attempt.connected())?;
        Ok(Some(Wire::new(link, encrypted)))
    }
}

/// Looks nothing up: ureq asks before every request, and only a new connection needs an address.
#[derive(Debug)]
pub(super) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}
