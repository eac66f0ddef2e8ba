//! `Client`: settings in; of each call, the answer itself or a function to tell it to.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::answer::{self, Answer};
use crate::call::Call;
use crate::cancel::{Cancel, Signals};
use crate::pending::Pending;
use crate::{exit, value};

/// A client of the core, until it is closed.
#[pyclass(frozen, module = "ikcrm._native")]
pub(crate) struct Client(Mutex<Option<ikcrm::Client>>);

#[pymethods]
impl Client {
    /// A client with these settings.
    #[new]
    #[pyo3(signature = (options: "object"))]
    fn new(options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut builder = ikcrm::Client::builder();
        for (name, value) in options {
            let name = name.to_string();
            let path = name == "ca_bundle";
            let value = if path { value::read_path(&value) } else { value::read(&value) };
            builder = builder.set(&name, value?);
        }
        Self::built(options.py(), builder)
    }

    /// A client with the environment's settings.
    #[staticmethod]
    fn from_env(py: Python<'_>) -> PyResult<Self> {
        Self::built(py, ikcrm::ClientBuilder::from_env())
    }

    /// Closes idle connections; calls under way go on.
    fn close(&self, py: Python<'_>) {
        let client = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(client));
    }

    /// Updates an opportunity and waits for the answer.
    #[pyo3(signature = (id: "object", arguments: "object"))]
    fn update_opportunity(
        &self,
        id: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
    ) -> PyResult<Answer> {
        let (py, client) = (id.py(), self.open()?);
        let Call { id, update, options } = Call::read(id, arguments)?;
        let signals = Signals::default();
        let options = options.cancel(signals.cancel());
        let result = py.detach(|| client.update_opportunity_with(id, &update, &options));
        signals.check(py, result).map(Answer)
    }

    /// Starts an update on a thread of the core's, which calls `done` with an answer or an
    /// exception.
    #[pyo3(signature = (id: "object", arguments: "object", done: "object"))]
    fn spawn_update_opportunity(
        &self,
        id: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
        done: Py<PyAny>,
    ) -> PyResult<Cancel> {
        let (py, client) = (id.py(), self.open()?);
        if exit::is_ending() {
            return Err(PyRuntimeError::new_err(
                "Python is ending: nobody could be told the answer",
            ));
        }
        let Call { id, update, options } = Call::read(id, arguments)?;
        let cancel = Cancel::default();
        let options = options.cancel(cancel.0.clone());
        let pending = Pending::new(done);
        let done = move |result| pending.settle(result);
        // Without a thread, `done` was dropped, and `pending` with it told so.
        py.detach(|| drop(client.spawn_update_opportunity(id, update, options, done)));
        Ok(cancel)
    }
}

impl Client {
    fn built(py: Python<'_>, builder: ikcrm::ClientBuilder) -> PyResult<Self> {
        let client = py.detach(|| builder.build());
        client.map(|client| Self(Mutex::new(Some(client)))).map_err(|e| answer::exception(py, &e))
    }

    fn open(&self) -> PyResult<ikcrm::Client> {
        let client = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        client.ok_or_else(|| PyRuntimeError::new_err("the client is closed"))
    }
}
