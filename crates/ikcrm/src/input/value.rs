//! `Value`: what a caller may hand over for a field before it is checked.

use std::collections::HashSet;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::error::spelt;

/// A value as the caller's language holds it, not yet checked.
///
/// The typed setters of [`OpportunityUpdate`](crate::OpportunityUpdate) make these for you; a
/// program that reads names and values from a spreadsheet hands them over with
/// [`OpportunityUpdate::set`](crate::OpportunityUpdate::set) and learns from the
/// [validation error](crate::Error::Validation) what does not fit.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// JSON null: clears the field.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A binary floating-point number.
    Float(f64),
    /// A number of milliseconds, for a duration.
    #[doc(hidden)]
    Milliseconds(f64),
    /// A number in decimal text, such as a decimal or an integer beyond 64 bits.
    Number(String),
    /// Text.
    Text(String),
    /// A date without time or zone.
    Date(Date),
    /// A point in time (Python's `datetime`, JavaScript's `Date`), by the name of its type. No
    /// field takes one: its zone could move the day.
    DateTime(String),
    /// A list.
    List(Vec<Value>),
    /// Names and values, in order.
    Map(Vec<(String, Value)>),
    /// What a table's library puts where a value is missing, as it prints; and how the caller's
    /// language writes null.
    #[doc(hidden)]
    Missing { got: String, null: &'static str },
    /// Anything else, by the name of its type.
    Other(String),
}

impl Value {
    /// How a value that is missing prints, and how null is written; nothing for a value that is there.
    pub(crate) fn missing(&self) -> Option<(&str, &'static str)> {
        match self {
            Self::Missing { got, null } => Some((got, null)),
            Self::Float(number) if number.is_nan() => Some(("NaN", spelt("null"))),
            _ => None,
        }
    }

    /// What kind of value this is, in words that do not tell it: `a number`, `a list`.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Null => spelt("null"),
            Self::Bool(_) => "a truth value",
            Self::Integer(_) | Self::Float(_) | Self::Milliseconds(_) | Self::Number(_) => {
                "a number"
            }
            Self::Text(_) => "text",
            Self::Date(_) => "a date",
            _ => return self.describe(),
        }
        .to_owned()
    }

    /// What this is, in words for an error message: `the text "abc"`, `the float 1.5`.
    #[doc(hidden)]
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Null => spelt("null").to_owned(),
            Self::Bool(value) => spelt(if *value { "true" } else { "false" }).to_owned(),
            Self::Integer(value) => format!("the number {value}"),
            Self::Float(value) => format!("the float {value:?}"),
            Self::Milliseconds(number) if number.is_infinite() => {
                format!("{}Infinity ms", if *number < 0.0 { "-" } else { "" })
            }
            Self::Milliseconds(number) => format!("{number} ms"),
            Self::Number(text) => format!("the number {}", excerpt(text)),
            Self::Text(text) => format!("the text {:?}", excerpt(text)),
            Self::Date(date) => format!("the date {date}"),
            Self::DateTime(name) | Self::Other(name) => {
                let vowel = name.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']);
                format!("{} {name}", if vowel { "an" } else { "a" })
            }
            Self::Missing { got, .. } => format!("a missing value ({got})"),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a set of names and values".to_owned(),
        }
    }
}

/// A name that stands twice among names and values.
pub(crate) fn name_twice(entries: &[(String, Value)]) -> Option<&str> {
    let mut seen = HashSet::with_capacity(entries.len());
    entries.iter().map(|(name, _)| name.as_str()).find(|name| !seen.insert(*name))
}

/// An option of a field, by its id or by its label.
///
/// Numbers and texts convert into it, so `.stage(3514)` and `.stage("谈判/合同")` both work. A text of
/// digits is an id. A label is looked up in the field map, which takes a call the first time; see
/// [`Client::field_map`](crate::Client::field_map).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Choice {
    /// The option's id.
    Id(u64),
    /// The option's label, or its id in digits.
    Label(String),
}

impl From<u64> for Choice {
    fn from(id: u64) -> Self {
        Self::Id(id)
    }
}

impl From<u32> for Choice {
    fn from(id: u32) -> Self {
        Self::Id(id.into())
    }
}

impl From<i64> for Choice {
    fn from(id: i64) -> Self {
        // A number below 0 is nobody's id, and is told as it was given.
        u64::try_from(id).map_or_else(|_| Self::Label(id.to_string()), Self::Id)
    }
}

impl From<i32> for Choice {
    fn from(id: i32) -> Self {
        i64::from(id).into()
    }
}

impl From<usize> for Choice {
    fn from(id: usize) -> Self {
        Self::Id(id as u64)
    }
}

impl From<&str> for Choice {
    fn from(label: &str) -> Self {
        Self::Label(label.to_owned())
    }
}

impl From<&String> for Choice {
    fn from(label: &String) -> Self {
        Self::Label(label.clone())
    }
}

impl From<String> for Choice {
    fn from(label: String) -> Self {
        Self::Label(label)
    }
}

impl From<Choice> for Value {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Id(id) => id.into(),
            Choice::Label(label) => label.into(),
        }
    }
}

/// The first 40 characters, so that a message stays readable.
pub(crate) fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or_else(|_| Self::Number(value.to_string()), Self::Integer)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        (value as u64).into()
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Decimal> for Value {
    fn from(value: Decimal) -> Self {
        Self::Number(value.to_string())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Date> for Value {
    fn from(value: Date) -> Self {
        Self::Date(value)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(values: [T; N]) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Clone + Into<Value>> From<&[T]> for Value {
    fn from(values: &[T]) -> Self {
        values.to_vec().into()
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Self::Integer(integer),
                (None, Some(float)) if !number.is_u64() => Self::Float(float),
                _ => Self::Number(number.to_string()),
            },
            Json::String(text) => Self::Text(text),
            Json::Array(values) => Self::List(values.into_iter().map(Into::into).collect()),
            Json::Object(map) => {
                Self::Map(map.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}
