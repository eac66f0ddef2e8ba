//! Tells the caller how far a run is, one callback at a time.

use std::time::Duration;

use super::desk::{Desk, Stop};
use super::options::{CallbackFailure, OnProgress, OnRow};
use super::report;
use super::row::Row;
use super::view::JobRow;
use crate::error::StopReason;

/// At most four times a second.
const EVERY: Duration = Duration::from_millis(250);

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

    /// Tells the progress, unless that was told just now.
    pub(super) fn tick(&mut self, desk: &Desk<'_>) -> Result<(), Stop> {
        let now = desk.crm.elapsed();
        if self.told.is_some_and(|told| now.saturating_sub(told) < EVERY) {
            return Ok(());
        }
        self.told = Some(now);
        self.tell(desk)
    }

    /// Tells the progress.
    pub(super) fn tell(&mut self, desk: &Desk<'_>) -> Result<(), Stop> {
        let Some(callback) = &mut self.on_progress else { return Ok(()) };
        let mut progress = report::progress(desk.store, desk.crm.now())?;
        progress.waiting.clone_from(&desk.waiting.borrow());
        callback(&progress).map_err(failed)
    }

    /// Tells of a row that is done.
    pub(super) fn row(&mut self, row: &Row) -> Result<(), Stop> {
        let Some(callback) = &mut self.on_row else { return Ok(()) };
        callback(&JobRow::new(row.clone(), self.send_all)).map_err(failed)
    }
}

/// What a callback fails with stops the job as a cancel does.
fn failed(failure: CallbackFailure) -> Stop {
    let message = format!("a callback failed: {failure}");
    Stop { source: Some(failure.into()), ..Stop::new(StopReason::Cancelled, message) }
}
