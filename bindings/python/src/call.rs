//! What one call takes, from Python's arguments.

use ikcrm::contract::{FIELDS, QUERY_PARTS, nearest};
use ikcrm::{
    CallOptions, FieldError, FieldErrorCode, Opportunity, OpportunityQuery, OpportunityUpdate,
    Value,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::cancel::Cancel;
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
            _ if CALL_OPTIONS.contains(&name) => self.options = option(self.options, name, value)?,
            "partial" | "fill" => match (name, switch(name, value)?) {
                ("fill", Ok(fill)) => self.update = self.update.fill(fill),
                (_, Ok(partial)) => self.update = self.update.partial(partial),
                (_, Err(fault)) => self.options.faults.push(fault),
            },
            "if_unchanged" if value.is_none() => {}
            "if_unchanged" => match value.cast::<Record>() {
                Ok(record) if record.get().is_opportunity() => {
                    let record = Opportunity::from(record.get().core().clone());
                    self.update = self.update.if_unchanged(&record);
                }
                _ => {
                    let kind = value::kind(value)?;
                    let message =
                        format!("must be an Opportunity that an earlier call returned, got {kind}");
                    self.options.faults.push(FieldError::new(name, FieldErrorCode::Type, message));
                }
            },
            _ if let Some(fault) = misspelt(name, UPDATE_OPTIONS, &field_names()) => {
                self.options.faults.push(fault);
            }
            _ => self.update = self.update.set(name.to_owned(), value::read(value)?),
        }
        Ok(self)
    }
}

/// What Python gives among an update's fields.
const UPDATE_OPTIONS: &[&str] = &[
    "partial",
    "fill",
    "if_unchanged",
    "timeout",
    "max_retries",
    "max_wait",
    "deadline",
    "priority",
    "headers",
    "cancel",
];

/// What every call takes.
pub(crate) const CALL_OPTIONS: &[&str] =
    &["timeout", "max_retries", "max_wait", "deadline", "priority", "headers", "cancel"];

pub(crate) fn option(
    mut options: CallOptions,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<CallOptions> {
    if name != "cancel" {
        return Ok(options.set(name, value::read(value)?));
    }
    if let Ok(cancel) = value.cast::<Cancel>() {
        return Ok(options.cancel(cancel.get().0.clone()));
    }
    if !value.is_none() {
        let message = format!("must be an ikcrm.Cancel, got {}", value::kind(value)?);
        options.faults.push(FieldError::new(name, FieldErrorCode::Type, message));
    }
    Ok(options)
}

/// Options only, of a call that takes nothing else by keyword.
pub(crate) fn options(arguments: &Bound<'_, PyDict>) -> PyResult<CallOptions> {
    arguments.iter().try_fold(CallOptions::new(), |mut options, (name, value)| {
        let name = name.to_string();
        match misspelt(&name, CALL_OPTIONS, &[]) {
            Some(fault) => options.faults.push(fault),
            None => options = option(options, &name, &value)?,
        }
        Ok(options)
    })
}

/// The options of a call that takes `refresh` besides, and that.
pub(crate) fn refresh(
    refresh: &Bound<'_, PyAny>,
    arguments: &Bound<'_, PyDict>,
) -> PyResult<(bool, CallOptions)> {
    let refresh = switch("refresh", refresh)?;
    let mut options = CallOptions::new();
    options.faults.extend(refresh.as_ref().err().cloned());
    for (name, value) in arguments {
        let name = name.to_string();
        match misspelt(&name, &["refresh", "entity", "cancel"], CALL_OPTIONS) {
            Some(fault) => options.faults.push(fault),
            None => options = option(options, &name, &value)?,
        }
    }
    Ok((refresh.unwrap_or_default(), options))
}

/// A truth value, or what is wrong with it.
pub(crate) fn switch(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Result<bool, FieldError>> {
    if let Value::Bool(value) = value::read(value)? {
        return Ok(Ok(value));
    }
    let got: String = value.repr()?.to_string_lossy().chars().take(40).collect();
    let message = format!("must be True or False, got {got}");
    Ok(Err(FieldError::new(name, FieldErrorCode::Type, message)))
}

/// The fault of a name that is nearer to one of `options` than to the `others` that may stand there.
pub(crate) fn misspelt(name: &str, options: &[&str], others: &[&str]) -> Option<FieldError> {
    if options.contains(&name) || others.contains(&name) {
        return None;
    }
    let near = nearest(name, others.iter().chain(options).copied());
    let near = near.filter(|near| options.contains(near))?;
    let message = format!("no such option; did you mean {near}?");
    Some(FieldError::new(name, FieldErrorCode::Unknown, message))
}

fn field_names() -> Vec<&'static str> {
    FIELDS.iter().map(|field| field.name).chain(["custom"]).collect()
}

/// A query and the options of its calls, of one set of keyword arguments.
pub(crate) fn query(arguments: &Bound<'_, PyDict>) -> PyResult<(OpportunityQuery, CallOptions)> {
    let nothing = (OpportunityQuery::new(), CallOptions::new());
    arguments.iter().try_fold(nothing, |(mut query, mut options), (name, value)| {
        let name = name.to_string();
        if CALL_OPTIONS.contains(&name.as_str()) {
            return Ok((query, option(options, &name, &value)?));
        }
        match misspelt(&name, CALL_OPTIONS, QUERY_PARTS) {
            Some(fault) => options.faults.push(fault),
            None => query = query.set(name, value::read(&value)?),
        }
        Ok((query, options))
    })
}
