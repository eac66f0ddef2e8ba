//! `Record`: an object of an answer, whose attributes are read on demand.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ikcrm::contract::{Kind, SHAPES, Shape, Typed};
use ikcrm::{CallMeta, Date, DateTime};
use pyo3::exceptions::{PyAttributeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDate, PyDateTime, PyString, PyTuple, PyType};

use crate::{errors, meta};

/// An object of an answer: JSON text, of which any key's value can be had.
#[pyclass(frozen, subclass, module = "ikcrm._native")]
pub(crate) struct Record(ikcrm::Record, Option<Arc<CallMeta>>);

/// What a record is made of.
#[derive(FromPyObject)]
enum Source<'py> {
    Record(Bound<'py, Record>),
    Text(Bound<'py, PyString>),
}

impl Record {
    pub(crate) fn core(&self) -> &ikcrm::Record {
        &self.0
    }

    pub(crate) fn is_opportunity(&self) -> bool {
        self.0.shape().name == "Opportunity"
    }
}

#[pymethods]
impl Record {
    /// The object in a JSON text, as `raw` gave it.
    #[new]
    #[classmethod]
    fn new(class: &Bound<'_, PyType>, source: Source<'_>) -> PyResult<Self> {
        match source {
            Source::Record(record) => Ok(Self(record.get().0.clone(), record.get().1.clone())),
            Source::Text(text) => parse(class, text.to_str()?),
        }
    }

    /// The object's JSON text, exactly as it came.
    #[getter]
    fn raw(&self) -> &str {
        self.0.raw()
    }

    /// What the call cost whose answer it is.
    fn call_meta<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        meta::object(py, self.1.as_deref())
    }

    /// The JSON text of a key's value, or `None` when the key did not come.
    fn raw_value(&self, key: &Bound<'_, PyAny>) -> Option<&str> {
        self.0.get_raw(key.extract().ok()?)
    }

    /// The value of a typed attribute.
    fn attribute<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let Some((_, kind)) = self.0.shape().fields.iter().find(|(known, _)| *known == name) else {
            return Err(PyAttributeError::new_err(name.to_owned()));
        };
        match self.0.read(name, *kind) {
            Ok(value) => convert(py, *kind, value),
            Err(error) => Err(errors::exception(py, &error)),
        }
    }

    /// The names of all keys, in the order they came.
    fn names(&self) -> Vec<&str> {
        self.0.keys().collect()
    }

    fn __len__(&self) -> usize {
        self.0.keys().count()
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> bool {
        key.extract().is_ok_and(|key| self.0.get_raw(key).is_some())
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        let other = &other.get().0;
        std::ptr::eq(self.0.shape(), other.shape()) && self.0 == *other
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.raw().hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let (class, record) = (slf.get_type().name()?, slf.get());
        let id = record.0.get_raw("id").map(|id| format!(" {id}")).unwrap_or_default();
        Ok(format!("<{class}{id}: {} keys>", record.__len__()))
    }

    fn __reduce__<'a, 'py>(slf: &'a Bound<'py, Self>) -> (Bound<'py, PyType>, (&'a str,)) {
        (slf.get_type(), (slf.get().raw(),))
    }
}

/// The record as an instance of its kind's Python class.
pub(crate) fn made(py: Python<'_>, record: ikcrm::Record) -> PyResult<Bound<'_, PyAny>> {
    answered(py, record, None)
}

/// The same of a call that cost so much.
pub(crate) fn answered(
    py: Python<'_>,
    record: ikcrm::Record,
    meta: Option<CallMeta>,
) -> PyResult<Bound<'_, PyAny>> {
    class_of(py, record.shape())?.call1((Record(record, meta.map(Arc::new)),))
}

fn class_of<'py>(py: Python<'py>, shape: &Shape) -> PyResult<Bound<'py, PyAny>> {
    static CLASSES: PyOnceLock<HashMap<&str, Py<PyAny>>> = PyOnceLock::new();
    let classes = CLASSES.get_or_try_init(py, || {
        let module = py.import("ikcrm.records")?;
        let class = |shape: &&Shape| Ok((shape.name, module.getattr(shape.name)?.unbind()));
        SHAPES.iter().map(class).collect::<PyResult<_>>()
    })?;
    let class = classes.get(shape.name).map(|class| class.bind(py).clone());
    class.ok_or_else(|| PyTypeError::new_err(shape.name))
}

fn parse(class: &Bound<'_, PyType>, json: &str) -> PyResult<Record> {
    for shape in SHAPES {
        if class.is_subclass(&class_of(class.py(), shape)?)? {
            let record = ikcrm::Record::parse(shape, json);
            return record
                .map(|it| Record(it, None))
                .map_err(|error| PyValueError::new_err(error.to_string()));
        }
    }
    Err(PyTypeError::new_err(
        "Record is a base class: make one of its subclasses, such as Opportunity",
    ))
}

fn convert<'py>(py: Python<'py>, kind: Kind, value: Typed<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Typed::Nothing if matches!(kind, Kind::Records(_)) => PyTuple::empty(py).into_any(),
        Typed::Nothing => py.None().into_bound(py),
        Typed::Id(id) => id.into_pyobject(py)?.into_any(),
        Typed::Text(text) => text.into_pyobject(py)?.into_any(),
        Typed::Decimal(amount) => amount.into_pyobject(py)?,
        Typed::Number(number) => number.into_pyobject(py)?.into_any(),
        Typed::Bool(truth) => truth.into_pyobject(py)?.to_owned().into_any(),
        Typed::Date(day) => date(py, day)?.into_any(),
        Typed::DateTime(at) => date_time(py, at)?.into_any(),
        Typed::Record(record) => made(py, record)?,
        Typed::Records(records) => {
            let records = records.into_iter().map(|record| made(py, record));
            PyTuple::new(py, records.collect::<PyResult<Vec<_>>>()?)?.into_any()
        }
    })
}

fn date(py: Python<'_>, day: Date) -> PyResult<Bound<'_, PyDate>> {
    PyDate::new(py, day.year().into(), day.month().try_into()?, day.day().try_into()?)
}

fn date_time(py: Python<'_>, at: DateTime) -> PyResult<Bound<'_, PyDateTime>> {
    let (year, month, day) = (at.year().into(), at.month().try_into()?, at.day().try_into()?);
    let (hour, minute, second) =
        (at.hour().try_into()?, at.minute().try_into()?, at.second().try_into()?);
    PyDateTime::new(py, year, month, day, hour, minute, second, 0, None)
}
