//! `Client`: settings in; of each call, the answer itself or a function to tell it to.

use std::sync::{Mutex, PoisonError};

use ikcrm::{CallOptions, ClientBuilder, Error};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::answer::Answer;
use crate::call::{self, UpdateCall};
use crate::cancel::{Cancel, Signals};
use crate::field_map::FieldMap;
use crate::hooks::{TokenHook, TokenStore};
use crate::list::Pages;
use crate::pending::{Pending, spawn};
use crate::{errors, value};

/// A client of the core, until it is closed.
#[pyclass(frozen, module = "ikcrm._native")]
pub(crate) struct Client(Mutex<Option<ikcrm::Client>>);

/// How many calls a quota has, how many are used, and in how many seconds the next is free.
type Usage = Option<(usize, usize, f64)>;

#[pymethods]
impl Client {
    /// A client with these settings.
    #[new]
    #[pyo3(signature = (options: "object"))]
    fn new(options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let set = |builder, (name, value): (Bound<'_, PyAny>, _)| {
            option(builder, &name.to_string(), &value)
        };
        let builder = options.iter().try_fold(ikcrm::Client::builder(), set)?;
        Self::built(options.py(), builder)
    }

    /// A client with the environment's settings.
    #[staticmethod]
    fn from_env(py: Python<'_>) -> PyResult<Self> {
        Self::built(py, ClientBuilder::from_env())
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
        let UpdateCall { id, update, options } = UpdateCall::read(id, arguments)?;
        let call = |client: &ikcrm::Client, options: &CallOptions| {
            client.update_opportunity_with(id, &update, options)
        };
        self.wait_for(arguments.py(), options, call).map(Answer)
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
        let UpdateCall { id, update, options } = UpdateCall::read(id, arguments)?;
        self.spawn(arguments.py(), options, done, move |client, options| {
            client.update_opportunity_with(id, &update, options).map(Answer)
        })
    }

    /// Reads an opportunity and waits for the answer.
    #[pyo3(signature = (id: "object", arguments: "object"))]
    fn get_opportunity(
        &self,
        id: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
    ) -> PyResult<Answer> {
        let (id, options) = (value::read(id)?, call::options(arguments)?);
        let call = |client: &ikcrm::Client, options: &_| client.get_opportunity_with(id, options);
        self.wait_for(arguments.py(), options, call).map(Answer)
    }

    /// Starts reading an opportunity on a thread of the core's; `done` is told.
    #[pyo3(signature = (id: "object", arguments: "object", done: "object"))]
    fn spawn_get_opportunity(
        &self,
        id: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
        done: Py<PyAny>,
    ) -> PyResult<Cancel> {
        let (id, options) = (value::read(id)?, call::options(arguments)?);
        self.spawn(arguments.py(), options, done, |client, options| {
            client.get_opportunity_with(id, options).map(Answer)
        })
    }

    /// The list of a query, of which nothing is read yet.
    #[pyo3(signature = (arguments: "object"))]
    fn list_opportunities(&self, arguments: &Bound<'_, PyDict>) -> PyResult<Pages> {
        let (client, signals) = (self.open()?, Signals::default());
        let (query, options) = call::query(arguments)?;
        let cancel = signals.cancel();
        let list = client.list_opportunities_with(&query, options.cancel(cancel.clone()));
        let list = list.map_err(|error| errors::exception(arguments.py(), &error))?;
        Ok(Pages::new(client, list, cancel, signals))
    }

    /// Reads the options of an entity's fields, and waits for them.
    #[pyo3(signature = (entity: "object", refresh: "object", arguments: "object"))]
    fn field_map(
        &self,
        entity: &Bound<'_, PyAny>,
        refresh: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
    ) -> PyResult<FieldMap> {
        let (entity, refresh) = (value::read(entity)?, refresh.is_truthy()?);
        let call = |client: &ikcrm::Client, options: &CallOptions| {
            client.field_map_with(entity, refresh, options)
        };
        self.wait_for(arguments.py(), call::options(arguments)?, call).map(FieldMap)
    }

    /// Starts reading the options on a thread of the core's; `done` is told.
    #[pyo3(
        signature = (entity: "object", refresh: "object", arguments: "object", done: "object")
    )]
    fn spawn_field_map(
        &self,
        entity: &Bound<'_, PyAny>,
        refresh: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
        done: Py<PyAny>,
    ) -> PyResult<Cancel> {
        let (entity, refresh) = (value::read(entity)?, refresh.is_truthy()?);
        self.spawn(arguments.py(), call::options(arguments)?, done, move |client, options| {
            client.field_map_with(entity, refresh, options).map(FieldMap)
        })
    }

    /// How much of the quota is used now; nothing when it is turned off.
    fn quota(&self, py: Python<'_>) -> PyResult<Usage> {
        self.wait_for(py, CallOptions::new(), |client, _| usage(client))
    }

    /// Asks for the same on a thread of the core's.
    #[pyo3(signature = (done: "object"))]
    fn spawn_quota(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<Cancel> {
        self.spawn(py, CallOptions::new(), done, |client, _| usage(client))
    }
}

impl Client {
    fn built(py: Python<'_>, builder: ClientBuilder) -> PyResult<Self> {
        let client = py.detach(|| builder.build());
        client.map(|client| Self(Mutex::new(Some(client)))).map_err(|e| errors::exception(py, &e))
    }

    fn open(&self) -> PyResult<ikcrm::Client> {
        let client = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        client.ok_or_else(|| PyRuntimeError::new_err("the client is closed"))
    }

    /// Makes a call on this thread; other threads run meanwhile, and signals end it.
    fn wait_for<T: Send>(
        &self,
        py: Python<'_>,
        options: CallOptions,
        call: impl FnOnce(&ikcrm::Client, &CallOptions) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let (client, signals) = (self.open()?, Signals::default());
        let options = options.cancel(signals.cancel());
        let result = py.detach(|| call(&client, &options));
        signals.check(py, result)
    }

    /// Makes a call on a thread of the core's, which calls `done` with an answer or an exception.
    fn spawn<T: for<'py> IntoPyObject<'py>>(
        &self,
        py: Python<'_>,
        options: CallOptions,
        done: Py<PyAny>,
        call: impl FnOnce(&ikcrm::Client, &CallOptions) -> Result<T, Error> + Send + 'static,
    ) -> PyResult<Cancel> {
        let (client, cancel) = (self.open()?, Cancel::default());
        let options = options.cancel(cancel.0.clone());
        let (pending, caller) = (Pending::new(done), client.clone());
        spawn(py, &client, &cancel, move || pending.settle(call(&caller, &options)))?;
        Ok(cancel)
    }
}

fn option(builder: ClientBuilder, name: &str, value: &Bound<'_, PyAny>) -> PyResult<ClientBuilder> {
    Ok(match name {
        "token_store" | "on_token" if value.is_none() => builder,
        "token_store" => builder.token_store(TokenStore::new(value)),
        "on_token" => builder.on_token(TokenHook::new(value).into_function()),
        "ca_bundle" => builder.set(name, value::read_path(value)?),
        _ => builder.set(name, value::read(value)?),
    })
}

fn usage(client: &ikcrm::Client) -> Result<Usage, Error> {
    let status = client.quota()?;
    Ok(status.map(|status| (status.calls, status.used, status.next_free.as_secs_f64())))
}
