//! `PreparedCall`: a call that is described and not yet made.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::call::Engine;
use crate::config::{CallOptions, Watch};
use crate::error::Error;
use crate::observe::{Listener, MetaSlot, Observer};
use crate::sync::{Cancel, Reply, block_on};

type Work<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A call to be made: on this thread by [`wait`](Self::wait), on the library's own threads by
/// [`spawn`](Self::spawn), or by `.await` in any async runtime.
///
/// While a spawned call waits for the quota it holds no thread, so that thousands may wait.
///
/// ```no_run
/// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
/// use ikcrm::{CallOptions, OpportunityUpdate};
///
/// let update = OpportunityUpdate::new().title("ccc").customer_id(1);
/// let call = client.prepare_update(568_587, update, CallOptions::new());
/// let (sender, result) = std::sync::mpsc::channel();
/// call.spawn(move |result| drop(sender.send(result)));
/// println!("{:?}", result.recv());
/// # Ok::<(), ikcrm::Error>(())
/// ```
#[must_use = "a prepared call does nothing until it is waited for, spawned or awaited"]
pub struct PreparedCall<T> {
    engine: Arc<Engine>,
    /// The options' flag.
    cancel: Option<Cancel>,
    watch: Arc<Watch>,
    work: Work<T>,
}

impl<T: Send + 'static> PreparedCall<T> {
    /// The call that `make` makes of the options.
    pub(super) fn new<F>(
        engine: &Arc<Engine>,
        mut options: CallOptions,
        make: impl FnOnce(Arc<Engine>, CallOptions) -> F,
    ) -> Self
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let cancel = options.cancel.clone();
        let watch = Arc::new(Watch::here());
        options.watch = Some(Arc::clone(&watch));
        let work = make(Arc::clone(engine), options);
        Self { engine: Arc::clone(engine), cancel, watch, work: Box::pin(work) }
    }

    /// The same call with an answer made of its answer.
    #[doc(hidden)]
    pub fn map<A: Send + 'static>(
        self,
        answer: impl FnOnce(T) -> A + Send + 'static,
    ) -> PreparedCall<A> {
        let Self { engine, cancel, watch, work } = self;
        PreparedCall {
            engine,
            cancel,
            watch,
            work: Box::pin(async move { work.await.map(answer) }),
        }
    }

    /// Lets this observer be told of the call's events, in the place of the client's.
    pub fn observed_by(self, observer: impl Observer + 'static) -> Self {
        // One that was named before stays.
        self.watch.listener.set(Listener::new(observer)).ok();
        self
    }

    /// Lets the call leave here what it cost, in the place of the options' slot.
    #[doc(hidden)]
    pub fn metered(self, slot: &MetaSlot) -> Self {
        self.watch.meta.set(slot.clone()).ok();
        self
    }

    /// Makes the call and waits for its end.
    ///
    /// # Errors
    ///
    /// What the call fails with.
    pub fn wait(self) -> Result<T, Error> {
        block_on(self.work, self.cancel.as_ref())
    }

    /// Makes the call on the library's own threads, and tells `done` how it ended. What can be
    /// refused without waiting, such as a wrong value, is told before this returns.
    ///
    /// `done` runs on one of these threads. Eight of them may take their time at once; more keep the
    /// client's other calls back, so hand the result on instead of waiting in `done`.
    pub fn spawn(self, done: impl FnOnce(Result<T, Error>) + Send + 'static) {
        let Self { engine, mut work, watch, .. } = self;
        // It holds the caller's span, which may end with the call.
        drop(watch);
        let done = Done { done: Some(done), told: PhantomData };
        if let Poll::Ready(result) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done.tell(result);
        }
        let calls = Arc::clone(&engine);
        // Without a thread the call was dropped, and its `Done` told so.
        drop(engine.workers().spawn(Box::pin(async move {
            let result = work.await;
            calls.workers().tell(|| done.tell(result));
        })));
    }
}

/// Whom to tell how a call ended. Dropped untold, it tells that there will be no answer.
struct Done<T, F: FnOnce(Result<T, Error>)> {
    done: Option<F>,
    told: PhantomData<fn(T)>,
}

impl<T, F: FnOnce(Result<T, Error>)> Done<T, F> {
    fn tell(mut self, result: Result<T, Error>) {
        if let Some(done) = self.done.take() {
            done(result);
        }
    }
}

impl<T, F: FnOnce(Result<T, Error>)> Drop for Done<T, F> {
    fn drop(&mut self) {
        let Some(done) = self.done.take() else { return };
        done(Err(Error::Transport {
            message: "the call ended early: no thread could be started for it, or it panicked"
                .to_owned(),
            retryable: false,
            may_have_been_applied: true,
        }));
    }
}

impl<T: Send + 'static> IntoFuture for PreparedCall<T> {
    type Output = Result<T, Error>;
    type IntoFuture = CallFuture<T>;

    fn into_future(self) -> CallFuture<T> {
        let cancel = self.watch.cancel.get_or_init(Cancel::new).clone();
        CallFuture { cancel, call: Some(self), reply: Reply::new() }
    }
}

/// A call under way on the library's own threads. Dropped, it is cancelled.
#[must_use = "futures do nothing unless polled"]
pub struct CallFuture<T> {
    call: Option<PreparedCall<T>>,
    cancel: Cancel,
    reply: Reply<Result<T, Error>>,
}

impl<T: Send + 'static> Future for CallFuture<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(call) = self.call.take() {
            let reply = self.reply.clone();
            call.spawn(move |result| drop(reply.fill(result)));
        }
        self.reply.poll(context)
    }
}

impl<T> Drop for CallFuture<T> {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl<T> fmt::Debug for PreparedCall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedCall").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for CallFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture").finish_non_exhaustive()
    }
}
