//! Checks a call before any byte is sent, and tells all its faults at once. Pure.

use std::borrow::Cow;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::error::{Error, FieldError, FieldErrorCode as Code};
use crate::fields::{self, CustomKind, FIELDS, Field, FieldKind};
use crate::value::excerpt;
use crate::{OpportunityUpdate, Value};

/// The largest id: the largest whole number that every language here holds exactly.
const MAX_ID: i64 = (1 << 53) - 1;
const MAX_DIGITS: usize = 28;

/// A call that may be sent.
#[derive(Debug)]
pub(crate) struct Checked<'a> {
    pub(crate) id: i64,
    pub(crate) fields: Fields<'a>,
}

/// Names and values as the API takes them, in the order given.
#[derive(Debug)]
pub(crate) struct Fields<'a>(Vec<(&'a str, Wire<'a>)>);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A value in the form that the API takes.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Wire<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Number(Box<RawValue>),
    Text(Cow<'a, str>),
    List(Vec<Wire<'a>>),
    Map(Fields<'a>),
}

/// What is wrong with one value.
struct Fault(Code, String);

type Checks<'a> = Result<Wire<'a>, Fault>;

fn fault<T>(code: Code, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault(code, message.into()))
}

/// Checks the id, every field given, and that the required ones are; `known` are faults that the
/// call's options have.
pub(crate) fn update<'a>(
    id: &Value,
    update: &'a OpportunityUpdate,
    known: &[FieldError],
) -> Result<Checked<'a>, Error> {
    let mut faults = Vec::new();
    let id = keep(check_id(id), "id", &mut faults);
    let mut checked = Vec::with_capacity(update.fields.len() + update.custom.len());
    for (name, value) in &update.fields {
        let wire = keep(check_field(name, value), name, &mut faults);
        checked.extend(wire.map(|wire| (name.as_ref(), wire)));
    }
    for (key, value) in &update.custom {
        let wire = check_custom(key, value);
        if let Some(wire) = keep(wire, &format!("custom.{key}"), &mut faults) {
            checked.push((key, wire));
        }
    }
    faults.extend(missing(update));
    faults.extend_from_slice(known);
    match id {
        Some(id) if faults.is_empty() => Ok(Checked { id, fields: Fields(checked) }),
        _ => Err(Error::Validation { fields: faults }),
    }
}

/// The value of a check that passed; a fault goes to the others under the field's name.
fn keep<T>(check: Result<T, Fault>, field: &str, faults: &mut Vec<FieldError>) -> Option<T> {
    check.map_err(|Fault(code, message)| faults.push(FieldError::new(field, code, message))).ok()
}

/// The faults of what was not given.
fn missing(update: &OpportunityUpdate) -> Vec<FieldError> {
    if update.partial {
        let empty = update.fields.is_empty() && update.custom.is_empty();
        let message = "nothing to change; give at least one field";
        return empty
            .then(|| FieldError::new("fields", Code::Empty, message))
            .into_iter()
            .collect();
    }
    FIELDS
        .iter()
        .filter(|field| field.required && !update.fields.iter().any(|(name, _)| name == field.name))
        .map(|field| {
            let message = "the CRM requires it; give it, or say partial to update without";
            FieldError::new(field.name, Code::Required, message)
        })
        .collect()
}

fn check_field<'a>(name: &str, value: &'a Value) -> Checks<'a> {
    let Some(field) = fields::find(name) else { return fault_of_unknown(name) };
    if *value == Value::Null {
        return check_null(field);
    }
    match field.kind {
        FieldKind::Id => check_id(value).map(Wire::Integer),
        FieldKind::Text => check_text(value, field.required),
        FieldKind::Money => check_decimal(value).map(|text| Wire::Text(text.into())),
        FieldKind::Option => check_option(value),
        FieldKind::Date => check_date(value),
    }
}

fn check_null(field: &Field) -> Checks<'static> {
    if field.required {
        let message = "may not be null; leave it out with partial to keep it as it is";
        return fault(Code::Null, message);
    }
    Ok(Wire::Null)
}

fn fault_of_unknown<T>(name: &str) -> Result<T, Fault> {
    if name == "custom" {
        let message = "give the custom fields as names and values, such as text_asset_8b1eeedd";
        return fault(Code::Type, message);
    }
    if fields::is_read_only(name) {
        return fault_of_read_only(name);
    }
    if fields::custom_kind(name).is_some() {
        return fault(Code::Unknown, "a custom field; give it in custom");
    }
    let known = FIELDS.iter().map(|field| field.name).chain(["custom"]);
    fault(Code::Unknown, fields::unknown_message("field", name, known))
}

