//! `Patch`: leave a field alone, clear it, or set it.

use super::value::{Choice, Value};

/// What an update does with one field.
///
/// A plain value converts into [`Patch::Set`], so `.note("call back")` and `.note(Patch::Null)`
/// both work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// The field is not sent and keeps its value.
    #[default]
    Unset,
    /// JSON null is sent, which clears the field.
    Null,
    /// The value is sent.
    Set(T),
}

impl<T> From<T> for Patch<T> {
    fn from(value: T) -> Self {
        Self::Set(value)
    }
}

impl From<&str> for Patch<String> {
    fn from(value: &str) -> Self {
        Self::Set(value.to_owned())
    }
}

impl From<u64> for Patch<Choice> {
    fn from(id: u64) -> Self {
        Self::Set(id.into())
    }
}

impl From<&str> for Patch<Choice> {
    fn from(label: &str) -> Self {
        Self::Set(label.into())
    }
}

impl From<String> for Patch<Choice> {
    fn from(label: String) -> Self {
        Self::Set(label.into())
    }
}

impl<T: Into<Value>> Patch<T> {
    /// The value to send, or nothing when the field is left alone.
    pub(crate) fn into_value(self) -> Option<Value> {
        match self {
            Self::Unset => None,
            Self::Null => Some(Value::Null),
            Self::Set(value) => Some(value.into()),
        }
    }
}
