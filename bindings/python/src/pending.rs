//! `Pending`: a call that Python does not wait for; it is told the result on another thread.

use ikcrm::{Error, MetaSlot, PreparedCall};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::{errors, exit};

/// The function to call with an answer or an exception.
pub(crate) struct Pending {
    done: Py<PyAny>,
    /// The client, whose hooks must not be collected while a call may need them.
    client: Py<PyAny>,
    /// Where the call leaves what it cost.
    meta: MetaSlot,
}

impl Pending {
    pub(crate) fn new(done: Py<PyAny>, client: Py<PyAny>) -> Self {
        Self { done, client, meta: MetaSlot::new() }
    }

    /// When Python ends, nobody waits any more.
    pub(crate) fn settle<T: for<'py> IntoPyObject<'py>>(self, result: Result<T, Error>) {
        let Self { done, client, meta } = self;
        exit::attach(|py| {
            let meta = meta.get();
            let result = result.map_err(|error| errors::of_call(py, &error, meta.as_ref()));
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
///
/// `answer` is given what the call cost too.
pub(crate) fn spawn<T, A>(
    py: Python<'_>,
    call: PreparedCall<T>,
    answer: impl FnOnce(T, &MetaSlot) -> A + Send + 'static,
    pending: Pending,
) where
    T: Send + 'static,
    A: for<'py> IntoPyObject<'py> + Send + 'static,
{
    let meta = pending.meta.clone();
    let call = call.map(move |it| answer(it, &meta));
    let call = call.metered(&pending.meta);
    py.detach(|| call.spawn(move |result| pending.settle(result)));
}
