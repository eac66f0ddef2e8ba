//! `Attempt`: what is known of the attempt under way on this thread.
//!
//! Connections are shared by calls, so a connection cannot carry a call's deadline or its `Cancel`.
//! The attempt is made known to the thread that runs it, and the connection asks.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use http::HeaderMap;

use crate::sync::clock::{self, Moment};
use crate::sync::{Flags, SLICE, fault_point};

/// Why an attempt was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Cancelled,
    Deadline,
}

/// What bounds an attempt.
pub(crate) struct Terms {
    /// When it began.
    pub(crate) begun: Moment,
    pub(crate) deadline: Moment,
    pub(crate) cancel: Flags,
}

/// How far a request got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// No byte of it left: the CRM knows nothing of it.
    Unsent,
    /// Bytes of it left, and nothing came back.
    Sent,
    /// Bytes of an answer came.
    Answered,
}

/// What an attempt is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Looking for a connection, or about to use one.
    Ready,
    /// Making a connection: what is sent and received for that is not the request.
    Connecting,
    /// The request is with the connection, which has sent nothing of it yet.
    Offered,
    Sending,
    Receiving,
}

/// One attempt. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Attempt(Rc<State>);

struct State {
    deadline: Moment,
    cancel: Flags,
    /// When the cancel's probe is to be asked again.
    next_poll: Cell<Moment>,
    ending: Cell<Option<Refusal>>,
    step: Cell<Step>,
    fresh_connection: Cell<bool>,
    status: Cell<Option<u16>>,
    headers: Cell<HeaderMap>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("step", &self.step.get()).finish_non_exhaustive()
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Attempt>> = const { RefCell::new(None) };
}

/// Tells the attempt of this thread, if there is one.
pub(super) fn told(what: impl FnOnce(&Attempt)) {
    if let Some(attempt) = Attempt::current() {
        what(&attempt);
    }
}

/// Fails when the attempt of this thread must end; else tells how long to wait at most before
/// asking again.
pub(super) fn slice() -> io::Result<Duration> {
    Attempt::current().map_or(Ok(SLICE), |attempt| attempt.slice())
}

impl Attempt {
    pub(super) fn new(terms: Terms) -> Self {
        Self(Rc::new(State {
            deadline: terms.deadline,
            cancel: terms.cancel,
            next_poll: Cell::new(terms.begun + SLICE),
            ending: Cell::new(None),
            step: Cell::new(Step::Ready),
            fresh_connection: Cell::new(false),
            status: Cell::new(None),
            headers: Cell::default(),
        }))
    }

    /// Runs `work`, during which this is the thread's attempt.
    pub(super) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Puts the former attempt back, even when the work panics.
        struct Restore(Option<Attempt>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.clone())));
        work()
    }

    /// The attempt of this thread.
    pub(super) fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    pub(super) fn ending(&self) -> Option<Refusal> {
        self.0.ending.get()
    }

    pub(super) fn progress(&self) -> Progress {
        match self.0.step.get() {
            Step::Ready | Step::Connecting | Step::Offered => Progress::Unsent,
            Step::Sending => Progress::Sent,
            Step::Receiving => Progress::Answered,
        }
    }

    /// What it was doing, for messages.
    pub(super) fn step(&self) -> &'static str {
        match self.0.step.get() {
            Step::Ready | Step::Connecting => "connecting to the CRM",
            Step::Offered => "sending the request",
            Step::Sending => "waiting for the CRM's answer",
            Step::Receiving => "receiving the CRM's answer",
        }
    }

    pub(super) fn connecting(&self) {
        self.0.fresh_connection.set(true);
        self.0.step.set(Step::Connecting);
    }

    /// The connection is made. What was cancelled meanwhile is not sent any more.
    pub(super) fn connected(&self) -> io::Result<()> {
        self.0.step.set(Step::Ready);
        self.0.next_poll.set(clock::now());
        self.slice().map(drop)
    }

    /// The request is with the connection: what leaves from here on is the request.
    pub(super) fn offered(&self) {
        if self.0.step.get() == Step::Ready {
            self.0.step.set(Step::Offered);
        }
    }

    /// Bytes are about to leave, unless [`slice`](Self::slice) refuses: then none of the request did.
    pub(super) fn sending(&self) {
        if self.0.step.get() == Step::Offered {
            fault_point::stop("before send");
        }
    }

    pub(super) fn sent_bytes(&self) {
        if self.0.step.get() == Step::Offered {
            self.0.step.set(Step::Sending);
        }
    }

    /// The server ends the handshake, after which it reads nothing: the request did not get there.
    pub(super) fn shut_out(&self) {
        if self.0.step.get() == Step::Sending {
            self.0.step.set(Step::Connecting);
        }
    }

    pub(super) fn received_bytes(&self) {
        if self.0.step.get() == Step::Sending {
            self.0.step.set(Step::Receiving);
        }
    }

    /// Whether bytes of the request left over a connection that was there already.
    pub(super) fn reused_connection(&self) -> bool {
        !self.0.fresh_connection.get() && self.progress() != Progress::Unsent
    }

    pub(super) fn answered_with(&self, status: u16, headers: HeaderMap) {
        self.0.status.set(Some(status));
        self.0.headers.set(headers);
    }

    pub(super) fn take_headers(&self) -> HeaderMap {
        self.0.headers.take()
    }

    /// The HTTP status, if the answer's head came.
    pub(super) fn status(&self) -> Option<u16> {
        self.0.status.get()
    }

    /// Whether a pooled connection broke before a byte of the answer came.
    pub(super) fn met_dead_connection(&self, error: &ureq::Error) -> bool {
        let broke = matches!(error, ureq::Error::Io(_));
        broke
            && self.ending().is_none()
            && !self.0.fresh_connection.get()
            && self.0.step.get() != Step::Receiving
    }

    /// Fails when the attempt must end now; else tells how long to wait at most. It is asked before
    /// every read and write, so it looks at the clock once, and asks the probe ten times a second.
    pub(super) fn slice(&self) -> io::Result<Duration> {
        let now = clock::now();
        let left = self.0.deadline.saturating_sub(now);
        if self.is_cancelled(now) {
            Err(self.end(Refusal::Cancelled))
        } else if left.is_zero() {
            Err(self.end(Refusal::Deadline))
        } else {
            Ok(left.clamp(Duration::from_millis(1), SLICE))
        }
    }

    fn is_cancelled(&self, now: Moment) -> bool {
        if now < self.0.next_poll.get() {
            return self.0.cancel.is_cancelled();
        }
        self.0.next_poll.set(now + SLICE);
        self.0.cancel.poll()
    }

    /// Not an interrupt, which rustls would retry.
    fn end(&self, refusal: Refusal) -> io::Error {
        self.0.ending.set(Some(refusal));
        io::ErrorKind::TimedOut.into()
    }

    /// Does slow work that cannot be interrupted on a thread of its own, and waits for it.
    fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (sender, receiver) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("ikcrm-connect".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || sender.send(work()).ok())?;
        loop {
            match receiver.recv_timeout(self.slice()?) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("the connecting thread ended early"));
                }
            }
        }
    }
}

/// Does slow work so that the thread's attempt can end meanwhile.
pub(super) fn interruptible<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match Attempt::current() {
        Some(attempt) => attempt.off_thread(work),
        None => work(),
    }
}
