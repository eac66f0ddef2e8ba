//! `Listener`: an observer, which no call fails by.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::meta::MetaSlot;
#[cfg(not(feature = "tracing"))]
use super::no_spans::Place;
use super::observer::Observer;
#[cfg(feature = "tracing")]
use super::spans::Place;

/// An observer, until it panics.
#[derive(Clone)]
pub(crate) struct Listener {
    observer: Arc<dyn Observer>,
    broken: Arc<AtomicBool>,
}

/// Who is told of one call, which may be named when the call was prepared already.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) listener: OnceLock<Listener>,
    /// Where the call leaves what it cost.
    pub(crate) meta: OnceLock<MetaSlot>,
    /// Below what its spans are, if any are collected.
    pub(crate) place: Option<Place>,
}

impl Watch {
    /// That of a call which is prepared here.
    pub(crate) fn here() -> Self {
        Self { listener: OnceLock::new(), meta: OnceLock::new(), place: Place::here() }
    }
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
