//! `CustomFields`: the definitions of custom fields, by which they are known by their labels.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::FieldOption;
use crate::Value;
use crate::check::{
    Checks, Fault, Wire, check_custom_value, check_date, check_ids, check_number, check_text, fault,
};
use crate::error::FieldErrorCode as Code;
use crate::field_map::{collected, list, pick, suggestion};
use crate::fields::{CustomKind, custom_kind};

/// The custom fields of an entity. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct CustomFields(Arc<[CustomField]>);

/// A custom field as its definition tells it.
#[derive(Debug)]
pub(crate) struct CustomField {
    pub(crate) key: String,
    label: String,
    form: Form,
    required: bool,
    editable: bool,
    options: Vec<FieldOption>,
}

/// The form of a field's values, as far as the word for its type tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
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
    /// The fields in `data` of the CRM's answer, unless it has no groups of them.
    pub(crate) fn parse(data: &Json) -> Option<Self> {
        let groups = data.get("custom_field_groups").or_else(|| data.get("groups"))?.as_array()?;
        let fields = groups.iter().filter_map(|group| group.get("custom_fields")?.as_array());
        Some(Self(fields.flatten().filter_map(CustomField::parse).collect()))
    }

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
                    format!("several custom fields have this label; give a key: {keys}"),
                )
            }
        }
    }
}

impl CustomField {
    fn parse(field: &Json) -> Option<Self> {
        let text = |name: &str| field.get(name).and_then(Json::as_str).map(str::trim);
        let options = field.pointer("/input_field_options/collection_options");
        let options = options.and_then(Json::as_array).into_iter().flatten();
        let options: Vec<_> = options.filter_map(collected).collect();
        Some(Self {
            key: text("name").filter(|key| !key.is_empty())?.to_owned(),
            label: text("label").unwrap_or_default().to_owned(),
            form: form(&text("field_type").unwrap_or_default().to_ascii_lowercase()),
            required: is_true(field.get("required")),
            editable: !is_true(field.get("cannot_edit")),
            options,
        })
    }

    /// The value as the API takes it.
    pub(crate) fn check<'a>(&self, value: &'a Value) -> Checks<'a> {
        if !self.editable {
            return fault(Code::ReadOnly, "the CRM does not let it be edited");
        }
        match (self.form, value) {
            (_, Value::Null) if self.required => {
                fault(Code::Null, "may not be null, since the CRM requires it")
            }
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

/// The words of the endpoint's `field_type` are not documented: their parts are looked for.
fn form(field_type: &str) -> Form {
    let has = |parts: &[&str]| parts.iter().any(|part| field_type.contains(part));
    if has(&["user", "department"]) {
        Form::Ids
    } else if has(&["multi", "check"]) {
        Form::Several
    } else if has(&["select", "radio"]) {
        Form::One
    } else if has(&["time"]) {
        Form::Unknown
    } else if has(&["date"]) {
        Form::Date
    } else if has(&["number", "numeric", "decimal", "integer", "float", "currency", "percent"]) {
        Form::Number
    } else if has(&["text"]) {
        Form::Text
    } else {
        Form::Unknown
    }
}

fn is_true(value: Option<&Json>) -> bool {
    match value {
        Some(Json::Bool(value)) => *value,
        Some(Json::Number(number)) => number.as_i64() == Some(1),
        Some(Json::String(text)) => text == "true" || text == "1",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_for_a_type_tells_the_form_by_its_parts() {
        for (word, expected) in [
            ("text_field", Form::Text),
            ("text_area", Form::Text),
            ("number_field", Form::Number),
            ("currency", Form::Number),
            ("date_field", Form::Date),
            ("datetime_field", Form::Unknown),
            ("select", Form::One),
            ("multi_select", Form::Several),
            ("check_boxes", Form::Several),
            ("user_select", Form::Ids),
            ("multi_department", Form::Ids),
            ("geo_point", Form::Unknown),
            ("", Form::Unknown),
        ] {
            assert_eq!(form(word), expected, "{word}");
        }
    }
}
