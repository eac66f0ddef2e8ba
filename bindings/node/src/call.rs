//! What calls take, from JavaScript's values.

use ikcrm::contract::UpdateCall;
use ikcrm::{CallOptions, FieldError, FieldMapOptions, Opportunity, OpportunityQuery, Value};

use crate::cancel::CancelHandle;
use crate::completion::Completion;
use crate::names;

/// What takes options by the core's names, and faults that only JavaScript can make.
trait Options: Sized {
    fn set(self, name: &str, value: Value) -> Self;
    fn refuse(self, fault: FieldError) -> Self;
}

/// Reads the options; `signal` stands for itself among them where it is no handle.
fn read<T: Options>(start: T, options: Value, cancel: Option<&CancelHandle>) -> T {
    let set = |it: T, (name, value): (String, Value)| match (name.as_str(), value) {
        ("signal", Value::Null) => it,
        ("signal", _) if cancel.is_some() => it,
        ("signal", value) => it.refuse(names::wrong(&name, "must be an AbortSignal", &value)),
        (name, value) => match names::to_core(name, value) {
            Ok((core, value)) => it.set(core, value),
            Err(fault) => it.refuse(fault),
        },
    };
    match options {
        Value::Map(options) => options.into_iter().fold(start, set),
        Value::Null => start,
        other => start.refuse(names::wrong("options", "must be an object of options", &other)),
    }
}

fn cancelled_by(cancel: Option<&CancelHandle>) -> CallOptions {
    let options = CallOptions::new();
    cancel.into_iter().fold(options, |options, handle| options.cancel(handle.0.clone()))
}

macro_rules! options {
    ($($name:ty),*) => {$(
        impl Options for $name {
            fn set(self, name: &str, value: Value) -> Self {
                self.set(name, value)
            }

            fn refuse(self, fault: FieldError) -> Self {
                self.refuse(fault)
            }
        }
    )*};
}

options!(CallOptions, FieldMapOptions, Named<'_>);

impl Options for UpdateCall {
    fn set(self, name: &str, value: Value) -> Self {
        match value {
            Value::Other(kind) if name == "if_unchanged" && kind == "Promise" => {
                self.refuse_record("a Promise; await it")
            }
            value => self.set(name, value),
        }
    }

    fn refuse(self, fault: FieldError) -> Self {
        self.refuse(fault)
    }
}

/// The options of a call that takes no others.
pub(crate) fn options(options: Value, cancel: Option<&CancelHandle>) -> CallOptions {
    read(cancelled_by(cancel), options, cancel)
}

/// The options of the reading of a field map.
pub(crate) fn field_map(options: Value, cancel: Option<&CancelHandle>) -> FieldMapOptions {
    read(FieldMapOptions::from(cancelled_by(cancel)), options, cancel)
}

/// An update of these fields and options, and of the record that is given in `ifUnchanged`, as JSON text.
pub(crate) fn update(
    fields: Value,
    options: Value,
    cancel: Option<&CancelHandle>,
    record: Option<String>,
) -> UpdateCall {
    let start = UpdateCall { options: cancelled_by(cancel), ..UpdateCall::default() };
    let mut call = read(start, options, cancel);
    match fields {
        Value::Map(fields) => {
            for (name, value) in fields {
                call.update = call.update.set(name, value);
            }
        }
        other => {
            let must = "must be an object of fields and their values";
            call = call.refuse(names::wrong("fields", must, &other));
        }
    }
    match record.map(|json| Opportunity::from_json(&json)) {
        Some(Ok(record)) => call.update = call.update.if_unchanged(&record),
        Some(Err(_)) => call = call.refuse_record("an object that is none as JSON"),
        None => {}
    }
    call
}

/// The query of a list.
pub(crate) fn query(value: Value, options: CallOptions) -> (OpportunityQuery, CallOptions) {
    let query = OpportunityQuery::new();
    match value {
        Value::Map(parts) => {
            (parts.into_iter().fold(query, |query, (name, value)| query.set(name, value)), options)
        }
        Value::Null => (query, options),
        other => {
            let must = "must be an object of a query's parts";
            (query, options.refuse(names::wrong("query", must, &other)))
        }
    }
}

/// The options of a job: those of its calls, and its own under the core's names.
pub(crate) struct Job {
    pub(crate) call: CallOptions,
    pub(crate) others: Vec<(String, Value)>,
    pub(crate) watches_rows: bool,
    pub(crate) watches_progress: bool,
}

impl Job {
    /// The same, whose calls' events are told there.
    pub(crate) fn observed_by(mut self, observer: Option<Completion>) -> Self {
        self.call = observer.into_iter().fold(self.call, CallOptions::observed_by);
        self
    }

    /// The same with a question to the loop for each row, or for the progress.
    pub(crate) fn watching(mut self, watched: Vec<String>) -> Self {
        for what in watched {
            self.watches_rows |= what == "row";
            self.watches_progress |= what == "progress";
        }
        self
    }
}

/// Reads the options of a job, whose own are `known`. Functions among them were taken out before.
pub(crate) fn job(options: Value, cancel: Option<&CancelHandle>, known: &[&'static str]) -> Job {
    let (call, others) = (cancelled_by(cancel), Vec::new());
    let Named { call, others, .. } = read(Named { call, others, known }, options, cancel);
    Job { call, others, watches_rows: false, watches_progress: false }
}

/// The options of a job that were read so far.
struct Named<'a> {
    call: CallOptions,
    others: Vec<(String, Value)>,
    known: &'a [&'static str],
}

impl Named<'_> {
    fn set(mut self, name: &str, value: Value) -> Self {
        match name {
            "on_row" | "on_progress" | "confirm" => {
                self.refuse(names::wrong(name, "must be a function", &value))
            }
            "progress" => self.refuse(names::wrong(name, "must be true or false", &value)),
            _ if self.known.contains(&name) => {
                self.others.push((name.to_owned(), value));
                self
            }
            _ => {
                let known = [self.known, &["on_progress", "progress"]].concat();
                self.call = self.call.set_among(&known, name, value);
                self
            }
        }
    }

    fn refuse(mut self, fault: FieldError) -> Self {
        self.call = self.call.refuse(fault);
        self
    }
}
