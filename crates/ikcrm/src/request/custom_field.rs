//! `CustomFields`: the definitions of custom fields, by which they are known by their labels.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::{Fault, FieldErrorCode as Code, fault, spelt};
use crate::input::Value;
use crate::input::check::{
    Checks, Wire, check_custom_value, check_date, check_ids, check_number, check_text,
};
use crate::input::key::{CustomKind, custom_kind};
use crate::input::suggest::{list, suggestion};
use crate::response::{FieldOption, pick};

/// The custom fields of an entity. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct CustomFields(pub(crate) Arc<[CustomField]>);

/// A custom field as its definition tells it.
#[derive(Debug)]
pub(crate) struct CustomField {
    pub(crate) key: String,
    pub(crate) label: String,
    pub(crate) form: Form,
    pub(crate) required: bool,
    pub(crate) editable: bool,
    pub(crate) options: Vec<FieldOption>,
}

/// The form of a field's values, as far as the word for its type tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Number,
    Date,
    Ids,
    One,
    Several,
    /// What the key tells.
    Unknown,
}

impl CustomFields {
    /// The one field that has this label.
    pub(crate) fn find(&self, label: &str) -> Result<&CustomField, Fault> {
        let found: Vec<_> = self.0.iter().filter(|field| field.label == label).collect();
        match found.as_slice() {
            [field] => Ok(field),
            [] => {
                let labels = || self.0.iter().map(|field| &*field.label);
                let near = suggestion(label, labels);
                fault(Code::Unknown, format!("no custom field has this label or key{near}"))
            }
            several => {
                let keys = list(several.iter().map(|field| &*field.key));
                fault(
                    Code::Ambiguous,
                    format!("several custom fields have this label; give one of the keys: {keys}"),
                )
            }
        }
    }
}

impl CustomField {
    /// The value as the API takes it.
    pub(crate) fn check<'a>(&self, value: &'a Value) -> Checks<'a> {
        if !self.editable {
            return fault(Code::ReadOnly, "the CRM does not allow changing it");
        }
        match (self.form, value) {
            (_, Value::Null) if self.required => fault(
                Code::Null,
                format!("must not be {}, because the CRM requires it", spelt("null")),
            ),
            (_, Value::Null) => Ok(Wire::Null),
            (Form::Text, _) => check_text(value, false),
            (Form::Number, _) => check_number(value),
            (Form::Date, _) => check_date(value),
            (Form::Ids, _) => check_ids(value),
            (Form::One, _) => self.option(value),
            (Form::Several, Value::List(values)) => values
                .iter()
                .map(|value| self.option(value))
                .collect::<Result<_, _>>()
                .map(Wire::List),
            (Form::Several, _) => Ok(Wire::List(vec![self.option(value)?])),
            (Form::Unknown, _) => {
                check_custom_value(custom_kind(&self.key).unwrap_or(CustomKind::Any), value)
            }
        }
    }

    /// The id of an option, from itself or from its label; as it is when the options are not known.
    fn option<'a>(&self, value: &'a Value) -> Checks<'a> {
        match value {
            Value::Text(text) if self.options.iter().any(|option| option.id == *text) => {
                Ok(Wire::Text(text.into()))
            }
            Value::Text(label) if !self.options.is_empty() => {
                Ok(Wire::Text(Cow::Owned(pick(&self.options, label)?.id.clone())))
            }
            _ => check_text(value, false),
        }
    }
}
