//! `Engine`: what all calls of a client share; `Call`: one of them.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::exchange::Exchange;
use super::lookups::Lookups;
use super::session::{Membership, Refused};
use super::trail::Trail;
use crate::config::{CallOptions, Config, Priority, TlsRoots};
use crate::error::Error;
use crate::observe::{CallId, Place};
use crate::quota::{Lane, OpenQuota, QuotaStatus, SharedQuota, Turn};
use crate::sync::{Budget, Cancel, Count, Counted, Ends, PerProcess, Permits, Workers};
use crate::transport::{HttpRequest, HttpResponse, Means, Transport};

/// How many requests of a client may be under way at once when no quota says so.
const MOST_REQUESTS: usize = 256;
/// How long the calls that a closed client ended may take to notice.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The settings of a client, and the means of each process that uses it.
pub(crate) struct Engine {
    config: Config,
    resources: PerProcess<Resources>,
}

/// What is of no use to a fork: sockets, threads, locks.
struct Resources {
    /// The process' id, which costs a system call.
    process: u32,
    transport: Transport,
    workers: Workers,
    permits: Permits,
    quota: Option<OpenQuota>,
    membership: Membership,
    lookups: Lookups,
    calls: Count,
    /// Ends the calls that wait.
    closing: Cancel,
    /// Ends all calls.
    closed: Cancel,
}

impl Resources {
    fn new(config: &Config, membership: Membership) -> Self {
        let Config { proxy, ca_bundle, identity, idle_timeout, .. } = config;
        let means = Means {
            proxy: proxy.clone(),
            ca_bundle: ca_bundle.clone(),
            identity: identity.clone(),
            system_roots: config.tls_roots == TlsRoots::System,
            idle_timeout: *idle_timeout,
            app_info: config.app_info.as_deref(),
        };
        Self {
            process: std::process::id(),
            transport: Transport::new(config.base_url.clone(), means),
            workers: Workers::default(),
            permits: Permits::new(MOST_REQUESTS),
            quota: config.quota.as_ref().map(SharedQuota::open),
            membership,
            lookups: Lookups::new(),
            calls: Count::default(),
            closing: Cancel::new(),
            closed: Cancel::new(),
        }
    }
}

impl Engine {
    pub(crate) fn new(config: Config) -> Self {
        let engine = Self { config, resources: PerProcess::new() };
        // What is wrong with them shows when the client is made, and a fork knows of its parent's.
        engine.resources();
        engine
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// A call with these options.
    pub(crate) fn call<'a>(&'a self, options: &'a CallOptions) -> Call<'a> {
        /// Counts the calls, for their order.
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let resources = self.resources();
        let lane = match options.priority {
            Priority::Normal => Lane::Interactive,
            Priority::Batch => Lane::Batch,
        };
        let order = CALLS.fetch_add(1, Ordering::Relaxed);
        let call_id = CallId::new(resources.process, order);
        let watch = options.watch.as_ref();
        let ends = Ends {
            waits: resources.closing.clone(),
            requests: resources.closed.clone(),
            own: [options.cancel.clone(), watch.and_then(|watch| watch.cancel.get().cloned())],
        };
        let observed = watch.and_then(|watch| watch.listener.get());
        let observed = observed.or(self.config.observer.as_ref());
        let meta = watch.and_then(|watch| watch.meta.get()).or(options.meta.as_ref());
        let place = watch.map_or_else(Place::here, |watch| watch.place.clone());
        let timeout = options.timeout.unwrap_or(self.config.timeout);
        let exchange = Exchange {
            transport: &resources.transport,
            workers: &resources.workers,
            permits: &resources.permits,
            quota: resources.quota.as_ref(),
            call_id,
            turn: Turn { lane, order, max_wait: options.max_wait },
            config: &self.config,
            options,
            budget: Budget::new(timeout, options.deadline, ends),
            trail: Trail::new(observed, meta, place, call_id),
        };
        let counted = resources.calls.one();
        Call { resources, exchange, renewed: AtomicBool::new(false), _counted: counted }
    }

    pub(crate) fn workers(&self) -> &Workers {
        &self.resources().workers
    }

    /// Ends the calls that wait and admits no more; those whose request is under way may go on for
    /// `grace`, and are then ended too.
    pub(crate) async fn close(&self, grace: Duration) {
        let Resources { calls, closing, closed, workers, .. } = self.resources();
        closing.cancel();
        let waits = |longest| Budget::new(longest, None, Ends::default());
        if waits(grace).wait_for("the calls under way", calls.none()).await.is_err() {
            closed.cancel();
            // A call that hangs in a function of the user's goes on without us.
            waits(LAST_WORDS).wait_for("the calls' ends", calls.none()).await.ok();
        }
        workers.close();
    }

    /// It costs a system call to know the process, so a call looks once.
    fn resources(&self) -> &Resources {
        let Config { account, base_url, .. } = &self.config;
        self.resources.current(|parent| {
            let membership = match parent {
                Some(parent) => parent.membership.forked(base_url),
                None => Membership::new(account, base_url),
            };
            Resources::new(&self.config, membership)
        })
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
    renewed: AtomicBool,
    _counted: Counted<'a>,
}

impl Call<'_> {
    pub(crate) fn budget(&self) -> &Budget {
        &self.exchange.budget
    }

    pub(crate) fn lookups(&self) -> &Lookups {
        &self.resources.lookups
    }

    /// What its observer is told.
    pub(crate) fn trail(&self) -> &Trail<'_> {
        &self.exchange.trail
    }

