//! `Pending`: a call that Python does not wait for; it is told the result on another thread.

use ikcrm::{Error, PreparedCall};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::{errors, exit};

/// The function to call with an answer or an exception.
pub(crate) struct Pending {
    done: Py<PyAny>,
    /// The client, whose hooks must not be collected while a call may need them.
    client: Py<PyAny>,
}

impl Pending {
    pub(crate) fn new(done: Py<PyAny>, client: Py<PyAny>) -> Self {
        Self { done, client }
    }

    /// When Python ends, nobody waits any more.
    pub(crate) fn settle<T: for<'py> IntoPyObject<'py>>(self, result: Result<T, Error>) {
        let Self { done, client } = self;
        exit::attach(|py| {
            let result = result.map_err(|error| errors::exception(py, &error));
            let outcome = match result.and_then(|answer| answer.into_py_any(py)) {
                Ok(answer) => (Some(answer), None),
                Err(exception) => (None, Some(exception)),
            };
            if let Err(error) = done.call1(py, outcome) {
                error.write_unraisable(py, Some(done.bind(py)));
            }
            drop((done, client)); // here, where Python counts references
        });
    }
}

/// Makes a call without holding this thread; when it could not be started, that is its result.
pub(crate) fn spawn<T>(py: Python<'_>, call: PreparedCall<T>, pending: Pending)
where
    T: for<'py> IntoPyObject<'py> + Send + 'static,
{
    py.detach(|| call.spawn(move |result| pending.settle(result)));
}
