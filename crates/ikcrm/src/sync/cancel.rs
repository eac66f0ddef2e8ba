//! `Cancel`: a flag that ends a call from outside.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use super::lock::lock;

/// How long a call sleeps at most before it looks whether it was cancelled.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

/// Ends a call that is under way, from any thread. Clones share the one flag.
///
/// ```
/// let cancel = ikcrm::Cancel::new();
/// let options = ikcrm::CallOptions::new().cancel(cancel.clone());
/// cancel.cancel(); // from another thread, while the call with these options is under way
/// # let _ = options;
/// ```
#[derive(Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    /// Flags that set this one too.
    parents: Vec<Cancel>,
    waiting: Mutex<Waiting>,
    probe: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

/// What waits for the flag.
#[derive(Default)]
struct Waiting {
    last: u64,
    /// By number, and mostly one: small where ten thousand calls wait.
    wakers: VecDeque<(u64, Waker)>,
}

impl Cancel {
    /// A flag that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that is also set when `probe` says so.
    ///
    /// The thread that waits calls the probe, ten times a second. This is how a signal that only
    /// the calling thread can see, such as Ctrl-C in Python, ends a call.
    #[must_use]
    pub fn with_probe(probe: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { probe: Some(Box::new(probe)), ..Inner::default() }))
    }

    /// A flag that is also set when one of these is.
    #[doc(hidden)]
    #[must_use]
    pub fn any_of(parents: impl IntoIterator<Item = Self>) -> Self {
        Self(Arc::new(Inner { parents: parents.into_iter().collect(), ..Inner::default() }))
    }

    /// Sets the flag; calls under way end within about a tenth of a second.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        let wakers = std::mem::take(&mut lock(&self.0.waiting).wakers);
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    /// Whether the flag is set.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire) || self.0.parents.iter().any(Self::is_cancelled)
    }

    /// Asks the probes too, and remembers what they said.
    #[doc(hidden)]
    pub fn poll(&self) -> bool {
        if !self.is_cancelled() && self.0.probe.as_ref().is_some_and(|probe| probe()) {
            self.cancel();
        }
        self.is_cancelled() || self.0.parents.iter().any(Self::poll)
    }

    /// Asks the probes although the flag is set: whether somebody cancels once more.
    #[cfg(feature = "jobs")]
    pub(crate) fn poll_again(&self) -> bool {
        let probed = self.0.probe.as_ref().is_some_and(|probe| probe());
        probed || self.0.parents.iter().any(Self::poll_again)
    }

    /// Whether a probe must be asked again and again.
    pub(crate) fn has_probe(&self) -> bool {
        self.0.probe.is_some() || self.0.parents.iter().any(Self::has_probe)
    }

    /// Lets `waker` be woken when the flag is set, as long as what is added to the wakings lives.
    pub(crate) fn wake(&self, waker: &Waker, wakings: &mut Vec<Waking>) {
        wakings.reserve_exact(1);
        let mut waiting = lock(&self.0.waiting);
        waiting.last += 1;
        let number = waiting.last;
        if waiting.wakers.capacity() == 0 {
            waiting.wakers.reserve_exact(1); // most flags end one call
        }
        waiting.wakers.push_back((number, waker.clone()));
        drop(waiting);
        wakings.push(Waking { cancel: self.clone(), number });
        self.0.parents.iter().for_each(|parent| parent.wake(waker, wakings));
    }
}

/// Flags of which each ends a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags(pub(crate) [Option<Cancel>; 3]);

impl Flags {
    /// Whether one is set.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.iter().flatten().any(Cancel::is_cancelled)
    }

    /// Asks the probes too.
    pub(crate) fn poll(&self) -> bool {
        self.0.iter().flatten().any(Cancel::poll)
    }
}

/// A waker that waits for a flag.
#[derive(Debug)]
pub(crate) struct Waking {
    cancel: Cancel,
    number: u64,
}

impl Drop for Waking {
    fn drop(&mut self) {
        let mut waiting = lock(&self.cancel.0.waiting);
        if let Ok(place) = waiting.wakers.binary_search_by_key(&self.number, |(number, _)| *number)
        {
            waiting.wakers.remove(place);
        }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}
