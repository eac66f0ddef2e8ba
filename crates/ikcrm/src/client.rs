//! `Client`: an update from the caller's values to the CRM's answer, read top to bottom.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::config::Config;
use crate::decode::{self, HttpResponse};
use crate::encode::{self, HttpRequest};
use crate::retry::{self, Decision, Policy};
use crate::transport::{Outcome, Transport};
use crate::workers::Workers;
use crate::{
    CallOptions, Cancel, ClientBuilder, Error, Opportunity, OpportunityUpdate, Value, validate,
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
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    process: Process,
}

/// What belongs to one process and is of no use to its forks: sockets, threads, locks. The first
/// of a list that grows by one at each fork; reading it takes no lock that a fork could leave
/// locked.
struct Process {
    id: u32,
    transport: Transport,
    workers: Workers,
    forked: OnceLock<Box<Process>>,
}

impl Process {
    fn new(config: &Config) -> Self {
        Self {
            id: std::process::id(),
            transport: Transport::new(config),
            workers: Workers::default(),
            forked: OnceLock::new(),
        }
    }

    /// The one of the running process.
    fn current(&self, config: &Config) -> &Self {
        let id = std::process::id();
        let mut process = self;
        while process.id != id {
            process = process.forked.get_or_init(|| Box::new(Self::new(config)));
        }
        process
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Client {
    pub(crate) fn new(config: Config) -> Self {
        let process = Process::new(&config);
        Self(Arc::new(Inner { config, process }))
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
        let workers = &self.0.process.current(&self.0.config).workers;
        workers.run(move || done(client.update_opportunity_with(id, &update, &options)))
    }

    /// Sends the request until an answer decides, the retries are used up, or time is.
    fn attempts<T>(
        &self,
        request: &HttpRequest,
        options: &CallOptions,
        decode: fn(HttpResponse) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let config = &self.0.config;
        let transport = &self.0.process.current(config).transport;
        let policy = Policy {
            max_retries: options.max_retries.unwrap_or(config.max_retries),
            timeout: options.timeout.unwrap_or(config.timeout),
        };
        let cancel = options.cancel.as_ref();
        let start = Instant::now();
        let (mut attempt, mut free, mut doubtful) = (0, 1, false);
        loop {
            if cancel.is_some_and(Cancel::is_cancelled) {
                return Err(Error::Cancelled { may_have_been_applied: doubtful });
            }
            let Outcome { result, retry_after, dead_connection } =
                transport.send(request, start + policy.timeout, cancel);
            let error = match result.and_then(decode) {
                Ok(answer) => return Ok(answer),
                Err(error) if doubtful => error.after_doubtful_attempt(),
                Err(error) => error,
            };
            doubtful = error.may_have_been_applied();
            if dead_connection && free > 0 {
                free -= 1;
                continue;
            }
            let elapsed = start.elapsed();
            match retry::decide(&policy, attempt, &error, retry_after, elapsed, fastrand::f64()) {
                Decision::Stop => return Err(error),
                Decision::After(wait) => pause(wait, cancel),
            }
            attempt += 1;
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
