//! `Cancel`: a flag that ends a call from outside, and wakes the waits in between.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
    lock: Mutex<()>,
    wake: Condvar,
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
        let _guard = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.wake.notify_all();
    }

    /// Whether the flag is set.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Asks the probe too, and remembers what it said.
    pub(crate) fn poll(&self) -> bool {
        if !self.is_cancelled() && self.0.probe.as_ref().is_some_and(|probe| probe()) {
            self.0.cancelled.store(true, Ordering::Release);
        }
        self.is_cancelled()
    }

    /// Waits, and tells whether the flag was set meanwhile.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        let end = Instant::now() + duration;
        loop {
            if self.poll() {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let nap = if self.0.probe.is_some() { left.min(SLICE) } else { left };
            let guard = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.is_cancelled() {
                drop(self.0.wake.wait_timeout(guard, nap));
            }
        }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}
