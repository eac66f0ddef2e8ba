//! Reads a setting as the caller's language or the environment holds it.

use std::fmt;
use std::time::Duration;

use super::check::{is_integer, plain};
use super::value::{Value, excerpt};
use crate::error::{Fault, FieldErrorCode as Code, fault, spelt};

pub(crate) fn text(value: &Value) -> Result<String, Fault> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        // Without the value, which may be a secret.
        _ => fault(Code::Type, format!("must be text, got {}", value.kind())),
    }
}

/// A truth value.
pub(crate) fn flag(value: &Value) -> Result<bool, Fault> {
    let (yes, no) = (spelt("true"), spelt("false"));
    match value {
        Value::Bool(flag) => Ok(*flag),
        _ => fault(Code::Type, format!("must be {yes} or {no}, got {}", value.describe())),
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
        Value::Text(text) | Value::Number(text) => Ok(text.parse().unwrap_or(f64::NAN)),
        _ => Err(Fault(Code::Type, format!("must be a number, got {}", value.describe()))),
    }
}

/// A whole number of 0 or more, or its digits as the environment's variables have them.
pub(crate) fn whole(value: &Value) -> Result<usize, Fault> {
    let digits = match value {
        Value::Integer(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone()),
        Value::Number(text) => plain(text).ok(),
        _ => None,
    };
    let Some(digits) = digits.filter(|digits| is_integer(digits)) else {
        let message = format!("must be a whole number, got {}", value.describe());
        return fault(Code::Type, message);
    };
    if digits.starts_with('-') {
        return fault(Code::Range, format!("must not be negative, got {}", excerpt(&digits)));
    }
    let too_large = |_| Fault(Code::Range, format!("is too large, got {}", value.describe()));
    digits.parse().map_err(too_large)
}

/// A duration from a number of seconds or milliseconds.
pub(crate) fn duration(value: &Value) -> Result<Duration, Fault> {
    let unit = if let Value::Milliseconds(_) = value { "milliseconds" } else { "seconds" };
    duration_within(value, format_args!("a finite number of {unit}, 0 or more"), |_| true)
}

/// The same within limits, which a message tells in words.
pub(crate) fn duration_within(
    value: &Value,
    limits: impl fmt::Display,
    fits: impl FnOnce(Duration) -> bool,
) -> Result<Duration, Fault> {
    let seconds = match value {
        Value::Milliseconds(number) => number / 1000.0,
        _ => number(value)?,
    };
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if fits(duration) => Ok(duration),
        _ => fault(Code::Range, format!("must be {limits}, got {}", value.describe())),
    }
}
