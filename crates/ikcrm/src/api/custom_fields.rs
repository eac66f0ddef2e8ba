//! `GET /api/v2/custom_fields/opportunity/by_group`: the definitions of custom fields.

use serde_json::Value as Json;

use super::envelope::data;
use super::field_maps::text;
use super::request::look_up;
use crate::error::Error;
use crate::request::{CustomField, CustomFields, Form};
use crate::response::FieldOption;
use crate::transport::{HttpRequest, HttpResponse};

/// The route of the custom fields.
pub(crate) const ROUTE: &str = "/api/v2/custom_fields/opportunity/by_group";

/// The request of the custom fields of opportunities.
pub(crate) fn custom_fields() -> HttpRequest {
    look_up(ROUTE, ROUTE.to_owned())
}

/// The definitions of custom fields in an answer.
pub(crate) fn parsed(response: HttpResponse) -> Result<CustomFields, Error> {
    let data = data(response, false)?;
    let json = serde_json::from_str::<Json>(data.json()).unwrap_or_default();
    let groups = json.get("custom_field_groups").or_else(|| json.get("groups"));
    let groups = groups
        .and_then(Json::as_array)
        .ok_or_else(|| data.unlike("has no groups as data.custom_field_groups"))?;
    let fields = groups.iter().filter_map(|group| group.get("custom_fields")?.as_array());
    Ok(CustomFields(fields.flatten().filter_map(field).collect()))
}

fn field(field: &Json) -> Option<CustomField> {
    let text = |name: &str| field.get(name).and_then(Json::as_str).map(str::trim);
    let options = field.pointer("/input_field_options/collection_options");
    let options = options.and_then(Json::as_array).into_iter().flatten();
    Some(CustomField {
        key: text("name").filter(|key| !key.is_empty())?.to_owned(),
        label: text("label").unwrap_or_default().to_owned(),
        form: form(&text("field_type").unwrap_or_default().to_ascii_lowercase()),
        required: is_true(field.get("required")),
        editable: !is_true(field.get("cannot_edit")),
        options: options.filter_map(option).collect(),
    })
}

/// `{"value": "select_2d84d16d", "label": "现场"}`.
fn option(option: &Json) -> Option<FieldOption> {
    let label = option.get("label").and_then(text).unwrap_or_default();
    Some(FieldOption { id: text(option.get("value")?)?, label, enabled: true })
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
