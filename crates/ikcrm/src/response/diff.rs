//! Tells in which fields two records of one opportunity differ. Pure.

use serde_json::Value as Json;

use super::opportunity::{OPPORTUNITY, Opportunity};
use super::record::Record;
use super::same::{Likeness, same};
use crate::error::{Error, FieldError, FieldErrorCode, spelt};
use crate::input::key::is_read_only;

/// What to give to compare with.
pub(crate) const GIVE_RECORD: &str =
    "give the opportunity as an earlier call returned it, with its id and all its keys";

/// Fails when the opportunity, as it is now, is not as in the record given, or when nothing of it can
/// be compared: the update would then go unconditionally.
pub(crate) fn check_unchanged(given: &Opportunity, now: &Opportunity) -> Result<(), Error> {
    if common(given, now).next().is_none() {
        let message = format!("has no key in common with the opportunity; {GIVE_RECORD}");
        let fields = vec![FieldError::new(spelt("if_unchanged"), FieldErrorCode::Empty, message)];
        return Err(Error::Validation { fields });
    }
    let message = "is no longer what it is in the record given";
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
        (Some(before), Some(after)) => before != after && !same_text(key, before, after),
        _ => false,
    })
}

/// Compares by the kind of the attribute or of the custom field; what is neither, by its shape.
fn same_text(key: &str, before: &str, after: &str) -> bool {
    let parse = |text| serde_json::from_str::<Json>(text).unwrap_or_default();
    same(likeness(key), &parse(before), &parse(after))
}

fn likeness(key: &str) -> Likeness {
    let attribute = OPPORTUNITY.fields.iter().find(|(name, _)| *name == key);
    let likeness = attribute.map(|(_, kind)| Likeness::of_kind(*kind));
    likeness.or_else(|| Likeness::of_custom(key)).unwrap_or(Likeness::Shape)
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
