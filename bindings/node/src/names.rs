//! JavaScript's names and units for the core's options.

use ikcrm::contract::{OPTIONS, QUOTA_OPTIONS, unknown_message};
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

/// The same of the quota's settings.
const RENAMED_OF_QUOTA: &[(&str, &str)] = &[
    // <generated: quota>, by `make generate`
    ("perMs", "per"),
    ("maxWaitMs", "max_wait"),
    // </generated>
];

/// Other names that messages mention: methods.
const MENTIONED: [(&str, &str); 3] =
    [("planUpdates", "plan_updates"), ("applyUpdates", "apply_updates"), ("openJob", "open_job")];

/// How JavaScript spells a name that a message mentions.
pub(crate) fn spelling(core: &'static str) -> &'static str {
    from_core(&MENTIONED, from_core(RENAMED, core))
}

/// The names of all client options in JavaScript.
pub(crate) fn client_options() -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().map(|core| from_core(RENAMED, core)).chain(["tokenStore", "onToken", "onEvent"])
}

/// The names of the quota's settings in JavaScript.
pub(crate) fn quota_options() -> impl Iterator<Item = &'static str> {
    QUOTA_OPTIONS.iter().map(|core| from_core(RENAMED_OF_QUOTA, core))
}

fn from_core<'a>(table: &[(&'a str, &str)], core: &'a str) -> &'a str {
    table.iter().find(|(_, name)| *name == core).map_or(core, |(name, _)| *name)
}

/// The name in JavaScript of an option of the core's.
pub(crate) fn in_node(core: &str) -> &str {
    from_core(RENAMED, core)
}

/// The option's name and value in the core.
pub(crate) fn to_core(name: &str, value: Value) -> (&str, Value) {
    renamed(RENAMED, name, value)
}

/// The same of a setting of the quota.
pub(crate) fn quota_to_core(name: &str, value: Value) -> (&str, Value) {
    renamed(RENAMED_OF_QUOTA, name, value)
}

fn renamed<'a>(table: &[(&str, &'a str)], name: &'a str, value: Value) -> (&'a str, Value) {
    match table.iter().find(|(known, _)| *known == name) {
        Some((_, core)) if name.ends_with("Ms") => (core, milliseconds(value)),
        Some((_, core)) => (core, value),
        None => (name, value),
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

/// Puts JavaScript's names into faults of options; an unknown name stays as it was written.
pub(crate) fn rename(faults: &mut [FieldError]) {
    let is_name = |fault: &FieldError| {
        fault.code == FieldErrorCode::Unknown && fault.message.starts_with("no such")
    };
    for fault in faults.iter_mut().filter(|fault| !is_name(fault)) {
        fault.field = match fault.field.strip_prefix("quota.") {
            Some(setting) => format!("quota.{}", from_core(RENAMED_OF_QUOTA, setting)),
            None => from_core(RENAMED, &fault.field).to_owned(),
        };
    }
}

/// The fault of an option that is none of `known`.
pub(crate) fn unknown<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> FieldError {
    FieldError::new(name, FieldErrorCode::Unknown, unknown_message("option", name, known))
}

/// What must be, and what came instead.
pub(crate) fn got(must: &str, value: &Value) -> String {
    let remedy = match value {
        Value::Other(name) if name == "Promise" => "; await it",
        _ => "",
    };
    format!("{must}, got {}{remedy}", value.describe())
}

/// The fault of a value whose type only JavaScript knows.
pub(crate) fn wrong_type(name: &str, message: &str) -> FieldError {
    FieldError::new(name, FieldErrorCode::Type, message)
}
