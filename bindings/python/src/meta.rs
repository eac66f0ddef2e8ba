//! What a call cost, as `ikcrm.CallMeta`, which is made when it is asked for.

use ikcrm::CallMeta;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

/// The object in Python, or `None`.
pub(crate) fn object<'py>(
    py: Python<'py>,
    meta: Option<&CallMeta>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let Some(meta) = meta else { return Ok(None) };
    let CallMeta { call_id, attempts, elapsed, quota_wait, status, lookups, .. } = meta;
    let headers = PyDict::new(py);
    for (name, value) in meta.headers() {
        let value = match headers.get_item(name)? {
            Some(before) => format!("{before}, {value}"),
            None => value.to_owned(),
        };
        headers.set_item(name, value)?;
    }
    let facts = (
        call_id.to_string(),
        attempts,
        elapsed.as_secs_f64(),
        quota_wait.as_secs_f64(),
        *status,
        lookups,
        headers,
    );
    CLASS.import(py, "ikcrm.meta", "CallMeta")?.call1(facts).map(Some)
}
