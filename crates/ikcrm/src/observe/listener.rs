//! `Listener`: an observer, which no call fails by.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::observer::Observer;

/// An observer, until it panics. Of one piece, for thousands of calls may have one each.
#[derive(Clone)]
pub(crate) struct Listener(Arc<Guarded<dyn Observer>>);

struct Guarded<O: ?Sized> {
    broken: AtomicBool,
    observer: O,
}

impl Listener {
    pub(crate) fn new(observer: impl Observer + 'static) -> Self {
        Self(Arc::new(Guarded { broken: AtomicBool::new(false), observer }))
    }

    /// What the observer does, unless it panicked before: that was reported by the panic's hook.
    pub(crate) fn guarded<T>(&self, work: impl FnOnce(&dyn Observer) -> T) -> Option<T> {
        let Guarded { broken, observer } = &*self.0;
        if broken.load(Ordering::Acquire) {
            return None;
        }
        let done = catch_unwind(AssertUnwindSafe(|| work(observer)));
        done.map_err(|_| broken.store(true, Ordering::Release)).ok()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}
