//! What a user's own Python does with tokens: a store that keeps them, a hook that is told.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ikcrm::TokenStoreFailure;
use pyo3::exceptions::{PyException, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::{exit, value};

/// A user's object that the core calls, until Python's collector finds that only its own client
/// refers to it.
pub(crate) struct Hook(Mutex<Option<Py<PyAny>>>);

impl Hook {
    pub(crate) fn new(hook: &Bound<'_, PyAny>) -> Self {
        Self(Mutex::new(Some(hook.clone().unbind())))
    }

    /// Shows the object to the collector; not while another thread is at it, which keeps it.
    pub(crate) fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.0.try_lock() {
            Ok(hook) => hook.as_ref().map_or(Ok(()), |hook| visit.call(hook)),
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn clear(&self) {
        let hook = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(hook); // which may run any code, so not under the lock
    }

    pub(crate) fn bind<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let hook = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hook = hook.as_ref().map(|hook| hook.clone_ref(py).into_bound(py));
        hook.ok_or_else(|| PyRuntimeError::new_err("the client is gone"))
    }

    /// Calls the function with a token.
    pub(crate) fn tell(&self, token: &str) -> Result<(), TokenStoreFailure> {
        in_python(|py| {
            let hook = self.bind(py)?;
            match hook.call1((token,)) {
                Err(error) if error.is_instance_of::<PyException>(py) => {
                    // The sign-in stands: what the function raises is shown, and nothing else.
                    error.write_unraisable(py, Some(&hook));
                    Ok(())
                }
                told => told.map(drop),
            }
        })
    }
}

/// An object with `get()`, which returns the token or `None`, and `set(token)`.
pub(crate) struct TokenStore {
    pub(crate) hook: Arc<Hook>,
    /// What waits for a coroutine of the store's, where there is a loop to run it.
    pub(crate) wait: Option<Arc<Hook>>,
}

impl ikcrm::TokenStore for TokenStore {
    fn get(&self) -> Result<Option<String>, TokenStoreFailure> {
        in_python(|py| {
            let got = self.hook.bind(py)?.call_method0(intern!(py, "get"))?;
            token(&self.awaited(got)?)
        })
    }

    fn set(&self, token: &str) -> Result<(), TokenStoreFailure> {
        in_python(|py| {
            let set = self.hook.bind(py)?.call_method1(intern!(py, "set"), (token,))?;
            self.awaited(set).map(drop)
        })
    }
}

impl TokenStore {
    /// What the store's method returned, or what that brings when it is to be awaited.
    fn awaited<'py>(&self, returned: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = returned.py();
        match &self.wait {
            _ if !returned.hasattr(intern!(py, "__await__"))? => Ok(returned),
            Some(wait) => wait.bind(py)?.call1((returned,)),
            None => Err(PyTypeError::new_err("a Client cannot await its store: use AsyncClient")),
        }
    }
}

/// Does the work in Python; what it raises is the cause of the error that the call ends in.
fn in_python<T>(work: impl FnOnce(Python<'_>) -> PyResult<T>) -> Result<T, TokenStoreFailure> {
    let ending = || Err(PyRuntimeError::new_err("Python is ending"));
    exit::attach_hook(work)
        .unwrap_or_else(ending)
        .map_err(|error| Raised { error, told: AtomicBool::new(false) }.into())
}

/// What a hook raised.
#[derive(Debug)]
pub(crate) struct Raised {
    pub(crate) error: PyErr,
    /// Whether a call ended with it. Other calls, which waited for the same token, fail too, but one
    /// is enough to end the program.
    told: AtomicBool,
}

impl Raised {
    /// Whether it is still to end the program, as a `KeyboardInterrupt` is.
    pub(crate) fn ends_the_program(&self, py: Python<'_>) -> bool {
        !self.error.is_instance_of::<PyException>(py) && !self.told.swap(true, Ordering::Relaxed)
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Raised {}

/// What a store's `get` returned. It may be a token whatever it is, so that no error shows it.
fn token(got: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if got.is_none() {
        return Ok(None);
    }
    let Ok(text) = got.cast::<PyString>() else {
        let kind = value::kind(got)?;
        let message = format!("get() must return the token as text, or None; it returned {kind}");
        return Err(PyTypeError::new_err(message));
    };
    let text = text.to_str().map(|text| Some(text.to_owned()));
    text.map_err(|_| PyTypeError::new_err("get() returned text with a lone surrogate"))
}

/// What is wrong with a `token_store`, if anything is.
pub(crate) fn fault_of_store(store: &Bound<'_, PyAny>, can_wait: bool) -> PyResult<Option<String>> {
    if let Ok(class) = store.cast::<PyType>() {
        return Ok(Some(format!("must be an object, got the class {}: call it", class.name()?)));
    }
    for (name, form) in [("get", "get()"), ("set", "set(token)")] {
        match store.getattr_opt(name)? {
            Some(method) if !method.is_callable() => {
                return Ok(Some(format!("{name} must be a method, got {}", value::kind(&method)?)));
            }
            Some(method) if !can_wait && is_async(&method)? => {
                let message = format!("{form} is a coroutine function: use AsyncClient");
                return Ok(Some(message));
            }
            Some(_) => {}
            None => {
                let kind = value::kind(store)?;
                let message = format!("must have get() and set(token), got {kind} without {form}");
                return Ok(Some(message));
            }
        }
    }
    Ok(None)
}

/// What is wrong with a function that takes `what`, if anything is.
pub(crate) fn fault_of_function(hook: &Bound<'_, PyAny>, what: &str) -> PyResult<Option<String>> {
    if !hook.is_callable() {
        let kind = value::kind(hook)?;
        return Ok(Some(format!("must be a function that takes {what}, got {kind}")));
    }
    let message = "must be a plain function: a coroutine function would not be awaited";
    Ok(is_async(hook)?.then(|| message.to_owned()))
}

fn is_async(function: &Bound<'_, PyAny>) -> PyResult<bool> {
    let inspect = function.py().import("inspect")?;
    inspect.call_method1("iscoroutinefunction", (function,))?.extract()
}
