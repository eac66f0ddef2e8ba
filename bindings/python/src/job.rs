//! Jobs: rows and options in, callbacks while one runs, and what its file tells.

use std::sync::{Arc, Mutex, PoisonError};
use std::vec::IntoIter;

use ikcrm::contract::SHEET_OPTIONS;
use ikcrm::{
    ApplyOptions, CallOptions, CallbackFailure, Cell, Change, Error, FieldError, FieldErrorCode,
    JobRow, MetaSlot, PlanOptions, Problem, Progress, RowInput, RowState, SheetOptions, Value,
    WriteOptions,
};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyMapping, PyString};

use crate::cancel::{Cancel, Signals};
use crate::events::Teller;
use crate::hooks::Hook;
use crate::{call, errors, exit, value};

/// How many rows are taken from Python at a time.
const CHUNK: usize = 500;

/// In a row, what clears a field.
#[pyclass(frozen, module = "ikcrm._native")]
pub(crate) struct Clear;

#[pymethods]
impl Clear {
    #[new]
    fn new() -> Self {
        Self
    }
}

/// A job's file.
#[pyclass(frozen, module = "ikcrm._native")]
pub(crate) struct UpdateJob(ikcrm::UpdateJob);

/// The state, the cause, the number of rows, and examples.
type Told<'py> = (&'static str, String, u64, Vec<Bound<'py, PyAny>>);

#[pymethods]
impl UpdateJob {
    /// Opens the job that is there.
    #[new]
    #[pyo3(signature = (path: "str"))]
    fn open(py: Python<'_>, path: std::path::PathBuf) -> PyResult<Self> {
        py.detach(|| ikcrm::open_job(path)).map(Self).map_err(|error| errors::exception(py, &error))
    }

    /// The file's path.
    #[getter]
    fn path(&self) -> &std::ffi::OsStr {
        self.0.path().as_os_str()
    }

    /// How far the job is.
    fn status(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.ask(py, ikcrm::UpdateJob::status)?.as_str())
    }

    /// Why it stopped, if it did.
    fn stop_reason(&self, py: Python<'_>) -> PyResult<Option<&'static str>> {
        Ok(self.ask(py, ikcrm::UpdateJob::stop_reason)?.map(ikcrm::StopReason::as_str))
    }

    /// Whether every row is in the CRM as wanted.
    fn ok(&self, py: Python<'_>) -> PyResult<bool> {
        self.ask(py, ikcrm::UpdateJob::is_ok)
    }

    /// The number of rows in each state, in the order in which states are told.
    fn counts(&self, py: Python<'_>) -> PyResult<Vec<(&'static str, u64)>> {
        Ok(words(&self.ask(py, ikcrm::UpdateJob::counts)?))
    }

    /// The number of calls made, by kind.
    fn calls(&self, py: Python<'_>) -> PyResult<Vec<(&'static str, u64)>> {
        self.ask(py, ikcrm::UpdateJob::calls)
    }

    /// About how many calls are left.
    fn calls_to_go(&self, py: Python<'_>) -> PyResult<u64> {
        self.ask(py, ikcrm::UpdateJob::calls_to_go)
    }

    /// About how many seconds they take.
    fn time_left(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.ask(py, ikcrm::UpdateJob::time_left)?.map(|left| left.as_secs_f64()))
    }

    /// The causes for which rows are not as wanted.
    fn problems<'py>(&self, py: Python<'py>) -> PyResult<Vec<Told<'py>>> {
        let problems = self.ask(py, ikcrm::UpdateJob::problems)?;
        problems.into_iter().map(|problem| told(py, problem)).collect()
    }

    /// Some of the rows after this number, in this state or in any.
    #[pyo3(signature = (state: "object", number: "object"))]
    fn rows<'py>(
        &self,
        py: Python<'py>,
        state: Option<&str>,
        number: u64,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let state = state.map(row_state).transpose()?;
        let rows = self.ask(py, |job| job.rows_after(state, number))?;
        rows.into_iter().map(|row| row_tuple(py, row)).collect()
    }

    /// Takes the rows with these ids out; tells how many.
    fn skip_ids(&self, py: Python<'_>, ids: Vec<u64>) -> PyResult<usize> {
        self.ask(py, |job| ikcrm::open_job(job.path())?.skip_ids(ids))
    }

    /// Takes the rows with these keys out; tells how many.
    fn skip_keys(&self, py: Python<'_>, keys: Vec<String>) -> PyResult<usize> {
        self.ask(py, |job| ikcrm::open_job(job.path())?.skip_keys(keys))
    }

    /// Raises unless every row is in the CRM as wanted.
    fn raise_for_failures(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, ikcrm::UpdateJob::raise_for_failures)
    }

    /// The columns that were given, in their order.
    fn columns(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.ask(py, ikcrm::UpdateJob::columns)
    }

    /// How many cells were read otherwise than they were written, by how.
    fn coerced(&self, py: Python<'_>) -> PyResult<Vec<(String, u64)>> {
        self.ask(py, ikcrm::UpdateJob::coerced)
    }

    /// Writes the result; tells which files it wrote.
    #[pyo3(signature = (path: "str", options: "object"))]
    fn write(
        &self,
        py: Python<'_>,
        path: std::path::PathBuf,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Vec<std::ffi::OsString>> {
        let mut named = WriteOptions::new();
        for (name, value) in options {
            named = named.set(&name.to_string(), value::read(&value)?);
        }
        let written = self.ask(py, |job| job.write(path, &named))?;
        Ok(written.into_iter().map(std::path::PathBuf::into_os_string).collect())
    }

    /// The job in ten lines at most.
    fn summary(&self, py: Python<'_>) -> PyResult<String> {
        self.ask(py, ikcrm::UpdateJob::summary)
    }

    /// What it tells of itself, as JSON text.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        self.ask(py, ikcrm::UpdateJob::to_json)
    }
}

