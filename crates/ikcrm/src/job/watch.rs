//! Tells the caller how far a run is, one callback at a time.

use std::time::Duration;

use super::options::{CallbackFailure, OnProgress, OnRow};
use super::progress::Progress;
use super::row::Row;
use super::view::JobRow;
use crate::error::Error;

/// At most four times a second.
const EVERY: Duration = Duration::from_millis(250);
/// So many times as long as the counting of a large job's rows takes, its work goes on before the next.
const WORK: u32 = 20;

/// The caller's callbacks.
#[derive(Default)]
pub(super) struct Watch<'a> {
    pub(super) on_progress: Option<OnProgress<'a>>,
    pub(super) on_row: Option<OnRow<'a>>,
    pub(super) send_all: bool,
    told: Option<Duration>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        on_progress: Option<OnProgress<'a>>,
        on_row: Option<OnRow<'a>>,
        send_all: bool,
    ) -> Self {
        Self { on_progress, on_row, send_all, told: None }
    }

    /// Whether the progress is to be told now: it was not told just before. `counting` is how long it
    /// took to count the rows last.
    pub(super) fn is_due(&mut self, now: Duration, counting: Duration) -> bool {
        let every = EVERY.max(counting.saturating_mul(WORK));
        let due = self.told.is_none_or(|told| now.saturating_sub(told) >= every);
        if due {
            self.told = Some(now);
        }
        due && self.on_progress.is_some()
    }

    /// Tells the progress.
    pub(super) fn tell(
        &mut self,
        progress: impl FnOnce() -> Result<Progress, Error>,
    ) -> Result<(), Trouble> {
        let Some(callback) = &mut self.on_progress else { return Ok(()) };
        callback(&progress()?).map_err(Trouble::Callback)
    }

    /// Tells of a row that is done.
    pub(super) fn row(&mut self, row: &Row) -> Result<(), Trouble> {
        let Some(callback) = &mut self.on_row else { return Ok(()) };
        callback(&JobRow::new(row.clone(), self.send_all)).map_err(Trouble::Callback)
    }
}

/// Why the caller could not be told.
pub(super) enum Trouble {
    /// The job's file cannot be read.
    File(Error),
    Callback(CallbackFailure),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::File(error)
    }
}
