//! Python values as the core takes them: told apart by type, checked by the core.

use ikcrm::{Date, Value};
use pyo3::exceptions::{PyAttributeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyDate, PyDateAccess, PyDateTime, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple,
    PyType,
};

/// How deep values may nest; what holds itself must not exhaust the stack.
const DEEPEST: usize = 64;

/// The value, by its type.
pub(crate) fn read(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    nested(value, 0)
}

/// The value, or the text of the path that an `os.PathLike` stands for.
pub(crate) fn read_path(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    match method(value, intern!(value.py(), "__fspath__"))? {
        Some(path) => read(&path),
        None => read(value),
    }
}

fn nested(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(self::text(text));
    }
    if value.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(Value::Bool(truth.is_true()));
    }
    if let Ok(number) = value.cast::<PyInt>() {
        return integer(number);
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(Value::Float(number.value()));
    }
    if let Ok(items) = value.cast::<PyList>() {
        return list(items.iter(), depth);
    }
    if let Ok(items) = value.cast::<PyTuple>() {
        return list(items.iter(), depth);
    }
    of_a_module(value, depth)
}

/// A value of a type that some module defines.
fn of_a_module(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    let name = value.get_type().name()?.to_string();
    if let "NaTType" | "NAType" = name.as_str() {
        return Ok(other(format!("missing value ({value}); give None to clear the field")));
    }
    if value.is_instance_of::<PyDateTime>() {
        return Ok(Value::DateTime(name));
    }
    if let Ok(date) = value.cast::<PyDate>() {
        return civil(date).map(Value::Date);
    }
    if value.is_instance(decimal(value.py())?)? {
        return Ok(Value::Number(value.str()?.to_string()));
    }
    if let Ok(mapping) = value.cast::<PyMapping>() {
        return map(mapping, depth);
    }
    if let "bool" | "bool_" = name.as_str() {
        return value.is_truthy().map(Value::Bool); // numpy's
    }
    // Whatever counts as an integer where Python wants one, such as numpy's.
    match method(value, intern!(value.py(), "__index__"))? {
        Some(number) => integer(number.cast()?),
        None => Ok(Value::Other(name)),
    }
}

fn other(name: impl Into<String>) -> Value {
    Value::Other(name.into())
}

fn text(text: &Bound<'_, PyString>) -> Value {
    match text.to_str() {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => other("text with a lone surrogate, which is half a character"),
    }
}

/// An integer of any size; of an `IntEnum`'s member, its value.
fn integer(number: &Bound<'_, PyInt>) -> PyResult<Value> {
    if let Ok(number) = number.extract() {
        return Ok(Value::Integer(number));
    }
    match number.call_method1(intern!(number.py(), "__format__"), ("d",)) {
        Ok(digits) => Ok(Value::Number(digits.to_string())),
        Err(error) if error.is_instance_of::<PyValueError>(number.py()) => {
            Ok(other("number with more digits than Python prints"))
        }
        Err(error) => Err(error),
    }
}

/// What the method returns, or nothing when the object does not have it or means it.
fn method<'py>(
    value: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = value.py();
    value.call_method0(name).map(Some).or_else(|error| {
        let absent =
            error.is_instance_of::<PyAttributeError>(py) || error.is_instance_of::<PyTypeError>(py);
        if absent { Ok(None) } else { Err(error) }
    })
}

fn civil(date: &Bound<'_, PyDate>) -> PyResult<Date> {
    let (year, month, day) = (date.get_year(), date.get_month(), date.get_day());
    let date = Date::new(year.try_into()?, month.try_into()?, day.try_into()?);
    date.map_err(|error| PyValueError::new_err(error.to_string()))
}

fn decimal(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}

fn list<'py>(items: impl Iterator<Item = Bound<'py, PyAny>>, depth: usize) -> PyResult<Value> {
    if depth == DEEPEST {
        return Ok(other("value nested too deep"));
    }
    items.map(|item| nested(&item, depth + 1)).collect::<PyResult<_>>().map(Value::List)
}

/// Names and values, which JSON has only for names that are text.
fn map(mapping: &Bound<'_, PyMapping>, depth: usize) -> PyResult<Value> {
    if depth == DEEPEST {
        return Ok(other("value nested too deep"));
    }
    let mut entries = Vec::new();
    for entry in mapping.items()? {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = entry.extract()?;
        let Ok(Value::Text(name)) = nested(&name, DEEPEST) else {
            return Ok(other("mapping whose keys are not all text"));
        };
        entries.push((name, nested(&value, depth + 1)?));
    }
    Ok(Value::Map(entries))
}
