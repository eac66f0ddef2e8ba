//! Ends a run: writes down how it ended, and turns that into what the caller gets.

use std::path::Path;
use std::sync::Arc;

use super::desk::{Desk, Stop};
use super::progress::Counts;
use super::store::unusable;
use crate::error::{Cause, Error, StopReason};

/// How a run ends that nothing stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A plan is ready to be applied.
    Ready,
    /// A job has nothing left to do.
    Completed,
}

/// Writes down how the run ended, makes the file one again, and tells the caller.
pub(super) fn finish(desk: &Desk<'_>, ended: Result<(), Stop>, end: &End) -> Result<(), Error> {
    if let (true, Err(stop)) = (desk.is_forked(), &ended) {
        return Err(Error::JobInUse {
            message: stop.message.clone(),
            path: desk.store.path().to_owned(),
        });
    }
    let noted = note(desk, &ended, end).and_then(|()| desk.store.end_work());
    let path = desk.store.path();
    match ended {
        Err(stop) if stop.is_wanted() && noted.is_ok() => Ok(()),
        Err(stop) => Err(stop.into_error(path, false)),
        Ok(()) => {
            noted.map_err(|error| Stop::fatal(StopReason::Storage, error).into_error(path, false))
        }
    }
}

fn note(desk: &Desk<'_>, ended: &Result<(), Stop>, end: &End) -> Result<(), Error> {
    let store = desk.store;
    store.check_place()?;
    let counts = Counts::new(store.counts()?);
    let open = counts.iter().any(|(state, rows)| state.is_open() && rows > 0);
    if store.get::<i64>("rows")?.and_then(|rows| u64::try_from(rows).ok()) != Some(counts.total()) {
        return Err(unusable(store.path(), "its rows do not add up to the rows that were given"));
    }
    // Rows that must be accepted leave something to do, even where nothing else is.
    let to_accept = store.rejected()? != (0, 0);
    let (status, reason) = match (ended, end) {
        (Err(stop), _) => ("stopped", Some(stop.reason.as_str())),
        (Ok(()), End::Ready) if open || to_accept => ("ready", None),
        (Ok(()), _) => ("completed", None),
    };
    store.transaction(|| {
        desk.note_calls()?;
        store.put("status", status)?;
        store.put("stop_reason", reason)
    })
}

impl Stop {
    /// What the source of the rows failed with.
    pub(super) fn raised(error: Error) -> Self {
        Self {
            reason: StopReason::Cancelled,
            message: error.to_string(),
            error: Some(error),
            source: None,
        }
    }

    /// Whether the caller asked for this end, and gets the job.
    fn is_wanted(&self) -> bool {
        matches!(self.reason, StopReason::Limit | StopReason::MaxDuration)
    }

    /// What the caller gets; `as_is` leaves the error that stopped it.
    pub(super) fn into_error(self, path: &Path, as_is: bool) -> Error {
        let Self { reason, message, error, source } = self;
        match error {
            Some(error) if as_is || matches!(error, Error::Cancelled { .. }) => error,
            error => Error::JobStopped {
                reason,
                message: format!("{message}; {}", how_to_go_on(reason, path)),
                path: path.to_owned(),
                source: source
                    .or_else(|| error.map(|error| Arc::new(error) as Arc<_>))
                    .map(Cause::from),
            },
        }
    }
}

/// How to go on, in one line.
fn how_to_go_on(reason: StopReason, path: &Path) -> String {
    let path = path.display();
    match reason {
        StopReason::WrongEnterprise => format!("nothing more was sent; the job is kept in {path}"),
        StopReason::Storage => {
            format!(
                "fix that, then make the same call again to continue {path} (if the file is lost, plan again)"
            )
        }
        _ => format!("make the same call again to continue {path}"),
    }
}
