//! An update read by serde, with every digit that its text has.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::update::OpportunityUpdate;
use crate::input::Value;

/// By this name `serde_json` gives the text of a value: a number's own digits. Other formats take it for
/// the name of any newtype and give the value.
const RAW: &str = "$serde_json::private::RawValue";

/// How deep values may nest.
const DEEPEST: u32 = 64;

/// Fields by their names; null clears one.
impl<'de> Deserialize<'de> for OpportunityUpdate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = OpportunityUpdate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fields by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OpportunityUpdate, A::Error> {
        let mut update = OpportunityUpdate::new();
        while let Some(name) = map.next_key::<String>()? {
            update = update.set(name, map.next_value_seed(Exact { depth: 0 })?);
        }
        Ok(update)
    }
}

/// Reads a value at this depth.
#[derive(Clone, Copy)]
struct Exact {
    depth: u32,
}

impl Exact {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > DEEPEST {
            return Err(E::custom(format_args!("a value nests deeper than {DEEPEST}")));
        }
        Ok(Self { depth })
    }

    /// The value of a JSON text.
    fn json<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return Ok(number(text));
        }
        (&mut serde_json::Deserializer::from_str(text)).deserialize_any(self).map_err(E::custom)
    }
}

/// A number by its digits, unless a number of Rust's has the same.
fn number(text: &str) -> Value {
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(integer), _) => Value::Integer(integer),
        (_, Ok(float)) if float.to_string() == text => Value::Float(float),
        _ => Value::Number(text.to_owned()),
    }
}

impl<'de> DeserializeSeed<'de> for Exact {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_newtype_struct(RAW, self)
    }
}

impl<'de> Visitor<'de> for Exact {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let (inner, mut values) = (self.deeper()?, Vec::new());
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (inner, mut entries) = (self.deeper()?, Vec::new());
        while let Some(name) = map.next_key::<String>()? {
            if name == RAW && entries.is_empty() {
                return self.json(&map.next_value::<String>()?);
            }
            entries.push((name, map.next_value_seed(inner)?));
        }
        Ok(Value::Map(entries))
    }
}
