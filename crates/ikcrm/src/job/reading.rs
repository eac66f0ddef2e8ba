//! What an answer tells of a row's fields, in the form in which they are sent. Pure.

use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::row::{Fill, Raw, likeness, parsed, raw};
use crate::request::{FIELDS, Field, FieldKind};
use crate::response::{Likeness, Record, is_nothing};

/// An opportunity as an answer tells it.
pub(super) struct Reading<'a> {
    record: &'a Record,
    /// Whether it is the row of a list, which lacks some fields.
    pub(super) is_listed: bool,
    /// Fields of the list that were seen to differ from the opportunity itself.
    distrusted: &'a [String],
}

impl<'a> Reading<'a> {
    /// The row of a list.
    pub(super) fn listed(record: &'a Record, distrusted: &'a [String]) -> Self {
        Self { record, is_listed: true, distrusted }
    }

    /// An opportunity that was read by itself.
    pub(super) fn single(record: &'a Record) -> Self {
        Self { record, is_listed: false, distrusted: &[] }
    }

    /// The value of a field; nothing when the answer does not tell it.
    pub(super) fn value(&self, field: &str) -> Option<Raw> {
        if self.distrusted.iter().any(|known| known == field) {
            return None;
        }
        match FIELDS.iter().find(|known| known.name == field) {
            Some(known) if self.is_listed && !known.listed => None,
            Some(known) => self.known(known),
            None if self.is_listed || likeness(field) == Likeness::Never => None,
            None => self.record.get_raw(field).and_then(owned),
        }
    }

    /// `title` and `customer_id`, if the opportunity has them.
    pub(super) fn fill(&self) -> Fill {
        let value = |field| self.value(field).filter(|raw| !is_nothing(&parsed(raw)));
        Fill { title: value("title"), customer_id: value("customer_id") }
    }

    /// When the opportunity was last changed, as the CRM writes it.
    pub(super) fn updated_at(&self) -> Option<String> {
        self.record.get("updated_at")?.as_str().map(ToOwned::to_owned)
    }

    fn known(&self, field: &Field) -> Option<Raw> {
        let found = field.read.iter().find_map(|path| self.at(path))?;
        wire(field.kind, &found)
    }

    /// The value at `key` or at `key.id`.
    fn at(&self, path: &str) -> Option<Raw> {
        let (key, part) = path.split_once('.').unwrap_or((path, ""));
        let found = self.record.get_raw(key)?;
        if part.is_empty() {
            return owned(found);
        }
        match serde_json::from_str(found).ok()? {
            Json::Object(object) if object.is_empty() => Some(RawValue::NULL.to_owned()),
            Json::Object(object) => object.get(part).map(raw),
            Json::Null => Some(RawValue::NULL.to_owned()),
            _ => None,
        }
    }
}

fn owned(text: &str) -> Option<Raw> {
    RawValue::from_string(text.to_owned()).ok()
}

/// A value of an answer as an update would send it; nothing when it is of no known form.
fn wire(kind: FieldKind, value: &RawValue) -> Option<Raw> {
    let json = parsed(value);
    if is_nothing(&json) && kind != FieldKind::Text {
        return Some(RawValue::NULL.to_owned());
    }
    match (kind, &json) {
        (FieldKind::Id, Json::String(text)) => {
            text.trim().parse::<u64>().ok().map(|id| raw(&id.into()))
        }
        (FieldKind::Money | FieldKind::Option, Json::Number(_)) => {
            Some(raw(&value.get().to_owned().into()))
        }
        (FieldKind::Id, Json::Number(_)) | (_, Json::String(_) | Json::Null) => {
            Some(value.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::{Opportunity, OpportunityRow};

    fn single(json: &str, field: &str) -> Option<String> {
        let opportunity = Opportunity::from_json(json).unwrap();
        Reading::single(&opportunity).value(field).map(|raw| raw.get().to_owned())
    }

    #[test]
    fn a_field_is_read_by_its_path_in_the_form_that_is_sent() {
        for (json, field, expected) in [
            (r#"{"customer":{"id":7}}"#, "customer_id", Some("7")),
            (r#"{"customer_id":"7"}"#, "customer_id", Some("7")),
            (r#"{"customer":{}}"#, "customer_id", Some("null")),
            (r#"{"user_id":null,"user":{"id":1}}"#, "user_id", Some("null")),
            (r#"{"customer":"x"}"#, "customer_id", None),
            (r#"{"stage":3514}"#, "stage", Some("\"3514\"")),
            (r#"{"stage":""}"#, "stage", Some("null")),
            (r#"{"get_time":""}"#, "get_time", Some("null")),
            (r#"{"expect_amount":20000.50}"#, "expect_amount", Some("\"20000.50\"")),
            (r#"{"note":""}"#, "note", Some("\"\"")),
            (r#"{"title":"x"}"#, "note", None),
            (
                r#"{"numeric_asset_1f":12345678901234567890.1}"#,
                "numeric_asset_1f",
                Some("12345678901234567890.1"),
            ),
            (r#"{"file_asset_1f":[]}"#, "file_asset_1f", None),
        ] {
            assert_eq!(single(json, field).as_deref(), expected, "{json} {field}");
        }
    }

    #[test]
    fn a_lists_row_tells_less() {
        let row =
            r#"{"id":1,"stage":"1","note":"n","text_asset_1f":"x","customer_id":3,"title":"t"}"#;
        let row = OpportunityRow::from_json(row).unwrap();
        let distrusted = ["stage".to_owned()];
        let reading = Reading::listed(&row, &distrusted);
        for (field, known) in
            [("stage", false), ("note", false), ("text_asset_1f", false), ("customer_id", true)]
        {
            assert_eq!(reading.value(field).is_some(), known, "{field}");
        }
        assert!(reading.fill().title.is_some());
    }
}
