//! Reads any JSON text as a value, of which what does not fit is kept as text.

use serde_json::Value;

use super::index::read_index;
use super::scan::Scan;

/// How deep a value is read; what lies deeper is kept as text.
const DEEPEST: usize = 100;

/// The value of a JSON text.
pub(super) fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| in_parts(json, 0))
}

/// The value of which some part does not fit, each part by itself.
fn in_parts(json: &str, depth: usize) -> Value {
    let part = |range| in_parts(json.get(range).unwrap_or_default(), depth + 1);
    match json.as_bytes().first() {
        Some(b'[') if depth < DEEPEST => {
            let items = Scan::new(json, 0).list().unwrap_or_default();
            items.into_iter().map(part).collect()
        }
        Some(b'{') if depth < DEEPEST => {
            let index = read_index(json, 0..json.len()).unwrap_or_default();
            index.entries(json).map(|(key, range)| (key.to_owned(), part(range))).collect()
        }
        _ => serde_json::from_str(json).unwrap_or_else(|_| Value::String(json.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_that_does_not_fit_is_text_wherever_it_stands() {
        for (text, expected) in [
            ("1e999", json!("1e999")),
            ("-1E+400", json!("-1E+400")),
            (r#"{"a":[1,1e999,{}],"b":1.5}"#, json!({"a": [1, "1e999", {}], "b": 1.5})),
            ("1e308", json!(1e308)),
        ] {
            assert_eq!(value(text), expected);
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_text_from_there_on() {
        let json = "[".repeat(100_000) + &"]".repeat(100_000);
        let mut value = &value(&json);
        while let Some(inner) = value.get(0) {
            value = inner;
        }
        assert!(value.as_str().is_some_and(|text| text.starts_with("[[") && text.ends_with("]]")));
    }
}
