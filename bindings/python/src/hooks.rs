//! What a user's own Python does with tokens: a store that keeps them, a hook that is told.

use ikcrm::TokenStoreFailure;
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;

use crate::exit;

/// An object with `get()`, which returns the token or `None`, and `set(token)`.
pub(crate) struct TokenStore(Py<PyAny>);

impl TokenStore {
    pub(crate) fn new(store: &Bound<'_, PyAny>) -> Self {
        Self(store.clone().unbind())
    }
}

impl ikcrm::TokenStore for TokenStore {
    fn get(&self) -> Result<Option<String>, TokenStoreFailure> {
        in_python(|py| self.0.call_method0(py, intern!(py, "get"))?.extract(py))
    }

    fn set(&self, token: &str) -> Result<(), TokenStoreFailure> {
        in_python(|py| self.0.call_method1(py, intern!(py, "set"), (token,)).map(drop))
    }
}

/// Does the work in Python; what it raises is the cause of the error that the call ends in.
fn in_python<T>(work: impl FnOnce(Python<'_>) -> PyResult<T>) -> Result<T, TokenStoreFailure> {
    let mut result = Err(PyRuntimeError::new_err("Python is ending"));
    exit::attach(|py| result = work(py));
    result.map_err(Into::into)
}

/// A function that is called with each new token.
pub(crate) struct TokenHook(Py<PyAny>);

impl TokenHook {
    pub(crate) fn new(hook: &Bound<'_, PyAny>) -> Self {
        Self(hook.clone().unbind())
    }

    /// The sign-in stands, whatever the hook does: what it raises is shown, and nothing else.
    pub(crate) fn into_function(self) -> impl Fn(&str) + Send + Sync + 'static {
        move |token| {
            exit::attach(|py| {
                if let Err(error) = self.0.call1(py, (token,)) {
                    error.write_unraisable(py, Some(self.0.bind(py)));
                }
            });
        }
    }
}
