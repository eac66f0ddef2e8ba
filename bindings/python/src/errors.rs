//! The core's errors as exceptions of `ikcrm.errors`.

use ikcrm::{CallMeta, Enterprise, Error, FieldError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict, PyTuple};

use crate::hooks::Raised;
use crate::meta;

/// The exception that stands for the error; an exception of the making, should that fail.
///
/// What a hook raised is its cause, unless it is to end the program, as a `KeyboardInterrupt` is:
/// then that is raised itself.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    of_call(py, error, None)
}

/// The same of a call that cost so much.
pub(crate) fn of_call(py: Python<'_>, error: &Error, meta: Option<&CallMeta>) -> PyErr {
    let exception = match made(py, error, meta) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failure) => return failure,
    };
    if let Some(end) = end_of_job(error) {
        exception.set_cause(py, Some(self::exception(py, end)));
    }
    let Some(raised) = raised_by_hook(error) else { return exception };
    let cause = raised.error.clone_ref(py);
    if !raised.ends_the_program(py) {
        exception.set_cause(py, Some(cause));
        return exception;
    }
    if cause.cause(py).is_none() {
        cause.set_cause(py, Some(exception));
    }
    cause
}

fn made<'py>(
    py: Python<'py>,
    error: &Error,
    meta: Option<&CallMeta>,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASSES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let classes = CLASSES.import(py, "ikcrm.errors", "BY_CODE")?;
    let class = classes.as_any().get_item(error.code())?;
    let faults = error.fields().iter().map(|fault| field_error(py, fault));
    let faults = PyTuple::new(py, faults.collect::<PyResult<Vec<_>>>()?)?;
    let enterprises = error.enterprises().iter().map(|enterprise| choice(py, enterprise));
    let enterprises = PyTuple::new(py, enterprises.collect::<PyResult<Vec<_>>>()?)?;
    let details = [
        ("message", error.message().into_pyobject(py)?.into_any()),
        ("status", error.status().into_pyobject(py)?.into_any()),
        ("api_code", error.api_code().into_pyobject(py)?.into_any()),
        ("fields", faults.into_any()),
        ("enterprises", enterprises.into_any()),
        ("body_excerpt", error.body_excerpt().into_pyobject(py)?.into_any()),
        ("retry_after", error.retry_after().map(|d| d.as_secs_f64()).into_pyobject(py)?.into_any()),
    ]
    .into_py_dict(py)?;
    details.set_item("retryable", error.retryable())?;
    details.set_item("may_have_been_applied", error.may_have_been_applied())?;
    details.set_item("meta", meta::object(py, meta)?)?;
    let exception = class.call((error.to_string(),), Some(&details))?;
    if let Error::JobStopped { reason, path, .. } = error {
        exception.setattr("reason", reason.as_str())?;
        exception.setattr("path", path.as_os_str())?;
    }
    Ok(exception)
}

/// The error that stopped a job.
fn end_of_job(error: &Error) -> Option<&Error> {
    match error {
        Error::JobStopped { source: Some(source), .. } => source.downcast_ref(),
        _ => None,
    }
}

/// What a token store or an `on_token` in Python raised.
fn raised_by_hook(error: &Error) -> Option<&Raised> {
    match error {
        Error::TokenStore { source: Some(source), .. } => source.downcast_ref(),
        _ => None,
    }
}

fn choice<'py>(py: Python<'py>, enterprise: &Enterprise) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = CLASS.import(py, "ikcrm.errors", "Enterprise")?;
    class.call1((&enterprise.corp_id, &enterprise.name))
}

fn field_error<'py>(py: Python<'py>, fault: &FieldError) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = CLASS.import(py, "ikcrm.errors", "FieldError")?;
    class.call1((&fault.field, fault.code.as_str(), &fault.message))
}
