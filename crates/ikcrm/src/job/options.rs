//! How a job is planned and applied.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::DateTime;

use super::progress::Progress;
use super::row::RowState;
use super::view::JobRow;
use crate::config::CallOptions;
use crate::error::{Error, FieldError, FieldErrorCode as Code, spelt_faults};

/// How much of the client's quota a job uses, unless told otherwise.
pub(super) const SHARE: f64 = 0.8;

/// What a callback may fail with; it stops the job as a cancel does.
pub type CallbackFailure = Box<dyn std::error::Error + Send + Sync>;

/// What an empty cell does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Empty {
    /// The field keeps its value (the default).
    #[default]
    Keep,
    /// The field is cleared.
    Clear,
}

/// How rows are compared with the CRM before anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compare {
    /// By pages of the list where they tell enough, else one by one (the default).
    #[default]
    Auto,
    /// One by one.
    Get,
    /// Not at all: every row is sent.
    None,
}

/// What happens to rows with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnDuplicate {
    /// None of them is sent (the default).
    #[default]
    Reject,
    /// The last one is sent.
    Last,
}

/// What happens to a row whose opportunity somebody else changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnConflict {
    /// It is not sent, and told (the default).
    #[default]
    Report,
    /// It is sent.
    Overwrite,
}

/// Since when a change in the CRM is a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AsOf {
    Time(DateTime),
    Column(String),
}

/// How many rows may fail before a job stops.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum MaxErrors {
    /// So many.
    Rows(u64),
    /// This share of the rows that were worked off, judged from the 100th row on.
    Percent(f64),
}

impl From<u64> for MaxErrors {
    fn from(rows: u64) -> Self {
        Self::Rows(rows)
    }
}

pub(super) type OnProgress<'a> = Box<dyn FnMut(&Progress) -> Result<(), CallbackFailure> + 'a>;
pub(super) type OnRow<'a> = Box<dyn FnMut(&JobRow) -> Result<(), CallbackFailure> + 'a>;

/// How a job is planned.
#[must_use = "options do nothing until a plan takes them"]
pub struct PlanOptions<'a> {
    pub(super) job: Option<PathBuf>,
    pub(crate) id: String,
    pub(crate) key: Option<String>,
    pub(crate) columns: Option<Vec<(String, String)>>,
    pub(super) empty: Empty,
    pub(super) empty_of: Vec<(String, Empty)>,
    pub(super) compare: Compare,
    pub(super) on_duplicate: OnDuplicate,
    pub(crate) as_of: Option<AsOf>,
    pub(super) partial: bool,
    pub(super) on_progress: Option<OnProgress<'a>>,
    pub(crate) call: CallOptions,
    /// The file that the rows come from.
    pub(super) source: Option<PathBuf>,
}

impl Default for PlanOptions<'_> {
    fn default() -> Self {
        Self {
            job: None,
            id: "id".to_owned(),
            key: None,
            columns: None,
            empty: Empty::Keep,
            empty_of: Vec::new(),
            compare: Compare::Auto,
            on_duplicate: OnDuplicate::Reject,
            as_of: None,
            partial: false,
            on_progress: None,
            call: CallOptions::new(),
            source: None,
        }
    }
}

impl<'a> PlanOptions<'a> {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// The job's file (default: a private one, which goes with its object once nothing of it is
    /// needed any more). A job of the same rows and options that is there goes on.
    pub fn job(mut self, path: impl AsRef<Path>) -> Self {
        self.job = Some(path.as_ref().to_owned());
        self
    }

    /// The column that holds the ids (default: `id`).
    pub fn id(mut self, column: impl Into<String>) -> Self {
        self.id = column.into();
        self
    }

    /// The column by which you know a row again, such as a contract's number.
    pub fn key(mut self, column: impl Into<String>) -> Self {
        self.key = Some(column.into());
        self
    }

