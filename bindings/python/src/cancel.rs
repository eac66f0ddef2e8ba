//! What ends a call early: a signal such as Ctrl-C, or a cancelled task.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ikcrm::{CallOptions, Error};
use pyo3::prelude::*;

use crate::{errors, exit};

/// Ends the calls that it was given to.
#[pyclass(frozen, module = "ikcrm")]
#[derive(Default)]
pub(crate) struct Cancel(pub(crate) ikcrm::Cancel);

#[pymethods]
impl Cancel {
    /// A flag that is not set.
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Sets the flag: the calls end within about a tenth of a second.
    fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether the flag is set.
    #[getter]
    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl Cancel {
    /// The options with this flag besides the one that they have.
    pub(crate) fn also_end(&self, options: CallOptions) -> CallOptions {
        options.also_cancel(self.0.clone())
    }
}

/// What Python's signal handlers raise while a call is under way.
#[derive(Default)]
pub(crate) struct Signals(Raised);

/// What is to be raised in the place of a call's end.
#[derive(Clone, Default)]
pub(crate) struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    pub(crate) fn set(&self, error: PyErr) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn is_set(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn take(&self) -> Option<PyErr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Signals {
    /// Set when a handler raises. Handlers run in the main thread only, so a call in any other is
    /// left alone.
    pub(crate) fn cancel(&self) -> ikcrm::Cancel {
        let (raised, told) = (self.raised(), AtomicBool::new(false));
        ikcrm::Cancel::with_probe(move || {
            if let Some(error) = exit::attach(|py| py.check_signals().err()).flatten() {
                raised.set(error);
                told.store(true, Ordering::Relaxed);
                return true;
            }
            // Python's own code may have met the signal first. Each is told once: a second one ends a
            // job's call at once.
            raised.is_set() && !told.swap(true, Ordering::Relaxed)
        })
    }

    /// Where else to put what is to be raised.
    pub(crate) fn raised(&self) -> Raised {
        self.0.clone()
    }

    /// The options with this besides the flag that they have.
    pub(crate) fn also_end(&self, options: CallOptions) -> CallOptions {
        options.also_cancel(self.cancel())
    }

    /// The result, unless a handler raised: its exception then, with the call's end as the cause.
    pub(crate) fn check<T>(&self, py: Python<'_>, result: Result<T, Error>) -> PyResult<T> {
        let raised = self.0.take();
        let failure = |error| errors::exception(py, &error);
        match (raised, result) {
            (Some(raised), Err(end)) if raised.cause(py).is_none() => {
                raised.set_cause(py, Some(failure(end)));
                Err(raised)
            }
            (Some(raised), _) => Err(raised),
            (None, result) => result.map_err(failure),
        }
    }
}
