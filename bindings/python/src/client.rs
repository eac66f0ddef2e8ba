//! `Client`: settings in; of each call, the answer itself or a function to tell it to.

use std::sync::{Arc, Mutex, PoisonError};

use ikcrm::contract::OPTIONS;
use ikcrm::{CallOptions, ClientBuilder, Error, FieldError, FieldErrorCode, Value};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::Answer;
use crate::call::{self, UpdateCall};
use crate::cancel::{Cancel, Signals};
use crate::field_map::FieldMap;
use crate::hooks::{self, Hook, TokenStore};
use crate::list::Pages;
use crate::pending::{Pending, spawn};
use crate::{errors, value};

/// A client of the core, until it is closed.
#[pyclass(frozen, module = "ikcrm._native")]
pub(crate) struct Client {
    core: Mutex<Option<ikcrm::Client>>,
    /// What the core calls, where Python's collector sees it.
    hooks: Vec<Arc<Hook>>,
}

/// How many calls a quota has, how many are used, and in how many seconds the next is free.
type Usage = Option<(usize, usize, f64)>;

#[pymethods]
impl Client {
    /// A client with these settings.
    ///
    /// `wait` waits for a coroutine of an async token store's, on a thread of the core's.
    #[new]
    #[pyo3(signature = (options: "object", wait: "object"))]
    fn new(options: &Bound<'_, PyDict>, wait: Option<Py<PyAny>>) -> PyResult<Self> {
        let builder = ikcrm::Client::builder();
        let mut settings = Settings { builder, hooks: Vec::new(), wait };
        for (name, value) in options {
            settings = settings.set(&name.to_string(), &value)?;
        }
        settings.build(options.py())
    }

    /// A client with the settings of these variables.
    #[staticmethod]
    #[pyo3(signature = (environment: "object"))]
    fn from_env(environment: &Bound<'_, PyDict>) -> PyResult<Self> {
        let builder = ClientBuilder::from_variables(|name| {
            let variable = environment.get_item(name).ok()??;
            Some(value::read(&variable).unwrap_or(Value::Null))
        });
        Settings { builder, hooks: Vec::new(), wait: None }.build(environment.py())
    }

    /// Closes idle connections; calls under way go on.
    fn close(&self, py: Python<'_>) {
        let client = self.core.lock().unwrap_or_else(PoisonError::into_inner).take();
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
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
        done: Py<PyAny>,
    ) -> PyResult<Cancel> {
        let UpdateCall { id, update, options } = UpdateCall::read(id, arguments)?;
        Self::spawn(slf, options, done, move |client, options| {
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
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
        done: Py<PyAny>,
    ) -> PyResult<Cancel> {
        let (id, options) = (value::read(id)?, call::options(arguments)?);
        Self::spawn(slf, options, done, |client, options| {
            client.get_opportunity_with(id, options).map(Answer)
        })
    }

    /// The list of a query, of which nothing is read yet.
    #[pyo3(signature = (arguments: "object"))]
    fn list_opportunities(slf: &Bound<'_, Self>, arguments: &Bound<'_, PyDict>) -> PyResult<Pages> {
        let client = slf.get().open()?;
        let (query, options) = call::query(arguments)?;
        let list = client.list_opportunities_with(&query, options);
        let list = list.map_err(|error| errors::exception(slf.py(), &error))?;
        Ok(Pages::new(client, list, slf.clone().into_any().unbind()))
    }

    /// Reads the options of an entity's fields, and waits for them.
    #[pyo3(signature = (entity: "object", refresh: "object", arguments: "object"))]
    fn field_map(
        &self,
        entity: &Bound<'_, PyAny>,
        refresh: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
    ) -> PyResult<FieldMap> {
        let (entity, (refresh, options)) =
            (value::read(entity)?, call::refresh(refresh, arguments)?);
        let call = |client: &ikcrm::Client, options: &CallOptions| {
            client.field_map_with(entity, refresh, options)
        };
        self.wait_for(arguments.py(), options, call).map(FieldMap)
    }

    /// Starts reading the options on a thread of the core's; `done` is told.
    #[pyo3(
        signature = (entity: "object", refresh: "object", arguments: "object", done: "object")
    )]
    fn spawn_field_map(
        slf: &Bound<'_, Self>,
        entity: &Bound<'_, PyAny>,
        refresh: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
        done: Py<PyAny>,
    ) -> PyResult<Cancel> {
        let (entity, (refresh, options)) =
            (value::read(entity)?, call::refresh(refresh, arguments)?);
        Self::spawn(slf, options, done, move |client, options| {
            client.field_map_with(entity, refresh, options).map(FieldMap)
        })
    }