impl UpdateJob {
    /// Reads the file, while other threads run.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&ikcrm::UpdateJob) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        py.detach(|| question(&self.0)).map_err(|error| errors::exception(py, &error))
    }
}

/// Plans updates of these rows.
pub(crate) fn plan(
    client: &ikcrm::Client,
    rows: &Bound<'_, PyAny>,
    options: &Bound<'_, PyDict>,
    on_progress: Option<Py<PyAny>>,
    events: &Arc<Hook>,
) -> PyResult<UpdateJob> {
    let (named, caller) = (Named::read(options)?, Caller::default());
    let mut rows = Rows::new(rows.try_iter()?, &caller, row);
    caller.run(options.py(), events, named, |named| {
        client.plan_updates_from(&mut rows, named.plan(&caller, on_progress)).map(UpdateJob)
    })
}

/// Plans updates of the rows of a sheet.
pub(crate) fn plan_sheet(
    client: &ikcrm::Client,
    path: std::path::PathBuf,
    options: &Bound<'_, PyDict>,
    on_progress: Option<Py<PyAny>>,
    events: &Arc<Hook>,
) -> PyResult<UpdateJob> {
    let (mut named, caller) = (Named::read(options)?, Caller::default());
    let sheet = named.sheet();
    caller.run(options.py(), events, named, |named| {
        let plan = named.plan(&caller, on_progress);
        client.plan_updates_of_sheet(path, &sheet, plan).map(UpdateJob)
    })
}

/// Plans updates of the rows of a table: the names of its columns, and an iterable of its rows.
pub(crate) fn plan_table(
    client: &ikcrm::Client,
    columns: Vec<String>,
    rows: &Bound<'_, PyAny>,
    options: &Bound<'_, PyDict>,
    on_progress: Option<Py<PyAny>>,
    events: &Arc<Hook>,
) -> PyResult<UpdateJob> {
    let (mut named, caller) = (Named::read(options)?, Caller::default());
    let sheet = named.sheet();
    let mut rows = Rows::new(rows.try_iter()?, &caller, line);
    caller.run(options.py(), events, named, |named| {
        let plan = named.plan(&caller, on_progress);
        client.plan_updates_of_table(columns, &mut rows, &sheet, plan).map(UpdateJob)
    })
}

/// Plans a job that brings back what this one changed.
pub(crate) fn undo(
    client: &ikcrm::Client,
    job: &Bound<'_, UpdateJob>,
    options: &Bound<'_, PyDict>,
    on_progress: Option<Py<PyAny>>,
    events: &Arc<Hook>,
) -> PyResult<UpdateJob> {
    let (named, caller, job) = (Named::read(options)?, Caller::default(), job.get());
    caller.run(options.py(), events, named, |named| {
        client.plan_undo(&job.0, named.plan(&caller, on_progress)).map(UpdateJob)
    })
}

/// Works the job off. It is opened once more for this, so that others may look at it meanwhile.
pub(crate) fn apply(
    client: &ikcrm::Client,
    job: &Bound<'_, UpdateJob>,
    options: &Bound<'_, PyDict>,
    on_progress: Option<Py<PyAny>>,
    on_row: Option<Py<PyAny>>,
    events: &Arc<Hook>,
) -> PyResult<()> {
    let (named, caller, job) = (Named::read(options)?, Caller::default(), job.get());
    caller.run(options.py(), events, named, |named| {
        let mut job = ikcrm::open_job(job.0.path())?;
        client.apply_updates(&mut job, named.apply(&caller, on_progress, on_row))
    })
}

/// Options by their names, and those of a call.
struct Named {
    call: CallOptions,
    others: Vec<(String, Value)>,
}

