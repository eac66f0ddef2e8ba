//! `Attempt`: what is known of the attempt under way on this thread.
//!
//! ureq's connections are shared by calls, so a connection cannot carry a call's deadline or
//! its `Cancel`. The attempt is made known to the thread that runs it, and the connection asks.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::sync::{Cancel, SLICE};

/// Why an attempt was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Cancelled,
    Deadline,
}

/// How far a request got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not a byte of it was sent.
    Unsent,
    /// Bytes of it were sent.
    Sent,
    /// Bytes of the answer came.
    Answered,
}

/// What an attempt is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// About to send on a connection that is there.
    Ready,
    /// Making a connection: what is sent and received for that is not the request.
    Connecting,
    Sending,
    Receiving,
}

/// One attempt. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Attempt(Rc<State>);

#[derive(Debug)]
struct State {
    deadline: Instant,
    cancel: Option<Cancel>,
    ending: Cell<Option<Ending>>,
    step: Cell<Step>,
    fresh_connection: Cell<bool>,
    /// How many connections are being made, one for the other.
    connecting: Cell<u32>,
    status: Cell<Option<u16>>,
}

thread_local! {
    static CURRENT: RefCell<Option<Attempt>> = const { RefCell::new(None) };
}

impl Attempt {
    pub(super) fn new(deadline: Instant, cancel: Option<Cancel>) -> Self {
        Self(Rc::new(State {
            deadline,
            cancel,
            ending: Cell::new(None),
            step: Cell::new(Step::Ready),
            fresh_connection: Cell::new(false),
            connecting: Cell::new(0),
            status: Cell::new(None),
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

    pub(super) fn ending(&self) -> Option<Ending> {
        self.0.ending.get()
    }

    /// Whether bytes of the request went out, so that the CRM may have acted on it.
    pub(super) fn sent(&self) -> bool {
        matches!(self.0.step.get(), Step::Sending | Step::Receiving)
    }

    pub(super) fn progress(&self) -> Progress {
        match self.0.step.get() {
            Step::Ready | Step::Connecting => Progress::Unsent,
            Step::Sending => Progress::Sent,
            Step::Receiving => Progress::Answered,
        }
    }

    /// What it was doing, for messages.
    pub(super) fn step(&self) -> &'static str {
        match self.0.step.get() {
            Step::Ready | Step::Connecting => "connecting to the CRM",
            Step::Sending => "waiting for the CRM's answer",
            Step::Receiving => "receiving the CRM's answer",
        }
    }

    /// A connection is being made, or within that one to a proxy.
    pub(super) fn connecting(&self) {
        self.0.fresh_connection.set(true);
        self.0.step.set(Step::Connecting);
        self.0.connecting.update(|depth| depth + 1);
    }

    pub(super) fn connected(&self) {
        self.0.connecting.update(|depth| depth.saturating_sub(1));
        if self.0.connecting.get() == 0 {
            self.0.step.set(Step::Ready);
        }
    }

    pub(super) fn sent_bytes(&self) {
        if self.0.step.get() == Step::Ready {
            self.0.step.set(Step::Sending);
        }
    }

    pub(super) fn received_bytes(&self) {
        if self.0.step.get() == Step::Sending {
            self.0.step.set(Step::Receiving);
        }
    }

    pub(super) fn answered_with(&self, status: u16) {
        self.0.status.set(Some(status));
    }

    /// The HTTP status, if the answer's head came.
    pub(super) fn status(&self) -> Option<u16> {
        self.0.status.get()
    }

    /// Whether a pooled connection broke before a byte of the answer came.
    pub(super) fn met_dead_connection(&self, error: &ureq::Error) -> bool {
        let broke = matches!(error, ureq::Error::Io(_) | ureq::Error::Protocol(_));
        broke
            && self.ending().is_none()
            && !self.0.fresh_connection.get()
            && self.0.step.get() != Step::Receiving
    }

    /// How long to wait before asking [`check`](Self::check) again.
    pub(super) fn slice(&self) -> Duration {
        let left = self.0.deadline.saturating_duration_since(Instant::now());
        left.clamp(Duration::from_millis(1), SLICE)
    }

    /// Fails when the attempt must end now. Not an interrupt, which rustls would retry.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.0.cancel.as_ref().is_some_and(Cancel::poll) {
            self.0.ending.set(Some(Ending::Cancelled));
        } else if Instant::now() >= self.0.deadline {
            self.0.ending.set(Some(Ending::Deadline));
        } else {
            return Ok(());
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Does slow work that cannot be interrupted on a thread of its own, and waits for it.
    pub(super) fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (sender, receiver) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("ikcrm-connect".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || sender.send(work()).ok())?;
        loop {
            match receiver.recv_timeout(self.slice()) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Timeout) => self.check()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("the connecting thread ended early"));
                }
            }
        }
    }
}

/// Whether the same failure would come again: a certificate that is not trusted, a bad name.
pub(super) fn is_permanent(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => {
            error.get_ref().is_some_and(|inner| inner.to_string().contains("certificate"))
        }
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::BadUri(_) => true,
        _ => false,
    }
}