fn fault_of_read_only<T>(name: &str) -> Result<T, Fault> {
    let base = ["_mapped", "_display", "_i18n", "_hidden_result"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    fault(Code::ReadOnly, format!("the CRM computes it and never accepts it; set {base} instead"))
}

/// A positive whole number that every language holds exactly, or its digits.
fn check_id(value: &Value) -> Result<i64, Fault> {
    match value {
        Value::Integer(id @ 1..=MAX_ID) => Ok(*id),
        Value::Integer(id) => fault(Code::Range, format!("must be 1 to {MAX_ID}, got {id}")),
        Value::Number(text) if is_integer(text) => match text.parse() {
            Ok(id @ 1..=MAX_ID) => Ok(id),
            _ => fault(Code::Range, format!("must be 1 to {MAX_ID}, got {}", excerpt(text))),
        },
        Value::Text(text) => check_id_text(text),
        Value::Float(_) => fault(
            Code::Type,
            format!(
                "must be a whole number, got {}; write the id without a decimal point (a table \
                 column with blanks turns ids into floats: read it as text or as integers)",
                value.describe()
            ),
        ),
        _ => fault(Code::Type, format!("must be an id, a whole number, got {}", value.describe())),
    }
}

fn check_id_text(text: &str) -> Result<i64, Fault> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || text.starts_with('0') && text.len() > 1 {
        let message = format!("must be an id of digits only, got the text {:?}", excerpt(text));
        return fault(Code::Format, message);
    }
    match text.parse() {
        Ok(id @ 1..=MAX_ID) => Ok(id),
        _ => fault(Code::Range, format!("must be 1 to {MAX_ID}, got {}", excerpt(text))),
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// An option's id, which the API takes as text.
fn check_option(value: &Value) -> Checks<'static> {
    check_id(value).map(|id| Wire::Text(id.to_string().into())).map_err(|Fault(code, message)| {
        Fault(code, format!("{message} (an option's id from GET /api/v2/field_maps/opportunity)"))
    })
}

fn check_text(value: &Value, required: bool) -> Checks<'_> {
    match value {
        Value::Text(text) if required && text.trim().is_empty() => {
            fault(Code::Blank, "may not be blank")
        }
        Value::Text(text) => Ok(Wire::Text(text.into())),
        _ => fault(Code::Type, format!("must be text, got {}", value.describe())),
    }
}

fn check_date<'a>(value: &Value) -> Checks<'a> {
    match value {
        Value::Date(date) => Ok(Wire::Text(date.to_string().into())),
        Value::Text(text) => match parse_date(text) {
            Some(_) => Ok(Wire::Text(text.clone().into())),
            None => fault(
                Code::Format,
                format!("must be a real date as YYYY-MM-DD, got the text {:?}", excerpt(text)),
            ),
        },
        Value::DateTime(name) => fault(
            Code::Type,
            format!(
                "must be a date as YYYY-MM-DD, got a {name}, whose time zone could move the day; \
                 give only the date"
            ),
        ),
        _ => fault(Code::Type, format!("must be a date as YYYY-MM-DD, got {}", value.describe())),
    }
}

/// A date in the one form `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let part = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i16>().ok())?
    };
    let shaped = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let year = part(0..4).filter(|year| shaped && *year > 0)?;
    Date::new(year, part(5..7)?.try_into().ok()?, part(8..10)?.try_into().ok()?).ok()
}

/// A decimal number as plain text: no exponent, no separators.
fn check_decimal(value: &Value) -> Result<String, Fault> {
    let text = match value {
        Value::Integer(value) => value.to_string(),
        Value::Float(value) if value.is_finite() => value.to_string(),
        Value::Number(text) => plain(text)?,
        Value::Text(text) if is_plain_decimal(text) => text.clone(),
        Value::Text(text) => return fault_of_decimal_text(text),
        Value::Float(value) => {
            return fault(Code::Format, format!("must be a finite number, got {value}"));
        }
        _ => {
            return fault(
                Code::Type,
                format!("must be a decimal number, got {}", value.describe()),
            );
        }
    };
    let digits = text.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    if digits > MAX_DIGITS {
        let message = format!("must have at most {MAX_DIGITS} significant digits, got {digits}");
        return fault(Code::Range, message);
    }
    Ok(text)
}