    /// The columns to use, by their names, and the fields that they are; the others are only kept.
    pub fn columns<K: Into<String>, V: Into<String>>(
        mut self,
        columns: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let columns = columns.into_iter().map(|(column, field)| (column.into(), field.into()));
        self.columns = Some(columns.collect());
        self
    }

    /// What an empty cell does.
    pub fn empty(mut self, empty: Empty) -> Self {
        self.empty = empty;
        self
    }

    /// What an empty cell of one column does.
    pub fn empty_of(mut self, column: impl Into<String>, empty: Empty) -> Self {
        self.empty_of.push((column.into(), empty));
        self
    }

    /// How rows are compared with the CRM.
    pub fn compare(mut self, compare: Compare) -> Self {
        self.compare = compare;
        self
    }

    /// What happens to rows with the same id.
    pub fn on_duplicate(mut self, on_duplicate: OnDuplicate) -> Self {
        self.on_duplicate = on_duplicate;
        self
    }

    /// When the rows were taken from the CRM, in China's time: a row that was changed there later is
    /// a conflict. The CRM tells minutes only.
    pub fn as_of(mut self, time: DateTime) -> Self {
        self.as_of = Some(AsOf::Time(time));
        self
    }

    /// The column that tells this time for each row, as `YYYY-MM-DD HH:MM`.
    pub fn as_of_column(mut self, column: impl Into<String>) -> Self {
        self.as_of = Some(AsOf::Column(column.into()));
        self
    }

    /// Sends changed fields only, without `title` and `customer_id`.
    pub fn partial(mut self, partial: bool) -> Self {
        self.partial = partial;
        self
    }

    /// Is told how far the plan is, at most four times a second.
    pub fn on_progress(
        mut self,
        callback: impl FnMut(&Progress) -> Result<(), CallbackFailure> + 'a,
    ) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// The options of each call: timeout, retries, cancel.
    pub fn call(mut self, call: CallOptions) -> Self {
        self.call = call;
        self
    }

    /// The file that the rows come from, which no result is written over.
    #[cfg(any(feature = "csv", feature = "xlsx"))]
    pub(crate) fn source(mut self, path: &Path) -> Self {
        self.source = std::fs::canonicalize(path).ok();
        self
    }

    /// What must be the same for a job to go on, as JSON.
    pub(super) fn fingerprint(&self) -> String {
        let as_of = self.as_of.as_ref().map(|as_of| match as_of {
            AsOf::Time(time) => time.to_string(),
            AsOf::Column(column) => format!("column {column}"),
        });
        serde_json::json!({
            "id": self.id, "key": self.key, "columns": self.columns,
            "empty": format!("{:?} {:?}", self.empty, self.empty_of),
            "compare": format!("{:?}", self.compare).to_lowercase(),
            "on_duplicate": format!("{:?}", self.on_duplicate).to_lowercase(),
            "as_of": as_of, "partial": self.partial,
        })
        .to_string()
    }

    /// What an empty cell of a column does.
    pub(super) fn empty_in(&self, column: &str) -> Empty {
        let of = self.empty_of.iter().rev().find(|(known, _)| known == column);
        of.map_or(self.empty, |(_, empty)| *empty)
    }
}

/// How a job is applied.
#[must_use = "options do nothing until a job is applied with them"]
pub struct ApplyOptions<'a> {
    pub(super) skip_invalid: bool,
    pub(super) on_conflict: OnConflict,
    pub(super) retry: Vec<RowState>,
    pub(super) max_errors: MaxErrors,
    pub(super) max_updates: Option<u64>,
    pub(super) max_duration: Option<Duration>,
    pub(super) max_age: Duration,
    pub(super) limit: Option<u64>,
    pub(super) quota_share: f64,
    pub(super) on_row: Option<OnRow<'a>>,
    pub(super) on_progress: Option<OnProgress<'a>>,
    pub(super) call: CallOptions,
}

