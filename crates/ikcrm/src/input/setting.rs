//! Reads a setting as the caller's language or the environment holds it.

use std::time::Duration;

use super::value::Value;
use crate::error::{Fault, FieldErrorCode as Code};

pub(crate) fn text(value: &Value) -> Result<String, Fault> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        _ => Err(Fault(Code::Type, "must be text".to_owned())),
    }
}

/// A name that may be all digits, and then given as a number.
pub(crate) fn name_text(value: &Value) -> Result<String, Fault> {
    match value {
        Value::Integer(number) => Ok(number.to_string()),
        _ => text(value),
    }
}

/// A number, or its text as the environment's variables have it.
pub(crate) fn number(value: &Value) -> Result<f64, Fault> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "what is beyond 2^53 is refused anyway")]
        Value::Integer(number) => Ok(*number as f64),
        Value::Float(number) => Ok(*number),
        Value::Text(text) => Ok(text.parse().unwrap_or(f64::NAN)),
        _ => Err(Fault(Code::Type, format!("must be a number, got {}", value.describe()))),
    }
}

/// A whole number of 0 or more, or its digits as the environment's variables have them.
pub(crate) fn whole(value: &Value) -> Result<usize, Fault> {
    let number = match value {
        Value::Integer(number) => Ok(*number),
        Value::Text(text) => text.parse().map_err(|_| value.describe()),
        _ => Err(value.describe()),
    };
    let number =
        number.map_err(|got| Fault(Code::Type, format!("must be a whole number, got {got}")))?;
    usize::try_from(number)
        .map_err(|_| Fault(Code::Range, format!("may not be negative, got {number}")))
}

/// A duration from a number of seconds or milliseconds.
pub(crate) fn duration(value: &Value) -> Result<Duration, Fault> {
    let seconds = match value {
        Value::Milliseconds(number) => number / 1000.0,
        _ => number(value)?,
    };
    let fault = |_| Fault(Code::Range, format!("must be 0 s or more, got {}", value.describe()));
    Duration::try_from_secs_f64(seconds).map_err(fault)
}
