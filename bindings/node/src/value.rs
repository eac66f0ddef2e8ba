//! JavaScript values as the core takes them: told apart by type, checked by the core.

use ikcrm::{Cell, RowInput, Value};
use napi::bindgen_prelude::{
    FromNapiValue, Function, JsObjectValue, KeyCollectionMode, KeyConversion, KeyFilter, Object,
    Unknown,
};
use napi::{Env, JsValue, Result, ValueType};

/// How deep values may nest; what points back at itself must not exhaust the stack.
const DEEPEST: usize = 64;
/// How many values there may be: data that hold one list by many paths are more than they seem.
const MOST: usize = 100_000;
/// The largest whole number that JavaScript tells from its neighbours.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
/// What a symbol is called.
const SYMBOL: &str = "symbol";
/// How JavaScript writes null.
const NULL: &str = "null";

/// The value, by its type.
pub(crate) fn read(value: &Unknown<'_>) -> Result<Value> {
    Reader { left: MOST }.value(value, 0)
}

/// The names and cells of a row, or what it is instead; a cell that is `clear` clears its field.
pub(crate) fn row(
    env: Env,
    row: &Unknown<'_>,
    clear: Unknown<'_>,
) -> Result<std::result::Result<RowInput, Value>> {
    let entries = match read(row)? {
        Value::Map(entries) => entries,
        other => return Ok(Err(other)),
    };
    let object = row.coerce_to_object()?;
    let mut cells = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        let is_symbol = matches!(&value, Value::Other(kind) if kind == SYMBOL);
        let is_clear = is_symbol
            && env.strict_equals(object.get_named_property::<Unknown<'_>>(&name)?, clear)?;
        cells.push((name, if is_clear { Cell::Clear } else { Cell::Value(value) }));
    }
    Ok(Ok(cells.into_iter().collect()))
}

/// Reads one value with all that it holds.
struct Reader {
    /// How many values may still come.
    left: usize,
}

impl Reader {
    fn value(&mut self, value: &Unknown<'_>, depth: usize) -> Result<Value> {
        self.of_type(value.get_type()?, value, depth)
    }

    fn of_type(&mut self, kind: ValueType, value: &Unknown<'_>, depth: usize) -> Result<Value> {
        self.left = self.left.saturating_sub(1);
        Ok(match kind {
            ValueType::Undefined => other("value that is undefined"),
            ValueType::Null => Value::Null,
            ValueType::Boolean => Value::Bool(bool::from_unknown(*value)?),
            ValueType::Number => number(f64::from_unknown(*value)?),
            ValueType::BigInt => bigint(value.coerce_to_string()?.into_utf8()?.into_owned()?),
            ValueType::String => text(value)?.map_or_else(|| other(HALF), Value::Text),
            ValueType::Object if depth == DEEPEST => other("value nested too deep"),
            ValueType::Object => self.object(value, depth + 1)?,
            ValueType::Symbol => other(SYMBOL),
            _ => other("function"),
        })
    }

    fn object(&mut self, value: &Unknown<'_>, depth: usize) -> Result<Value> {
        let object = value.coerce_to_object()?;
        if object.is_date()? {
            let time = value.coerce_to_number()?.get_double()?;
            return Ok(if time.is_nan() { missing("Invalid Date") } else { date_time("Date") });
        }
        if object.is_array()? {
            return self.list(&object, depth);
        }
        if is_plain(&object)? {
            return self.map(&object, depth);
        }
        self.instance(&object, depth)
    }

    fn list(&mut self, array: &Object<'_>, depth: usize) -> Result<Value> {
        // By its name, for a proxy of an array has no length that napi sees.
        let length: u32 = array.get_named_property("length")?;
        let mut items = Vec::new();
        for index in 0..length {
            let item: Unknown<'_> = array.get_element(index)?;
            if item.get_type()? == ValueType::Undefined && !array.has_element(index)? {
                return Ok(other(format!("list with a hole at its index {index}")));
            }
            items.push(self.value(&item, depth)?);
            if self.left == 0 {
                return Ok(too_many());
            }
        }
        Ok(Value::List(items))
    }

    /// The object's own names and values; a value that is undefined counts as absent.
    fn map(&mut self, object: &Object<'_>, depth: usize) -> Result<Value> {
        let names = object.get_all_property_names(
            KeyCollectionMode::OwnOnly,
            KeyFilter::Enumerable,
            KeyConversion::NumbersToStrings,
        )?;
        let mut entries = Vec::new();
        for index in 0..names.get_array_length()? {
            let name: Unknown<'_> = names.get_element(index)?;
            let value: Unknown<'_> = object.get_property(name)?;
            let kind = value.get_type()?;
            if name.get_type()? != ValueType::String || kind == ValueType::Undefined {
                continue;
            }
            let Some(name) = text(&name)? else {
                return Ok(other(format!("object with a name that is a {HALF}")));
            };
            entries.push((name, self.of_type(kind, &value, depth)?));
            if self.left == 0 {
                return Ok(too_many());
            }
        }
        Ok(Value::Map(entries))
    }

