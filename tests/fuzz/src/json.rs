//! What `serde_json` reads in a text: a second opinion on what the core says of it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// An object with the text of each value; of a name that is there twice the last one counts.
pub(crate) type Object<'a> = BTreeMap<String, &'a RawValue>;

/// The object that this text is, if its keys are text.
pub(crate) fn object(text: &str) -> Option<Object<'_>> {
    serde_json::from_str(text).ok()
}

/// The text of the value of this name.
pub(crate) fn raw<'a>(object: &Object<'a>, name: &str) -> &'a str {
    object.get(name).copied().map(RawValue::get).expect("a value of this name")
}

/// The JSON text of a string as the string that it is; any other JSON as it is.
pub(crate) fn unquoted(raw: &str) -> String {
    match serde_json::from_str(raw) {
        Ok(serde_json::Value::String(text)) => text,
        _ => raw.to_owned(),
    }
}
