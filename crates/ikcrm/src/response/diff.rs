//! Tells in which fields two records of one opportunity differ. Pure.

use serde_json::Value as Json;

use super::opportunity::Opportunity;
use super::record::Record;
use crate::error::{Error, FieldError, FieldErrorCode};
use crate::input::key::is_read_only;

/// What to give to compare with.
pub(crate) const GIVE_RECORD: &str =
    "give the opportunity as an earlier call answered it, with its id and all its keys";

/// Fails when the opportunity, as it is now, is not as in the record given, or when nothing of it can
/// be compared: the update would then go unconditionally.
pub(crate) fn check_unchanged(given: &Opportunity, now: &Opportunity) -> Result<(), Error> {
    if common(given, now).next().is_none() {
        let message = format!("has no key that the opportunity has; {GIVE_RECORD}");
        let fields = vec![FieldError::new("if_unchanged", FieldErrorCode::Empty, message)];
        return Err(Error::Validation { fields });
    }
    let message = "is no longer as in the record given";
    let fields: Vec<_> = differences(given, now)
        .map(|key| FieldError::new(key, FieldErrorCode::Changed, message))
        .collect();
    if fields.is_empty() { Ok(()) } else { Err(Error::Conflict { fields }) }
}

/// Whether a key tells more than which opportunity it is, and is not derived from others.
pub(crate) fn is_comparable(key: &str) -> bool {
    key != "id" && !is_read_only(key)
}

/// The keys by which the two can be compared.
fn common<'a>(given: &'a Record, now: &'a Record) -> impl Iterator<Item = &'a str> {
    given.keys().filter(|key| is_comparable(key) && now.get_raw(key).is_some())
}

/// The keys that both have with different values.
fn differences<'a>(given: &'a Record, now: &'a Record) -> impl Iterator<Item = &'a str> {
    common(given, now).filter(|key| match (given.get_raw(key), now.get_raw(key)) {
        (Some(before), Some(after)) => before != after && !same_text(before, after),
        _ => false,
    })
}

fn same_text(before: &str, after: &str) -> bool {
    let parse = |text| serde_json::from_str::<Json>(text).unwrap_or_default();
    same(&parse(before), &parse(after))
}

/// Whether two values mean the same: a relation is its id, nothing is nothing however it is spelt,
/// and a number may come as text.
fn same(before: &Json, after: &Json) -> bool {
    match (before, after) {
        _ if is_nothing(before) || is_nothing(after) => is_nothing(before) && is_nothing(after),
        (Json::Object(a), Json::Object(b)) => match (a.get("id"), b.get("id")) {
            (Some(a), Some(b)) => same(a, b),
            _ => {
                a.len() == b.len()
                    && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
            }
        },
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Number(number), Json::Number(other)) => number.as_f64() == other.as_f64(),
        (Json::Number(number), Json::String(text)) | (Json::String(text), Json::Number(number)) => {
            text.parse().ok() == number.as_f64()
        }
        _ => before == after,
    }
}

fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(entries) => entries.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(given: &str, now: &str) -> Vec<String> {
        let record = |json| Opportunity::from_json(json).unwrap();
        let (given, now) = (record(given), record(now));
        differences(&given, &now).map(ToOwned::to_owned).collect()
    }

    #[test]
    fn values_that_mean_the_same_are_no_difference() {
        for (given, now) in [
            (r#"{"a":1,"b":"x"}"#, r#"{"b":"x","a":1.0}"#),
            (r#"{"a":null,"b":"","c":{},"d":[]}"#, r#"{"a":"","b":null,"c":[],"d":{}}"#),
            (
                r#"{"customer":{"id":1,"name":"x"}}"#,
                r#"{"customer":{"id":1,"name":"y","tel":"1"}}"#,
            ),
            (r#"{"users":[{"id":1,"n":1}]}"#, r#"{"users":[{"id":1,"n":2}]}"#),
            (r#"{"stage":"3514","stage_mapped":"x"}"#, r#"{"stage":3514,"stage_mapped":"y"}"#),
            (r#"{"only_given":1}"#, r#"{"only_now":1}"#),
        ] {
            assert_eq!(changed(given, now), [""; 0], "{given} {now}");
        }
    }

    #[test]
    fn values_that_differ_are_named_in_order() {
        let given = r#"{"title":"a","customer":{"id":1},"user":{"id":2},"tags":["x"],"place":{"x":1},
            "note":null,"updated_at":"2024-01-01 10:00"}"#;
        let now = r#"{"title":"b","customer":{"id":2},"user":{},"tags":["x","y"],"place":{"x":2},
            "note":"n","updated_at":"2024-01-01 10:01"}"#;
        let all = ["title", "customer", "user", "tags", "place", "note", "updated_at"];
        assert_eq!(changed(given, now), all);
    }
}