fn fault_of_decimal_text<T>(text: &str) -> Result<T, Fault> {
    let got = excerpt(text);
    if text.contains([',', '，', '_', ' ', '\'']) {
        return fault(
            Code::Format,
            format!("must be a decimal number without separators, got the text {got:?}"),
        );
    }
    fault(Code::Format, format!("must be a decimal number such as 20000.50, got the text {got:?}"))
}

/// The text of a language's decimal type without its exponent.
fn plain(text: &str) -> Result<String, Fault> {
    if is_plain_decimal(text) {
        return Ok(text.to_owned());
    }
    match Decimal::from_scientific(text) {
        Ok(decimal) => Ok(decimal.to_string()),
        Err(_) if text.bytes().any(|byte| byte.is_ascii_digit()) => fault(
            Code::Range,
            format!("must have at most {MAX_DIGITS} significant digits, got {}", excerpt(text)),
        ),
        Err(_) => fault(Code::Format, format!("must be a finite number, got {}", excerpt(text))),
    }
}

/// `-?digits[.digits]`, without needless leading zeros.
fn is_plain_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

fn check_custom<'a>(key: &str, value: &'a Value) -> Checks<'a> {
    if fields::is_read_only(key) {
        return fault_of_read_only(key);
    }
    let Some(kind) = fields::custom_kind(key) else {
        return fault_of_custom_key(key);
    };
    match (kind, value) {
        (_, Value::Null) => Ok(Wire::Null),
        (CustomKind::Text, _) => check_custom_text(value),
        (CustomKind::Number, _) => check_decimal(value).and_then(number),
        (CustomKind::Ids, Value::List(values)) => {
            values.iter().map(check_id_item).collect::<Result<_, _>>().map(Wire::List)
        }
        (CustomKind::Ids, _) => Ok(Wire::List(vec![check_id_item(value)?])),
        (CustomKind::Any, _) => check_any(value),
    }
}

fn fault_of_custom_key<T>(key: &str) -> Result<T, Fault> {
    if fields::find(key).is_some() {
        return fault(Code::Unknown, "not a custom field; write it beside custom");
    }
    fault(
        Code::Unknown,
        "not the key of a custom field; such keys look like text_asset_8b1eeedd, \
         numeric_asset_…, user_field_asset_…, file_asset_… or subform_…",
    )
}

fn check_custom_text(value: &Value) -> Checks<'_> {
    match value {
        Value::Text(text) => Ok(Wire::Text(text.into())),
        Value::Date(_) | Value::DateTime(_) => check_date(value),
        Value::List(values) => values
            .iter()
            .map(|item| check_text(item, false))
            .collect::<Result<_, _>>()
            .map(Wire::List),
        _ => fault(
            Code::Type,
            format!("must be text, a date or a list of texts, got {}", value.describe()),
        ),
    }
}

fn check_id_item(value: &Value) -> Checks<'static> {
    check_id(value).map(|id| Wire::Text(id.to_string().into()))
}

/// Any JSON, for custom fields of which no more is known.
fn check_any(value: &Value) -> Checks<'_> {
    match value {
        Value::Null => Ok(Wire::Null),
        Value::Bool(value) => Ok(Wire::Bool(*value)),
        Value::Integer(value) => Ok(Wire::Integer(*value)),
        Value::Float(_) | Value::Number(_) => check_decimal(value).and_then(number),
        Value::Text(text) => Ok(Wire::Text(text.into())),
        Value::Date(_) | Value::DateTime(_) => check_date(value),
        Value::List(values) => {
            values.iter().map(check_any).collect::<Result<_, _>>().map(Wire::List)
        }
        Value::Map(entries) => entries
            .iter()
            .map(|(name, value)| Ok((name.as_str(), check_any(value)?)))
            .collect::<Result<_, _>>()
            .map(|entries| Wire::Map(Fields(entries))),
        Value::Other(_) => {
            fault(Code::Type, format!("must be JSON data, got {}", value.describe()))
        }
    }
}

/// A JSON number with exactly these digits.
fn number(text: String) -> Checks<'static> {
    RawValue::from_string(text)
        .map(Wire::Number)
        .map_err(|error| Fault(Code::Format, format!("must be a number: {error}")))
}
