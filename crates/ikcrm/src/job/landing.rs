//! How a call that is under way brings its answer to the run that waits for it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::error::Error;
use crate::response::Opportunity;
use crate::sync::lock;

/// The number of a row, and what the CRM answered to its update.
pub(super) type Landed = (i64, Result<Opportunity, Error>);

/// The answers that came and were not taken yet.
#[derive(Default)]
pub(super) struct Landings {
    came: Mutex<Came>,
    enough: Condvar,
}

#[derive(Default)]
struct Came {
    landed: Vec<Landed>,
    /// How many are waited for: only then the run is woken.
    wanted: usize,
}

impl Landings {
    /// Waits until so many answers are there; tells whether any is.
    pub(super) fn wait(&self, wanted: usize, longest: Duration) -> bool {
        let mut came = lock(&self.came);
        came.wanted = wanted;
        let few = |came: &mut Came| came.landed.len() < wanted;
        let ended = self.enough.wait_timeout_while(came, longest, few);
        let (came, _) = ended.unwrap_or_else(PoisonError::into_inner);
        !came.landed.is_empty()
    }

    /// The answers, in the order in which they came.
    pub(super) fn take(&self) -> Vec<Landed> {
        std::mem::take(&mut lock(&self.came).landed)
    }

    fn bring(&self, landed: Landed) {
        let mut came = lock(&self.came);
        came.landed.push(landed);
        if came.landed.len() >= came.wanted {
            self.enough.notify_one();
        }
    }
}

/// Where the answer of one update goes. Dropped untold, it tells that there will be none.
pub(super) struct Landing {
    number: i64,
    run: Option<Arc<Landings>>,
}

impl Landing {
    /// For the update of the row with this number.
    pub(super) fn new(number: i64, run: Arc<Landings>) -> Self {
        Self { number, run: Some(run) }
    }

    pub(super) fn tell(mut self, answer: Result<Opportunity, Error>) {
        self.bring(answer);
    }

    fn bring(&mut self, answer: Result<Opportunity, Error>) {
        if let Some(run) = self.run.take() {
            run.bring((self.number, answer));
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
