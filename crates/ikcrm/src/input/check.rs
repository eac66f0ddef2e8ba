//! Checks single values: each is given back in the form that the API takes, or with what is wrong.
//! Pure.

use std::borrow::Cow;

use jiff::civil::Date;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::key::CustomKind;
use super::value::{Value, excerpt, name_twice};
use crate::error::{Fault, FieldErrorCode as Code, fault, spelt};

/// The largest id: the largest whole number that every language here holds exactly.
const MAX_ID: i64 = (1 << 53) - 1;
const MAX_DIGITS: usize = 28;
/// How far an exponent may move the point: as far as any double's.
const MAX_PLACES: i64 = 400;

/// Names and values as the API takes them, in the order given.
#[derive(Debug)]
pub(crate) struct Fields<'a>(pub(crate) Vec<(Cow<'a, str>, Wire<'a>)>);

impl<'a> Fields<'a> {
    /// Replaces the name and the value at a place.
    pub(crate) fn set(&mut self, place: usize, name: Cow<'a, str>, value: Wire<'a>) {
        if let Some(field) = self.0.get_mut(place) {
            *field = (name, value);
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

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
pub(crate) enum Wire<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Number(Box<RawValue>),
    Text(Cow<'a, str>),
    List(Vec<Wire<'a>>),
    Map(Fields<'a>),
}

impl Wire<'_> {
    /// The text, or nothing when it is none.
    #[cfg(feature = "jobs")]
    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The text, or nothing when it is none.
    pub(crate) fn into_text(self) -> String {
        if let Self::Text(text) = self { text.into_owned() } else { String::new() }
    }
}

pub(crate) type Checks<'a> = Result<Wire<'a>, Fault>;

/// The fault of a value that a table's library marks as missing, or `NaN`.
pub(crate) fn fault_of_missing(code: Code, value: &Value) -> Result<(), Fault> {
    let Some((got, null)) = value.missing() else { return Ok(()) };
    let message = format!(
        "is a missing value ({got}); leave the field out to keep it, or give {null} to clear it"
    );
    fault(code, message)
}

/// A positive whole number that every language holds exactly, or its digits.
pub(crate) fn check_id(value: &Value) -> Result<i64, Fault> {
    match value {
        Value::Integer(id @ 1..=MAX_ID) => Ok(*id),
        Value::Integer(id) => fault(Code::Range, format!("must be 1 to {MAX_ID}, got {id}")),
        Value::Number(text) if integer(text).is_some() => {
            match integer(text).map(|id| id.parse()) {
                Some(Ok(id @ 1..=MAX_ID)) => Ok(id),
                _ => fault(Code::Range, format!("must be 1 to {MAX_ID}, got {}", excerpt(text))),
            }
        }
        Value::Text(text) => check_id_text(text),
        Value::Float(_) => fault(
            Code::Type,
            format!(
                "must be a whole number, got {}; write the id without a decimal point (a table \
                 column with blanks turns ids into floats: read it as text or as integers)",
                value.describe()
            ),
        ),
        _ => fault(Code::Type, format!("must be an id (a whole number), got {}", value.describe())),
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

/// The digits of a whole number that a language may write with an exponent, as `1E+3`.
fn integer(text: &str) -> Option<String> {
    plain(text).ok().filter(|digits| is_integer(digits))
}

pub(crate) fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The option that a caller chose.
pub(crate) enum Chosen<'a> {
    Id(i64),
    /// Not yet an id: it must be looked up.
    Label(&'a str),
}

/// An option by its id or by its label: digits are always an id.
pub(crate) fn check_option(value: &Value) -> Result<Chosen<'_>, Fault> {
    match value {
        Value::Text(label) if label.trim().is_empty() => {
            fault(Code::Blank, format!("must not be blank; give {} to clear it", spelt("null")))
        }
        Value::Text(label) if !label.trim().bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Chosen::Label(label.trim()))
        }
        _ => check_id(value).map(Chosen::Id).map_err(|Fault(code, message)| {
            Fault(code, format!("{message} (an option's id or its label)"))
        }),
    }
}

pub(crate) fn check_text(value: &Value, required: bool) -> Checks<'_> {
    match value {
        Value::Text(text) if required && text.trim().is_empty() => {
            fault(Code::Blank, "must not be blank")
        }
        Value::Text(text) => Ok(Wire::Text(text.into())),
        _ => fault(Code::Type, format!("must be text, got {}", value.describe())),
    }
}

pub(crate) fn check_date<'a>(value: &Value) -> Checks<'a> {
    match value {
        Value::Date(date) => Ok(Wire::Text(date.to_string().into())),
        Value::Text(text) => match parse_date(text) {
            Some(_) => Ok(Wire::Text(text.clone().into())),
            None => fault(
                Code::Format,
                format!(
                    "must be a date that exists, as YYYY-MM-DD; got the text {:?}",
                    excerpt(text)
                ),
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
pub(crate) fn check_decimal(value: &Value) -> Result<String, Fault> {
    fault_of_missing(Code::Format, value)?;
    let text = match value {
        Value::Integer(value) => value.to_string(),
        Value::Float(value) if value.is_finite() => unsigned_zero(value.to_string()),
        Value::Number(text) => unsigned_zero(plain(text)?),
        Value::Text(text) if is_plain_decimal(text) => unsigned_zero(text.clone()),
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

/// Zero has no sign for the CRM.
fn unsigned_zero(text: String) -> String {
    let is_zero = !text.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if is_zero { text.trim_start_matches('-').to_owned() } else { text }
}

/// The text of a language's decimal type without its exponent.
pub(crate) fn plain(text: &str) -> Result<String, Fault> {
    if is_plain_decimal(text) {
        return Ok(text.to_owned());
    }
    match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) if is_plain_decimal(mantissa) => {
            let places =
                exponent.parse().ok().filter(|places| (-MAX_PLACES..=MAX_PLACES).contains(places));
            places.map(|places| shifted(mantissa, places)).ok_or_else(|| {
                Fault(Code::Range, format!("is too small or too large, got {}", excerpt(text)))
            })
        }
        _ => fault(Code::Format, format!("must be a finite number, got {}", excerpt(text))),
    }
}

/// A plain decimal with its point moved to the right, or to the left when negative.
fn shifted(mantissa: &str, places: i64) -> String {
    let unsigned = mantissa.trim_start_matches('-');
    let sign = if unsigned.len() < mantissa.len() { "-" } else { "" };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let zeros = "0".repeat(places.unsigned_abs().try_into().unwrap_or_default());
    // With zeros enough on both sides, the point only moves.
    let digits = format!("{zeros}{whole}{fraction}{zeros}");
    let point = i64::try_from(zeros.len() + whole.len()).unwrap_or_default() + places;
    let (whole, rest) = digits.split_at(usize::try_from(point).unwrap_or_default());
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let kept = i64::try_from(fraction.len()).unwrap_or_default() - places;
    let fraction = rest.get(..usize::try_from(kept).unwrap_or_default()).unwrap_or_default();
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// `-?digits[.digits]`, without needless leading zeros.
fn is_plain_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

/// The value of a custom field, by what its key tells of its kind.
pub(crate) fn check_custom_value(kind: CustomKind, value: &Value) -> Checks<'_> {
    if kind != CustomKind::Number {
        fault_of_missing(Code::Type, value)?;
    }
    match (kind, value) {
        (_, Value::Null) => Ok(Wire::Null),
        (CustomKind::Text, _) => check_custom_text(value),
        (CustomKind::Number, _) => check_number(value),
        (CustomKind::Ids, _) => check_ids(value),
        (CustomKind::Any, _) => check_any(value),
    }
}

/// A JSON number.
pub(crate) fn check_number<'a>(value: &Value) -> Checks<'a> {
    check_decimal(value).and_then(number)
}

/// Ids as the list of texts that the API takes even for one.
pub(crate) fn check_ids<'a>(value: &Value) -> Checks<'a> {
    match value {
        Value::List(values) => {
            values.iter().map(check_id_item).collect::<Result<_, _>>().map(Wire::List)
        }
        _ => Ok(Wire::List(vec![check_id_item(value)?])),
    }
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
pub(crate) fn check_any(value: &Value) -> Checks<'_> {
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
        Value::Map(entries) => check_map(entries),
        Value::Other(_) | Value::Missing { .. } | Value::Milliseconds(_) => {
            fault(Code::Type, format!("must be JSON data, got {}", value.describe()))
        }
    }
}

fn check_map(entries: &[(String, Value)]) -> Checks<'_> {
    if let Some(name) = name_twice(entries) {
        let message = format!("has the name {:?} twice; give one value", excerpt(name));
        return fault(Code::Conflict, message);
    }
    entries
        .iter()
        .map(|(name, value)| Ok((name.as_str().into(), check_any(value)?)))
        .collect::<Result<_, _>>()
        .map(|entries| Wire::Map(Fields(entries)))
}

/// A JSON number with exactly these digits.
fn number(text: String) -> Checks<'static> {
    RawValue::from_string(text)
        .map(Wire::Number)
        .map_err(|error| Fault(Code::Format, format!("must be a number: {error}")))
}
