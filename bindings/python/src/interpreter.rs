//! Refuses every interpreter but the main one, into which the core's threads call back.

use pyo3::exceptions::PyImportError;
use pyo3::ffi::{PyInterpreterState_Get, PyInterpreterState_GetID};
use pyo3::prelude::*;

/// Fails in a subinterpreter: it would share classes, and be told answers, of another one.
pub(crate) fn check(_attached: Python<'_>) -> PyResult<()> {
    #[expect(unsafe_code, reason = "pyo3 has no safe form of it; this thread is attached")]
    let id = unsafe { PyInterpreterState_GetID(PyInterpreterState_Get()) };
    if id == 0 {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "ikcrm works in Python's main interpreter only, and this is a subinterpreter; under mod_wsgi \
         set `WSGIApplicationGroup %{GLOBAL}`",
    ))
}
