//! `Client`: an update from the caller's values to the CRM's answer, read top to bottom.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::budget::Budget;
use crate::config::Config;
use crate::decode::{self, HttpResponse};
use crate::encode::{self, HttpRequest};
use crate::lookup::Lookups;
use crate::process::PerProcess;
use crate::quota::{Fate, OpenQuota, SharedQuota};
use crate::retry::{self, Decision};
use crate::session::{Refused, Session};
use crate::token::Token;
use crate::transport::{Outcome, Progress, Terms, Transport};
use crate::validate::Checked;
use crate::workers::Workers;
use crate::{
    ApiErrorKind, CallOptions, Cancel, ClientBuilder, Error, FieldMap, Opportunity,
    OpportunityList, OpportunityQuery, OpportunityUpdate, QuotaStatus, Value, conflict, query,
    validate,
};

/// A client of one CRM with one account. Clones share settings, connections and the token; threads
/// may too.
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
/// The token is given, or that of a sign-in with the account's login and password: the first call
/// that needs one signs in, and a call whose token the CRM refuses as dead signs in again and is made
/// once more. All calls that need a new token wait for one sign-in. See [`ClientBuilder`].
///
/// After a `fork` the child makes connections of its own and never touches the parent's; it goes on
/// with the parent's token.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    config: Config,
    resources: PerProcess<Resources>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(resources) = self.resources.existing() {
            resources.workers.close();
        }
    }
}

/// What is of no use to a fork: sockets, threads, locks.
pub(crate) struct Resources {
    transport: Transport,
    /// What no error may show though an answer echoes it.
    password: Option<String>,
    workers: Workers,
    quota: Option<OpenQuota>,
    pub(crate) session: Session,
    pub(crate) lookups: Lookups,
}

impl Resources {
    fn new(config: &Config, session: Session) -> Self {
        Self {
            transport: Transport::new(config.proxy.clone(), config.ca_bundle.clone()),
            password: config.credentials.as_ref().map(|account| account.password.clone()),
            workers: Workers::default(),
            quota: config.quota.as_ref().map(SharedQuota::open),
            session,
            lookups: Lookups::new(),
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
        let session = Session::new(config.token.clone().map(Arc::new));
        let resources = PerProcess::new(Resources::new(&config, session));
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
    /// The id is a whole number or its digits. Blocks until the answer is there. Labels of options and
    /// of custom fields are looked up before, and the opportunity is read before if the update says
    /// [`fill`](OpportunityUpdate::fill) or [`if_unchanged`](OpportunityUpdate::if_unchanged).
    ///
    /// # Errors
    ///
    /// [`Error::Validation`] with every fault of the values, before anything is sent (but for
    /// look-ups of labels); [`Error::Conflict`] when the opportunity is not as it must be; any other
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
        let budget = Budget::new(self, options);
        let id = id.into();
        let mut draft = validate::update(&id, update, &options.faults);
        self.resolve(&mut draft, &budget)?;
        let mut checked = draft.finish()?;
        self.compare_and_fill(&mut checked, update, &budget)?;
        let request = encode::update(self.config(), &checked);
        self.send(&request, &budget, |answer| decode::opportunity(answer, checked.id))
    }

    /// Reads the opportunity if the update needs that: to see whether it changed, to fill what is
    /// missing.
    fn compare_and_fill(
        &self,
        checked: &mut Checked<'_>,
        update: &OpportunityUpdate,
        budget: &Budget<'_>,
    ) -> Result<(), Error> {
        let fill = update.fill && checked.is_incomplete();
        if !fill && update.if_unchanged.is_none() {
            return Ok(());
        }
        let request = encode::read_before(self.config(), checked.id);
        let decode = |answer| decode::opportunity(answer, checked.id);
        let current = self.send(&request, budget, decode)?;
        if let Some(given) = &update.if_unchanged {
            conflict::check(given, &current)?;
        }
        if fill { checked.fill(&current).map_err(Error::without_effect) } else { Ok(()) }
    }

    /// Reads an opportunity: `GET /api/v2/opportunities/:id`.
    ///
    /// ```no_run
    /// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
    /// let opportunity = client.get_opportunity(568_587)?;
    /// println!("{:?}", opportunity.title()?);
    /// # Ok::<(), ikcrm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Validation`] when the id is wrong, and what a call can fail with.
    pub fn get_opportunity(&self, id: impl Into<Value>) -> Result<Opportunity, Error> {
        self.get_opportunity_with(id, &CallOptions::new())
    }

    /// [`get_opportunity`](Self::get_opportunity) with options of this call alone.
    ///
    /// # Errors
    ///
    /// As there, and [`Error::Cancelled`] when the options' [`Cancel`] was set.
    pub fn get_opportunity_with(
        &self,
        id: impl Into<Value>,
        options: &CallOptions,
    ) -> Result<Opportunity, Error> {
        let id = validate::id(&id.into(), &options.faults)?;
        let request = encode::read(self.config(), id);
        let decode = |answer| decode::opportunity(answer, id);
        self.send(&request, &Budget::new(self, options), decode)
    }

    /// The opportunities of a query: `GET /api/v2/opportunities`, page after page as they are needed.
    ///
    /// Nothing is sent yet. The label of a stage is looked up with the first page.
    ///
    /// ```no_run
    /// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
    /// let query = ikcrm::OpportunityQuery::new().stage("谈判/合同").sort("created_at");
    /// for row in client.list_opportunities(&query)?.take(10) {
    ///     println!("{:?}", row?.title()?);
    /// }
    /// # Ok::<(), ikcrm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Validation`] with every fault of the query; the list's rows tell what a call can fail
    /// with.
    pub fn list_opportunities(&self, query: &OpportunityQuery) -> Result<OpportunityList, Error> {
        self.list_opportunities_with(query, CallOptions::new())
    }

    /// [`list_opportunities`](Self::list_opportunities) with options for each of its calls: a timeout
    /// is one page's.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn list_opportunities_with(
        &self,
        query: &OpportunityQuery,
        options: CallOptions,
    ) -> Result<OpportunityList, Error> {
        let query = query::check(query, &options.faults)?;
        Ok(OpportunityList::new(self.clone(), query, options))
    }

