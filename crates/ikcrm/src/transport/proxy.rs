//! `Proxy`: through what the CRM is reached.

use ureq::{Proxy as UreqProxy, ProxyProtocol};

/// Through what the client reaches the CRM.
#[derive(Clone, Default, PartialEq)]
pub(crate) enum Proxy {
    #[default]
    None,
    /// As the variables `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` say.
    Environment,
    Url(String),
}

pub(super) fn for_ureq(proxy: &Proxy) -> Option<UreqProxy> {
    match proxy {
        Proxy::None => None,
        Proxy::Environment => UreqProxy::try_from_env(),
        Proxy::Url(url) => UreqProxy::new(url).ok(),
    }
}

/// Whether this is the URL of a proxy that can be used: HTTP proxies only.
pub(crate) fn is_proxy_url(url: &str) -> bool {
    UreqProxy::new(url)
        .is_ok_and(|proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https))
}
