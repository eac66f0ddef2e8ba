//! `FieldMap`: the options of an entity's fields.

use ikcrm::{Error, MappedField};
use pyo3::prelude::*;

use crate::errors;

/// A field's options, each with its id, its label and whether it may be written.
type Options<'a> = Vec<(&'a str, &'a str, bool)>;

/// The options of an entity's fields, as the client read them.
#[pyclass(frozen, module = "ikcrm._native")]
pub(crate) struct FieldMap(pub(crate) ikcrm::FieldMap);

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

    /// Each field's name and options, in the CRM's order.
    fn fields(&self) -> Vec<(&str, Options<'_>)> {
        self.0.fields().iter().map(|field| (field.name.as_str(), options(field))).collect()
    }

    /// The id of the option of a field that has this label and may be written.
    fn id(&self, py: Python<'_>, field: &str, label: &str) -> PyResult<&str> {
        self.0
            .id(field, label)
            .map_err(|fault| errors::exception(py, &Error::Validation { fields: vec![fault] }))
    }
}

fn options(field: &MappedField) -> Options<'_> {
    field.options.iter().map(|option| (&*option.id, &*option.label, option.enabled)).collect()
}