impl Named {
    fn read(options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut named = Self { call: CallOptions::new(), others: Vec::new() };
        for (name, value) in options {
            let name = name.to_string();
            if call::CALL_OPTIONS.contains(&name.as_str()) {
                named.call = call::option(named.call, &name, &value)?;
            } else if let ("_task", Ok(cancel)) = (name.as_str(), value.cast::<Cancel>()) {
                // The flag of the task that waits for the job, besides the caller's own.
                named.call = named.call.also_cancel(cancel.get().0.clone());
            } else if name == "job" {
                named.others.push((name, value::read_path(&value)?));
            } else {
                named.others.push((name, value::read(&value)?));
            }
        }
        Ok(named)
    }

    /// Takes the options of a sheet out.
    fn sheet(&mut self) -> SheetOptions {
        let is_sheets = |(name, _): &mut (String, Value)| SHEET_OPTIONS.contains(&name.as_str());
        let taken = self.others.extract_if(.., is_sheets);
        taken.fold(SheetOptions::new(), |sheet, (name, value)| sheet.set(&name, value))
    }

    fn plan<'a>(self, caller: &'a Caller, on_progress: Option<Py<PyAny>>) -> PlanOptions<'a> {
        let options = PlanOptions::new().call(self.call);
        let set =
            |options: PlanOptions<'a>, (name, value): (String, Value)| options.set(&name, value);
        let options = self.others.into_iter().fold(options, set);
        match on_progress {
            Some(hook) => options.on_progress(move |progress| caller.progress(&hook, progress)),
            None => options,
        }
    }

    fn apply<'a>(
        self,
        caller: &'a Caller,
        on_progress: Option<Py<PyAny>>,
        on_row: Option<Py<PyAny>>,
    ) -> ApplyOptions<'a> {
        let options = ApplyOptions::new().call(self.call);
        let set =
            |options: ApplyOptions<'a>, (name, value): (String, Value)| options.set(&name, value);
        let mut options = self.others.into_iter().fold(options, set);
        if let Some(hook) = on_progress {
            options = options.on_progress(move |progress| caller.progress(&hook, progress));
        }
        if let Some(hook) = on_row {
            options = options.on_row(move |row| caller.row(&hook, row));
        }
        options
    }
}

/// The caller's own Python, which runs amid a job: what it raises is what the job ends in.
#[derive(Default)]
struct Caller(Mutex<Option<PyErr>>);

impl Caller {
    /// Runs a job while other threads run and signals end it; `events` is told of its calls.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        events: &Arc<Hook>,
        mut named: Named,
        work: impl FnOnce(Named) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let signals = Signals::default();
        named.call = signals.also_end(named.call);
        named.call = named.call.observed_by(Teller::here(py, events, &signals)?);
        let result = py.detach(|| work(named));
        let raised = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        raised.map_or_else(|| signals.check(py, result, &MetaSlot::new()), Err)
    }

    /// Calls into Python; nothing when that raised, or when Python is ending.
    fn attach<T>(&self, work: impl FnOnce(Python<'_>) -> PyResult<T>) -> Option<T> {
        match exit::attach_hook(work)? {
            Ok(value) => Some(value),
            Err(error) => {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                None
            }
        }
    }

    fn progress(&self, hook: &Py<PyAny>, progress: &Progress) -> Result<(), CallbackFailure> {
        let time_left = progress.time_left.map(|left| left.as_secs_f64());
        let counts = words(&progress.counts);
        let facts = (counts, progress.calls_to_go, time_left, &progress.waiting, progress.line());
        self.attach(|py| hook.call1(py, facts).map(drop)).ok_or_else(|| "it raised".into())
    }

    fn row(&self, hook: &Py<PyAny>, row: &JobRow) -> Result<(), CallbackFailure> {
        let told = self.attach(|py| hook.call1(py, (row_tuple(py, row.clone())?,)).map(drop));
        told.ok_or_else(|| "it raised".into())
    }
}

/// A row of an item, or why it is none.
type Make<T> = fn(&Bound<'_, PyAny>) -> PyResult<Result<T, String>>;

/// The rows of a Python iterable. What it raises is kept by the caller, and ends the job.
struct Rows<'a, T> {
    iterator: Py<PyIterator>,
    caller: &'a Caller,
    /// What makes a row of an item.
    make: Make<T>,
    read: IntoIter<T>,
    /// How many rows were read.
    number: u64,
    /// How the iterable ended, once it did.
    end: Option<Result<(), Error>>,
}

impl<'a, T> Rows<'a, T> {
    fn new(iterator: Bound<'_, PyIterator>, caller: &'a Caller, make: Make<T>) -> Self {
        let read = Vec::new().into_iter();
        Self { iterator: iterator.unbind(), caller, make, read, number: 0, end: None }
    }

