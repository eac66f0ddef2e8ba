//! Jobs: rows and options in, questions to the loop while one runs, and what its file tells.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::vec::IntoIter;

use ikcrm::contract::{PLAN_OPTIONS, SHEET_OPTIONS};
use ikcrm::{
    ApplyOptions, CallbackFailure, Cancel, Change, Client, Error, FieldError, FieldErrorCode,
    JobRow, PlanOptions, Problem, Progress, RowInput, RowState, SheetOptions, UpdateJob, Value,
    WriteOptions,
};
use napi::bindgen_prelude::{Array, Either, FnArgs, Function, JsObjectValue, Unknown};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Result, Status};
use napi_derive::napi;
use serde_json::json;

use crate::answer::{Answer, ErrorData, outcome, text};
use crate::call::{self, Job};
use crate::cancel::CancelHandle;
use crate::completion::{Call, CallQueue};
use crate::{decode, names, value};

/// How long a job waits for the loop until it asks again whether it was cancelled.
const TURN: Duration = Duration::from_millis(50);

type Told<T> = std::result::Result<T, Error>;

/// A job's file; none until a plan made it.
#[napi]
#[derive(Default)]
pub struct NativeJob(Arc<OnceLock<UpdateJob>>);

#[napi]
impl NativeJob {
    /// A place for the job that is going to be planned.
    #[napi(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the job that is there.
    #[napi]
    #[must_use]
    pub fn open(path: String) -> Either<NativeJob, ErrorData> {
        match ikcrm::open_job(path) {
            Ok(job) => Either::A(Self(Arc::new(OnceLock::from(job)))),
            Err(error) => Either::B(error.into()),
        }
    }

    /// The file's path.
    #[napi(getter)]
    #[must_use]
    pub fn path(&self) -> String {
        self.0.get().map(|job| job.path().display().to_string()).unwrap_or_default()
    }

    /// How far the job is.
    #[napi(ts_return_type = "string | ErrorData")]
    #[must_use]
    pub fn status(&self) -> Answer {
        self.told(|job| Ok(json!(job.status()?.as_str())))
    }

    /// Why it stopped, if it did.
    #[napi(ts_return_type = "string | ErrorData")]
    #[must_use]
    pub fn stop_reason(&self) -> Answer {
        self.told(|job| Ok(json!(job.stop_reason()?.map(ikcrm::StopReason::as_str))))
    }

    /// Whether every row is in the CRM as wanted.
    #[napi(ts_return_type = "string | ErrorData")]
    #[must_use]
    pub fn ok(&self) -> Answer {
        self.told(|job| Ok(json!(job.is_ok()?)))
    }

    /// The number of rows in each state, as pairs.
    #[napi(ts_return_type = "string | ErrorData")]
    #[must_use]
    pub fn counts(&self) -> Answer {
        self.told(|job| Ok(counts(&job.counts()?)))
    }

    /// The number of calls made, by kind, as pairs.
    #[napi(ts_return_type = "string | ErrorData")]
    #[must_use]
    pub fn calls(&self) -> Answer {
        self.told(|job| Ok(json!(job.calls()?)))
    }

    /// About how many calls are left.
    #[napi(ts_return_type = "string | ErrorData")]
    #[must_use]
    pub fn calls_to_go(&self) -> Answer {
        self.told(|job| Ok(json!(job.calls_to_go()?)))
    }

    /// About how many milliseconds they take.
    #[napi(ts_return_type = "string | ErrorData")]
    #[must_use]
    pub fn time_left(&self) -> Answer {
        self.told(|job| Ok(json!(job.time_left()?.map(milliseconds))))
    }

    /// The causes for which rows are not as wanted: `[[state, cause, rows, examples], …]`.
    #[napi(ts_return_type = "string | ErrorData")]
    #[must_use]
    pub fn problems(&self) -> Answer {
        self.ask(|job| Ok(list(job.problems()?.iter().map(problem))))
    }