    /// The options of an entity's fields, with their ids and labels:
    /// `GET /api/v2/field_maps/:entity`. The entity of opportunities is `opportunity`.
    ///
    /// The vendor does not document the endpoint; other clients use it. The client keeps the map for
    /// ten minutes, and looks labels up in it.
    ///
    /// ```no_run
    /// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
    /// let map = client.field_map("opportunity")?;
    /// for stage in map.field("stage").into_iter().flat_map(|field| &field.options) {
    ///     println!("{} {} {}", stage.id, stage.label, stage.enabled);
    /// }
    /// # Ok::<(), ikcrm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Validation`] when the entity is none, and what a call can fail with.
    pub fn field_map(&self, entity: impl Into<Value>) -> Result<FieldMap, Error> {
        self.field_map_with(entity, false, &CallOptions::new())
    }

    /// [`field_map`](Self::field_map) with options of this call alone; `refresh` reads it anew though
    /// the client has it.
    ///
    /// # Errors
    ///
    /// As there, and [`Error::Cancelled`] when the options' [`Cancel`] was set.
    pub fn field_map_with(
        &self,
        entity: impl Into<Value>,
        refresh: bool,
        options: &CallOptions,
    ) -> Result<FieldMap, Error> {
        let entity = validate::entity(&entity.into(), &options.faults)?;
        self.look_up_field_map(&entity, refresh, &Budget::new(self, options))
    }

    /// Makes calls on a thread of the client's own, for callers that may not block, such as an event
    /// loop. One that the options cancel meanwhile need not wait for its turn.
    ///
    /// ```no_run
    /// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
    /// let (sender, result) = std::sync::mpsc::channel();
    /// client.spawn(ikcrm::CallOptions::new(), move |client, options| {
    ///     let update = ikcrm::OpportunityUpdate::new().title("ccc").customer_id(1);
    ///     sender.send(client.update_opportunity_with(568_587, &update, options)).ok();
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When no thread could be started; `call` is not called then.
    pub fn spawn(
        &self,
        options: CallOptions,
        call: impl FnOnce(&Self, &CallOptions) + Send + 'static,
    ) -> std::io::Result<()> {
        let client = self.clone();
        let cancel = options.cancel.clone();
        self.resources().workers.run(cancel, move || call(&client, &options))
    }