    /// What `work` brings, which is the whole of the call to this endpoint.
    pub(crate) async fn to<T>(
        &self,
        method: &'static str,
        route: &'static str,
        work: Pin<&mut impl Future<Output = Result<T, Error>>>,
    ) -> Result<T, Error> {
        self.exchange.trail.start(method, route);
        self.ended(work.await)
    }

    /// Ends the call with this result, and tells its observer.
    pub(crate) fn ended<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        let result = result.map_err(|error| self.or_closed(error));
        self.exchange.trail.end(result.as_ref().err());
        result
    }

    /// The error, which says so if the call was ended with its client and not by its caller.
    fn or_closed(&self, error: Error) -> Error {
        let closed = self.resources.closing.is_cancelled();
        if closed && !self.budget().is_ended_alone() { error.closed() } else { error }
    }

    /// Sends the request with the client's token, and once more with a new one when the CRM refused
    /// that and there is a way to another.
    ///
    /// What is rare is boxed, here and elsewhere: a waiting call is as large as all that it may do.
    pub(crate) async fn send<T>(
        &self,
        request: &HttpRequest,
        decode: impl Fn(HttpResponse) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (exchange, membership) = (&self.exchange, &self.resources.membership);
        let token = membership.token(exchange, None).await?;
        let result = exchange.run(request, Some(&token), &decode).await;
        let refusal = match result.map_err(Error::from) {
            Err(Error::Api(refusal)) if refusal.asks_for_sign_in() && self.may_renew() => refusal,
            result => return result,
        };
        let refused = Refused { token, refusal };
        let again = async {
            let token = membership.token(exchange, Some(&refused)).await?;
            exchange.run(request, Some(&token), &decode).await.map_err(Error::from)
        };
        match Box::pin(again).await {
            Err(error) if refused.refusal.may_have_been_applied => {
                Err(error.after_doubtful_attempt())
            }
            result => result,
        }
    }

    /// How much of the quota is used; nothing when it is turned off.
    pub(crate) async fn quota(&self) -> Result<Option<QuotaStatus>, Error> {
        match self.resources.quota.as_ref() {
            Some(quota) => {
                let status = quota.status(self.budget()).await;
                status.map(Some).map_err(|error| self.or_closed(error))
            }
            None => Ok(None),
        }
    }

    /// Whether the call may ask for a new token: once.
    fn may_renew(&self) -> bool {
        !self.renewed.swap(true, Ordering::AcqRel)
    }
}