    /// The columns that were given, in their order.
    #[napi(ts_return_type = "string | ErrorData")]
    #[must_use]
    pub fn columns(&self) -> Answer {
        self.told(|job| Ok(json!(job.columns()?)))
    }

    /// How many cells were read otherwise than they were written, by how, as pairs.
    #[napi(ts_return_type = "string | ErrorData")]
    #[must_use]
    pub fn coerced(&self) -> Answer {
        self.told(|job| Ok(json!(job.coerced()?)))
    }

    /// The writing of the result, to be started; it tells which files were written.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws.
    #[napi(ts_args_type = "calls: CallQueue, path: string, options: unknown")]
    pub fn write(&self, calls: &CallQueue, path: String, options: Unknown<'_>) -> Result<i64> {
        let options = value::read(&options)?;
        Ok(calls.keep(self.later(move |job| {
            let written = job.write(path, &write_options(options)?)?;
            let written: Vec<_> = written.iter().map(|path| path.display().to_string()).collect();
            Ok(json!(written).to_string())
        })))
    }

    /// The job in ten lines at most.
    #[napi(ts_return_type = "string | ErrorData")]
    #[must_use]
    pub fn summary(&self) -> Answer {
        self.told(|job| Ok(json!(job.summary()?)))
    }

    /// Fails unless every row is in the CRM as wanted.
    #[napi(ts_return_type = "string | ErrorData")]
    #[must_use]
    pub fn raise_for_failures(&self) -> Answer {
        self.told(|job| job.raise_for_failures().map(|()| json!(null)))
    }

    /// The reading of some of the rows after this number, in this state or in any, to be started.
    #[napi]
    #[must_use]
    pub fn rows(&self, calls: &CallQueue, state: Option<String>, number: i64) -> i64 {
        calls.keep(self.later(move |job| {
            let state = state.as_deref().map(row_state).transpose()?;
            let rows = job.rows_after(state, u64::try_from(number).unwrap_or_default())?;
            Ok(list(rows.iter().map(row)))
        }))
    }

    /// The taking out of the rows with these ids, or these keys, to be started.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws.
    #[napi(ts_args_type = "calls: CallQueue, ids: unknown, keys: unknown")]
    pub fn skip(&self, calls: &CallQueue, ids: Unknown<'_>, keys: Unknown<'_>) -> Result<i64> {
        let (ids, keys) = (value::read(&ids)?, value::read(&keys)?);
        Ok(calls.keep(self.later(move |job| {
            let mut job = ikcrm::open_job(job.path())?;
            let skipped = match keys {
                Value::Null => job.skip_ids(each(ids, "ids", "ids", id)?)?,
                keys => job.skip_keys(each(keys, "keys", "texts", key)?)?,
            };
            Ok(skipped.to_string())
        })))
    }
}

impl NativeJob {
    /// Reads the file on this thread.
    fn told(&self, question: impl FnOnce(&UpdateJob) -> Told<serde_json::Value>) -> Answer {
        self.ask(|job| question(job).map(|value| value.to_string()))
    }

    fn ask(&self, question: impl FnOnce(&UpdateJob) -> Told<String>) -> Answer {
        outcome(job_in(&self.0).and_then(question).map(|json| text(decode::json(&json))))
    }

