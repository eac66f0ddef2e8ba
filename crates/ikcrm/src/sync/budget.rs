//! `Budget`: what one call may spend, over all the requests that it makes.

use std::cell::Cell;
use std::time::Duration;

use super::cancel::Cancel;
use crate::error::Error;

/// The time and the patience of one call. Waits for the quota do not count.
#[derive(Debug)]
pub(crate) struct Budget<'a> {
    timeout: Duration,
    cancel: Option<&'a Cancel>,
    spent: Cell<Duration>,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(timeout: Duration, cancel: Option<&'a Cancel>) -> Self {
        Self { timeout, cancel, spent: Cell::default() }
    }

    pub(crate) fn cancel(&self) -> Option<&'a Cancel> {
        self.cancel
    }

    pub(crate) fn spend(&self, time: Duration) {
        self.spent.set(self.spent.get() + time);
    }

    pub(crate) fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.spent.get())
    }

    /// Fails when the call must end now, while it is `waiting` for something.
    pub(crate) fn check(&self, waiting: &str) -> Result<(), Error> {
        if self.cancel.is_some_and(Cancel::poll) {
            return Err(Error::Cancelled { may_have_been_applied: false });
        }
        if self.left().is_zero() {
            let message = format!("the call's time ran out while waiting for {waiting}");
            return Err(Error::RequestTimeout { message, may_have_been_applied: false });
        }
        Ok(())
    }
}
