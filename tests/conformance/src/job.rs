//! The form of the cases in `tests/jobs`: how a job behaves.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// Fields by the opportunity's id.
pub type Change = BTreeMap<String, Map<String, Value>>;

/// A job, step by step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobCase {
    /// A sentence that states the behaviour.
    pub id: String,
    /// The reason for it.
    pub why: String,
    /// How the sandbox is: `whole_list_rows`, `sorts_by_update`.
    #[serde(default)]
    pub sandbox: Map<String, Value>,
    /// What the CRM has at first, besides what the sandbox begins with.
    #[serde(default)]
    pub crm: Change,
    /// The rows of the job.
    pub rows: Vec<Map<String, Value>>,
    /// What goes wrong on the wire.
    #[serde(default)]
    pub faults: Vec<JobFault>,
    /// What is done, one after the other.
    pub steps: Vec<Step>,
    /// What the CRM has in the end.
    #[serde(default)]
    pub end: Change,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobFault {
    /// The call, such as `put 600001`.
    pub on: String,
    /// How often (1).
    #[serde(default = "once")]
    pub times: u32,
    /// What the caller sees.
    pub fault: WireKind,
    /// Whether the CRM got it all the same.
    #[serde(default)]
    pub applied: bool,
    /// The status of an answer that is no success.
    pub status: Option<u16>,
    /// The body of that answer.
    pub json: Option<Value>,
}

fn once() -> u32 {
    1
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireKind {
    /// The connection is closed before an answer.
    Close,
    /// Another answer comes.
    Answer,
}

/// One step of a case: exactly one of the first four, and what it must bring.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Plans the rows, with these options.
    pub plan: Option<Map<String, Value>>,
    /// Applies the job, with these options.
    pub apply: Option<Map<String, Value>>,
    /// Plans the undo of the job, which is the job from then on.
    pub undo: Option<Map<String, Value>>,
    /// Somebody else changes opportunities.
    pub change: Option<Change>,
    /// The rows' states, in order.
    pub states: Option<Vec<String>>,
    /// The calls made in this step.
    pub calls: Option<Vec<String>>,
    /// The code of the error.
    pub error: Option<String>,
    /// Why the job stopped.
    pub reason: Option<String>,
    /// Whether the job is ok.
    pub ok: Option<bool>,
    /// A part of each row's message, by its number.
    #[serde(default)]
    pub messages: BTreeMap<usize, String>,
}
