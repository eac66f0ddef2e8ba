//! What one call takes, from Python's arguments.

use ikcrm::{
    CallOptions, FieldError, FieldErrorCode, Opportunity, OpportunityQuery, OpportunityUpdate,
    Value,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::record::Record;
use crate::value;

/// An update and its options, of one set of keyword arguments.
pub(crate) struct UpdateCall {
    pub(crate) id: Value,
    pub(crate) update: OpportunityUpdate,
    pub(crate) options: CallOptions,
}

impl UpdateCall {
    pub(crate) fn read(id: &Bound<'_, PyAny>, arguments: &Bound<'_, PyDict>) -> PyResult<Self> {
        let (update, options) = (OpportunityUpdate::new(), CallOptions::new());
        let mut call = Self { id: value::read(id)?, update, options };
        for (name, value) in arguments {
            call = call.argument(&name.to_string(), &value)?;
        }
        Ok(call)
    }

    /// One argument; a name that is no option's is a field's, known or not.
    fn argument(mut self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        match name {
            "timeout" | "max_retries" => self.options = self.options.set(name, value::read(value)?),
            "partial" | "fill" => match (name, value::read(value)?) {
                ("fill", Value::Bool(fill)) => self.update = self.update.fill(fill),
                (_, Value::Bool(partial)) => self.update = self.update.partial(partial),
                _ => self.refuse(name, "must be True or False"),
            },
            "if_unchanged" if value.is_none() => {}
            "if_unchanged" => match value.cast::<Record>() {
                Ok(record) if record.get().is_opportunity() => {
                    let record = Opportunity::from(record.get().core().clone());
                    self.update = self.update.if_unchanged(&record);
                }
                _ => self.refuse(name, "must be an Opportunity that an earlier call returned"),
            },
            _ => self.update = self.update.set(name.to_owned(), value::read(value)?),
        }
        Ok(self)
    }

    fn refuse(&mut self, name: &str, message: &str) {
        self.options.faults.push(FieldError::new(name, FieldErrorCode::Type, message));
    }
}

/// Options only, of a call that takes nothing else by keyword.
pub(crate) fn options(arguments: &Bound<'_, PyDict>) -> PyResult<CallOptions> {
    arguments.iter().try_fold(CallOptions::new(), |options, (name, value)| {
        Ok(options.set(&name.to_string(), value::read(&value)?))
    })
}

/// A query and the options of its calls, of one set of keyword arguments.
pub(crate) fn query(arguments: &Bound<'_, PyDict>) -> PyResult<(OpportunityQuery, CallOptions)> {
    let nothing = (OpportunityQuery::new(), CallOptions::new());
    arguments.iter().try_fold(nothing, |(query, options), (name, value)| {
        let (name, value) = (name.to_string(), value::read(&value)?);
        Ok(match name.as_str() {
            "timeout" | "max_retries" => (query, options.set(&name, value)),
            _ => (query.set(name, value), options),
        })
    })
}
