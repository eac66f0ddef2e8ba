//! `CallOptions`: what one call does differently from its client.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::check::{TIMEOUT, check_retries, retries};
use super::headers::Headers;
use crate::error::{Fault, FieldError, FieldErrorCode as Code, spelt_faults};
use crate::input::setting::{Limits, duration, text};
use crate::input::suggest::no_option;
use crate::input::{Value, excerpt};
use crate::observe::{Listener, MetaSlot, Observer, Place};
use crate::sync::Cancel;

/// What every call takes.
#[doc(hidden)]
pub const CALL_OPTIONS: &[&str] = &[
    // <generated: options>, by `make generate`
    "timeout",
    "max_retries",
    "max_wait",
    "deadline",
    "priority",
    "headers",
    "cancel",
    // </generated>
];
const DEADLINE: Limits = Limits { longest: Duration::from_secs(366 * 24 * 3600), zero: false };

/// Who comes first where calls wait for the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Priority {
    /// In the order in which the calls were made.
    #[default]
    Normal,
    /// After all others, with at most 80 % of the quota and evenly spread, so that a normal call
    /// waits for one slot and not for the batch.
    Batch,
}

/// Who is told of one call and what ends it, which may be named when the call was prepared already.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) listener: OnceLock<Listener>,
    /// Where the call leaves what it cost.
    pub(crate) meta: OnceLock<MetaSlot>,
    /// Ends the call besides the options' flag.
    pub(crate) cancel: OnceLock<Cancel>,
    /// Below what its spans are, if any are collected.
    pub(crate) place: Option<Place>,
}

impl Watch {
    /// That of a call which is prepared here.
    pub(crate) fn here() -> Self {
        Self {
            listener: OnceLock::new(),
            meta: OnceLock::new(),
            cancel: OnceLock::new(),
            place: Place::here(),
        }
    }
}

/// Options of one call; what is not set is as the client says.
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until a call takes them"]
pub struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_retries: Option<u32>,
    pub(crate) max_wait: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) priority: Priority,
    pub(crate) headers: Headers,
    pub(crate) cancel: Option<Cancel>,
    /// Where the call leaves what it cost.
    pub(crate) meta: Option<MetaSlot>,
    /// Who is told of the call, before the client's observer and the slot above.
    pub(crate) watch: Option<Arc<Watch>>,
    /// Counts the sign-ins that were sent for the call.
    pub(crate) sign_ins: Option<Arc<AtomicU32>>,
    pub(crate) faults: Vec<FieldError>,
}

