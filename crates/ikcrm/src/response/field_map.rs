//! `FieldMap`: the options of an entity's fields, with their ids and labels.

use std::sync::Arc;

use crate::error::{Fault, FieldError, FieldErrorCode as Code};
use crate::input::excerpt;
use crate::input::suggest::{list, suggestion};

/// The options of an entity's fields, as [`Client::field_map`](crate::Client::field_map) reads them.
///
/// Clones share the content.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldMap {
    entity: String,
    fields: Arc<[MappedField]>,
    raw: Arc<str>,
}

/// A field and its options.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappedField {
    /// The field's name, such as `stage`.
    pub name: String,
    /// Its options, in the CRM's order, disabled ones too.
    pub options: Vec<FieldOption>,
}

/// An option of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldOption {
    /// The id to write. Ids differ from enterprise to enterprise.
    pub id: String,
    /// The label that the CRM's screens show.
    pub label: String,
    /// Whether it may be written.
    pub enabled: bool,
}

impl FieldMap {
    /// A map of these fields; `raw` is the JSON text that tells them.
    pub(crate) fn new(entity: &str, fields: Arc<[MappedField]>, raw: &str) -> Self {
        Self { entity: entity.to_owned(), fields, raw: raw.into() }
    }

    /// The entity, such as `opportunity`.
    #[must_use]
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// The fields that have options, in the CRM's order.
    #[must_use]
    pub fn fields(&self) -> &[MappedField] {
        &self.fields
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&MappedField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The `data` of the CRM's answer as JSON text, exactly as it came.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The id of the option of a field that has this label and may be written.
    ///
    /// # Errors
    ///
    /// When the field has no options or no such label, or the option is disabled, or several have
    /// this label; the message lists what is possible.
    pub fn id(&self, field: &str, label: &str) -> Result<&str, FieldError> {
        let options = self.field(field).map(|field| field.options.as_slice()).ok_or_else(|| {
            let entity = &self.entity;
            let message =
                format!("the CRM's field map of {entity} has no options for it; give an id");
            Fault(Code::Unknown, message)
        });
        let picked = options.and_then(|options| pick(options, label));
        picked
            .map(|option| option.id.as_str())
            .map_err(|Fault(code, message)| FieldError::new(field, code, message))
    }
}

/// The one option that has this label and may be written.
pub(crate) fn pick<'a>(options: &'a [FieldOption], label: &str) -> Result<&'a FieldOption, Fault> {
    let label = label.trim();
    let matches = || options.iter().filter(|option| option.label == label);
    let enabled: Vec<_> = matches().filter(|option| option.enabled).collect();
    let possible = || options.iter().filter(|option| option.enabled).map(|option| &*option.label);
    match enabled.as_slice() {
        [option] => Ok(option),
        [] if matches().next().is_some() => {
            let message = format!(
                "the option {:?} is disabled in the CRM; available: {}",
                excerpt(label),
                list(possible())
            );
            Err(Fault(Code::Disabled, message))
        }
        [] => {
            let label = excerpt(label);
            let message = format!("has no option {label:?}{}", suggestion(&label, possible));
            Err(Fault(Code::Unknown, message))
        }
        several => {
            let ids = list(several.iter().map(|option| &*option.id));
            Err(Fault(
                Code::Ambiguous,
                format!("several options have this label; give one of the ids: {ids}"),
            ))
        }
    }
}
