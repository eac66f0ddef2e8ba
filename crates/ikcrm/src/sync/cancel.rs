//! `Cancel`: a flag that ends a call from outside, and wakes the waits in between.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

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
    /// How often the waits were woken.
    wakes: Mutex<u64>,
    woken: Condvar,
    probe: Option<Box<dyn Fn() -> bool + Send + Sync>>,
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

    /// Sets the flag; calls under way end within about a tenth of a second.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether the flag is set.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Asks the probe too, and remembers what it said.
    #[doc(hidden)]
    #[must_use]
    pub fn poll(&self) -> bool {
        if !self.is_cancelled() && self.0.probe.as_ref().is_some_and(|probe| probe()) {
            self.0.cancelled.store(true, Ordering::Release);
        }
        self.is_cancelled()
    }

    /// Waits, and tells whether the flag was set meanwhile.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        let end = Instant::now() + duration;
        loop {
            let seen = self.wakes();
            let left = end.saturating_duration_since(Instant::now());
            if self.poll() || left.is_zero() {
                return self.is_cancelled();
            }
            self.wait_for_wake(seen, left);
        }
    }

    /// Ends the waits that are under way; those that wait for more than a wake go on.
    pub(crate) fn wake(&self) {
        *self.lock() += 1;
        self.0.woken.notify_all();
    }

    /// How often the waits were woken: to be asked before looking at what a wake may have changed.
    pub(crate) fn wakes(&self) -> u64 {
        *self.lock()
    }

    /// Waits for a wake after `seen`, and no longer than until the probe must be asked again.
    pub(crate) fn wait_for_wake(&self, seen: u64, longest: Duration) {
        let nap = if self.0.probe.is_some() { longest.min(SLICE) } else { longest };
        let waiting = self.0.woken.wait_timeout_while(self.lock(), nap, |wakes| *wakes == seen);
        drop(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        lock(&self.0.wakes)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}
