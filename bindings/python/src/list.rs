//! `Pages`: a list of opportunities, page after page.

use std::sync::{Arc, Mutex, PoisonError};

use ikcrm::{Error, OpportunityList};
use pyo3::prelude::*;

use crate::answer::Rows;
use crate::cancel::{Cancel, Signals};
use crate::pending::{Pending, spawn};

/// The pages of a list. One at a time is read, by whichever thread asks.
#[pyclass(frozen, module = "ikcrm._native")]
pub(crate) struct Pages {
    client: ikcrm::Client,
    list: Arc<Mutex<OpportunityList>>,
    cancel: ikcrm::Cancel,
    signals: Signals,
}

impl Pages {
    /// The pages of a list whose calls `cancel` ends, which `signals` set.
    pub(crate) fn new(
        client: ikcrm::Client,
        list: OpportunityList,
        cancel: ikcrm::Cancel,
        signals: Signals,
    ) -> Self {
        Self { client, list: Arc::new(Mutex::new(list)), cancel, signals }
    }
}

#[pymethods]
impl Pages {
    /// How many rows the CRM says that the whole list has; nothing before the first page.
    #[getter]
    fn total_count(&self, py: Python<'_>) -> Option<u64> {
        py.detach(|| self.list.lock().unwrap_or_else(PoisonError::into_inner).total_count())
    }

    /// Reads the next page and waits for it; nothing when there is none.
    fn next(&self, py: Python<'_>) -> PyResult<Option<Rows>> {
        let result = py.detach(|| next(&self.list));
        self.signals.check(py, result)
    }

    /// Reads the next page on a thread of the core's, which calls `done` with it or an exception.
    #[pyo3(signature = (done: "object"))]
    fn spawn_next(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<Cancel> {
        let (list, pending) = (Arc::clone(&self.list), Pending::new(done));
        let cancel = Cancel(self.cancel.clone());
        spawn(py, &self.client, &cancel, move || pending.settle(next(&list)))?;
        Ok(cancel)
    }
}

fn next(list: &Mutex<OpportunityList>) -> Result<Option<Rows>, Error> {
    let page = list.lock().unwrap_or_else(PoisonError::into_inner).next_page()?;
    Ok(page.map(|page| Rows(page.rows)))
}
