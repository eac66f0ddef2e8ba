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
use super::failure::{Fault, while_doing};
use super::names::{Names, Place, only_this_machine};
use super::proxy::ProxyUrl;
use super::tcp::{Layer, Tcp};
use super::tls::{Tls, TlsMeans};
use super::tunnel;
use super::wire::Wire;
use crate::error::spelt;

/// How connections are made.
#[derive(Debug)]
pub(super) struct Dialer {
    names: Names,
    proxy: Option<ProxyUrl>,
    tls: TlsMeans,
    /// How to speak TLS with the CRM.
    with_crm: OnceLock<Arc<ClientConfig>>,
    /// How to speak it with the proxy, which is shown no certificate.
    with_proxy: OnceLock<Arc<ClientConfig>>,
}

impl Dialer {
    pub(super) fn new(proxy: Option<ProxyUrl>, tls: TlsMeans) -> Self {
        let (with_crm, with_proxy) = (OnceLock::new(), OnceLock::new());
        Self { names: Names::default(), proxy, tls, with_crm, with_proxy }
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
        let config = configured(&self.with_crm, || self.tls.config(self.tls.identity.as_ref()))?;
        Ok(Box::new(Tls::connect(config, link, &target, spelt("base_url"))?))
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
            let config = configured(&self.with_proxy, || self.tls.config(None))?;
            link = Box::new(Tls::connect(config, link, &proxy.place, "proxy")?);
        }
        tunnel::open(&mut *link, proxy, target)?;
        Ok(link)
    }
}

/// What is kept there, or is made now.
fn configured(
    place: &OnceLock<Arc<ClientConfig>>,
    make: impl FnOnce() -> Result<Arc<ClientConfig>, Fault>,
) -> io::Result<Arc<ClientConfig>> {
    if let Some(config) = place.get() {
        return Ok(Arc::clone(config));
    }
    let config = make()?;
    Ok(Arc::clone(place.get_or_init(|| config)))
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
