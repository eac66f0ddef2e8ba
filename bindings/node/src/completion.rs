//! `NativeCall` and `CompletionQueue`: a call that was prepared is started, and the outcomes of all
//! calls come back to JavaScript through one function.
//!
//! A promise of napi's own would set up such a function for every call.

use std::sync::Arc;

use ikcrm::{CallOptions, Client, Error};
use napi::bindgen_prelude::{Either, FnArgs};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Error as NapiError, Result, Status, sys};
use napi_derive::napi;

use crate::answer::{Answer, outcome, text};

/// A call's number and its outcome.
type Outcome = FnArgs<(i64, Answer)>;
/// Takes an outcome on the environment's thread; does not keep the process alive by itself.
type Settle = ThreadsafeFunction<Outcome, (), Outcome, Status, false, true>;
/// Makes the call and gives its JSON text.
type Make = Box<dyn FnOnce(&Client, &CallOptions) -> std::result::Result<String, Error> + Send>;

/// A call whose values were read, and that was not started.
#[napi]
pub struct NativeCall(Option<(Client, CallOptions, Make)>);

impl NativeCall {
    pub(crate) fn new(
        client: &Client,
        options: CallOptions,
        make: impl FnOnce(&Client, &CallOptions) -> std::result::Result<String, Error> + Send + 'static,
    ) -> Self {
        Self(Some((client.clone(), options, Box::new(make))))
    }
}

#[napi]
impl NativeCall {
    /// Makes the call, once, on a thread of the core's; its outcome goes to the queue under this
    /// number.
    #[napi]
    pub fn start(&mut self, queue: &CompletionQueue, number: i64) {
        let Some((client, options, make)) = self.0.take() else { return };
        let completion = queue.completion(number);
        // Without a thread, the closure was dropped, and its completion told so.
        drop(client.spawn(options, move |client, options| {
            completion.settle(outcome(make(client, options).map(|json| text(&json))));
        }));
    }
}

/// Where the outcomes of an environment's calls go.
#[napi]
pub struct CompletionQueue(Arc<Settle>);

#[napi]
impl CompletionQueue {
    /// A queue that gives each outcome to `settle`.
    #[napi(
        constructor,
        ts_args_type = "settle: (call: number, answer: string | ErrorData) => void"
    )]
    #[must_use]
    pub fn new(settle: Settle) -> Self {
        Self(Arc::new(settle))
    }

    /// Whether the process lives on: it must while calls are under way.
    ///
    /// # Errors
    ///
    /// When the environment is being taken down.
    #[napi]
    pub fn keep_alive(&self, env: Env, alive: bool) -> Result<()> {
        keep_alive(env, &self.0, alive)
    }

    /// The place for the outcome of this call.
    pub(crate) fn completion(&self, call: i64) -> Completion {
        Completion { settle: Arc::clone(&self.0), call, settled: false }
    }
}

#[expect(unsafe_code, reason = "napi's own methods for this want the function unshared")]
fn keep_alive(env: Env, settle: &Settle, alive: bool) -> Result<()> {
    // SAFETY: this is the environment's own thread, so neither it nor the function is gone.
    let status = unsafe {
        if alive {
            sys::napi_ref_threadsafe_function(env.raw(), settle.raw())
        } else {
            sys::napi_unref_threadsafe_function(env.raw(), settle.raw())
        }
    };
    if status == sys::Status::napi_ok { Ok(()) } else { Err(NapiError::from_status(status.into())) }
}

/// The outcome of one call, to come. Dropped unsettled, it tells that there will be none.
pub(crate) struct Completion {
    settle: Arc<Settle>,
    call: i64,
    settled: bool,
}

impl Completion {
    pub(crate) fn settle(mut self, answer: Answer) {
        self.send(answer);
    }

    fn send(&mut self, answer: Answer) {
        self.settled = true;
        // Refused only when the environment is gone, and the promise with it.
        self.settle.call((self.call, answer).into(), ThreadsafeFunctionCallMode::NonBlocking);
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let lost = Error::Transport {
            message: "the call ended early: no thread could be started for it, or it panicked"
                .to_owned(),
            retryable: false,
            may_have_been_applied: true,
        };
        self.send(Either::B(lost.into()));
    }
}
