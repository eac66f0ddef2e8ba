//! `CallOptions`: what one call does differently from its client.

use std::time::Duration;

use super::check::{check_retries, check_timeout, retries, seconds};
use crate::error::{Fault, FieldError, FieldErrorCode as Code};
use crate::input::Value;
use crate::input::suggest::unknown_message;
use crate::sync::Cancel;

const OPTIONS: [&str; 2] = ["timeout", "max_retries"];

/// Options of one call; what is not set is as the client says.
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until a call takes them"]
pub struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_retries: Option<u32>,
    pub(crate) cancel: Option<Cancel>,
    /// Faults found so far; a binding puts its language's names into them.
    #[doc(hidden)]
    pub faults: Vec<FieldError>,
}

impl CallOptions {
    /// Options that change nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time that the call may take, over all attempts and waits.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.timeout_checked(check_timeout(timeout))
    }

    /// How often the call is made again after a passing failure; 0 turns it off.
    pub fn max_retries(self, retries: u32) -> Self {
        self.max_retries_checked(check_retries(retries))
    }

    /// A flag that ends the call from outside.
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// Sets an option by its name: `timeout` in seconds or `max_retries`. A null leaves the
    /// client's; what does not fit is told by the call.
    pub fn set(self, name: &str, value: impl Into<Value>) -> Self {
        match (name, value.into()) {
            ("timeout" | "max_retries", Value::Null) => self,
            ("timeout", value) => self.timeout_checked(seconds(&value)),
            ("max_retries", value) => self.max_retries_checked(retries(&value)),
            _ => self.fault(name, Fault(Code::Unknown, unknown_message("option", name, OPTIONS))),
        }
    }

    fn timeout_checked(mut self, timeout: Result<Duration, Fault>) -> Self {
        match timeout {
            Ok(timeout) => self.timeout = Some(timeout),
            Err(fault) => return self.fault("timeout", fault),
        }
        self
    }

    fn max_retries_checked(mut self, retries: Result<u32, Fault>) -> Self {
        match retries {
            Ok(retries) => self.max_retries = Some(retries),
            Err(fault) => return self.fault("max_retries", fault),
        }
        self
    }

    fn fault(mut self, name: &str, fault: Fault) -> Self {
        self.faults.push(fault.of(name));
        self
    }
}
