//! An update of a user's own struct, by serde.

use serde::Serialize;
use serde_content::{Data, Number, Serializer, Value as Content};

use super::update::OpportunityUpdate;
use crate::error::{Error, FieldError, FieldErrorCode};
use crate::input::{Patch, Value};

impl OpportunityUpdate {
    /// The update of a struct or a map whose names are those of the fields.
    ///
    /// `None` and [`Patch::Unset`] leave a field alone, and [`Patch::Null`] clears it. The same holds
    /// in `custom`, a struct or a map of custom fields.
    ///
    /// ```
    /// use ikcrm::{OpportunityUpdate, Patch};
    ///
    /// #[derive(serde::Serialize)]
    /// struct Row {
    ///     title: String,
    ///     customer_id: u64,
    ///     stage: Option<String>,
    ///     note: Patch<String>,
    /// }
    ///
    /// let row = Row { title: "ccc".into(), customer_id: 1, stage: None, note: Patch::Null };
    /// let update = OpportunityUpdate::new().title("ccc").customer_id(1).note(Patch::Null);
    /// assert_eq!(OpportunityUpdate::from_serialize(&row)?, update);
    /// # Ok::<(), ikcrm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Validation`] when it is neither a struct nor a map, or does not serialize. Names and
    /// values are checked by the call, as always.
    pub fn from_serialize(fields: impl Serialize) -> Result<Self, Error> {
        let content = Serializer::new().human_readable().serialize(fields);
        let content = content.map_err(|error| refused(error.to_string()))?;
        let found = entries(content).ok_or_else(|| {
            refused("must be a struct or a map whose names are those of the fields".to_owned())
        })?;
        Ok(found.into_iter().fold(Self::new(), |update, (name, content)| match name.as_str() {
            "custom" => custom(update, content),
            _ => match patch(content).into_value() {
                Some(value) => update.set(name, value),
                None => update,
            },
        }))
    }
}

fn refused(message: String) -> Error {
    Error::Validation { fields: vec![FieldError::new("update", FieldErrorCode::Type, message)] }
}

fn custom(update: OpportunityUpdate, content: Content<'_>) -> OpportunityUpdate {
    match (patch(content.clone()), entries(content)) {
        (Patch::Unset, _) => update,
        (_, Some(fields)) => fields
            .into_iter()
            .fold(update, |update, (label, content)| update.custom(label, patch(content))),
        // The call says what is wrong with it.
        (value, None) => update.set("custom", value.into_value().unwrap_or(Value::Null)),
    }
}

/// The names and values of a struct or a map; nothing of anything else.
fn entries(content: Content<'_>) -> Option<Vec<(String, Content<'_>)>> {
    match content {
        Content::Struct(item) => match item.data {
            Data::Struct { fields } => {
                Some(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
            }
            Data::NewType { value } => entries(value),
            _ => None,
        },
        Content::Map(entries) => entries.into_iter().map(text_key).collect(),
        Content::Option(Some(content)) => entries(*content),
        _ => None,
    }
}

fn text_key<'a>((key, value): (Content<'a>, Content<'a>)) -> Option<(String, Content<'a>)> {
    match key {
        Content::String(key) => Some((key.into_owned(), value)),
        _ => None,
    }
}

/// What becomes of the field: `None` leaves it alone, and a unit clears it.
fn patch(content: Content<'_>) -> Patch<Value> {
    match content {
        Content::Option(None) => Patch::Unset,
        Content::Option(Some(content)) => patch(*content),
        content => match value(content) {
            Value::Null => Patch::Null,
            value => Patch::Set(value),
        },
    }
}

fn value(content: Content<'_>) -> Value {
    match content {
        Content::Unit | Content::Option(None) => Value::Null,
        Content::Bool(truth) => truth.into(),
        Content::Number(number) => value_of(number),
        Content::Char(char) => char.to_string().into(),
        Content::String(text) => text.into_owned().into(),
        Content::Bytes(_) => Value::Other("list of bytes".to_owned()),
        Content::Seq(items) | Content::Tuple(items) => {
            Value::List(items.into_iter().map(value).collect())
        }
        Content::Option(Some(content)) => value(*content),
        Content::Struct(item) => match item.data {
            Data::Unit => Value::Null,
            Data::NewType { value: content } => value(content),
            _ => Value::Other(item.name.into_owned()),
        },
        Content::Enum(item) => match item.data {
            Data::Unit => item.variant.into_owned().into(),
            _ => Value::Other(item.name.into_owned()),
        },
        Content::Map(_) => Value::Other("map".to_owned()),
    }
}

fn value_of(number: Number) -> Value {
    match number {
        Number::F32(number) => Value::Float(number.into()),
        Number::F64(number) => Value::Float(number),
        Number::I8(number) => i64::from(number).into(),
        Number::I16(number) => i64::from(number).into(),
        Number::I32(number) => number.into(),
        Number::I64(number) => number.into(),
        Number::I128(number) => Value::Number(number.to_string()),
        Number::U8(number) => i64::from(number).into(),
        Number::U16(number) => i64::from(number).into(),
        Number::U32(number) => number.into(),
        Number::U64(number) => number.into(),
        Number::U128(number) => Value::Number(number.to_string()),
        _ => Value::Other("number of an unknown kind".to_owned()),
    }
}