impl Default for ApplyOptions<'_> {
    fn default() -> Self {
        Self {
            skip_invalid: false,
            on_conflict: OnConflict::Report,
            retry: Vec::new(),
            max_errors: MaxErrors::Rows(100),
            max_updates: None,
            max_duration: None,
            max_age: Duration::from_secs(600),
            limit: None,
            quota_share: SHARE,
            on_row: None,
            on_progress: None,
            call: CallOptions::new(),
        }
    }
}

impl<'a> ApplyOptions<'a> {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends the other rows although some are invalid or duplicate.
    pub fn skip_invalid(mut self, skip: bool) -> Self {
        self.skip_invalid = skip;
        self
    }

    /// What happens to a row whose opportunity somebody else changed.
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// States to take up again: failed, refused, not found or conflict.
    pub fn retry(mut self, states: impl IntoIterator<Item = RowState>) -> Self {
        self.retry = states.into_iter().collect();
        self
    }

    /// How many rows of this run may fail (default: 100); one more stops it.
    pub fn max_errors(mut self, max_errors: impl Into<MaxErrors>) -> Self {
        self.max_errors = max_errors.into();
        self
    }

    /// How many rows may be sent at all: a job with more stops before the first.
    pub fn max_updates(mut self, most: u64) -> Self {
        self.max_updates = Some(most);
        self
    }

    /// How long the run may take; then the job is stopped, and returned.
    pub fn max_duration(mut self, longest: Duration) -> Self {
        self.max_duration = Some(longest);
        self
    }

    /// How old a reading may be when its row is sent (default: 10 min); an older one is made again.
    /// Zero reads each row just before its update.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Sends so many rows and stops.
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// How much of the client's quota the job may use (default: 0.8).
    pub fn quota_share(mut self, share: f64) -> Self {
        self.quota_share = share;
        self
    }

    /// Is told of each row that is done, after that is in the file.
    pub fn on_row(
        mut self,
        callback: impl FnMut(&JobRow) -> Result<(), CallbackFailure> + 'a,
    ) -> Self {
        self.on_row = Some(Box::new(callback));
        self
    }

    /// Is told how far the job is, at most four times a second.
    pub fn on_progress(
        mut self,
        callback: impl FnMut(&Progress) -> Result<(), CallbackFailure> + 'a,
    ) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// The options of each call: timeout, retries, cancel.
    pub fn call(mut self, call: CallOptions) -> Self {
        self.call = call;
        self
    }

    /// Every option that does not fit.
    pub(super) fn check(&self) -> Result<(), Error> {
        let mut fields = self.call.faults.clone();
        let mut fault = |name: &str, message: String| {
            fields.push(FieldError::new(name, Code::Range, message));
        };
        if !(self.quota_share > 0.0 && self.quota_share <= 1.0) {
            fault(
                "quota_share",
                format!("must be more than 0 and at most 1, got {}", self.quota_share),
            );
        }
        if let MaxErrors::Percent(percent) = self.max_errors
            && !(0.0..=100.0).contains(&percent)
        {
            fault("max_errors", format!("must be 0 to 100 percent, got {percent}"));
        }
        for state in self.retry.iter().filter(|state| !RETRYABLE.contains(state)) {
            let words = RETRYABLE.map(RowState::as_str).join(", ");
            fault("retry", format!("must be one of {words}, got {state}"));
        }
        if fields.is_empty() {
            Ok(())
        } else {
            Err(Error::Validation { fields: spelt_faults(fields) })
        }
    }
}

/// The states that a run may take up again.
const RETRYABLE: [RowState; 4] =
    [RowState::Failed, RowState::Refused, RowState::NotFound, RowState::Conflict];

impl fmt::Debug for PlanOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanOptions").field("job", &self.job).finish_non_exhaustive()
    }
}

impl fmt::Debug for ApplyOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplyOptions").field("limit", &self.limit).finish_non_exhaustive()
    }
}
