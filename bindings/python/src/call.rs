//! What one call takes, from Python's arguments.

pub(crate) use ikcrm::contract::CALL_OPTIONS;
use ikcrm::contract::{FIELDS, QUERY_PARTS, UPDATE_OPTIONS, UpdateCall, nearest};
use ikcrm::{CallOptions, FieldError, FieldErrorCode, Opportunity, OpportunityQuery};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::cancel::Cancel;
use crate::record::Record;
use crate::value;

/// Takes the arguments of a call, one after the other.
fn read<T>(
    arguments: &Bound<'_, PyDict>,
    start: T,
    take: impl Fn(T, &str, &Bound<'_, PyAny>) -> PyResult<T>,
) -> PyResult<T> {
    arguments.iter().try_fold(start, |it, (name, value)| {
        take(it, &name.cast::<PyString>()?.to_string_lossy(), &value)
    })
}

/// The name of a field, if this is one: no text is made of it.
fn field(name: &str) -> Option<&'static str> {
    FIELDS.iter().map(|field| field.name).find(|known| *known == name)
}

/// An update and its options; a name that is no option's is a field's, known or not.
pub(crate) fn update(arguments: &Bound<'_, PyDict>) -> PyResult<UpdateCall> {
    let options = || [UPDATE_OPTIONS, CALL_OPTIONS].into_iter().flatten().copied();
    let fields = || FIELDS.iter().map(|field| field.name).chain(["custom"]);
    read(arguments, UpdateCall::default(), |mut call, name, value| {
        match name {
            "cancel" => call.options = option(call.options, name, value)?,
            "if_unchanged" if !value.is_none() => match value.cast::<Record>() {
                Ok(record) if record.get().is_opportunity() => {
                    let record = Opportunity::from(record.get().core().clone());
                    call.update = call.update.if_unchanged(&record);
                }
                _ => return Ok(call.refuse_record(&value::kind(value)?)),
            },
            _ if let Some(field) = field(name) => {
                call.update = call.update.set(field, value::read(value)?);
            }
            _ if options().any(|option| option == name) => {
                return Ok(call.set(name, value::read(value)?));
            }
            _ if let Some(fault) = misspelt(name, options(), fields()) => {
                return Ok(call.refuse(fault));
            }
            _ => call.update = call.update.set(name.to_owned(), value::read(value)?),
        }
        Ok(call)
    })
}

pub(crate) fn option(
    options: CallOptions,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<CallOptions> {
    match value.cast::<Cancel>() {
        Ok(cancel) if name == "cancel" => Ok(options.cancel(cancel.get().0.clone())),
        _ if name == "cancel" && !value.is_none() => {
            let message = format!("must be an ikcrm.Cancel, got {}", value::kind(value)?);
            Ok(options.refuse(FieldError::new(name, FieldErrorCode::Type, message)))
        }
        _ => Ok(options.set(name, value::read(value)?)),
    }
}

/// Options only, of a call that takes nothing else by keyword.
pub(crate) fn options(arguments: &Bound<'_, PyDict>) -> PyResult<CallOptions> {
    read(arguments, CallOptions::new(), option)
}

/// The options of the reading of a field map, but `refresh`, which stands beside them.
pub(crate) fn field_map(arguments: &Bound<'_, PyDict>) -> PyResult<CallOptions> {
    read(arguments, CallOptions::new(), |options, name, value| {
        match misspelt(name, ["refresh", "entity"], CALL_OPTIONS.iter().copied()) {
            Some(fault) => Ok(options.refuse(fault)),
            None => option(options, name, value),
        }
    })
}

/// The fault of a name that is nearer to one of `options` than to the `others` that may stand there.
pub(crate) fn misspelt<'a>(
    name: &str,
    options: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
    others: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
) -> Option<FieldError> {
    let (mut options, others) = (options.into_iter(), others.into_iter());
    let known = others.chain(options.clone());
    if known.clone().any(|known| known == name) {
        return None;
    }
    let near = nearest(name, known).filter(|near| options.any(|option| option == *near))?;
    let message = format!("no such option; did you mean {near}?");
    Some(FieldError::new(name, FieldErrorCode::Unknown, message))
}

/// A query and the options of its calls, of one set of keyword arguments.
pub(crate) fn query(arguments: &Bound<'_, PyDict>) -> PyResult<(OpportunityQuery, CallOptions)> {
    let nothing = (OpportunityQuery::new(), CallOptions::new());
    read(arguments, nothing, |(query, options), name, value| {
        if CALL_OPTIONS.contains(&name) {
            return Ok((query, option(options, name, value)?));
        }
        Ok(match misspelt(name, CALL_OPTIONS.iter().copied(), QUERY_PARTS.iter().copied()) {
            Some(fault) => (query, options.refuse(fault)),
            None => (query.set(name.to_owned(), value::read(value)?), options),
        })
    })
}
