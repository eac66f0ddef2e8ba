//! `UpdateJob`: a job as callers hold it; all that it tells is read from its file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::kind::Kind;
use super::lock::{self, Lock};
use super::progress::{Counts, Progress};
use super::report::{self, Problem};
use super::row::RowState;
use super::store::Store;
#[cfg(any(feature = "csv", feature = "xlsx"))]
use super::view::JobResult;
use super::view::JobRow;
use crate::error::{Error, StopReason};

const CHUNK: usize = 500;

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobStatus {
    /// It is being loaded or compared.
    Planning,
    /// It may be applied.
    Ready,
    /// Somebody applies it.
    Running,
    /// It stopped before its end, and can go on.
    Stopped,
    /// Nothing is left to do.
    Completed,
}

impl JobStatus {
    /// The stable word: `planning`, `ready`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Completed => "completed",
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Updates of many opportunities: the plan, the progress and the result, in one `SQLite` file.
///
/// All that it tells is read from the file when it is asked, so it is right even while another
/// process works on the job.
///
/// A job without a path of its own is deleted with this object once it is completed, or if nothing of
/// it was sent.
#[derive(Debug)]
pub struct UpdateJob {
    path: PathBuf,
    private: bool,
    /// The process that made it: a fork's copy deletes nothing.
    pid: u32,
}

/// Reads a job, even while another process works on it.
///
/// # Errors
///
/// [`Error::JobFile`] when there is no such file, or it is no job.
pub fn open_job(path: impl AsRef<Path>) -> Result<UpdateJob, Error> {
    Store::open(path.as_ref())?;
    Ok(UpdateJob::new(path.as_ref().to_owned(), false))
}

impl UpdateJob {
    pub(super) fn new(path: PathBuf, private: bool) -> Self {
        Self { path, private, pid: std::process::id() }
    }

    pub(super) fn store(&self) -> Result<Store, Error> {
        Store::open(&self.path)
    }

    /// The job's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How far the job is.
    ///
    /// # Errors
    ///
    /// [`Error::JobFile`] when the file cannot be read; so do all the others.
    pub fn status(&self) -> Result<JobStatus, Error> {
        Ok(status(&self.store()?)?.0)
    }

    /// Why the job stopped, if it did.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn stop_reason(&self) -> Result<Option<StopReason>, Error> {
        Ok(status(&self.store()?)?.1)
    }