    /// What is no object literal: an array behind a proxy, or an instance of a class that only holds
    /// values. Anything else is known by its name.
    fn instance(&mut self, object: &Object<'_>, depth: usize) -> Result<Value> {
        if is_array(object)? {
            return self.list(object, depth);
        }
        let name = class_name(object)?;
        if is_date_like(object)? {
            return Ok(Value::DateTime(name));
        }
        if !is_holder(object)? {
            return Ok(other(name));
        }
        match self.map(object, depth)? {
            Value::Map(entries) if entries.is_empty() => Ok(other(name)),
            entries => Ok(entries),
        }
    }
}

/// What a text is called whose halves of characters stand alone.
const HALF: &str =
    "text with half a character (a lone surrogate), as slicing through an emoji leaves";

fn other(name: impl Into<String>) -> Value {
    Value::Other(name.into())
}

fn date_time(name: &str) -> Value {
    Value::DateTime(name.to_owned())
}

fn missing(got: &str) -> Value {
    Value::Missing { got: got.to_owned(), null: NULL }
}

fn too_many() -> Value {
    other(format!("value that holds more than {MOST} values"))
}

/// A string's text, or nothing when it is not made of whole characters.
fn text(value: &Unknown<'_>) -> Result<Option<String>> {
    let utf8 = String::from_unknown(*value)?;
    // Half a character becomes the replacement character, which may also be there by itself.
    if !utf8.contains(char::REPLACEMENT_CHARACTER) {
        return Ok(Some(utf8));
    }
    Ok(value.coerce_to_string()?.into_utf16()?.as_str().ok())
}

fn number(number: f64) -> Value {
    if number.is_nan() {
        return missing("NaN");
    }
    if number.is_infinite() {
        return Value::Number(if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned());
    }
    if number.fract() != 0.0 {
        return Value::Float(number);
    }
    if number.abs() > MAX_SAFE_INTEGER {
        return Value::Number(format!("{number}"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
    Value::Integer(number as i64)
}

fn bigint(digits: String) -> Value {
    digits.parse().map_or_else(|_| Value::Number(digits), Value::Integer)
}

/// Whether this is an object literal, of any realm: its prototype is the root of all.
fn is_plain(object: &Object<'_>) -> Result<bool> {
    let Some(prototype) = prototype(object)? else { return Ok(true) };
    Ok(prototype.get_prototype()?.get_type()? == ValueType::Null)
}

fn prototype<'a>(object: &Object<'a>) -> Result<Option<Object<'a>>> {
    let mut prototype = object.get_prototype()?;
    if prototype.get_type()? == ValueType::Null {
        // A proxy seems to have none until it is asked as JavaScript asks.
        let ask: Function<'_, Object<'_>, Unknown<'a>> =
            global(object, "Object")?.get_named_property("getPrototypeOf")?;
        prototype = ask.call(*object)?;
    }
    let is_none = prototype.get_type()? == ValueType::Null;
    if is_none { Ok(None) } else { prototype.coerce_to_object().map(Some) }
}

/// Whether this is an array, be it behind a proxy, as Vue and `MobX` have them.
fn is_array(object: &Object<'_>) -> Result<bool> {
    let array: Object<'_> = global(object, "Array")?;
    let is_array: Function<'_, Object<'_>, bool> = array.get_named_property("isArray")?;
    is_array.call(*object)
}

/// Whether this is a moment of one of the libraries for dates.
fn is_date_like(object: &Object<'_>) -> Result<bool> {
    Ok(has_method(object, "toISOString")?
        || has_method(object, "toJSDate")?
        || has_method(object, "toInstant")?)
}

/// Whether the object's own values are all that it is: what JavaScript has a name for (a `Map`, a
/// `RegExp`), what is awaited and what spells itself in JSON in a way of its own is more.
fn is_holder(object: &Object<'_>) -> Result<bool> {
    Ok(tag(object)? == "Object" && !has_method(object, "then")? && !has_method(object, "toJSON")?)
}

/// What JavaScript itself calls it: the `Map` of `[object Map]`.
fn tag(object: &Object<'_>) -> Result<String> {
    let prototype: Object<'_> = global(object, "Object")?.get_named_property("prototype")?;
    let to_string: Function<'_, (), String> = prototype.get_named_property("toString")?;
    let tag = to_string.apply(*object, ())?;
    Ok(tag.trim_start_matches("[object ").trim_end_matches(']').to_owned())
}

fn has_method(object: &Object<'_>, name: &str) -> Result<bool> {
    let member: Unknown<'_> = object.get_named_property(name)?;
    Ok(member.get_type()? == ValueType::Function)
}

fn global<'a>(object: &Object<'a>, name: &str) -> Result<Object<'a>> {
    let class: Unknown<'_> =
        Env::from_raw(object.value().env).get_global()?.get_named_property(name)?;
    class.coerce_to_object()
}

fn class_name(object: &Object<'_>) -> Result<String> {
    let constructor: Unknown<'_> = object.get_named_property("constructor")?;
    if constructor.get_type()? != ValueType::Function {
        return tag(object);
    }
    let name: Unknown<'_> = constructor.coerce_to_object()?.get_named_property("name")?;
    if name.get_type()? != ValueType::String {
        return tag(object);
    }
    text(&name)?.filter(|name| !name.is_empty()).map_or_else(|| tag(object), Ok)
}
