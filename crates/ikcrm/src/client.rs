//! `Client`: an update from the caller's values to the CRM's answer, read top to bottom.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::decode::{self, HttpResponse};
use crate::encode::{self, HttpRequest};
use crate::process::PerProcess;
use crate::quota::{OpenQuota, SharedQuota};
use crate::retry::{self, Decision, Policy};
use crate::transport::{Outcome, Transport};
use crate::workers::Workers;
use crate::{
    ApiErrorKind, CallOptions, Cancel, ClientBuilder, Error, Opportunity, OpportunityUpdate,
    QuotaStatus, Value, validate,
};

/// A client of one CRM with one token. Clones share settings and connections; threads may too.
///
/// ```no_run
/// # fn main() -> Result<(), ikcrm::Error> {
/// let client = ikcrm::Client::builder().token("the open-API token").build()?;
/// let update = ikcrm::OpportunityUpdate::new().title("ccc").customer_id(1);
/// let opportunity = client.update_opportunity(568_587, &update)?;
/// # Ok(())
/// # }
/// ```
///
/// After a `fork` the child makes connections of its own and never touches the parent's.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    config: Config,
    resources: PerProcess<Resources>,
}

/// What is of no use to a fork: sockets, threads, locks.
struct Resources {
    transport: Transport,
    workers: Workers,
    quota: Option<OpenQuota>,
}

impl Resources {
    fn new(config: &Config) -> Self {
        Self {
            transport: Transport::new(config),
            workers: Workers::default(),
            quota: config.quota.as_ref().map(SharedQuota::open),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.0.config).finish()
    }
}

impl Client {
    pub(crate) fn new(config: Config) -> Self {
        let resources = PerProcess::new(Resources::new(&config));
        Self(Arc::new(Inner { config, resources }))
    }