    /// Whether the job is completed, and every row is in the CRM as wanted.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn is_ok(&self) -> Result<bool, Error> {
        let store = self.store()?;
        let keeps_last = store.get::<bool>("keeps_last")? == Some(true);
        let fine = |state: RowState| state.is_ok() || keeps_last && state == RowState::Duplicate;
        let counts = Counts::new(store.counts()?);
        let all_fine = counts.iter().all(|(state, rows)| rows == 0 || fine(state));
        let all_taken = !store.problems()?.iter().any(|(state, ..)| state == "updated");
        Ok(status(&store)?.0 == JobStatus::Completed && all_fine && all_taken)
    }

    /// The number of rows in each state. They add up to the rows that were given.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn counts(&self) -> Result<Counts, Error> {
        let store = self.store()?;
        let counts = Counts::new(store.counts()?);
        let given = store.get::<i64>("rows")?.and_then(|rows| u64::try_from(rows).ok());
        if given != Some(counts.total()) {
            let message = format!(
                "it holds {} rows, but was given {}",
                counts.total(),
                given.unwrap_or_default()
            );
            return Err(super::store::unusable(&self.path, &message));
        }
        Ok(counts)
    }

    /// How many calls the job made, by kind: `list`, `get`, `update`, `lookup`. What a call sends
    /// again, and sign-ins, are not counted.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn calls(&self) -> Result<Vec<(&'static str, u64)>, Error> {
        let store = self.store()?;
        let calls = Kind::ALL.map(|kind| {
            let calls = store.get::<i64>(&format!("calls.{}", kind.as_str()))?.unwrap_or_default();
            Ok((kind.as_str(), u64::try_from(calls).unwrap_or_default()))
        });
        calls.into_iter().collect()
    }

    /// How far the job is, in numbers.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn progress(&self) -> Result<Progress, Error> {
        report::progress(&self.store()?, now())
    }

    /// About how many calls are left.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn calls_to_go(&self) -> Result<u64, Error> {
        Ok(self.progress()?.calls_to_go)
    }

    /// About how long they take, where that is known.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn time_left(&self) -> Result<Option<Duration>, Error> {
        Ok(self.progress()?.time_left)
    }

    /// The causes for which rows are not as wanted, the most frequent first.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn problems(&self) -> Result<Vec<Problem>, Error> {
        let store = self.store()?;
        report::problems(&store, sends_all(&store)?)
    }

    /// The rows, or those in one state, in the order given; they are read as they are needed.
    #[must_use]
    pub fn rows(&self, state: Option<RowState>) -> JobRows<'_> {
        JobRows { job: self, state, after: 0, read: Vec::new().into_iter(), ended: false }
    }

    /// Some of the rows after this number, for an iterator of another language.
    #[doc(hidden)]
    pub fn rows_after(&self, state: Option<RowState>, number: u64) -> Result<Vec<JobRow>, Error> {
        let store = self.store()?;
        let after = i64::try_from(number).unwrap_or(i64::MAX);
        let (rows, send_all) = (store.rows(state, after, CHUNK)?, sends_all(&store)?);
        Ok(rows.into_iter().map(|row| JobRow::new(row, send_all)).collect())
    }

    /// The columns that were given, in their order.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn columns(&self) -> Result<Vec<String>, Error> {
        self.store()?.get_json("columns")
    }

    /// How many cells of a sheet were read otherwise than they were written, by how.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn coerced(&self) -> Result<Vec<(String, u64)>, Error> {
        report::coerced(&self.store()?)
    }

    /// The file that the rows came from.
    #[cfg(any(feature = "csv", feature = "xlsx"))]
    pub(crate) fn source(&self) -> Result<Option<String>, Error> {
        self.store()?.get("source")
    }

    /// Some of the rows after this number, with their cells as they were given.
    #[cfg(any(feature = "csv", feature = "xlsx"))]
    pub(crate) fn results_after(
        &self,
        state: Option<RowState>,
        number: u64,
    ) -> Result<Vec<JobResult>, Error> {
        let store = self.store()?;
        let after = i64::try_from(number).unwrap_or(i64::MAX);
        let send_all = sends_all(&store)?;
        let result = |row: super::row::Row| {
            let (cells, sent_at) = (store.source(row.number)?, row.sent_at);
            Ok(JobResult { row: JobRow::new(row, send_all), cells, sent_at })
        };
        store.rows(state, after, CHUNK)?.into_iter().map(result).collect()
    }

    /// Takes the rows of these opportunities out, unless they were sent; tells how many.
    ///
    /// # Errors
    ///
    /// [`Error::JobInUse`] while somebody works on the job; as [`status`](Self::status).
    pub fn skip_ids(&mut self, ids: impl IntoIterator<Item = u64>) -> Result<usize, Error> {
        let ids = ids.into_iter().map(|id| i64::try_from(id).unwrap_or_default());
        self.skip("id", ids)
    }

    /// Takes the rows with these keys out, unless they were sent; tells how many.
    ///
    /// # Errors
    ///
    /// As [`skip_ids`](Self::skip_ids).
    pub fn skip_keys<K: Into<String>>(
        &mut self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<usize, Error> {
        self.skip("key", keys.into_iter().map(Into::into))
    }

    fn skip<V: rusqlite::ToSql>(
        &mut self,
        column: &str,
        values: impl Iterator<Item = V>,
    ) -> Result<usize, Error> {
        let _lock = Lock::take(&self.path)?;
        let store = self.store()?;
        store.transaction(|| {
            let mut skipped = 0;
            for value in values {
                skipped += store.skip(column, &value)?;
            }
            Ok(skipped)
        })
    }

    /// Fails unless the job [is ok](Self::is_ok).
    ///
    /// # Errors
    ///
    /// [`Error::JobStopped`] that tells the problems; as [`status`](Self::status).
    pub fn raise_for_failures(&self) -> Result<(), Error> {
        if self.is_ok()? {
            return Ok(());
        }
        Err(Error::JobStopped {
            reason: self.stop_reason()?.unwrap_or(StopReason::MaxErrors),
            message: format!("not all rows are as wanted: {self}"),
            path: self.path.clone(),
            source: None,
        })
    }

    /// The job in ten lines at most.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn summary(&self) -> Result<String, Error> {
        let store = self.store()?;
        let (status, reason) = status(&store)?;
        let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        report::summary(&store, &format!("{status}{reason}"), sends_all(&store)?, now())
    }

    /// What the job tells of itself, as JSON text: status, counts, calls, problems.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub fn to_json(&self) -> Result<String, Error> {
        let words = |counts: Counts| {
            let entries = counts.iter().map(|(state, rows)| (state.to_string(), json!(rows)));
            entries.collect::<serde_json::Map<_, _>>()
        };
        let problems = self.problems()?.into_iter().map(|problem| {
            let examples = problem.examples.iter().map(|row| {
                json!({"number": row.number, "key": row.key, "id": row.id, "message": row.message})
            });
            json!({
                "state": problem.state.as_str(), "cause": problem.cause, "rows": problem.rows,
                "examples": examples.collect::<Vec<_>>(),
            })
        });
        let problems: Vec<_> = problems.collect();
        let calls: serde_json::Map<_, _> = self
            .calls()?
            .into_iter()
            .map(|(kind, calls)| (kind.to_owned(), json!(calls)))
            .collect();
        let job = json!({
            "path": self.path, "status": self.status()?.as_str(),
            "stop_reason": self.stop_reason()?.map(StopReason::as_str), "ok": self.is_ok()?,
            "counts": words(self.counts()?), "calls": calls,
            "calls_to_go": self.calls_to_go()?,
            "time_left": self.time_left()?.map(|left| left.as_secs_f64()),
            "problems": problems, "columns": self.columns()?,
            "coerced": self.coerced()?.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        });
        Ok(job.to_string())
    }
}

