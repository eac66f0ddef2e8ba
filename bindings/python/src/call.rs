//! `Call`: what one call takes, from Python's arguments.

use ikcrm::{CallOptions, FieldError, FieldErrorCode, OpportunityUpdate, Value};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::value;

/// An update and its options, of one set of keyword arguments.
pub(crate) struct Call {
    pub(crate) id: Value,
    pub(crate) update: OpportunityUpdate,
    pub(crate) options: CallOptions,
}

impl Call {
    pub(crate) fn read(id: &Bound<'_, PyAny>, arguments: &Bound<'_, PyDict>) -> PyResult<Self> {
        let (update, options) = (OpportunityUpdate::new(), CallOptions::new());
        let mut call = Self { id: value::read(id)?, update, options };
        for (name, value) in arguments {
            call = call.argument(name.to_string(), value::read(&value)?);
        }
        Ok(call)
    }

    /// One argument; a name that is no option's is a field's, known or not.
    fn argument(mut self, name: String, value: Value) -> Self {
        match (name.as_str(), value) {
            ("timeout" | "max_retries", value) => self.options = self.options.set(&name, value),
            ("partial", Value::Bool(partial)) => self.update = self.update.partial(partial),
            ("partial", _) => self.options.faults.push(FieldError::new(
                "partial",
                FieldErrorCode::Type,
                "must be True or False",
            )),
            (_, value) => self.update = self.update.set(name, value),
        }
        self
    }
}
