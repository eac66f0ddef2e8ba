//! `FieldMap`: the options of an entity's fields.

use ikcrm::{CallMeta, Error, FieldError, FieldErrorCode, MappedField, MetaSlot, Value};
use pyo3::prelude::*;

use crate::{errors, meta, value};

/// A field's options, each with its id, its label and whether it may be written.
type Options<'a> = Vec<(&'a str, &'a str, bool)>;

/// The options of an entity's fields, as the client read them.
#[pyclass(frozen, module = "ikcrm._native")]
pub(crate) struct FieldMap(ikcrm::FieldMap, Option<CallMeta>);

impl FieldMap {
    pub(crate) fn new(map: ikcrm::FieldMap, meta: &MetaSlot) -> Self {
        Self(map, meta.take())
    }
}

#[pymethods]
impl FieldMap {
    /// The entity, such as `opportunity`.
    #[getter]
    fn entity(&self) -> &str {
        self.0.entity()
    }

    /// The CRM's answer as JSON text.
    #[getter]
    fn raw(&self) -> &str {
        self.0.raw()
    }

    /// What the call cost that brought it.
    #[getter]
    fn meta<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        meta::object(py, self.1.as_ref())
    }

    /// Each field's name and options, in the CRM's order.
    fn fields(&self) -> Vec<(&str, Options<'_>)> {
        self.0.fields().iter().map(|field| (field.name.as_str(), options(field))).collect()
    }

    /// The id of the option of a field that has this label and may be written.
    #[pyo3(signature = (field: "object", label: "object"))]
    fn id(&self, field: &Bound<'_, PyAny>, label: &Bound<'_, PyAny>) -> PyResult<&str> {
        let id = match (text("field", field)?, text("label", label)?) {
            (Ok(field), Ok(label)) => self.0.id(&field, &label),
            (Err(fault), _) | (_, Err(fault)) => Err(fault),
        };
        id.map_err(|fault| errors::exception(field.py(), &Error::validation(vec![fault])))
    }
}

fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Result<String, FieldError>> {
    Ok(match value::read(value)? {
        Value::Text(text) => Ok(text),
        Value::Other(got) => Err(format!("must be text, got a {got}")),
        _ => Err(format!("must be text, got {}", value::kind(value)?)),
    }
    .map_err(|message| FieldError::new(name, FieldErrorCode::Type, message)))
}

fn options(field: &MappedField) -> Options<'_> {
    field.options.iter().map(|option| (&*option.id, &*option.label, option.enabled)).collect()
}
