//! Python values as the core takes them: told apart by type, checked by the core.

use ikcrm::{Date, Value};
use pyo3::exceptions::{PyAttributeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDate, PyDateAccess, PyDateTime, PyFloat, PyInt, PyList,
    PyMapping, PyMemoryView, PySequence, PyString, PyTuple, PyType,
};
use pyo3::{PyTypeInfo, intern};

/// How deep values may nest; what holds itself must not exhaust the stack.
const DEEPEST: usize = 64;

/// How many values one may hold; what holds itself twice must not exhaust the memory.
const MOST: usize = 100_000;

/// The value, by its type.
pub(crate) fn read(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    Reader { seen: 0 }.value(value, 0)
}

/// The value, or the text of the path that an `os.PathLike` stands for.
pub(crate) fn read_path(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    match method(value, intern!(value.py(), "__fspath__"))? {
        Some(path) => read(&path),
        None => read(value),
    }
}

/// What a value is called in a message: `a str`, `an int`.
pub(crate) fn kind(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let name = value.get_type().name()?.to_string();
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    Ok(format!("{article} {name}"))
}

/// Reads one value with all that it holds.
struct Reader {
    /// How many values it was so far.
    seen: usize,
}

impl Reader {
    fn value(&mut self, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
        self.seen += 1;
        if self.is_full() {
            return Ok(other(format!("value that holds more than {MOST} values")));
        }
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
            return Ok(float(number.value()));
        }
        if let Ok(items) = value.cast::<PyList>() {
            return self.list(items.iter().map(Ok), depth);
        }
        if let Ok(items) = value.cast::<PyTuple>() {
            return self.list(items.iter().map(Ok), depth);
        }
        self.of_a_module(value, depth)
    }

    /// A value of a type that some module defines.
    fn of_a_module(&mut self, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
        let (class, decimals) = (value.get_type(), decimal_type(value.py())?);
        // Most are of exactly these two types; only the others need the type's name.
        if class.is(decimals) {
            return Ok(decimal(value.str()?.to_str()?));
        }
        if value.is_exact_instance_of::<PyDate>() {
            return civil(value.cast()?).map(Value::Date);
        }
        let name = class.name()?.to_string();
        if let Some(got) = missing_value(value, &name)? {
            return Ok(missing(got));
        }
        if value.is_instance_of::<PyDateTime>() {
            return Ok(Value::DateTime(name));
        }
        if let Ok(date) = value.cast::<PyDate>() {
            return civil(date).map(Value::Date);
        }
        if value.is_instance(decimals)? {
            // By its digits, whatever a subclass prints.
            let digits = decimals.call_method1(intern!(value.py(), "__str__"), (value,))?;
            return Ok(decimal(digits.cast::<PyString>()?.to_str()?));
        }
        if let Ok(mapping) = value.cast::<PyMapping>() {
            return self.map(mapping, depth);
        }
        if !is_bytes(value)
            && let Ok(items) = value.cast::<PySequence>()
        {
            return self.list(items.try_iter()?, depth);
        }
        match name.as_str() {
            "bool" | "bool_" => value.is_truthy().map(Value::Bool), // numpy's
            // By their own shortest forms; as doubles they would have digits that nobody wrote.
            "float16" | "float32" => {
                Ok(value.str()?.to_str()?.parse().map_or_else(|_| other(name), float))
            }
            // Whatever counts as an integer where Python wants one, such as numpy's.
            _ => match method(value, intern!(value.py(), "__index__"))? {
                Some(number) => integer(number.cast()?),
                None => Ok(other(name)),
            },
        }
    }

    fn list<'py>(
        &mut self,
        items: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>,
        depth: usize,
    ) -> PyResult<Value> {
        if depth == DEEPEST {
            return Ok(too_deep());
        }
        let mut values = Vec::new();
        for item in items {
            values.push(self.value(&item?, depth + 1)?);
            if self.is_full() {
                break; // the last value says so, and none of them is sent
            }
        }
        Ok(Value::List(values))
    }

    /// Names and values, which JSON has only for names that are text.
    fn map(&mut self, mapping: &Bound<'_, PyMapping>, depth: usize) -> PyResult<Value> {
        if depth == DEEPEST {
            return Ok(too_deep());
        }
        let mut entries = Vec::new();
        for entry in mapping.call_method0(intern!(mapping.py(), "items"))?.try_iter()? {
            let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = entry?.extract()?;
            match name.cast::<PyString>().map(text) {
                Ok(Value::Text(name)) => entries.push((name, self.value(&value, depth + 1)?)),
                Ok(_) => return Ok(other("mapping with a key that holds a lone surrogate")),
                Err(_) => return Ok(other("mapping whose keys are not all text")),
            }
            if self.is_full() {
                break; // as above
            }
        }
        Ok(Value::Map(entries))
    }

    fn is_full(&self) -> bool {
        self.seen > MOST
    }
}

fn other(name: impl Into<String>) -> Value {
    Value::Other(name.into())
}

fn too_deep() -> Value {
    other("value nested too deep")
}

fn missing(got: impl Into<String>) -> Value {
    Value::Missing { got: got.into(), null: "None" }
}

/// What a table's library puts where a value is missing, as it prints; nothing for any other value.
fn missing_value(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<String>> {
    match name {
        "NaTType" | "NAType" | "MaskedConstant" => Ok(Some(value.str()?.to_string())),
        "datetime64" | "timedelta64" => {
            let text = value.str()?.to_string();
            Ok(Some(text).filter(|text| text == "NaT"))
        }
        _ if name.ends_with("Scalar") => {
            let valid = value.getattr_opt(intern!(value.py(), "is_valid"))?; // pyarrow's
            let is_null =
                valid.is_some_and(|valid| valid.extract().is_ok_and(|valid: bool| !valid));
            Ok(is_null.then(|| "null".to_owned()))
        }
        _ => Ok(None),
    }
}

fn text(text: &Bound<'_, PyString>) -> Value {
    match text.to_str() {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => other("text with a lone surrogate, which is half a character"),
    }
}

fn float(number: f64) -> Value {
    if number.is_nan() { missing("nan") } else { Value::Float(number) }
}

fn decimal(digits: &str) -> Value {
    if digits.contains("NaN") { missing(digits) } else { Value::Number(digits.to_owned()) }
}

/// An integer of any size, whatever a subclass prints; of an `IntEnum`'s member, its value.
fn integer(number: &Bound<'_, PyInt>) -> PyResult<Value> {
    let py = number.py();
    if let Ok(number) = number.extract() {
        return Ok(Value::Integer(number));
    }
    match PyInt::type_object(py).call_method1(intern!(py, "__repr__"), (number,)) {
        Ok(digits) => Ok(Value::Number(digits.to_string())),
        Err(error) if error.is_instance_of::<PyValueError>(py) => {
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

fn decimal_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}

/// Sequences by their type, but never lists of numbers by their meaning.
fn is_bytes(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PyMemoryView>()
}
