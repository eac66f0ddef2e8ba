//! JavaScript's names and units for the core's options.

use ikcrm::contract::{OPTIONS, unknown_message};
use ikcrm::{FieldError, FieldErrorCode, Value};

/// The options whose name in JavaScript is not the core's.
const RENAMED: [(&str, &str); 4] = [
    ("baseUrl", "base_url"),
    ("timeoutMs", "timeout"),
    ("maxRetries", "max_retries"),
    ("caBundle", "ca_bundle"),
];

/// The names of all client options in JavaScript.
pub(crate) fn client_options() -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().map(|core| from_core(core))
}

fn from_core(core: &str) -> &str {
    RENAMED.iter().find(|(_, name)| *name == core).map_or(core, |(name, _)| *name)
}

/// The option's name and value in the core, which counts time in seconds.
pub(crate) fn to_core(name: &str, value: Value) -> (&str, Value) {
    let core = RENAMED.iter().find(|(known, _)| *known == name).map_or(name, |(_, core)| *core);
    (core, if core == "timeout" { seconds(value) } else { value })
}

fn seconds(milliseconds: Value) -> Value {
    match milliseconds {
        #[expect(clippy::cast_precision_loss, reason = "what is large enough to lose is refused")]
        Value::Integer(milliseconds) => Value::Float(milliseconds as f64 / 1000.0),
        Value::Float(milliseconds) => Value::Float(milliseconds / 1000.0),
        // The core would take text for seconds, as environment variables have it.
        Value::Text(_) => Value::Other("string".to_owned()),
        other => other,
    }
}

/// Puts JavaScript's names into faults of options; an unknown name stays as it was written.
pub(crate) fn rename(faults: &mut [FieldError]) {
    for fault in faults.iter_mut().filter(|fault| fault.code != FieldErrorCode::Unknown) {
        fault.field = from_core(&fault.field).to_owned();
    }
}

/// The fault of an option that is none of `known`.
pub(crate) fn unknown<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> FieldError {
    FieldError::new(name, FieldErrorCode::Unknown, unknown_message("option", name, known))
}

/// The fault of a value whose type only JavaScript knows.
pub(crate) fn wrong_type(name: &str, message: &str) -> FieldError {
    FieldError::new(name, FieldErrorCode::Type, message)
}
