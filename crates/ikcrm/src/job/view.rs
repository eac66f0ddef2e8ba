//! A row of a job as callers see it.

use super::row::{FieldPlan, Row, RowState};

/// What a row changes in one field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The field.
    pub field: String,
    /// What the CRM had, as JSON; nothing when that could not be read.
    pub before: Option<String>,
    /// What is sent, as JSON.
    pub after: String,
    /// The label that was given for the option.
    pub label: Option<String>,
}

/// A row of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobRow {
    /// Its place in the order given, from 1.
    pub number: u64,
    /// What you know it by.
    pub key: Option<String>,
    /// The opportunity's id.
    pub id: Option<u64>,
    /// Its state.
    pub state: RowState,
    /// What it changes: all the fields that are not in the CRM as wanted.
    pub changes: Vec<Change>,
    /// What is wrong, in a word or two.
    pub error: Option<String>,
    /// How often it was sent.
    pub attempts: u64,
    /// What is wrong, and what to do.
    pub message: Option<String>,
    /// The fields that the CRM answered with another meaning than was sent.
    pub not_taken: Vec<String>,
    /// What was given and is not sent: other columns, the values of an invalid row; JSON.
    pub given: Option<String>,
}

impl JobRow {
    pub(super) fn new(row: Row, send_all: bool) -> Self {
        let differs = |plan: &&FieldPlan| plan.done || plan.is_left(send_all);
        let changes = row.fields.iter().filter(differs).map(|plan| Change {
            field: plan.field.clone(),
            before: plan.before.as_ref().map(|before| before.get().to_owned()),
            after: plan.after.get().to_owned(),
            label: plan.label.clone(),
        });
        let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
        Self {
            number: unsigned(row.number),
            id: row.id.map(unsigned),
            state: row.state,
            changes: changes.collect(),
            error: row.cause,
            attempts: unsigned(row.attempts),
            message: row.message,
            not_taken: row.not_taken,
            given: row.given,
            key: row.key,
        }
    }
}

/// A row with its cells as they were given, for the job's result.
#[cfg(any(feature = "csv", feature = "xlsx"))]
#[derive(Debug)]
pub(crate) struct JobResult {
    pub(crate) row: JobRow,
    pub(crate) cells: Vec<serde_json::Value>,
    /// When it was sent last, in milliseconds since 1970; 0 if never.
    pub(crate) sent_at: i64,
}
