//! `Patch`: leave a field alone, clear it, or set it.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::field_value::{Amount, Day, Id};
use super::value::{Choice, Value};

/// What an update does with one field.
///
/// A plain value converts into [`Patch::Set`], so `.note("call back")` and `.note(Patch::Null)`
/// both work. So does an `Option`: `Some` sets the field and `None` leaves it alone. Only
/// [`Patch::Null`] clears a field, so that nothing is lost by a value that is merely not known.
///
/// In a struct for [`OpportunityUpdate::from_serialize`](crate::OpportunityUpdate::from_serialize)
/// it does the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Patch<T> {
    /// The field is not sent and keeps its value.
    #[default]
    Unset,
    /// JSON null is sent, which clears the field.
    Null,
    /// The value is sent.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field is left alone, for `#[serde(skip_serializing_if = "Patch::is_unset")]`.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        matches!(self, Self::Unset)
    }
}

impl<T> From<T> for Patch<T> {
    fn from(value: T) -> Self {
        Self::Set(value)
    }
}

impl<T> From<Option<T>> for Patch<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unset, Self::Set)
    }
}

/// A field takes these types too, and options of them.
macro_rules! takes {
    ($($field:ty: $($type:ty),+;)*) => {$($(
        impl From<$type> for Patch<$field> {
            fn from(value: $type) -> Self {
                Self::Set(value.into())
            }
        }

        impl From<Option<$type>> for Patch<$field> {
            fn from(value: Option<$type>) -> Self {
                value.map_or(Self::Unset, Self::from)
            }
        }
    )+)*};
}

takes! {
    String: &str, &String;
    Id: i32, i64, u32, u64, usize;
    Choice: i32, i64, u32, u64, usize, &str, String, &String;
    Amount: i32, i64, u32, u64, Decimal, &str, String, &String;
    Day: Date, &str, String, &String;
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

/// What a custom field takes: a [`Value`] or what converts into one, a [`Patch`] or an `Option` of it.
pub trait IntoPatch {
    #[doc(hidden)]
    fn into_patch(self) -> Patch<Value>;
}

impl<T: Into<Value>> IntoPatch for T {
    fn into_patch(self) -> Patch<Value> {
        Patch::Set(self.into())
    }
}

// Of values alone, so that `Patch::Null` needs no type.
impl IntoPatch for Patch<Value> {
    fn into_patch(self) -> Self {
        self
    }
}

impl<T: Into<Value>> IntoPatch for Option<T> {
    fn into_patch(self) -> Patch<Value> {
        self.map_or(Patch::Unset, |value| Patch::Set(value.into()))
    }
}

/// [`Patch::Null`] is a unit, [`Patch::Unset`] is `None`. Both are null in JSON: leave out what is
/// unset there, with [`is_unset`](Patch::is_unset).
impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unset => serializer.serialize_none(),
            Self::Null => serializer.serialize_unit(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}

/// Null is [`Patch::Null`]. With `#[serde(default)]` a field that is not there is [`Patch::Unset`].
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Set))
    }
}
