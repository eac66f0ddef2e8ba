//! `Pending`: a call that Python does not wait for; it is told the result on another thread.

use ikcrm::{CallOptions, Error};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::cancel::Cancel;
use crate::{errors, exit};

/// The function to call with an answer or an exception. Dropped uncalled, it tells that there will
/// be no answer.
pub(crate) struct Pending(Option<Waiting>);

struct Waiting {
    done: Py<PyAny>,
    /// The client, whose hooks must not be collected while a call may need them.
    client: Py<PyAny>,
}

impl Pending {
    pub(crate) fn new(done: Py<PyAny>, client: Py<PyAny>) -> Self {
        Self(Some(Waiting { done, client }))
    }

    pub(crate) fn settle<T: for<'py> IntoPyObject<'py>>(mut self, result: Result<T, Error>) {
        self.call(result);
    }

    /// When Python ends, nobody waits any more.
    fn call<T: for<'py> IntoPyObject<'py>>(&mut self, result: Result<T, Error>) {
        let Some(Waiting { done, client }) = self.0.take() else { return };
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

/// Does the work on a thread of the core's; when `cancel` is set meanwhile, it need not wait for its
/// turn.
pub(crate) fn spawn(
    py: Python<'_>,
    client: &ikcrm::Client,
    cancel: &Cancel,
    work: impl FnOnce() + Send + 'static,
) -> PyResult<()> {
    if exit::is_ending() {
        return Err(PyRuntimeError::new_err("Python is ending: nobody could be told the answer"));
    }
    let options = CallOptions::new().cancel(cancel.0.clone());
    // Without a thread, `work` was dropped, and the `Pending` in it told so.
    py.detach(|| drop(client.spawn(options, move |_, _| work())));
    Ok(())
}
