//! What a call answers, as Python gets it: records of their kinds' classes.

use ikcrm::{CallMeta, MetaSlot, Opportunity, OpportunityRow};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::record;

/// An answer, which Python gets as a record of its kind's class.
pub(crate) struct Answer(Opportunity, Option<CallMeta>);

impl Answer {
    pub(crate) fn new(opportunity: Opportunity, meta: &MetaSlot) -> Self {
        Self(opportunity, meta.take())
    }
}

impl<'py> IntoPyObject<'py> for Answer {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    #[cfg(feature = "stubs")]
    const OUTPUT_TYPE: pyo3::inspect::PyStaticExpr =
        pyo3::type_hint_identifier!("ikcrm.records", "Opportunity");

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        record::answered(py, ikcrm::Record::clone(&self.0), self.1)
    }
}

/// The rows of a page.
pub(crate) struct Rows(pub(crate) Vec<OpportunityRow>);

impl<'py> IntoPyObject<'py> for Rows {
    type Target = PyList;
    type Output = Bound<'py, PyList>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        let rows = self.0.iter().map(|row| record::made(py, ikcrm::Record::clone(row)));
        PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)
    }
}
