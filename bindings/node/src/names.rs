//! JavaScript's names and units for the core's options.

use ikcrm::{FieldError, FieldErrorCode, Value};

/// The options whose name in JavaScript is not the core's.
const RENAMED: &[(&str, &str)] = &[
    // <generated: options>, by `make generate`
    ("corpId", "corp_id"),
    ("signInIntervalMs", "sign_in_interval"),
    ("baseUrl", "base_url"),
    ("timeoutMs", "timeout"),
    ("maxRetries", "max_retries"),
    ("caBundle", "ca_bundle"),
    ("clientCert", "client_cert"),
    ("clientKey", "client_key"),
    ("appInfo", "app_info"),
    ("requestId", "request_id"),
    ("idleTimeoutMs", "idle_timeout"),
    ("tlsRoots", "tls_roots"),
    ("tokenStore", "token_store"),
    ("onToken", "on_token"),
    ("onEvent", "on_event"),
    ("perMs", "per"),
    ("maxWaitMs", "max_wait"),
    ("deadlineMs", "deadline"),
    ("signal", "cancel"),
    ("ifUnchanged", "if_unchanged"),
    ("onProgress", "on_progress"),
    ("onDuplicate", "on_duplicate"),
    ("asOf", "as_of"),
    ("clearText", "clear_text"),
    ("skipInvalid", "skip_invalid"),
    ("onConflict", "on_conflict"),
    ("maxErrors", "max_errors"),
    ("maxUpdates", "max_updates"),
    ("maxDurationMs", "max_duration"),
    ("maxAgeMs", "max_age"),
    ("quotaShare", "quota_share"),
    ("onRow", "on_row"),
    // </generated>
];

/// Other names that messages mention: methods.
const MENTIONED: [(&str, &str); 3] =
    [("planUpdates", "plan_updates"), ("applyUpdates", "apply_updates"), ("openJob", "open_job")];

/// How JavaScript spells a name that a message mentions.
pub(crate) fn spelling(core: &str) -> &str {
    let named = |table: &[(&'static str, &str)]| {
        table.iter().find(|(_, name)| *name == core).map(|(name, _)| *name)
    };
    named(RENAMED).or_else(|| named(&MENTIONED)).unwrap_or(core)
}

/// The option's name and value in the core, or the fault of a name that is the core's alone.
pub(crate) fn to_core(name: &str, value: Value) -> std::result::Result<(&str, Value), FieldError> {
    match RENAMED.iter().find(|(known, _)| *known == name) {
        Some((_, core)) if name.ends_with("Ms") => Ok((core, milliseconds(value))),
        Some((_, core)) => Ok((core, value)),
        None if spelling(name) == name => Ok((name, value)),
        None => {
            let message = format!("no such option; did you mean {}?", spelling(name));
            Err(FieldError::new(name, FieldErrorCode::Unknown, message))
        }
    }
}

fn milliseconds(value: Value) -> Value {
    match value {
        Value::Number(digits) => {
            Value::Milliseconds(digits.to_ascii_lowercase().parse().unwrap_or(f64::NAN))
        }
        Value::Missing { .. } => Value::Milliseconds(f64::NAN),
        #[expect(clippy::cast_precision_loss, reason = "what is large enough to lose is refused")]
        Value::Integer(number) => Value::Milliseconds(number as f64),
        Value::Float(number) => Value::Milliseconds(number),
        // The core would take text for seconds, as environment variables have it.
        Value::Text(_) => Value::Other("string".to_owned()),
        other => other,
    }
}

/// What must be, and what came instead.
pub(crate) fn got(must: &str, value: &Value) -> String {
    let remedy = match value {
        Value::Other(name) if name == "Promise" => "; await it",
        _ => "",
    };
    format!("{must}, got {}{remedy}", value.describe())
}

/// The fault of an option that must be something else.
pub(crate) fn wrong(name: &str, must: &str, value: &Value) -> FieldError {
    wrong_type(name, &got(must, value))
}

/// The fault of a value whose type only JavaScript knows.
pub(crate) fn wrong_type(name: &str, message: &str) -> FieldError {
    FieldError::new(name, FieldErrorCode::Type, message)
}