    /// A builder with the default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client with the settings of the environment; see [`ClientBuilder::from_env`].
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with every fault found.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env().build()
    }

    /// Updates an opportunity: `PUT /api/v2/opportunities/:id`.
    ///
    /// The id is a whole number or its digits. Blocks until the answer is there.
    ///
    /// # Errors
    ///
    /// [`Error::Validation`] with every fault of the values, before anything is sent; any other
    /// error but [`Error::Config`] when the call failed.
    pub fn update_opportunity(
        &self,
        id: impl Into<Value>,
        update: &OpportunityUpdate,
    ) -> Result<Opportunity, Error> {
        self.update_opportunity_with(id, update, &CallOptions::new())
    }

    /// [`update_opportunity`](Self::update_opportunity) with options of this call alone.
    ///
    /// # Errors
    ///
    /// As there, and [`Error::Cancelled`] when the options' [`Cancel`] was set.
    pub fn update_opportunity_with(
        &self,
        id: impl Into<Value>,
        update: &OpportunityUpdate,
        options: &CallOptions,
    ) -> Result<Opportunity, Error> {
        let checked = validate::update(&id.into(), update, &options.faults)?;
        let request = encode::update(&self.0.config, &checked);
        self.attempts(&request, options, decode::opportunity)
    }

    /// Updates an opportunity on a thread of the client's own and hands the result to `done`
    /// there; for callers that may not block, such as an event loop.
    ///
    /// # Errors
    ///
    /// When no thread could be started; `done` is not called then.
    pub fn spawn_update_opportunity(
        &self,
        id: impl Into<Value>,
        update: OpportunityUpdate,
        options: CallOptions,
        done: impl FnOnce(Result<Opportunity, Error>) + Send + 'static,
    ) -> std::io::Result<()> {
        let (client, id) = (self.clone(), id.into());
        self.resources().workers.run(options.cancel.clone(), move || {
            done(client.update_opportunity_with(id, &update, &options));
        })
    }

    /// How much of the quota is used now; nothing when it is turned off.
    ///
    /// # Errors
    ///
    /// [`Error::QuotaStore`] when the quota's store cannot be used.
    pub fn quota(&self) -> Result<Option<QuotaStatus>, Error> {
        self.resources().quota.as_ref().map(OpenQuota::status).transpose()
    }

    fn resources(&self) -> &Resources {
        self.0.resources.current(|| Resources::new(&self.0.config))
    }

    /// Sends the request until an answer decides, the retries are used up, or time is.
    fn attempts<T>(
        &self,
        request: &HttpRequest,
        options: &CallOptions,
        decode: fn(HttpResponse) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let config = &self.0.config;
        let policy = Policy {
            max_retries: options.max_retries.unwrap_or(config.max_retries),
            timeout: options.timeout.unwrap_or(config.timeout),
        };
        let cancel = options.cancel.as_ref();
        let mut spent = Duration::ZERO;
        let (mut attempt, mut free, mut doubtful) = (0, 1, false);
        loop {
            let left = policy.timeout.saturating_sub(spent);
            let (outcome, took) = match self.attempt(request, left, cancel) {
                Ok(attempted) => attempted,
                Err(error) if doubtful => return Err(error.after_doubtful_attempt()),
                Err(error) => return Err(error),
            };
            spent += took;
            let error = match outcome.result.and_then(decode) {
                Ok(answer) => return Ok(answer),
                Err(error) if doubtful => error.after_doubtful_attempt(),
                Err(error) => error,
            };
            doubtful = error.may_have_been_applied();
            if outcome.dead_connection && free > 0 {
                free -= 1;
                continue;
            }
            let asked = self.back_off(&error, outcome.retry_after);
            match retry::decide(&policy, attempt, &error, asked, spent, fastrand::f64()) {
                Decision::Stop => return Err(error),
                Decision::After(wait) => {
                    pause(wait, cancel);
                    spent += wait;
                }
            }
            attempt += 1;
        }
    }

    /// Sends the request once, when the quota lets it; tells how long that took, without the wait.
    fn attempt(
        &self,
        request: &HttpRequest,
        timeout: Duration,
        cancel: Option<&Cancel>,
    ) -> Result<(Outcome, Duration), Error> {
        if cancel.is_some_and(Cancel::is_cancelled) {
            return Err(Error::Cancelled { may_have_been_applied: false });
        }
        let Resources { transport, quota, .. } = self.resources();
        let slot = quota.as_ref().map(|quota| quota.take(timeout, cancel)).transpose()?;
        let begun = Instant::now();
        let outcome = transport.send(request, begun + timeout, cancel);
        if let Some(slot) = slot {
            slot.settle(outcome.fate);
        }
        Ok((outcome, begun.elapsed()))
    }

    /// After a refusal over quota lets all who share the quota wait, and this call only with them;
    /// tells for how long it is asked to wait by itself.
    fn back_off(&self, error: &Error, retry_after: Option<Duration>) -> Option<Duration> {
        match &self.resources().quota {
            Some(quota) if error.code() == ApiErrorKind::RateLimited.as_str() => {
                quota.back_off(retry_after);
                Some(Duration::ZERO)
            }
            _ => retry_after,
        }
    }
}

/// Waits before the next attempt; a cancel ends the wait, and the loop then ends the call.
fn pause(wait: std::time::Duration, cancel: Option<&Cancel>) {
    match cancel {
        Some(cancel) => drop(cancel.wait(wait)),
        None => std::thread::sleep(wait),
    }
}

/// Updates an opportunity with a client of the whole process, made of the environment's settings
/// on first use; see [`ClientBuilder::from_env`].
///
/// # Errors
///
/// As [`Client::update_opportunity`], and [`Error::Config`] when the settings are wrong.
pub fn update_opportunity(
    id: impl Into<Value>,
    update: &OpportunityUpdate,
) -> Result<Opportunity, Error> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    if CLIENT.get().is_none() {
        // Two threads may both get here; the second client is dropped unused.
        CLIENT.set(Client::from_env()?).ok();
    }
    CLIENT.wait().update_opportunity(id, update)
}
