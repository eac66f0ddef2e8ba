//! `Call`: what one call takes, from JavaScript's values.

use ikcrm::{CallOptions, Opportunity, OpportunityQuery, OpportunityUpdate, Value};

use crate::cancel::CancelHandle;
use crate::completion::Completion;
use crate::names;

/// What every call takes.
const OPTIONS: [&str; 7] =
    ["signal", "timeoutMs", "maxRetries", "maxWaitMs", "deadlineMs", "priority", "headers"];
/// What an update takes besides.
const UPDATE_OPTIONS: [&str; 3] = ["partial", "fill", "ifUnchanged"];
const TRUTH: &str = "must be true or false";

/// An update and its options. Faults that only JavaScript can make go to the options, so that the
/// core tells them together with its own.
#[derive(Default)]
pub(crate) struct Call {
    pub(crate) update: OpportunityUpdate,
    pub(crate) options: CallOptions,
}

impl Call {
    /// Reads the fields, the options, the handle that stands for the option `signal`, and the record
    /// that is given in `ifUnchanged`, as JSON text.
    pub(crate) fn read(
        fields: Value,
        options: Value,
        cancel: Option<&CancelHandle>,
        record: Option<String>,
    ) -> Self {
        let mut call = Self::default().fields(fields).options(options, cancel);
        if let Some(record) = record {
            call = call.if_unchanged(&record);
        }
        names::rename(&mut call.options.faults);
        call
    }

    fn fields(mut self, fields: Value) -> Self {
        let Value::Map(fields) = fields else {
            return self.refuse("fields", "must be an object of fields and their values", &fields);
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
            other => self.refuse("options", "must be an object of options", &other),
        }
    }

    fn option(mut self, (name, value): (String, Value), cancel: Option<&CancelHandle>) -> Self {
        match (name.as_str(), value) {
            ("partial" | "fill" | "ifUnchanged", Value::Null) => {}
            ("partial", Value::Bool(partial)) => self.update = self.update.partial(partial),
            ("fill", Value::Bool(fill)) => self.update = self.update.fill(fill),
            ("partial" | "fill", value) => return self.refuse(&name, TRUTH, &value),
            ("ifUnchanged", value) => return self.refuse(&name, RECORD, &value),
            (_, value) => {
                self.options = option(self.options, (name, value), cancel, &UPDATE_OPTIONS);
            }
        }
        self
    }

    fn if_unchanged(mut self, json: &str) -> Self {
        if let Ok(record) = Opportunity::from_json(json) {
            self.update = self.update.if_unchanged(&record);
        } else {
            let message = format!("{RECORD}; as JSON it is no object");
            self.options.faults.push(names::wrong_type("ifUnchanged", &message));
        }
        self
    }

    fn refuse(mut self, name: &str, must: &str, got: &Value) -> Self {
        self.options = refused(self.options, name, must, got);
        self
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
    let mut job = Job {
        call: CallOptions::new(),
        others: Vec::new(),
        watches_rows: false,
        watches_progress: false,
    };
    match options {
        Value::Map(options) => {
            for option in options {
                job_option(&mut job, option, cancel, known);
            }
        }
        Value::Null => {}
        other => job.call = refused(job.call, "options", "must be an object of options", &other),
    }
    names::rename(&mut job.call.faults);
    job
}

fn job_option(
    job: &mut Job,
    (name, value): (String, Value),
    cancel: Option<&CancelHandle>,
    known: &[&'static str],
) {
    let call = std::mem::take(&mut job.call);
    let (core, _) = names::to_core(&name, Value::Null);
    let is_known = |core: &str| known.contains(&core) && names::in_node(core) == name;
    if OPTIONS.contains(&name.as_str()) {
        job.call = option(call, (name, value), cancel, &[]);
    } else if matches!(name.as_str(), "onRow" | "onProgress" | "confirm") {
        job.call = refused(call, &name, "must be a function", &value);
    } else if name == "progress" {
        job.call = refused(call, &name, TRUTH, &value);
    } else if is_known(core) {
        job.call = call;
        let (core, value) = names::to_core(&name, value);
        job.others.push((core.to_owned(), value));
    } else {
        job.call = call;
        let known = known.iter().map(|core| names::in_node(core)).chain(OPTIONS);
        job.call.faults.push(names::unknown(&name, known.chain(["onProgress", "progress"])));
    }
}

/// What `ifUnchanged` takes.
const RECORD: &str = "must be an opportunity as an earlier call returned it, with its id";

/// The options of a call that takes no others.
pub(crate) fn options(value: Value, cancel: Option<&CancelHandle>) -> CallOptions {
    read(value, cancel, &[])
}

/// The options of the reading of a field map, and whether it is to be read anew.
pub(crate) fn field_map_options(
    value: Value,
    cancel: Option<&CancelHandle>,
) -> (CallOptions, bool) {
    let mut refresh = Value::Null;
    let others = match value {
        Value::Map(mut entries) => {
            if let Some(place) = entries.iter().position(|(name, _)| name == "refresh") {
                refresh = entries.remove(place).1;
            }
            Value::Map(entries)
        }
        other => other,
    };
    let options = read(others, cancel, &["refresh"]);
    match refresh {
        Value::Null => (options, false),
        Value::Bool(refresh) => (options, refresh),
        other => (refused(options, "refresh", TRUTH, &other), false),
    }
}

fn read(value: Value, cancel: Option<&CancelHandle>, also: &[&'static str]) -> CallOptions {
    let mut options = match value {
        Value::Map(entries) => entries
            .into_iter()
            .fold(CallOptions::new(), |options, entry| option(options, entry, cancel, also)),
        Value::Null => CallOptions::new(),
        other => refused(CallOptions::new(), "options", "must be an object of options", &other),
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
        other => {
            let message = names::got("must be an object of a query's parts", &other);
            options.faults.push(names::wrong_type("query", &message));
            query
        }
    }
}

/// One option that every call takes; `also` are the names of those that this one takes besides.
fn option(
    mut options: CallOptions,
    (name, value): (String, Value),
    cancel: Option<&CancelHandle>,
    also: &[&'static str],
) -> CallOptions {
    match (name.as_str(), value, cancel) {
        ("signal", Value::Null, _) => options,
        ("signal", _, Some(CancelHandle(cancel))) => options.cancel(cancel.clone()),
        ("signal", value, _) => refused(options, "signal", "must be an AbortSignal", &value),
        (known, value, _) if OPTIONS.contains(&known) => {
            let (option, value) = names::to_core(&name, value);
            options.set(option, value)
        }
        _ => {
            options.faults.push(names::unknown(&name, OPTIONS.iter().chain(also).copied()));
            options
        }
    }
}

fn refused(mut options: CallOptions, name: &str, must: &str, got: &Value) -> CallOptions {
    options.faults.push(names::wrong_type(name, &names::got(must, got)));
    options
}