    /// Reads or writes the file on another thread.
    fn later(&self, question: impl FnOnce(&UpdateJob) -> Told<String> + Send + 'static) -> Call {
        let job = self.clone();
        Call::on_thread(move |_| job.ask(question))
    }

    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

fn job_in(place: &OnceLock<UpdateJob>) -> Told<&UpdateJob> {
    place.get().ok_or(Error::cancelled(false))
}

/// What is asked (`rows`, `row` or `progress`), of what as JSON text, and where the answer goes.
pub(crate) type Question = FnArgs<(&'static str, Option<String>, JobReply)>;
type Asking = ThreadsafeFunction<Question, (), Question, Status, false, true>;

/// What the loop answers.
enum Reply {
    /// It was told.
    Done,
    /// Rows, or why one is none; and whether these are the last.
    Rows(Vec<std::result::Result<RowInput, String>>, bool),
    /// JavaScript threw, and keeps what.
    Failed,
}

/// The place for the answer of the loop.
#[napi]
pub struct JobReply(SyncSender<Reply>);

#[napi]
impl JobReply {
    /// Answers that it was told.
    #[napi]
    pub fn done(&self) {
        // Nobody waits any more when the job was ended meanwhile.
        drop(self.0.try_send(Reply::Done));
    }

    /// Answers with rows, in which `clear` clears a field, and whether these are the last.
    ///
    /// # Errors
    ///
    /// What a getter among the values throws.
    #[napi(ts_args_type = "rows: unknown[], clear: symbol, last: boolean")]
    pub fn rows(&self, env: Env, rows: Array<'_>, clear: Unknown<'_>, last: bool) -> Result<()> {
        let row = |index| {
            let row = value::row(env, &rows.get_element(index)?, clear)?;
            Ok(row.map_err(|got| names::got("must be an object of names and values", &got)))
        };
        let rows = (0..rows.len()).map(row).collect::<Result<_>>()?;
        drop(self.0.try_send(Reply::Rows(rows, last)));
        Ok(())
    }

    /// Answers that something was thrown, which ends the job.
    #[napi]
    pub fn fail(&self) {
        drop(self.0.try_send(Reply::Failed));
    }
}

/// The caller's own JavaScript, asked from the job's thread, which waits for the answer.
#[derive(Clone)]
pub(crate) struct Loop {
    ask: Arc<Asking>,
    cancel: Cancel,
}

impl Loop {
    /// # Errors
    ///
    /// When the environment is being taken down.
    #[expect(clippy::needless_pass_by_value, reason = "napi hands functions over")]
    pub(crate) fn new(
        ask: Function<'_, Question, ()>,
        cancel: Option<&CancelHandle>,
    ) -> Result<Self> {
        // It does not keep the process: the call that waits for the job does.
        let ask = ask.build_threadsafe_function().callee_handled::<false>().weak::<true>();
        let ask = Arc::new(ask.build()?);
        let (gone, told) = (Arc::clone(&ask), AtomicBool::new(false));
        // Told once: twice would be a second cancel, which leaves calls under way no time to end.
        let gone =
            Cancel::with_probe(move || gone.aborted() && !told.swap(true, Ordering::Relaxed));
        let cancel =
            Cancel::any_of(cancel.map(|handle| handle.0.clone()).into_iter().chain([gone]));
        Ok(Self { ask, cancel })
    }

    /// The answer; nothing when the job was cancelled before it came, or the environment is gone.
    fn ask(&self, what: &'static str, of: Option<String>) -> Option<Reply> {
        let (sender, answer) = sync_channel(1);
        let question = (what, of, JobReply(sender)).into();
        self.ask.call(question, ThreadsafeFunctionCallMode::NonBlocking);
        loop {
            match answer.recv_timeout(TURN) {
                Ok(reply) => return Some(reply),
                Err(RecvTimeoutError::Timeout) if !self.cancel.poll() => {}
                Err(_) => return None,
            }
        }
    }

    /// Tells something. A cancel meanwhile is the job's own to find.
    fn tell(&self, what: &'static str, json: &str) -> std::result::Result<(), CallbackFailure> {
        match self.ask(what, Some(decode::json(json))) {
            Some(Reply::Failed) => Err("it threw".into()),
            _ => Ok(()),
        }
    }
}

/// The rows of the caller's iterable.
struct Rows<'a> {
    source: &'a Loop,
    read: IntoIter<std::result::Result<RowInput, String>>,
    /// How many rows were handed over.
    number: u64,
    ended: bool,
}

impl Iterator for Rows<'_> {
    type Item = Told<RowInput>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.read.next() {
                self.number += 1;
                return Some(row.map_err(|message| {
                    invalid(FieldErrorCode::Type, &format!("row {}", self.number), message)
                }));
            }
            if self.ended {
                return None;
            }
            let Some(Reply::Rows(rows, last)) = self.source.ask("rows", None) else {
                self.ended = true;
                return Some(Err(Error::cancelled(false)));
            };
            (self.read, self.ended) = (rows.into_iter(), last);
        }
    }
}

