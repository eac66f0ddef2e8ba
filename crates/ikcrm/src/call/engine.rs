//! `Engine`: what all calls of a client share; `Call`: one of them.

use std::cell::Cell;

use super::exchange::Exchange;
use super::lookups::Lookups;
use super::session::{Refused, Session};
use crate::config::{CallOptions, Config};
use crate::error::Error;
use crate::quota::{OpenQuota, SharedQuota};
use crate::sync::{Budget, PerProcess, Workers};
use crate::transport::{HttpRequest, HttpResponse, Transport};

/// The settings of a client, and the means of each process that uses it.
pub(crate) struct Engine {
    config: Config,
    resources: PerProcess<Resources>,
}

/// What is of no use to a fork: sockets, threads, locks.
struct Resources {
    transport: Transport,
    workers: Workers,
    quota: Option<OpenQuota>,
    session: Session,
    lookups: Lookups,
}

impl Resources {
    fn new(config: &Config, session: Session) -> Self {
        let Config { base_url, proxy, ca_bundle, .. } = config;
        Self {
            transport: Transport::new(base_url.clone(), proxy.clone(), ca_bundle.clone()),
            workers: Workers::default(),
            quota: config.quota.as_ref().map(SharedQuota::open),
            session,
            lookups: Lookups::new(),
        }
    }
}

impl Engine {
    pub(crate) fn new(config: Config) -> Self {
        let session = Session::new(config.account.clone());
        let resources = PerProcess::new(Resources::new(&config, session));
        Self { config, resources }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// A call with these options.
    pub(crate) fn call<'a>(&'a self, options: &'a CallOptions) -> Call<'a> {
        let resources = self.resources();
        let timeout = options.timeout.unwrap_or(self.config.timeout);
        let credentials = self.config.account.credentials.as_ref();
        let exchange = Exchange {
            transport: &resources.transport,
            quota: resources.quota.as_ref(),
            max_retries: options.max_retries.unwrap_or(self.config.max_retries),
            budget: Budget::new(timeout, options.cancel.as_ref()),
            password: credentials.map(|credentials| credentials.password.as_str()),
        };
        Call { resources, exchange, renewed: Cell::default() }
    }

    pub(crate) fn workers(&self) -> &Workers {
        &self.resources().workers
    }

    pub(crate) fn quota(&self) -> Option<&OpenQuota> {
        self.resources().quota.as_ref()
    }

    /// It costs a system call to know the process, so a call looks once.
    fn resources(&self) -> &Resources {
        self.resources.current(|parent| Resources::new(&self.config, parent.session.forked()))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(resources) = self.resources.existing() {
            resources.workers.close();
        }
    }
}

/// One call, with all the requests that it takes.
pub(crate) struct Call<'a> {
    resources: &'a Resources,
    exchange: Exchange<'a>,
    /// Whether it asked for a new token already.
    renewed: Cell<bool>,
}

impl Call<'_> {
    pub(crate) fn budget(&self) -> &Budget<'_> {
        &self.exchange.budget
    }

    pub(crate) fn lookups(&self) -> &Lookups {
        &self.resources.lookups
    }

    /// Sends the request with the client's token, and once more with a new one when the CRM refused
    /// that and there is a way to another.
    pub(crate) fn send<T>(
        &self,
        request: &HttpRequest,
        decode: impl Fn(HttpResponse) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (exchange, session) = (&self.exchange, &self.resources.session);
        let token = session.token(exchange, None)?;
        let refusal = match exchange.run(request, Some(&token), &decode) {
            Err(Error::Api(refusal)) if refusal.asks_for_sign_in() && self.may_renew() => refusal,
            result => return result,
        };
        let refused = Refused { token, refusal };
        let result = session
            .token(exchange, Some(&refused))
            .and_then(|token| exchange.run(request, Some(&token), &decode));
        match result {
            Err(error) if refused.refusal.may_have_been_applied => {
                Err(error.after_doubtful_attempt())
            }
            result => result,
        }
    }

    /// Whether the call may ask for a new token: once.
    fn may_renew(&self) -> bool {
        !self.renewed.replace(true)
    }
}
