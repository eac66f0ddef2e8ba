//! Tells whether two values of a field mean the same, by the field's kind. Pure.

use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::record::Kind;
use crate::input::key::{CustomKind, custom_kind};

/// How two values of a field are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// By the amount: `"1.50"` is 1.5.
    Amount,
    /// By the number or text: `"3514"` is 3514.
    Id,
    /// As text, whose lines may end in CRLF or LF.
    Text,
    /// One value or several in any order.
    Set,
    /// By what it looks like: relations by their id, the rest as it is.
    Shape,
    /// Nothing is the same as a file or a subform.
    Never,
}

impl Likeness {
    /// That of an attribute of an answer.
    pub(crate) fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::Money | Kind::Number => Self::Amount,
            Kind::Id | Kind::Choice => Self::Id,
            Kind::Text | Kind::Date | Kind::DateTime => Self::Text,
            Kind::Bool | Kind::Percent | Kind::Record(_) | Kind::Records(_) => Self::Shape,
        }
    }

    /// That of a custom field; nothing when the key is not one of a custom field.
    pub(crate) fn of_custom(key: &str) -> Option<Self> {
        if key.starts_with("file_asset") || key.starts_with("subform_") {
            return Some(Self::Never);
        }
        Some(match custom_kind(key)? {
            CustomKind::Number => Self::Amount,
            CustomKind::Text | CustomKind::Ids => Self::Set,
            CustomKind::Any => Self::Shape,
        })
    }
}

/// Whether two values mean the same. Nothing is nothing, be it null, `""`, `{}` or `[]`.
pub(crate) fn same(likeness: Likeness, before: &Json, after: &Json) -> bool {
    if likeness == Likeness::Never {
        return false;
    }
    if is_nothing(before) || is_nothing(after) {
        return is_nothing(before) && is_nothing(after);
    }
    match likeness {
        Likeness::Amount => same_amount(before, after),
        Likeness::Id => same_id(before, after),
        Likeness::Text => same_text(before, after),
        Likeness::Set => same_set(before, after),
        Likeness::Shape | Likeness::Never => same_shape(before, after),
    }
}

/// Whether the value says nothing.
pub(crate) fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(entries) => entries.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// The text of a text or a number.
fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.trim().to_owned()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn same_amount(before: &Json, after: &Json) -> bool {
    let amount = |value| {
        let text = scalar(value)?;
        text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()
    };
    match (amount(before), amount(after)) {
        (Some(before), Some(after)) => before == after,
        _ => same_shape(before, after),
    }
}

fn same_id(before: &Json, after: &Json) -> bool {
    match (id(before), id(after)) {
        (Some(before), Some(after)) => before == after,
        _ => same_shape(before, after),
    }
}

/// An id by itself, or that of an object.
fn id(value: &Json) -> Option<String> {
    match value {
        Json::Object(entries) => scalar(entries.get("id")?),
        value => scalar(value),
    }
}

fn same_text(before: &Json, after: &Json) -> bool {
    match (before, after) {
        (Json::String(before), Json::String(after)) => lines(before) == lines(after),
        _ => same_shape(before, after),
    }
}

fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn same_set(before: &Json, after: &Json) -> bool {
    let members = |value: &Json| {
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let mut members: Vec<_> =
            items.iter().map(|item| lines(&id(item).unwrap_or_else(|| item.to_string()))).collect();
        members.sort();
        members.dedup();
        members
    };
    members(before) == members(after)
}

/// A relation is its id, and a number may come as text.
fn same_shape(before: &Json, after: &Json) -> bool {
    let same = |before, after| same(Likeness::Shape, before, after);
    match (before, after) {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_has_its_own_idea_of_the_same() {
        for (likeness, before, after, expected) in [
            (Likeness::Amount, json!("20000.0"), json!("20000"), true),
            (Likeness::Amount, json!("1.50"), json!(1.5), true),
            (Likeness::Amount, json!("1e3"), json!("1000.00"), true),
            (Likeness::Amount, json!("0.0"), json!(""), false),
            (
                Likeness::Amount,
                json!("1234567890123456789012345678"),
                json!("1234567890123456789012345679"),
                false,
            ),
            (Likeness::Id, json!("3514"), json!(3514), true),
            (Likeness::Id, json!({"id": 7, "name": "x"}), json!("7"), true),
            (Likeness::Id, json!({}), json!(null), true),
            (Likeness::Id, json!(1), json!(11), false),
            (Likeness::Text, json!("a\r\nb"), json!("a\nb"), true),
            (Likeness::Text, json!(""), json!(null), true),
            (Likeness::Text, json!("a "), json!("a"), false),
            (Likeness::Text, json!("1.0"), json!("1"), false),
            (Likeness::Set, json!(["a", "b"]), json!(["b", "a"]), true),
            (Likeness::Set, json!(["a"]), json!("a"), true),
            (Likeness::Set, json!([{"id": 1}, {"id": 2}]), json!(["2", "1"]), true),
            (Likeness::Set, json!(["a"]), json!(["a", "b"]), false),
            (Likeness::Set, json!([]), json!(null), true),
            (Likeness::Never, json!(["a"]), json!(["a"]), false),
            (Likeness::Never, json!(null), json!(null), false),
        ] {
            assert_eq!(same(likeness, &before, &after), expected, "{likeness:?} {before} {after}");
            assert_eq!(same(likeness, &after, &before), expected, "{likeness:?} {after} {before}");
        }
    }
}
