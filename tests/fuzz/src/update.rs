//! Updates: what passes the checks reaches the CRM as it was given.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use ikcrm::contract::FIELDS;
use ikcrm::{Decimal, OpportunityUpdate, Value, fuzz};
use serde_json::value::RawValue;

use crate::json::{Object, object, raw, unquoted};
use crate::values::{text, value};

const CUSTOM: [&str; 6] = [
    "text_asset_1a",
    "numeric_asset_2b",
    "user_field_asset_3c",
    "file_asset_4d",
    "subform_5e",
    "other_asset_6f",
];

/// What was given, by name.
type Given = BTreeMap<String, Value>;

pub(crate) fn run(data: &[u8]) {
    check(&mut Unstructured::new(data)).ok();
}

fn check(input: &mut Unstructured<'_>) -> Result<()> {
    let id = value(input)?;
    let mut given = Given::new();
    let mut update = OpportunityUpdate::new().partial(input.ratio(7, 8)?);
    for _ in 0..input.int_in_range(1..=6_u8)? {
        let (name, value) = (name(input)?, value(input)?);
        let is_custom = input.ratio(1, 16)? != CUSTOM.contains(&&*name);
        given.insert(name.clone(), value.clone());
        update = if is_custom { update.custom(name, value) } else { update.set(name, value) };
    }
    let Some((path, body)) = fuzz::update(&id, &update) else { return Ok(()) };
    assert!(says(&path.replace("/api/v2/opportunities/", ""), &id), "{id:?} became {path}");
    let body = std::str::from_utf8(&body).expect("UTF-8");
    let body = object(body).expect("an object");
    check_fields(&object(raw(&body, "opportunity")).expect("an object"), &given);
    Ok(())
}

fn name(input: &mut Unstructured<'_>) -> Result<String> {
    Ok(match input.int_in_range(0..=9_u8)? {
        0 => text(input)?,
        1..=4 => (*input.choose(&CUSTOM)?).to_owned(),
        _ => input.choose(FIELDS)?.name.to_owned(),
    })
}

fn check_fields(sent: &Object<'_>, given: &Given) {
    assert!(sent.keys().eq(given.keys()), "{given:?} became {sent:?}");
    for (name, value) in given {
        let sent = raw(sent, name);
        let is_ids = name.starts_with("user_field_asset") && !matches!(value, Value::List(_));
        let same =
            if is_ids && *value != Value::Null { lists(sent, &[value]) } else { says(sent, value) };
        assert!(same, "{name}: {value:?} became {sent}");
    }
}

/// Whether a JSON text says what the value is, as a number or as text.
fn says(sent: &str, value: &Value) -> bool {
    let text = unquoted(sent);
    match value {
        Value::Null => sent == "null",
        Value::Bool(value) => text == value.to_string(),
        Value::Integer(number) => text == number.to_string(),
        Value::Float(number) => text.parse() == Ok(*number),
        Value::Number(number) => text == *number || decimal(&text) == decimal(number),
        Value::Text(given) => text == *given,
        Value::Date(date) => text == date.to_string(),
        Value::List(values) => lists(sent, &values.iter().collect::<Vec<_>>()),
        Value::Map(entries) => {
            let found = object(sent).expect("an object");
            let same = |(name, value): &(String, Value)| says(raw(&found, name), value);
            found.len() == entries.len() && entries.iter().all(same)
        }
        _ => false,
    }
}

fn lists(sent: &str, values: &[&Value]) -> bool {
    let found: Vec<&RawValue> = serde_json::from_str(sent).expect("a list");
    found.len() == values.len()
        && found.iter().zip(values).all(|(sent, value)| says(sent.get(), value))
}

fn decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
}