    fn fill(&mut self) {
        let caller = self.caller;
        let mut rows = Vec::with_capacity(CHUNK);
        let stopped = || Err(Error::cancelled(false));
        let filled = caller.attach(|py| {
            py.check_signals()?;
            self.take(py, &mut rows)
        });
        if filled.is_none() {
            self.end = Some(stopped());
        }
        self.read = rows.into_iter();
    }

    fn take(&mut self, py: Python<'_>, rows: &mut Vec<T>) -> PyResult<()> {
        let mut iterator = self.iterator.bind(py).clone();
        while rows.len() < CHUNK {
            let Some(item) = iterator.next().transpose()? else {
                self.end = Some(Ok(()));
                break;
            };
            self.number += 1;
            match (self.make)(&item)? {
                Ok(row) => rows.push(row),
                Err(message) => {
                    let name = format!("row {}", self.number);
                    let fields = vec![FieldError::new(name, FieldErrorCode::Type, message)];
                    self.end = Some(Err(Error::validation(fields)));
                    break;
                }
            }
        }
        Ok(())
    }
}

impl<T> Iterator for Rows<'_, T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.read.next() {
                return Some(Ok(row));
            }
            match &mut self.end {
                None => self.fill(),
                Some(end) => return std::mem::replace(end, Ok(())).err().map(Err),
            }
        }
    }
}

/// A row, or why the item is none.
fn row(item: &Bound<'_, PyAny>) -> PyResult<Result<RowInput, String>> {
    if let Ok(row) = item.cast::<PyDict>() {
        return cells(row.iter().map(Ok));
    }
    let Ok(row) = item.cast::<PyMapping>() else {
        let kind = value::kind(item)?;
        return Ok(Err(format!(
            "must be a mapping of names and values, such as a dict; got {kind}"
        )));
    };
    cells(row.items()?.iter().map(|item| item.extract()))
}

/// A line of a table.
fn line(item: &Bound<'_, PyAny>) -> PyResult<Result<Vec<Cell>, String>> {
    let cells = item.try_iter()?.map(|item| {
        let item = item?;
        if item.is_exact_instance_of::<Clear>() {
            return Ok(Cell::Clear);
        }
        let value = value::read(&item)?;
        // A table's times are read as a sheet's are: midnight is a date.
        let time = matches!(value, Value::DateTime(_)).then(|| item.str()?.extract::<String>());
        Ok(Cell::Value(time.transpose()?.map_or(value, Value::Text)))
    });
    Ok(Ok(cells.collect::<PyResult<_>>()?))
}

type Entry<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

fn cells<'py>(
    entries: impl Iterator<Item = PyResult<Entry<'py>>>,
) -> PyResult<Result<RowInput, String>> {
    let mut cells = Vec::new();
    for entry in entries {
        let (name, value) = entry?;
        let Some(name) = name.cast::<PyString>().ok().and_then(|name| name.to_str().ok()) else {
            let got: String = name.repr()?.to_string_lossy().chars().take(40).collect();
            return Ok(Err(format!("must have text for its names, got {got}")));
        };
        let is_clear = value.is_exact_instance_of::<Clear>();
        let cell = if is_clear { Cell::Clear } else { Cell::Value(value::read(&value)?) };
        cells.push((name.to_owned(), cell));
    }
    Ok(Ok(cells.into_iter().collect()))
}

/// The numbers of rows by the words of their states.
fn words(counts: &ikcrm::Counts) -> Vec<(&'static str, u64)> {
    counts.iter().map(|(state, rows)| (state.as_str(), rows)).collect()
}

fn row_state(word: &str) -> PyResult<RowState> {
    RowState::from_word(word).ok_or_else(|| {
        let words = RowState::ALL.map(RowState::as_str).join(", ");
        PyValueError::new_err(format!("there is no state {word:?}; it must be one of {words}"))
    })
}

fn told(py: Python<'_>, problem: Problem) -> PyResult<Told<'_>> {
    let examples = problem.examples.into_iter().map(|row| row_tuple(py, row));
    let examples = examples.collect::<PyResult<_>>()?;
    Ok((problem.state.as_str(), problem.cause, problem.rows, examples))
}

/// A row's parts, in the order of `JobRow` in Python; what it changes still as JSON text.
fn row_tuple(py: Python<'_>, row: JobRow) -> PyResult<Bound<'_, PyAny>> {
    let change = |change: Change| (change.field, change.before, change.after, change.label);
    let changes: Vec<_> = row.changes.into_iter().map(change).collect();
    let state = row.state.as_str();
    (
        row.number,
        row.key,
        row.id,
        state,
        changes,
        row.error,
        row.attempts,
        row.message,
        row.not_taken,
        row.given,
    )
        .into_bound_py_any(py)
}
