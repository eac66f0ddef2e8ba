//! What ends a call early: a signal such as Ctrl-C, or a cancelled task.

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
pub(crate) struct Signals(Arc<Mutex<Option<PyErr>>>);

impl Signals {
    /// Set when a handler raises. Handlers run in the main thread only, so a call in any other is
    /// left alone.
    pub(crate) fn cancel(&self) -> ikcrm::Cancel {
        let raised = Arc::clone(&self.0);
        ikcrm::Cancel::with_probe(move || {
            let error = exit::attach(|py| py.check_signals().err()).flatten();
            let ends = error.is_some();
            if ends {
                // Asked again, as a job does for a second Ctrl-C, it keeps what was raised before.
                *raised.lock().unwrap_or_else(PoisonError::into_inner) = error;
            }
            ends
        })
    }

    /// The options with this besides the flag that they have.
    pub(crate) fn also_end(&self, options: CallOptions) -> CallOptions {
        options.also_cancel(self.cancel())
    }

    /// The result, unless a handler raised: its exception then, with the call's end as the cause.
    pub(crate) fn check<T>(&self, py: Python<'_>, result: Result<T, Error>) -> PyResult<T> {
        let raised = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
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
