//! `GET /api/v2/field_maps/:entity`: the options of an entity's fields.

use serde_json::Value as Json;

use super::envelope::data;
use super::request::look_up;
use crate::error::Error;
use crate::response::{FieldMap, FieldOption, MappedField};
use crate::transport::{HttpRequest, HttpResponse};

/// The route of a field map.
pub(crate) const ROUTE: &str = "/api/v2/field_maps/:entity";

/// The request of an entity's field map.
pub(crate) fn field_map(entity: &str) -> HttpRequest {
    look_up(ROUTE, format!("/api/v2/field_maps/{entity}"))
}

/// The field map in an answer.
pub(crate) fn parsed(response: HttpResponse, entity: &str) -> Result<FieldMap, Error> {
    let data = data(response, false)?;
    let json = serde_json::from_str::<Json>(data.json()).unwrap_or_default();
    let fields = json.get(entity).and_then(Json::as_array);
    let fields =
        fields.ok_or_else(|| data.unlike(&format!("has no list of fields as data.{entity}")))?;
    Ok(FieldMap::new(entity, fields.iter().filter_map(field).collect(), data.json()))
}

fn field(field: &Json) -> Option<MappedField> {
    let name = field.get("field_name")?.as_str()?.to_owned();
    let options = field.get("field_values").and_then(Json::as_array);
    Some(MappedField { name, options: options.into_iter().flatten().filter_map(option).collect() })
}

/// `{"id": 3514, "status": "enable", "value": "谈判/合同"}`; the label's key is not certain.
fn option(option: &Json) -> Option<FieldOption> {
    let labels = ["value", "name", "label", "text"].iter().filter_map(|key| text(option.get(key)?));
    let status = option.get("status").and_then(Json::as_str);
    Some(FieldOption {
        id: text(option.get("id")?)?,
        label: labels.into_iter().next().unwrap_or_default(),
        enabled: status.is_none_or(|status| status == "enable"),
    })
}

/// A text that says something, or a number.
pub(super) fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
