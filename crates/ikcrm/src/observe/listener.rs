//! `Listener`: an observer, which no call fails by.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::observer::Observer;

/// An observer, until it panics.
#[derive(Clone)]
pub(crate) struct Listener {
    observer: Arc<dyn Observer>,
    broken: Arc<AtomicBool>,
}

impl Listener {
    pub(crate) fn new(observer: Arc<dyn Observer>) -> Self {
        Self { observer, broken: Arc::default() }
    }

    /// What the observer does, unless it panicked before: that was reported by the panic's hook.
    pub(crate) fn guarded<T>(&self, work: impl FnOnce(&dyn Observer) -> T) -> Option<T> {
        if self.broken.load(Ordering::Acquire) {
            return None;
        }
        let done = catch_unwind(AssertUnwindSafe(|| work(self.observer.as_ref())));
        done.map_err(|_| self.broken.store(true, Ordering::Release)).ok()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}
