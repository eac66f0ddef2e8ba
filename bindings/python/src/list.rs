//! `Pages`: a list of opportunities, page after page.

use std::sync::{Arc, Mutex, PoisonError};

use ikcrm::{CallMeta, MetaSlot, OpportunityList, OpportunityPage, OpportunityRow};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::answer::Rows;
use crate::cancel::{Cancel, Signals};
use crate::events::observed;
use crate::hooks::Hook;
use crate::meta;
use crate::pending::{Pending, spawn};

/// The pages of a list. One at a time is read, by whichever thread asks.
#[pyclass(frozen, module = "ikcrm._native")]
pub(crate) struct Pages {
    list: OpportunityList,
    /// The client in Python, whose hooks must not be collected while its list is in use.
    owner: Py<PyAny>,
    /// The client's, which shows it to the collector.
    events: Arc<Hook>,
    /// What the last page cost.
    meta: Arc<Mutex<Option<CallMeta>>>,
}

impl Pages {
    pub(crate) fn new(list: OpportunityList, owner: Py<PyAny>, events: Arc<Hook>) -> Self {
        Self { list, owner, events, meta: Arc::default() }
    }
}

#[pymethods]
impl Pages {
    /// How many rows the CRM says that the whole list has; nothing before the first page.
    #[getter]
    fn total_count(&self) -> Option<u64> {
        self.list.total_count()
    }

    /// What the page cost that was read last; nothing before.
    #[getter]
    fn meta<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let meta = self.meta.lock().unwrap_or_else(PoisonError::into_inner).clone();
        meta::object(py, meta.as_ref())
    }

    /// Reads the next page, waits for it and appends its rows to `rows`; tells whether there was one.
    #[pyo3(signature = (rows: "object"))]
    fn read(&self, rows: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (py, signals, slot) = (rows.py(), Signals::default(), MetaSlot::new());
        let call = self.list.prepare_next_page(Some(signals.cancel())).metered(&slot);
        let call = observed(py, &self.events, call, Some(&signals))?;
        let page = py.detach(|| call.wait());
        // A signal that comes with the page must not lose it.
        let appended = page.map(|page| {
            keep(&self.meta, &slot);
            append(rows, rows_of(page))
        });
        signals.check(py, appended, &slot)?
    }

    /// Reads the next page without holding this thread, appends it as above and calls `done`.
    #[pyo3(signature = (rows: "object", done: "object"))]
    fn spawn_read(&self, py: Python<'_>, rows: Py<PyAny>, done: Py<PyAny>) -> PyResult<Cancel> {
        let cancel = Cancel::default();
        let call = self.list.prepare_next_page(Some(cancel.0.clone()));
        let call = observed(py, &self.events, call, None)?;
        let pending = Pending::new(done, self.owner.clone_ref(py));
        let meta = Arc::clone(&self.meta);
        let appended = move |page, slot: &MetaSlot| {
            keep(&meta, slot);
            Appended { page: rows_of(page), rows }
        };
        spawn(py, call, appended, pending);
        Ok(cancel)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.owner)
    }
}

/// Keeps what a page cost.
fn keep(meta: &Mutex<Option<CallMeta>>, slot: &MetaSlot) {
    *meta.lock().unwrap_or_else(PoisonError::into_inner) = slot.get();
}

fn rows_of(page: Option<OpportunityPage>) -> Option<Vec<OpportunityRow>> {
    page.map(|page| page.rows)
}

/// A page, which is appended on its way into Python, whether or not somebody still waits for it.
struct Appended {
    page: Option<Vec<OpportunityRow>>,
    rows: Py<PyAny>,
}

impl<'py> IntoPyObject<'py> for Appended {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        let appended = append(self.rows.bind(py), self.page)?;
        Ok(appended.into_pyobject(py)?.to_owned().into_any())
    }
}

fn append(rows: &Bound<'_, PyAny>, page: Option<Vec<OpportunityRow>>) -> PyResult<bool> {
    let Some(page) = page else { return Ok(false) };
    rows.call_method1(intern!(rows.py(), "extend"), (Rows(page),))?;
    Ok(true)
}
