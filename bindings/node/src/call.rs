//! `Call`: what one call takes, from JavaScript's values.

use ikcrm::{CallOptions, OpportunityUpdate, Value};

use crate::cancel::CancelHandle;
use crate::names;

const OPTIONS: [&str; 4] = ["signal", "timeoutMs", "maxRetries", "partial"];

/// An update and its options. Faults that only JavaScript can make go to the options, so that the
/// core tells them together with its own.
#[derive(Default)]
pub(crate) struct Call {
    pub(crate) update: OpportunityUpdate,
    pub(crate) options: CallOptions,
}

impl Call {
    /// Reads the fields, the options, and the handle that stands for the option `signal`.
    pub(crate) fn read(fields: Value, options: Value, cancel: Option<&CancelHandle>) -> Self {
        let mut call = Self::default().fields(fields).options(options, cancel);
        names::rename(&mut call.options.faults);
        call
    }

    fn fields(mut self, fields: Value) -> Self {
        let Value::Map(fields) = fields else {
            return self.refuse("fields", "must be an object of fields and their values");
        };
        let set =
            |update: OpportunityUpdate, (name, value): (String, Value)| update.set(name, value);
        self.update = fields.into_iter().fold(self.update, set);
        self
    }

    fn options(self, options: Value, cancel: Option<&CancelHandle>) -> Self {
        match options {
            Value::Map(options) => {
                options.into_iter().fold(self, |call, option| call.option(option, cancel))
            }
            Value::Null => self,
            _ => self.refuse("options", "must be an object of options"),
        }
    }

    fn option(mut self, (name, value): (String, Value), cancel: Option<&CancelHandle>) -> Self {
        match (name.as_str(), value, cancel) {
            ("signal" | "partial", Value::Null, _) => {}
            ("signal", _, Some(CancelHandle(cancel))) => {
                self.options = self.options.cancel(cancel.clone());
            }
            ("signal", ..) => return self.refuse("signal", "must be an AbortSignal"),
            ("partial", Value::Bool(partial), _) => self.update = self.update.partial(partial),
            ("partial", ..) => return self.refuse("partial", "must be true or false"),
            ("timeoutMs" | "maxRetries", value, _) => {
                let (option, value) = names::to_core(&name, value);
                self.options = self.options.set(option, value);
            }
            _ => self.options.faults.push(names::unknown(&name, OPTIONS)),
        }
        self
    }

    fn refuse(mut self, name: &str, message: &str) -> Self {
        self.options.faults.push(names::wrong_type(name, message));
        self
    }
}
