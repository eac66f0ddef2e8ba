//! JavaScript values as the core takes them: told apart by type, checked by the core.

use ikcrm::Value;
use napi::bindgen_prelude::{
    JsObjectValue, KeyCollectionMode, KeyConversion, KeyFilter, Object, Unknown,
};
use napi::{JsValue, Result, ValueType};

/// How deep values may nest; what points back at itself must not exhaust the stack.
const DEEPEST: usize = 64;
/// The largest whole number that JavaScript tells from its neighbours.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// The value, by its type.
pub(crate) fn read(value: &Unknown<'_>) -> Result<Value> {
    nested(value, 0)
}

fn nested(value: &Unknown<'_>, depth: usize) -> Result<Value> {
    Ok(match value.get_type()? {
        ValueType::Undefined => other("value that is undefined"),
        ValueType::Null => Value::Null,
        ValueType::Boolean => Value::Bool(value.coerce_to_bool()?),
        ValueType::Number => number(value.coerce_to_number()?.get_double()?),
        ValueType::BigInt => bigint(text(value)?),
        ValueType::String => Value::Text(text(value)?),
        ValueType::Object if depth == DEEPEST => other("value nested too deep"),
        ValueType::Object => object(&value.coerce_to_object()?, depth + 1)?,
        ValueType::Symbol => other("symbol"),
        _ => other("function"),
    })
}

fn other(name: &str) -> Value {
    Value::Other(name.to_owned())
}

fn text(value: &Unknown<'_>) -> Result<String> {
    value.coerce_to_string()?.into_utf8()?.into_owned()
}

fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
        return Value::Integer(number as i64);
    }
    Value::Float(number)
}

fn bigint(digits: String) -> Value {
    digits.parse().map_or_else(|_| Value::Number(digits), Value::Integer)
}

fn object(object: &Object<'_>, depth: usize) -> Result<Value> {
    if object.is_date()? {
        return Ok(Value::DateTime("Date".to_owned()));
    }
    if object.is_array()? {
        return list(object, depth);
    }
    if is_plain(object)? { map(object, depth) } else { class_name(object).map(Value::Other) }
}

fn list(array: &Object<'_>, depth: usize) -> Result<Value> {
    let items = 0..array.get_array_length()?;
    items
        .map(|index| nested(&array.get_element(index)?, depth))
        .collect::<Result<_>>()
        .map(Value::List)
}

/// The object's own names and values; a value that is undefined counts as absent.
fn map(object: &Object<'_>, depth: usize) -> Result<Value> {
    let names = object.get_all_property_names(
        KeyCollectionMode::OwnOnly,
        KeyFilter::Enumerable,
        KeyConversion::NumbersToStrings,
    )?;
    let mut entries = Vec::new();
    for index in 0..names.get_array_length()? {
        let name: Unknown<'_> = names.get_element(index)?;
        let value: Unknown<'_> = object.get_property(name)?;
        if name.get_type()? == ValueType::String && value.get_type()? != ValueType::Undefined {
            entries.push((text(&name)?, nested(&value, depth)?));
        }
    }
    Ok(Value::Map(entries))
}

/// Whether this is an object literal, of any realm: its prototype is the root of all.
fn is_plain(object: &Object<'_>) -> Result<bool> {
    let prototype = object.get_prototype()?;
    if prototype.get_type()? == ValueType::Null {
        return Ok(true);
    }
    Ok(prototype.coerce_to_object()?.get_prototype()?.get_type()? == ValueType::Null)
}

fn class_name(object: &Object<'_>) -> Result<String> {
    let constructor: Unknown<'_> = object.get_named_property("constructor")?;
    if constructor.get_type()? != ValueType::Function {
        return Ok("value of no class".to_owned());
    }
    text(&constructor.coerce_to_object()?.get_named_property("name")?)
}
