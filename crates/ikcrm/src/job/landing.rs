//! How a call that is under way brings its answer to the run that waits for it.

use std::sync::mpsc::Sender;

use crate::error::Error;
use crate::response::Opportunity;

/// The number of a row, and what the CRM answered to its update.
pub(super) type Landed = (i64, Result<Opportunity, Error>);

/// Where the answer of one update goes. Dropped untold, it tells that there will be none.
pub(super) struct Landing {
    number: i64,
    run: Option<Sender<Landed>>,
}

impl Landing {
    /// For the update of the row with this number.
    pub(super) fn new(number: i64, run: Sender<Landed>) -> Self {
        Self { number, run: Some(run) }
    }

    pub(super) fn tell(mut self, answer: Result<Opportunity, Error>) {
        self.bring(answer);
    }

    fn bring(&mut self, answer: Result<Opportunity, Error>) {
        if let Some(run) = self.run.take() {
            // A run that is over does not wait any more.
            run.send((self.number, answer)).ok();
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.bring(Err(Error::Transport {
            message: "the call ended early: no thread could be started for it, or it panicked"
                .to_owned(),
            retryable: true,
            may_have_been_applied: true,
        }));
    }
}