/// The planning of the rows that the loop gives, to be started; the job goes to its place.
pub(crate) fn plan(client: &Client, place: &NativeJob, options: Job, caller: Loop) -> Call {
    let (client, place) = (client.clone(), place.clone());
    Call::on_thread(move |observer| {
        let read = Vec::new().into_iter();
        let mut rows = Rows { source: &caller, read, number: 0, ended: false };
        let planned = client
            .plan_updates_from(&mut rows, plan_options(options.observed_by(observer), &caller));
        planned.map_or_else(failed, |job| kept(&place, job))
    })
}

/// The planning of the rows of a sheet, to be started; the job goes to its place.
pub(crate) fn plan_sheet(
    client: &Client,
    place: &NativeJob,
    path: String,
    mut options: Job,
    caller: Loop,
) -> Call {
    let (client, place) = (client.clone(), place.clone());
    Call::on_thread(move |observer| {
        let is_sheets = |(name, _): &mut (String, Value)| SHEET_OPTIONS.contains(&name.as_str());
        let taken = options.others.extract_if(.., is_sheets);
        let sheet = taken.fold(SheetOptions::new(), |it, (name, value)| it.set(&name, value));
        let plan = plan_options(options.observed_by(observer), &caller);
        let planned = client.plan_updates_of_sheet(path, &sheet, plan);
        planned.map_or_else(failed, |job| kept(&place, job))
    })
}

/// The options of a result, from JavaScript's values.
fn write_options(options: Value) -> Told<WriteOptions> {
    match options {
        Value::Null => Ok(WriteOptions::new()),
        Value::Map(options) => {
            let set = |it: WriteOptions, (name, value): (String, Value)| it.set(&name, value);
            Ok(options.into_iter().fold(WriteOptions::new(), set))
        }
        other => {
            let message = names::got("must be an object of options", &other);
            Err(invalid(FieldErrorCode::Type, "options", message))
        }
    }
}

/// The planning of a job that brings back what this one changed, to be started.
pub(crate) fn undo(
    client: &Client,
    job: &NativeJob,
    place: &NativeJob,
    options: Job,
    caller: Loop,
) -> Call {
    let (client, job, place) = (client.clone(), job.clone(), place.clone());
    Call::on_thread(move |observer| {
        let options = plan_options(options.observed_by(observer), &caller);
        let planned = job_in(&job.0).and_then(|job| client.plan_undo(job, options));
        planned.map_or_else(failed, |job| kept(&place, job))
    })
}

/// The working off of a job, to be started. It is opened once more for this, so that others may look
/// at it meanwhile.
pub(crate) fn apply(client: &Client, job: &NativeJob, options: Job, caller: Loop) -> Call {
    let (client, job) = (client.clone(), job.clone());
    Call::on_thread(move |observer| {
        let path = job.path();
        let applied = ikcrm::open_job(&path).and_then(|mut job| {
            client.apply_updates(&mut job, apply_options(options.observed_by(observer), &caller))
        });
        match applied {
            Ok(()) => Either::A(text("null".to_owned())),
            Err(error @ Error::Cancelled { .. }) => Either::B(cancelled(error, &path)),
            Err(error) => failed(error),
        }
    })
}

/// A cancelled job tells how to go on.
fn cancelled(error: Error, path: &str) -> ErrorData {
    let mut data = ErrorData::from(error);
    data.message = format!("the job was cancelled; make the same call again to continue {path}");
    data
}

fn kept(place: &NativeJob, job: UpdateJob) -> Answer {
    drop(place.0.set(job));
    Either::A(text("null".to_owned()))
}

fn failed(error: Error) -> Answer {
    Either::B(error.into())
}

fn plan_options(job: Job, caller: &Loop) -> PlanOptions<'_> {
    let options = PlanOptions::new().call(job.call.also_cancel(caller.cancel.clone()));
    let options = job.others.into_iter().fold(options, |it, (name, value)| it.set(&name, value));
    if !job.watches_progress {
        return options;
    }
    options.on_progress(|it| caller.tell("progress", &progress(it)))
}

