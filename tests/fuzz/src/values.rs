//! Makes the values that a caller may hand over.

use arbitrary::{Result, Unstructured};
use ikcrm::{Value, date};

/// How deep lists and maps may lie in each other: `serde_json` reads 128.
const DEEPEST: u8 = 8;

pub(crate) fn value(input: &mut Unstructured<'_>) -> Result<Value> {
    nested(input, DEEPEST)
}

fn nested(input: &mut Unstructured<'_>, depth: u8) -> Result<Value> {
    Ok(match input.int_in_range(0..=12_u8)? {
        0 => Value::Null,
        1 => Value::Bool(input.arbitrary()?),
        2 => Value::Integer(input.int_in_range(-3..=200_000)?),
        3 => Value::Integer(input.arbitrary()?),
        4 => Value::Float(input.arbitrary()?),
        5 => Value::Number(numeral(input)?),
        6 => Value::Text(numeral(input)?),
        7 => Value::Text(text(input)?),
        8 => day(input)?,
        9 if depth > 0 => Value::List(list(input, depth - 1)?),
        10 if depth > 0 => Value::Map(map(input, depth - 1)?),
        11 => Value::DateTime(text(input)?),
        _ => Value::Other(text(input)?),
    })
}

fn list(input: &mut Unstructured<'_>, depth: u8) -> Result<Vec<Value>> {
    (0..input.int_in_range(0..=3_u8)?).map(|_| nested(input, depth)).collect()
}

/// Every name once, as in the languages that hand these over.
fn map(input: &mut Unstructured<'_>, depth: u8) -> Result<Vec<(String, Value)>> {
    let number = input.int_in_range(0..=3_u8)?;
    (0..number).map(|n| Ok((format!("{n}{}", text(input)?), nested(input, depth)?))).collect()
}

pub(crate) fn text(input: &mut Unstructured<'_>) -> Result<String> {
    let length = input.int_in_range(0..=12)?;
    let bytes = input.bytes(length.min(input.len()))?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// What may look like a number.
fn numeral(input: &mut Unstructured<'_>) -> Result<String> {
    let length = input.int_in_range(0..=34)?;
    let bytes = input.bytes(length.min(input.len()))?;
    let sign = |byte: &u8| {
        char::from(*b"0123456789012345.-eE+".get(usize::from(*byte % 21)).unwrap_or(&b'0'))
    };
    Ok(bytes.iter().map(sign).collect())
}

fn day(input: &mut Unstructured<'_>) -> Result<Value> {
    let (year, month) = (input.int_in_range(1..=9999)?, input.int_in_range(1..=12)?);
    let day = date(year, month, input.int_in_range(1..=28)?);
    Ok(if input.arbitrary()? { Value::Date(day) } else { Value::Text(day.to_string()) })
}