impl fmt::Display for UpdateJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.summary() {
            Ok(summary) => f.write_str(&summary),
            Err(error) => write!(f, "{error}"),
        }
    }
}

/// A private job goes with its object, unless it is needed to go on, or to know what was sent.
impl Drop for UpdateJob {
    fn drop(&mut self) {
        if !self.private || self.pid != std::process::id() {
            return;
        }
        let is_needed = self.store().and_then(|store| {
            let sent = store.get::<i64>("calls.update")?.unwrap_or_default() > 0;
            Ok(sent && status(&store)?.0 != JobStatus::Completed)
        });
        if is_needed.is_ok_and(|needed| !needed) {
            std::fs::remove_file(&self.path).ok();
            std::fs::remove_file(lock::path(&self.path)).ok();
        }
    }
}

/// The status that the file tells, and why the job stopped: one whose process died was killed.
fn status(store: &Store) -> Result<(JobStatus, Option<StopReason>), Error> {
    let word = store.get::<String>("status")?.unwrap_or_default();
    let reason = store.get::<String>("stop_reason")?;
    let reason =
        StopReason::ALL.into_iter().find(|known| Some(known.as_str()) == reason.as_deref());
    let killed = (JobStatus::Stopped, Some(StopReason::Killed));
    Ok(match word.as_str() {
        "planning" if Lock::is_held(store.path()) => (JobStatus::Planning, None),
        "running" if Lock::is_held(store.path()) => (JobStatus::Running, None),
        "ready" => (JobStatus::Ready, None),
        "completed" => (JobStatus::Completed, None),
        "stopped" => (JobStatus::Stopped, reason),
        _ => killed,
    })
}

/// Whether the job was planned without comparing.
pub(super) fn sends_all(store: &Store) -> Result<bool, Error> {
    Ok(store.get::<bool>("send_all")? == Some(true))
}

/// The time of day, in milliseconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// The rows of a job, read as they are needed.
#[derive(Debug)]
pub struct JobRows<'a> {
    job: &'a UpdateJob,
    state: Option<RowState>,
    after: u64,
    read: std::vec::IntoIter<JobRow>,
    ended: bool,
}

impl JobRows<'_> {
    fn read(&mut self) -> Result<(), Error> {
        let rows = self.job.rows_after(self.state, self.after)?;
        self.ended = rows.len() < CHUNK;
        self.after = rows.last().map_or(self.after, |row| row.number);
        self.read = rows.into_iter();
        Ok(())
    }
}

impl Iterator for JobRows<'_> {
    type Item = Result<JobRow, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.read.next() {
            return Some(Ok(row));
        }
        if self.ended {
            return None;
        }
        if let Err(error) = self.read() {
            self.ended = true;
            return Some(Err(error));
        }
        self.read.next().map(Ok)
    }
}
