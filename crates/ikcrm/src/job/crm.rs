//! What a job asks of the CRM, of the clock and of its caller, behind one trait; and how a client
//! does it.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::landing::Landing;
use crate::api::{custom_fields, field_maps, opportunities};
use crate::call::Engine;
use crate::config::{CallOptions, Priority, Watch};
use crate::error::Error;
use crate::input::check::Fields;
use crate::lookup;
use crate::request::{Checked, CustomFields, OpportunityQuery, Order, check_query};
use crate::response::{FieldMap, Opportunity, OpportunityPage};
use crate::sync::{Budget, Cancel, Ends, block_on, lock};
use crate::transport::{HttpRequest, HttpResponse};

/// How long a call that is under way may go on after the job was cancelled.
const GRACE: Duration = Duration::from_secs(2);
/// The entity whose field map holds the options.
const ENTITY: &str = "opportunity";

/// Whose data a job is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Enterprise {
    pub(super) base_url: String,
    pub(super) corp_id: Option<String>,
}

/// The CRM, a clock and the caller's cancel.
pub(super) trait Crm {
    fn enterprise(&self) -> Enterprise;
    /// How many calls the quota admits, in which time.
    fn limit(&self) -> Option<(usize, Duration)>;
    /// How long a call may take.
    fn timeout(&self) -> Duration;

    /// A page of 100 rows: in the order in which they were made, or the ones changed last.
    fn page(&self, number: u32, newest: bool) -> Result<OpportunityPage, Error>;
    fn read(&self, id: i64) -> Result<Opportunity, Error>;
    /// Begins an update, and tells `landing` of its answer.
    fn update(&self, id: i64, fields: Fields<'static>, landing: Landing);
    fn field_map(&self) -> Result<FieldMap, Error>;
    fn custom_fields(&self) -> Result<CustomFields, Error>;

    /// The time of day, in milliseconds since 1970.
    fn now(&self) -> i64;
    /// The time since some moment, which never goes back.
    fn elapsed(&self) -> Duration;
    /// Waits, unless cancelled before.
    fn wait(&self, time: Duration);
    fn is_cancelled(&self) -> bool;
    /// Cancels the run, which gives the updates under way a moment to end.
    fn cancel(&self);
    /// Ends the updates under way whose moment is over; to be asked from time to time.
    fn end_late(&self);
    /// How many sign-ins were sent since this was asked last.
    fn take_sign_ins(&self) -> u32;
}

/// A client's engine, for one run of a job.
pub(super) struct Caller {
    engine: Arc<Engine>,
    options: CallOptions,
    cancel: Cancel,
    /// Ends the updates under way. They run on other threads, where no probe is asked.
    updates: Cancel,
    sign_ins: Arc<AtomicU32>,
    begun: Instant,
}

impl Caller {
    /// Calls with these options; a cancel gives a call that is under way a moment to end, and a
    /// second one does not.
    pub(super) fn new(engine: Arc<Engine>, mut options: CallOptions) -> Self {
        let cancel = Cancel::any_of(options.cancel.take());
        let (watched, since) = (cancel.clone(), Mutex::new(None));
        options.cancel = Some(Cancel::with_probe(move || {
            let over = |since: Instant| since.elapsed() >= GRACE || watched.poll_again();
            watched.poll() && over(*lock(&since).get_or_insert_with(Instant::now))
        }));
        options.priority = Priority::Batch;
        // Whoever begins the run is the one whose spans the calls belong to, on whatever thread they run.
        options.watch.get_or_insert_with(|| Arc::new(Watch::here()));
        let sign_ins = Arc::<AtomicU32>::default();
        options.sign_ins = Some(Arc::clone(&sign_ins));
        let (updates, begun) = (Cancel::new(), Instant::now());
        Self { engine, options, cancel, updates, sign_ins, begun }
    }

    fn send<T>(
        &self,
        request: &HttpRequest,
        decode: impl Fn(HttpResponse) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let call = self.engine.call(&self.options);
        let sent = pin!(call.send(request, decode));
        let call = call.to(request.method_name(), request.route, sent);
        block_on(call, self.options.cancel.as_ref())
    }
}

impl Crm for Caller {
    fn enterprise(&self) -> Enterprise {
        let config = self.engine.config();
        let credentials = config.account.credentials.as_ref();
        let corp_id = credentials.and_then(|credentials| credentials.corp_id.clone());
        Enterprise { base_url: config.base_url.clone(), corp_id }
    }

    fn limit(&self) -> Option<(usize, Duration)> {
        self.engine.config().quota.as_ref().map(crate::quota::SharedQuota::limit)
    }

    fn timeout(&self) -> Duration {
        self.options.timeout.unwrap_or(self.engine.config().timeout)
    }

    fn page(&self, number: u32, newest: bool) -> Result<OpportunityPage, Error> {
        let (sort, order) = if newest {
            ("updated_at", Order::Descending)
        } else {
            ("created_at", Order::Ascending)
        };
        let query = check_query(&OpportunityQuery::new().sort(sort).order(order), &[])?;
        self.send(&opportunities::list(&query, number), opportunities::page)
    }

    fn read(&self, id: i64) -> Result<Opportunity, Error> {
        self.send(&opportunities::read(id), |answer| opportunities::opportunity(answer, id))
    }

    fn update(&self, id: i64, fields: Fields<'static>, landing: Landing) {
        let engine = Arc::clone(&self.engine);
        let options = self.options.clone().cancel(self.updates.clone());
        let work = async move {
            let request = opportunities::update(&Checked { id, fields });
            let call = engine.call(&options);
            let sent = pin!(call.send(&request, |answer| opportunities::opportunity(answer, id)));
            let answer = call.to(request.method_name(), request.route, sent).await;
            landing.tell(answer);
        };
        // Without a thread the call is dropped, and its landing tells so.
        self.engine.workers().spawn(Box::pin(work)).ok();
    }

    fn field_map(&self) -> Result<FieldMap, Error> {
        let call = self.engine.call(&self.options);
        let read = pin!(lookup::field_map(&call, ENTITY, true));
        block_on(call.to("GET", field_maps::ROUTE, read), self.options.cancel.as_ref())
    }

    fn custom_fields(&self) -> Result<CustomFields, Error> {
        let call = self.engine.call(&self.options);
        let read = pin!(lookup::custom_fields(&call, true));
        block_on(call.to("GET", custom_fields::ROUTE, read), self.options.cancel.as_ref())
    }

    fn now(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
    }

    fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    fn wait(&self, time: Duration) {
        let ends = Ends { waits: self.cancel.clone(), ..Ends::default() };
        let budget = Budget::new(time.saturating_mul(2), None, ends);
        // A cancel ends the wait, and is asked for by itself.
        block_on(budget.sleep(time), Some(&self.cancel)).ok();
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.poll()
    }

    fn cancel(&self) {
        self.cancel.cancel();
    }

    fn end_late(&self) {
        if self.options.cancel.as_ref().is_some_and(Cancel::poll) {
            self.updates.cancel();
        }
    }

    fn take_sign_ins(&self) -> u32 {
        self.sign_ins.swap(0, Ordering::Relaxed)
    }
}