    /// How much of the quota is used now; nothing when it is turned off.
    ///
    /// # Errors
    ///
    /// [`Error::QuotaStore`] when the quota's store cannot be used.
    pub fn quota(&self) -> Result<Option<QuotaStatus>, Error> {
        self.resources().quota.as_ref().map(OpenQuota::status).transpose()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn resources(&self) -> &Resources {
        let config = self.config();
        self.0.resources.current(|parent| Resources::new(config, parent.session.forked()))
    }

    /// Sends the request with the client's token, and once more with a new one when the CRM refused
    /// that and there is a way to another.
    pub(crate) fn send<T>(
        &self,
        request: &HttpRequest,
        budget: &Budget<'_>,
        decode: impl Fn(HttpResponse) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let token = self.token(budget, None)?;
        let refusal = match attempts(request, Some(&token), budget, &decode) {
            Err(Error::Api(refusal)) if refusal.asks_for_sign_in() && budget.may_renew() => refusal,
            result => return result,
        };
        let refused = Refused { token, refusal };
        let result = self
            .token(budget, Some(&refused))
            .and_then(|token| attempts(request, Some(&token), budget, &decode));
        match result {
            Err(error) if refused.refusal.may_have_been_applied => {
                Err(error.after_doubtful_attempt())
            }
            result => result,
        }
    }
}

/// Sends the request until an answer decides, the retries are used up, or time is.
pub(crate) fn attempts<T>(
    request: &HttpRequest,
    token: Option<&Token>,
    budget: &Budget<'_>,
    decode: impl Fn(HttpResponse) -> Result<T, Error>,
) -> Result<T, Error> {
    let (mut attempt, mut free, mut doubtful) = (0, 1, false);
    loop {
        let outcome = match send_once(request, token, budget) {
            Ok(outcome) => outcome,
            Err(error) if doubtful => return Err(error.after_doubtful_attempt()),
            Err(error) => return Err(error),
        };
        let error = match outcome.result.and_then(&decode) {
            Ok(answer) => return Ok(answer),
            Err(error) if !request.is_update() => error.without_effect(),
            Err(error) if doubtful => error.after_doubtful_attempt(),
            Err(error) => error,
        };
        let secrets = [token.map(Token::text), budget.resources.password.as_deref()];
        let error = error.without_secrets(&secrets.map(Option::unwrap_or_default));
        let error = request.aside.iter().fold(error, |error, endpoint| error.at(endpoint));
        doubtful = error.may_have_been_applied();
        if outcome.dead_connection && free > 0 {
            free -= 1;
            continue;
        }
        let (policy, spent) = (&budget.policy, budget.spent());
        let quota = budget.resources.quota.as_ref();
        let asked = back_off(quota, &error);
        match retry::decide(policy, attempt, &error, asked, spent, fastrand::f64()) {
            Decision::Stop => return Err(error),
            Decision::After(wait) => {
                pause(wait, budget.cancel);
                budget.spend(wait);
            }
        }
        attempt += 1;
    }
}

/// Sends the request once, when the quota lets it; the wait for that is not of the budget.
fn send_once(
    request: &HttpRequest,
    token: Option<&Token>,
    budget: &Budget<'_>,
) -> Result<Outcome, Error> {
    let (cancel, timeout) = (budget.cancel, budget.left());
    if cancel.is_some_and(Cancel::is_cancelled) {
        return Err(Error::Cancelled { may_have_been_applied: false });
    }
    let Resources { transport, quota, .. } = budget.resources;
    let slot = quota.as_ref().map(|quota| quota.take(timeout, cancel)).transpose()?;
    let begun = Instant::now();
    let terms = Terms::new(begun + timeout, cancel.cloned());
    let outcome = transport.send(request, token.map(Token::header), terms);
    budget.spend(begun.elapsed());
    if let Some(slot) = slot {
        slot.settle(fate(outcome.progress));
    }
    Ok(outcome)
}

/// Whether the CRM counts a request that got so far.
fn fate(progress: Progress) -> Fate {
    match progress {
        Progress::NotSent => Fate::Unsent,
        Progress::Sent => Fate::Unknown,
        Progress::Answered => Fate::Answered,
    }
}

/// After a refusal over quota lets all who share the quota wait, and this call only with them;
/// tells for how long it is asked to wait by itself.
fn back_off(quota: Option<&OpenQuota>, error: &Error) -> Option<Duration> {
    match quota {
        Some(quota) if error.code() == ApiErrorKind::RateLimited.as_str() => {
            quota.back_off(error.retry_after());
            Some(Duration::ZERO)
        }
        _ => error.retry_after(),
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
