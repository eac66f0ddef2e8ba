//! `Client`: settings in; of each call, the answer itself or a function to tell it to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ikcrm::contract::{OPTIONS, UpdateCall, flag_of};
use ikcrm::{
    CallOptions, ClientBuilder, FieldError, FieldErrorCode, FieldMapOptions, MetaSlot,
    PreparedCall, QuotaStatus, Value,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{IntoPyObjectExt, PyTraverseError, PyVisit};

use crate::answer::Answer;
use crate::call;
use crate::cancel::{Cancel, Signals};
use crate::events::observed;
use crate::field_map::FieldMap;
use crate::hooks::{self, Hook, TokenStore};
use crate::job::{self, UpdateJob};
use crate::list::Pages;
use crate::pending::{Pending, spawn};
use crate::{errors, exit, value};

/// A client of the core, until it is closed.
#[pyclass(frozen, module = "ikcrm._native")]
pub(crate) struct Client {
    core: Mutex<Option<ikcrm::Client>>,
    /// What the core calls, where Python's collector sees it.
    hooks: Vec<Arc<Hook>>,
    /// Is told the events of calls.
    events: Arc<Hook>,
}

/// How many calls a quota has, how many are used and how many wait, and in how many seconds one more
/// could be made.
type Usage = (usize, usize, usize, f64);

#[pymethods]
impl Client {
    /// A client with these settings.
    ///
    /// `wait` waits for a coroutine of an async token store's, on a thread of the core's. `events`
    /// is told what happens in calls.
    #[new]
    #[pyo3(signature = (options: "object", wait: "object", events: "object"))]
    fn new(
        options: &Bound<'_, PyDict>,
        wait: Option<Py<PyAny>>,
        events: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let builder = ikcrm::Client::builder();
        let mut settings = Settings { builder, hooks: Vec::new(), wait };
        for (name, value) in options {
            settings = settings.set(&name.to_string(), &value)?;
        }
        settings.build(events)
    }

    /// A client with the settings of these variables, and with these options in their place.
    #[staticmethod]
    #[pyo3(signature = (
        environment: "object", options: "object", wait: "object", events: "object"
    ))]
    fn from_env(
        environment: &Bound<'_, PyDict>,
        options: &Bound<'_, PyDict>,
        wait: Option<Py<PyAny>>,
        events: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let given = options
            .iter()
            .filter(|(name, value)| !value.is_none() || name.eq("quota").unwrap_or_default());
        let given: Vec<_> = given.map(|(name, _)| name.to_string()).collect();
        let builder = ClientBuilder::from_variables_beside(&given, |name| {
            let variable = environment.get_item(name).ok()??;
            Some(value::read(&variable).unwrap_or(Value::Null))
        });
        let mut settings = Settings { builder, hooks: Vec::new(), wait };
        for (name, value) in options {
            settings = settings.set(&name.to_string(), &value)?;
        }
        settings.build(events)
    }

    /// What the client is for, without a secret; nothing when it is closed.
    fn summary(&self) -> Option<String> {
        self.open().ok().map(|client| client.summary())
    }

    /// Ends calls that wait, and gives those under way so many seconds; new ones are refused.
    fn close(&self, py: Python<'_>, timeout: f64) {
        if let Some(client) = self.take() {
            py.detach(|| client.close(grace(timeout)));
        }
    }

    /// The same on threads of the core's, which call `done`.
    #[pyo3(signature = (timeout: "float", done: "object"))]
    fn spawn_close(slf: &Bound<'_, Self>, timeout: f64, done: Py<PyAny>) -> Cancel {
        let pending = Pending::new(done, slf.clone().into_any().unbind());
        match slf.get().take() {
            Some(client) => {
                spawn(slf.py(), client.prepare_close(grace(timeout)), |it, _| it, pending);
            }
            None => pending.settle::<()>(Ok(())),
        }
        Cancel::default()
    }

    /// Updates an opportunity: waits for the answer, or starts the call and lets `done` be told.
    #[pyo3(signature = (id: "object", arguments: "object", done: "object" = None))]
    fn update_opportunity(
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
        done: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let (id, UpdateCall { update, options }) = (value::read(id)?, call::update(arguments)?);
        let call = |client: &ikcrm::Client, options| client.prepare_update(id, update, options);
        Self::make(slf, options, done, call, Answer::new)
    }

    /// Reads an opportunity, in the same way.
    #[pyo3(signature = (id: "object", arguments: "object", done: "object" = None))]
    fn get_opportunity(
        slf: &Bound<'_, Self>,
        id: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
        done: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let (id, options) = (value::read(id)?, call::options(arguments)?);
        let call = |client: &ikcrm::Client, options| client.prepare_get(id, options);
        Self::make(slf, options, done, call, Answer::new)
    }

    /// The list of a query, of which nothing is read yet.
    #[pyo3(signature = (arguments: "object"))]
    fn list_opportunities(slf: &Bound<'_, Self>, arguments: &Bound<'_, PyDict>) -> PyResult<Pages> {
        let (query, options) = call::query(arguments)?;
        let list = slf.get().open()?.list_opportunities_with(&query, options);
        let list = list.map_err(|error| errors::exception(slf.py(), &error))?;
        Ok(Pages::new(list, slf.clone().into_any().unbind(), Arc::clone(&slf.get().events)))
    }

    /// Reads the options of an entity's fields, in the same way as an opportunity.
    #[pyo3(signature = (
        entity: "object", refresh: "object", arguments: "object", done: "object" = None
    ))]
    fn field_map(
        slf: &Bound<'_, Self>,
        entity: &Bound<'_, PyAny>,
        refresh: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyDict>,
        done: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let (entity, refresh) = (value::read(entity)?, value::read(refresh)?);
        let call = |client: &ikcrm::Client, options| {
            client.prepare_field_map(entity, FieldMapOptions::from(options).set("refresh", refresh))
        };
        Self::make(slf, call::field_map(arguments)?, done, call, FieldMap::new)
    }

    /// How much of the quota is used now; nothing when it is turned off.
    #[pyo3(signature = (done: "object" = None))]
    fn quota(slf: &Bound<'_, Self>, done: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let call = |client: &ikcrm::Client, options| client.prepare_quota(options);
        Self::make(slf, CallOptions::new(), done, call, |status, _| status.map(usage))
    }

    /// Plans updates of many rows, which an iterable of mappings gives.
    #[pyo3(signature = (rows: "object", options: "object", on_progress: "object" = None))]
    fn plan_updates(
        &self,
        rows: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
        on_progress: Option<Py<PyAny>>,
    ) -> PyResult<UpdateJob> {
        job::plan(&self.open()?, rows, options, on_progress, &self.events)
    }

    /// Plans updates of the rows of a sheet.
    #[pyo3(signature = (path: "str", options: "object", on_progress: "object" = None))]
    fn plan_sheet(
        &self,
        path: std::path::PathBuf,
        options: &Bound<'_, PyDict>,
        on_progress: Option<Py<PyAny>>,
    ) -> PyResult<UpdateJob> {
        job::plan_sheet(&self.open()?, path, options, on_progress, &self.events)
    }

    /// Plans updates of the rows of a table, which an iterable of sequences gives.
    #[pyo3(signature = (
        names: "list[str]", rows: "object", options: "object", on_progress: "object" = None
    ))]
    fn plan_table(
        &self,
        names: Vec<String>,
        rows: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
        on_progress: Option<Py<PyAny>>,
    ) -> PyResult<UpdateJob> {
        job::plan_table(&self.open()?, names, rows, options, on_progress, &self.events)
    }

    /// Works a job off.
    #[pyo3(signature = (
        job, options: "object", on_progress: "object" = None, on_row: "object" = None
    ))]
    fn apply_updates(
        &self,
        job: &Bound<'_, UpdateJob>,
        options: &Bound<'_, PyDict>,
        on_progress: Option<Py<PyAny>>,
        on_row: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        job::apply(&self.open()?, job, options, on_progress, on_row, &self.events)
    }

    /// Plans a job that brings back what another one changed.
    #[pyo3(signature = (job, options: "object", on_progress: "object" = None))]
    fn plan_undo(
        &self,
        job: &Bound<'_, UpdateJob>,
        options: &Bound<'_, PyDict>,
        on_progress: Option<Py<PyAny>>,
    ) -> PyResult<UpdateJob> {
        job::undo(&self.open()?, job, options, on_progress, &self.events)
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

    fn take(&self) -> Option<ikcrm::Client> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Makes a call. Without `done` on this thread, while other threads run and signals end it; its
    /// answer is given back. Else without holding this thread: `done` is told the answer or an
    /// exception, and what cancels the call is given back.
    fn make<T: Send + 'static, A: for<'py> IntoPyObject<'py> + Send + 'static>(
        slf: &Bound<'_, Self>,
        options: CallOptions,
        done: Option<Py<PyAny>>,
        call: impl FnOnce(&ikcrm::Client, CallOptions) -> PreparedCall<T>,
        answer: impl FnOnce(T, &MetaSlot) -> A + Send + 'static,
    ) -> PyResult<Py<PyAny>> {
        let (py, client) = (slf.py(), slf.get().open()?);
        let Some(done) = done else {
            let (signals, meta) = (Signals::default(), MetaSlot::new());
            let call = call(&client, signals.also_end(options)).metered(&meta);
            let call = observed(py, &slf.get().events, call, Some(&signals))?;
            let result = py.detach(|| call.wait());
            let result = result.map(|it| answer(it, &meta));
            return signals.check(py, result, &meta)?.into_py_any(py);
        };
        if exit::is_ending() {
            let message = "Python is ending: nobody could be told the answer";
            return Err(PyRuntimeError::new_err(message));
        }
        let cancel = Cancel::default();
        let call = call(&client, cancel.also_end(options));
        let call = observed(py, &slf.get().events, call, None)?;
        spawn(py, call, answer, Pending::new(done, slf.clone().into_any().unbind()));
        cancel.into_py_any(py)
    }
}

