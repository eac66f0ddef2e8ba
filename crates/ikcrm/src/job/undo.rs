//! Plans a job that brings back what another one changed.

use serde_json::Value as Json;

use super::crm::Crm;
use super::input::{Cell, RowInput};
use super::lock::Lock;
use super::options::PlanOptions;
use super::plan::plan;
use super::row::{FieldPlan, Raw, Row, RowState, parsed};
use super::store::Store;
use super::update_job::{UpdateJob, sends_all};
use crate::error::{Error, FieldError, FieldErrorCode as Code};
use crate::input::Value;

const CHUNK: usize = 500;

/// A job of the rows that the other one updated, with what the CRM had before.
pub(super) fn undo(
    crm: &dyn Crm,
    job: &UpdateJob,
    mut options: PlanOptions<'_>,
) -> Result<UpdateJob, Error> {
    let _lock = Lock::take(job.path())?;
    let store = job.store()?;
    (options.key, options.columns, options.as_of) = (None, None, None);
    let mut rows = Updated {
        send_all: sends_all(&store)?,
        store: &store,
        after: 0,
        read: Vec::new().into_iter(),
    };
    plan(crm, &mut rows, options)
}

/// The rows that bring back what the updated ones changed.
struct Updated<'a> {
    store: &'a Store,
    send_all: bool,
    after: i64,
    read: std::vec::IntoIter<Row>,
}

impl Iterator for Updated<'_> {
    type Item = Result<RowInput, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(row) = self.read.next() else {
                match self.store.rows(Some(RowState::Updated), self.after, CHUNK) {
                    Ok(rows) => {
                        self.after = rows.last()?.number;
                        self.read = rows.into_iter();
                        continue;
                    }
                    Err(error) => return Some(Err(error)),
                }
            };
            let input = back(&row, self.send_all);
            if !input.cells.is_empty() || !input.faults.is_empty() {
                return Some(Ok(input));
            }
        }
    }
}

/// The row that brings back what this one changed.
fn back(row: &Row, send_all: bool) -> RowInput {
    let mut input = RowInput { id: row.id.map(Value::Integer), ..RowInput::default() };
    for plan in row.fields.iter().filter(|plan| plan.done || plan.is_left(send_all)) {
        match &plan.before {
            Some(before) if plan.is_same(before, &plan.after) => {}
            Some(before) => {
                input.cells.push((plan.field.as_str().into(), cell(before)));
                input.expected.push((plan.field.clone(), plan.after.clone()));
            }
            None => input.faults.push(unknown(plan)),
        }
    }
    input
}

fn unknown(plan: &FieldPlan) -> FieldError {
    let message = "the value before the update is not known, so it cannot be restored";
    FieldError::new(&*plan.field, Code::Required, message)
}

fn cell(before: &Raw) -> Cell {
    match parsed(before) {
        Json::Null => Cell::Clear,
        Json::String(text) if text.is_empty() => Cell::Clear,
        Json::Number(_) => Cell::Value(Value::Number(before.get().to_owned())),
        value => Cell::Value(value.into()),
    }
}
