//! `CallQueue`: calls that were prepared are started, and the outcomes of all calls come back to
//! JavaScript through one function.
//!
//! A promise of napi's own would set up such a function for every call, and a class of its own an
//! object that is wrapped and finalized.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;

use ikcrm::{CallMeta, Error, Event, MetaSlot, Observer, PreparedCall};
use napi::bindgen_prelude::{Either, FnArgs};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Error as NapiError, Result, Status, sys};
use napi_derive::napi;

use crate::answer::{Answer, Text, outcome, text};
use crate::{events, meta};

/// A call's number, its outcome or its events, whether it ended, and what it cost.
type Outcome = FnArgs<(i64, Answer, bool, Option<Text>)>;
/// Takes an outcome on the environment's thread; does not keep the process alive by itself.
type Settle = ThreadsafeFunction<Outcome, (), Outcome, Status, false, true>;
/// Starts the call, whose outcome goes there.
type Start = Box<dyn FnOnce(Completion, bool) + Send>;

/// A call whose values were read, and that was not started.
pub(crate) struct Call(Start);

impl Call {
    /// The call, whose answer `write` makes JSON text of.
    pub(crate) fn new<T: Send + 'static>(
        call: PreparedCall<T>,
        write: impl FnOnce(T) -> String + Send + 'static,
    ) -> Self {
        Self(Box::new(move |completion: Completion, observed: bool| {
            let call = if observed { call.observed_by(completion.clone()) } else { call };
            let slot = MetaSlot::new();
            call.metered(&slot).spawn(move |result| {
                let answer = outcome(result.map(|answer| text(write(answer))));
                completion.settle(answer, slot.take().as_ref());
            });
        }))
    }

    /// The work that holds a thread of its own until it is done, such as a job.
    /// It is told who hears of the events of its calls, if anybody does.
    pub(crate) fn on_thread(
        work: impl FnOnce(Option<Completion>) -> Answer + Send + 'static,
    ) -> Self {
        Self(Box::new(move |completion: Completion, observed: bool| {
            let refused = completion.clone();
            let observer = observed.then(|| completion.clone());
            let work = move || {
                let done = catch_unwind(AssertUnwindSafe(|| work(observer)));
                completion.settle(done.unwrap_or_else(|_| ended()), None);
            };
            // Without a thread, or after a bug, the promise must settle all the same.
            if Builder::new().name("ikcrm-job".to_owned()).spawn(work).is_err() {
                refused.settle(ended(), None);
            }
        }))
    }
}

fn ended() -> Answer {
    outcome(Err(Error::cancelled(true)))
}

/// The calls of an environment: those that were prepared, and where the outcomes of all go.
#[napi]
pub struct CallQueue {
    outcomes: Arc<Outcomes>,
    prepared: RefCell<Prepared>,
}

/// Where outcomes go. While any are to come, the process must live on. They are counted here, since
/// JavaScript would have to call into this module twice more for a call that is alone.
struct Outcomes {
    settle: Settle,
    /// How many are to come; only the environment's thread counts.
    to_come: AtomicUsize,
}

#[derive(Default)]
struct Prepared {
    last: i64,
    calls: HashMap<i64, Call>,
}

#[napi]
impl CallQueue {
    /// A queue that gives each outcome to `settle`, and before that events as JSON text.
    #[napi(
        constructor,
        ts_args_type = "settle: (call: number, answer: string | ErrorData, ended: boolean, meta: string | null) => void"
    )]
    #[must_use]
    pub fn new(settle: Settle) -> Self {
        let outcomes = Outcomes { settle, to_come: AtomicUsize::new(0) };
        Self { outcomes: Arc::new(outcomes), prepared: RefCell::default() }
    }

    /// Makes the call of this number, once, without holding this thread; its outcome goes to `settle`,
    /// and before it its events, if it is `observed`. Until it is there, the process lives on.
    ///
    /// # Errors
    ///
    /// When the environment is being taken down.
    #[napi]
    pub fn start(&self, env: Env, call: i64, observed: bool) -> Result<()> {
        let prepared = self.prepared.borrow_mut().calls.remove(&call);
        if let Some(Call(start)) = prepared {
            self.outcomes.begin(env)?;
            start(Completion { outcomes: Arc::clone(&self.outcomes), call }, observed);
        }
        Ok(())
    }

    /// Keeps the call until it is started under this number.
    pub(crate) fn keep(&self, call: Call) -> i64 {
        let mut prepared = self.prepared.borrow_mut();
        prepared.last += 1;
        let number = prepared.last;
        prepared.calls.insert(number, call);
        number
    }
}

impl Outcomes {
    fn begin(&self, env: Env) -> Result<()> {
        if self.to_come.fetch_add(1, Ordering::Relaxed) == 0 {
            self.keep_alive(env, true)
        } else {
            Ok(())
        }
    }

    fn end(&self, env: Env) -> Result<()> {
        if self.to_come.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.keep_alive(env, false)
        } else {
            Ok(())
        }
    }

    #[expect(unsafe_code, reason = "napi's own methods for this want the function unshared")]
    fn keep_alive(&self, env: Env, alive: bool) -> Result<()> {
        // SAFETY: this is the environment's own thread, so neither it nor the function is gone.
        let status = unsafe {
            if alive {
                sys::napi_ref_threadsafe_function(env.raw(), self.settle.raw())
            } else {
                sys::napi_unref_threadsafe_function(env.raw(), self.settle.raw())
            }
        };
        if status == sys::Status::napi_ok {
            Ok(())
        } else {
            Err(NapiError::from_status(status.into()))
        }
    }
}

/// The outcome of one call, to come.
#[derive(Clone)]
pub(crate) struct Completion {
    outcomes: Arc<Outcomes>,
    call: i64,
}

impl Completion {
    // JavaScript is out of reach only when the environment is gone, and the promise with it.

    fn settle(self, answer: Answer, meta: Option<&CallMeta>) {
        let Self { outcomes, call } = self;
        let outcome = (call, answer, true, meta.map(|meta| text(meta::text(meta)))).into();
        let over = Arc::clone(&outcomes);
        let ended = move |_: Result<()>, env: Env| over.end(env);
        let mode = ThreadsafeFunctionCallMode::NonBlocking;
        outcomes.settle.call_with_return_value(outcome, mode, ended);
    }

    fn tell(&self, events: Text) {
        let outcome = (self.call, Either::A(events), false, None).into();
        self.outcomes.settle.call(outcome, ThreadsafeFunctionCallMode::NonBlocking);
    }
}

impl Observer for Completion {
    fn observe(&self, events: &[Event]) {
        self.tell(text(events::json(events)));
    }
}