/// The settings that the binding takes itself.
const HERE: &[&str] = &["token_store", "on_token", "on_event", "pickle_secrets"];

/// A client's settings, as they are taken from Python.
struct Settings {
    builder: ClientBuilder,
    hooks: Vec<Arc<Hook>>,
    wait: Option<Py<PyAny>>,
}

impl Settings {
    fn set(mut self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        match name {
            "token_store" | "on_token" | "on_event" if value.is_none() => {}
            "token_store" => return self.token_store(value),
            "on_token" => return self.on_token(value),
            "on_event" => {
                if let Some(fault) = hooks::fault_of_function(value, "the event")? {
                    return Ok(self.refuse(name, fault));
                }
            }
            "pickle_secrets" => {
                if let Err(fault) = flag_of(name, &value::read(value)?) {
                    self.builder = self.builder.refuse(fault);
                }
            }
            _ if let Some(fault) =
                call::misspelt(name, HERE.iter().copied(), OPTIONS.iter().copied()) =>
            {
                self.builder = self.builder.refuse(fault);
            }
            "ca_bundle" | "client_cert" | "client_key" => {
                self.builder = self.builder.set(name, value::read_path(value)?);
            }
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
        if let Some(fault) = hooks::fault_of_function(function, "the token")? {
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
        self.builder = self.builder.refuse(FieldError::new(name, FieldErrorCode::Type, message));
        self
    }

    fn build(mut self, events: &Bound<'_, PyAny>) -> PyResult<Client> {
        let (py, events) = (events.py(), self.hook(events));
        let Self { builder, hooks, .. } = self;
        let core = py.detach(|| builder.build()).map_err(|error| errors::exception(py, &error))?;
        Ok(Client { core: Mutex::new(Some(core)), hooks, events })
    }
}

fn usage(status: QuotaStatus) -> Usage {
    (status.calls, status.used, status.waiting, status.next_free.as_secs_f64())
}

/// So many seconds, or none when that is no number of them.
fn grace(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
