//! `Call`: what one call takes, from JavaScript's values.

use ikcrm::{CallOptions, Opportunity, OpportunityQuery, OpportunityUpdate, Value};

use crate::cancel::CancelHandle;
use crate::names;

const OPTIONS: [&str; 3] = ["signal", "timeoutMs", "maxRetries"];
const UPDATE_OPTIONS: [&str; 6] =
    ["signal", "timeoutMs", "maxRetries", "partial", "fill", "ifUnchanged"];

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
        match (name.as_str(), value) {
            ("partial" | "fill" | "ifUnchanged", Value::Null) => {}
            ("partial", Value::Bool(partial)) => self.update = self.update.partial(partial),
            ("fill", Value::Bool(fill)) => self.update = self.update.fill(fill),
            ("partial" | "fill", _) => return self.refuse(&name, "must be true or false"),
            ("ifUnchanged", value) => {
                let Some(record) = opportunity(&value) else {
                    let message = "must be an opportunity that an earlier call answered";
                    return self.refuse(&name, message);
                };
                self.update = self.update.if_unchanged(&record);
            }
            (_, value) => {
                self.options = option(self.options, (name, value), cancel, &UPDATE_OPTIONS);
            }
        }
        self
    }

    fn refuse(mut self, name: &str, message: &str) -> Self {
        self.options = refused(self.options, name, message);
        self
    }
}

/// The opportunity whose JSON text this is.
fn opportunity(value: &Value) -> Option<Opportunity> {
    if let Value::Text(json) = value { Opportunity::from_json(json).ok() } else { None }
}

/// The options of a call that takes no others.
pub(crate) fn options(value: Value, cancel: Option<&CancelHandle>) -> CallOptions {
    let mut options = match value {
        Value::Map(entries) => entries
            .into_iter()
            .fold(CallOptions::new(), |options, entry| option(options, entry, cancel, &OPTIONS)),
        Value::Null => CallOptions::new(),
        _ => refused(CallOptions::new(), "options", "must be an object of options"),
    };
    names::rename(&mut options.faults);
    options
}

/// The query of a list.
pub(crate) fn query(value: Value, options: &mut CallOptions) -> OpportunityQuery {
    let query = OpportunityQuery::new();
    match value {
        Value::Map(parts) => {
            parts.into_iter().fold(query, |query, (name, value)| query.set(name, value))
        }
        Value::Null => query,
        _ => {
            options.faults.push(names::wrong_type("query", "must be an object of a query's parts"));
            query
        }
    }
}

/// One option that every call takes; `known` are the names of all that this one takes.
fn option(
    mut options: CallOptions,
    (name, value): (String, Value),
    cancel: Option<&CancelHandle>,
    known: &[&'static str],
) -> CallOptions {
    match (name.as_str(), value, cancel) {
        ("signal", Value::Null, _) => options,
        ("signal", _, Some(CancelHandle(cancel))) => options.cancel(cancel.clone()),
        ("signal", ..) => refused(options, "signal", "must be an AbortSignal"),
        ("timeoutMs" | "maxRetries", value, _) => {
            let (option, value) = names::to_core(&name, value);
            options.set(option, value)
        }
        _ => {
            options.faults.push(names::unknown(&name, known.iter().copied()));
            options
        }
    }
}

fn refused(mut options: CallOptions, name: &str, message: &str) -> CallOptions {
    options.faults.push(names::wrong_type(name, message));
    options
}