fn apply_options(job: Job, caller: &Loop) -> ApplyOptions<'_> {
    let options = ApplyOptions::new().call(job.call.also_cancel(caller.cancel.clone()));
    let mut options =
        job.others.into_iter().fold(options, |it, (name, value)| it.set(&name, value));
    if job.watches_progress {
        options = options.on_progress(|it| caller.tell("progress", &progress(it)));
    }
    if job.watches_rows {
        options = options.on_row(|it| caller.tell("row", &row(it)));
    }
    options
}

fn invalid(code: FieldErrorCode, field: &str, message: impl Into<String>) -> Error {
    Error::validation(vec![FieldError::new(field, code, message.into())])
}

fn row_state(word: &str) -> Told<RowState> {
    RowState::from_word(word).ok_or_else(|| {
        let words = RowState::ALL.map(RowState::as_str).join(", ");
        let message = format!("there is no state {word:?}; it must be one of {words}");
        invalid(FieldErrorCode::Unknown, "state", message)
    })
}

/// What `read` makes of each item of a list.
fn each<T>(list: Value, name: &str, what: &str, read: fn(Value) -> Option<T>) -> Told<Vec<T>> {
    let must = format!("must be a list of {what}");
    let wrong = |got: &Value| invalid(FieldErrorCode::Type, name, names::got(&must, got));
    let Value::List(items) = list else { return Err(wrong(&list)) };
    items.into_iter().map(|item| read(item.clone()).ok_or_else(|| wrong(&item))).collect()
}

fn id(value: Value) -> Option<u64> {
    match value {
        Value::Integer(id) => u64::try_from(id).ok(),
        Value::Text(digits) => digits.parse().ok(),
        _ => None,
    }
}

fn key(value: Value) -> Option<String> {
    if let Value::Text(key) = value { Some(key) } else { None }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn counts(counts: &ikcrm::Counts) -> serde_json::Value {
    counts.iter().map(|(state, rows)| json!([state.as_str(), rows])).collect()
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn problem(problem: &Problem) -> String {
    let examples = list(problem.examples.iter().map(row));
    let (state, cause) = (problem.state.as_str(), json!(problem.cause));
    format!("[\"{state}\",{cause},{},{examples}]", problem.rows)
}

/// A row's parts, in the order in which `update-job.ts` takes them.
fn row(row: &JobRow) -> String {
    let change = |change: &Change| {
        let before = change.before.as_deref();
        let (field, label, unread) = (json!(change.field), json!(change.label), before.is_none());
        format!("[{field},{},{},{label},{unread}]", before.unwrap_or("null"), change.after)
    };
    let changes = list(row.changes.iter().map(change));
    let facts = json!([
        row.number,
        row.key,
        row.id,
        row.state.as_str(),
        row.error,
        row.attempts,
        row.message,
        row.not_taken,
    ]);
    format!("[{facts},{changes},{}]", row.given.as_deref().unwrap_or("{}"))
}

fn progress(progress: &Progress) -> String {
    json!([
        counts(&progress.counts),
        progress.calls_to_go,
        progress.time_left.map(milliseconds),
        progress.waiting,
        progress.line(),
    ])
    .to_string()
}

/// The options of a plan, from JavaScript's values.
pub(crate) fn plan_named(options: Value, cancel: Option<&CancelHandle>) -> Job {
    call::job(options, cancel, PLAN_OPTIONS)
}

/// The options of a plan of a sheet's rows.
pub(crate) fn sheet_named(options: Value, cancel: Option<&CancelHandle>) -> Job {
    call::job(options, cancel, &[PLAN_OPTIONS, SHEET_OPTIONS].concat())
}

/// The options of an application.
pub(crate) fn apply_named(options: Value, cancel: Option<&CancelHandle>) -> Job {
    call::job(options, cancel, ikcrm::contract::APPLY_OPTIONS)
}
