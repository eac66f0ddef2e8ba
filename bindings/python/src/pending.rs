//! `Pending`: a call that Python does not wait for; it is told the result on another thread.

use ikcrm::Error;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::{answer, exit};

/// The function to call with an answer or an exception. Dropped uncalled, it tells that there will
/// be no answer.
pub(crate) struct Pending(Option<Py<PyAny>>);

impl Pending {
    pub(crate) fn new(done: Py<PyAny>) -> Self {
        Self(Some(done))
    }

    pub(crate) fn settle<T: for<'py> IntoPyObject<'py>>(mut self, result: Result<T, Error>) {
        self.call(result);
    }

    /// When Python ends, nobody waits any more.
    fn call<T: for<'py> IntoPyObject<'py>>(&mut self, result: Result<T, Error>) {
        let Some(done) = self.0.take() else { return };
        exit::attach(|py| {
            let result = result.map_err(|error| answer::exception(py, &error));
            let outcome = match result.and_then(|answer| answer.into_py_any(py)) {
                Ok(answer) => (Some(answer), None),
                Err(exception) => (None, Some(exception)),
            };
            if let Err(error) = done.call1(py, outcome) {
                error.write_unraisable(py, Some(done.bind(py)));
            }
        });
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.call::<()>(Err(Error::Transport {
            message: "the call ended early: no thread could be started for it, or it panicked"
                .to_owned(),
            retryable: false,
            may_have_been_applied: true,
        }));
    }
}