impl CallOptions {
    /// Options that change nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time that the call may take, over all attempts and waits.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.timeout_checked(TIMEOUT.check(timeout))
    }

    /// How often the call is made again after a passing failure; 0 turns it off.
    pub fn max_retries(self, retries: u32) -> Self {
        self.max_retries_checked(check_retries(retries))
    }

    /// How long each attempt waits for a slot of the quota (default: as the quota says). One that
    /// cannot have a slot in this time fails at once with
    /// [`Error::QuotaExceeded`](crate::Error::QuotaExceeded), which says when it could.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = Some(max_wait);
        self
    }

    /// The time that the call may take from now on, the waits for the quota included: more than 0,
    /// at most 366 days (default: none). What is known to end later fails at once.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.deadline_checked(DEADLINE.check(deadline))
    }

    /// Who comes first where calls wait for the quota (default: [`Priority::Normal`]).
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// A header that the call's requests have, in the place of the client's of this name; see
    /// [`ClientBuilder::header`](crate::ClientBuilder::header).
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.add(name, Some(value), &mut self.faults);
        self
    }

    /// Where to find what the call cost, however it ended.
    ///
    /// ```no_run
    /// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
    /// use ikcrm::{CallOptions, MetaSlot};
    ///
    /// let meta = MetaSlot::new();
    /// let result = client.get_opportunity_with(568_587, &CallOptions::new().meta(&meta));
    /// if let Some(meta) = meta.get() {
    ///     println!("{} requests in {:?}, {:?}", meta.attempts, meta.elapsed, meta.header("date"));
    /// }
    /// # Ok::<(), ikcrm::Error>(())
    /// ```
    pub fn meta(mut self, slot: &MetaSlot) -> Self {
        self.meta = Some(slot.clone());
        self
    }

    /// Who is told of the events of all calls with these options, in the place of the client's
    /// observer.
    #[doc(hidden)]
    pub fn observed_by(mut self, observer: impl Observer + 'static) -> Self {
        let watch = Watch::here();
        watch.listener.set(Listener::new(observer)).ok();
        self.watch = Some(Arc::new(watch));
        self
    }

    /// A flag that ends the call from outside.
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// A flag that ends the call besides the one that is set already.
    #[doc(hidden)]
    pub fn also_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = Some(match self.cancel.take() {
            Some(other) => Cancel::any_of([other, cancel]),
            None => cancel,
        });
        self
    }

    /// Sets an option by its name: `timeout`, `max_wait` and `deadline` in seconds, `max_retries`,
    /// `priority` (`normal` or `batch`), or `headers`. A null leaves the client's; what does not fit is told by
    /// the call.
    pub fn set(self, name: &str, value: impl Into<Value>) -> Self {
        self.set_among(&[], name, value.into())
    }

    /// The same where there are other options, which a message may mean.
    #[doc(hidden)]
    pub fn set_among(self, others: &[&str], name: &str, value: Value) -> Self {
        match (name, value) {
            (name, Value::Null) if CALL_OPTIONS.contains(&name) => self,
            ("timeout", value) => self.timeout_checked(TIMEOUT.read(&value)),
            ("max_retries", value) => self.max_retries_checked(retries(&value)),
            ("max_wait", value) => match duration(&value) {
                Ok(max_wait) => self.max_wait(max_wait),
                Err(fault) => self.fault("max_wait", fault),
            },
            ("deadline", value) => self.deadline_checked(DEADLINE.read(&value)),
            ("priority", value) => match priority(&value) {
                Ok(priority) => self.priority(priority),
                Err(fault) => self.fault("priority", fault),
            },
            ("headers", value) => self.set_headers(&value),
            ("cancel", value) => {
                let message = format!("must be a Cancel, got {}", value.describe());
                self.fault("cancel", Fault(Code::Type, message))
            }
            _ => {
                let known = CALL_OPTIONS.iter().chain(others).copied();
                self.refuse(no_option("option", name, known))
            }
        }
    }

    fn set_headers(mut self, value: &Value) -> Self {
        self.headers = Headers::read(value, &mut self.faults);
        self
    }

    fn timeout_checked(mut self, timeout: Result<Duration, Fault>) -> Self {
        match timeout {
            Ok(timeout) => self.timeout = Some(timeout),
            Err(fault) => return self.fault("timeout", fault),
        }
        self
    }

    fn deadline_checked(mut self, deadline: Result<Duration, Fault>) -> Self {
        match deadline {
            Ok(deadline) => self.deadline = Some(deadline),
            Err(fault) => return self.fault("deadline", fault),
        }
        self
    }

    fn max_retries_checked(mut self, retries: Result<u32, Fault>) -> Self {
        match retries {
            Ok(retries) => self.max_retries = Some(retries),
            Err(fault) => return self.fault("max_retries", fault),
        }
        self
    }

    /// A fault of what only a binding can see; the call tells it with its own.
    #[doc(hidden)]
    pub fn refuse(mut self, fault: FieldError) -> Self {
        self.faults.push(fault);
        self
    }

    /// What is wrong with the options, as the caller's language spells them.
    pub(crate) fn faults(&self) -> Vec<FieldError> {
        spelt_faults(self.faults.clone())
    }

    fn fault(mut self, name: &str, fault: Fault) -> Self {
        self.faults.push(fault.of(name));
        self
    }
}

fn priority(value: &Value) -> Result<Priority, Fault> {
    match text(value)?.as_str() {
        "normal" => Ok(Priority::Normal),
        "batch" => Ok(Priority::Batch),
        other => {
            let message = format!("must be normal or batch, got {:?}", excerpt(other));
            Err(Fault(Code::Unknown, message))
        }
    }
}