    /// How much of the quota is used now; nothing when it is turned off.
    fn quota(&self, py: Python<'_>) -> PyResult<Usage> {
        self.wait_for(py, CallOptions::new(), |client, _| usage(client))
    }

    /// Asks for the same on a thread of the core's.
    #[pyo3(signature = (done: "object"))]
    fn spawn_quota(slf: &Bound<'_, Self>, done: Py<PyAny>) -> PyResult<Cancel> {
        Self::spawn(slf, CallOptions::new(), done, |client, _| usage(client))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.hooks.iter().try_for_each(|hook| hook.visit(&visit))
    }

    fn __clear__(&self) {
        self.hooks.iter().for_each(|hook| hook.clear());
    }
}

impl Client {
    fn open(&self) -> PyResult<ikcrm::Client> {
        let client = self.core.lock().unwrap_or_else(PoisonError::into_inner).clone();
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
        slf: &Bound<'_, Self>,
        options: CallOptions,
        done: Py<PyAny>,
        call: impl FnOnce(&ikcrm::Client, &CallOptions) -> Result<T, Error> + Send + 'static,
    ) -> PyResult<Cancel> {
        let (client, cancel) = (slf.get().open()?, Cancel::default());
        let options = options.cancel(cancel.0.clone());
        let pending = Pending::new(done, slf.clone().into_any().unbind());
        let caller = client.clone();
        spawn(slf.py(), &client, &cancel, move || pending.settle(call(&caller, &options)))?;
        Ok(cancel)
    }
}

/// The settings that the binding takes itself.
const HERE: &[&str] = &["token_store", "on_token", "pickle_secrets"];

/// A client's settings, as they are taken from Python.
struct Settings {
    builder: ClientBuilder,
    hooks: Vec<Arc<Hook>>,
    wait: Option<Py<PyAny>>,
}

impl Settings {
    fn set(mut self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        match name {
            "token_store" | "on_token" if value.is_none() => {}
            "token_store" => return self.token_store(value),
            "on_token" => return self.on_token(value),
            "pickle_secrets" => self.builder.faults.extend(call::switch(name, value)?.err()),
            _ if let Some(fault) = call::misspelt(name, HERE, OPTIONS) => {
                self.builder.faults.push(fault);
            }
            "ca_bundle" => self.builder = self.builder.set(name, value::read_path(value)?),
            _ => self.builder = self.builder.set(name, value::read(value)?),
        }
        Ok(self)
    }

    fn token_store(mut self, store: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Some(fault) = hooks::fault_of_store(store, self.wait.is_some())? {
            return Ok(self.refuse("token_store", fault));
        }
        let wait = self.wait.take().map(|wait| self.hook(wait.bind(store.py())));
        let store = TokenStore { hook: self.hook(store), wait };
        self.builder = self.builder.token_store(store);
        Ok(self)
    }

    fn on_token(mut self, function: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Some(fault) = hooks::fault_of_function(function)? {
            return Ok(self.refuse("on_token", fault));
        }
        let hook = self.hook(function);
        self.builder = self.builder.try_on_token(move |token| hook.tell(token));
        Ok(self)
    }

    fn hook(&mut self, hook: &Bound<'_, PyAny>) -> Arc<Hook> {
        let hook = Arc::new(Hook::new(hook));
        self.hooks.push(Arc::clone(&hook));
        hook
    }

    fn refuse(mut self, name: &str, message: String) -> Self {
        self.builder.faults.push(FieldError::new(name, FieldErrorCode::Type, message));
        self
    }

    fn build(self, py: Python<'_>) -> PyResult<Client> {
        let Self { builder, hooks, .. } = self;
        let core = py.detach(|| builder.build()).map_err(|error| errors::exception(py, &error))?;
        Ok(Client { core: Mutex::new(Some(core)), hooks })
    }
}

fn usage(client: &ikcrm::Client) -> Result<Usage, Error> {
    let status = client.quota()?;
    Ok(status.map(|status| (status.calls, status.used, status.next_free.as_secs_f64())))
}
