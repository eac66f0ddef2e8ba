//! `SingleFlight`: a value that one call fetches while all others that need it wait.

use std::future::{Future, poll_fn};
use std::sync::{Mutex, MutexGuard};
use std::task::{Poll, Waker};

use super::budget::Budget;
use super::lock::lock;
use crate::error::Error;

/// A value that is fetched when it is needed, by one call at a time.
#[derive(Debug)]
pub(crate) struct SingleFlight<T> {
    /// What is fetched, for messages.
    what: &'static str,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    under_way: bool,
    /// Why the last flight failed, when that is no matter of the call that made it.
    error: Option<Error>,
    /// How many flights have ended.
    landed: u64,
    waiting: Vec<Waker>,
}

/// What a call finds.
enum Found<'a, T: Clone> {
    Value(T),
    /// It is this call's turn to fetch the value.
    Turn(Turn<'a, T>),
    /// A flight with this number is under way.
    UnderWay(u64),
}

impl<T: Clone> SingleFlight<T> {
    pub(crate) fn new(what: &'static str, value: Option<T>) -> Self {
        let (landed, waiting) = (0, Vec::new());
        Self {
            what,
            state: Mutex::new(State { value, under_way: false, error: None, landed, waiting }),
        }
    }

    /// The value at hand if it is `usable`, and otherwise what `fetch` brings, in this call or in
    /// one that is fetching already: then its failure is this call's too.
    pub(crate) async fn get(
        &self,
        budget: &Budget,
        usable: impl Fn(&T) -> bool,
        fetch: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut waited = false;
        loop {
            let turn = match self.look(&usable, waited)? {
                Found::Value(value) => return Ok(value),
                Found::Turn(turn) => turn,
                Found::UnderWay(flight) => {
                    budget.wait_for(self.what, self.landing(flight)).await?;
                    waited = true;
                    continue;
                }
            };
            let fetched = fetch.await;
            match &fetched {
                Ok(value) => self.put(value.clone()),
                Err(Error::Cancelled { .. } | Error::RequestTimeout { .. }) => {}
                Err(error) => self.lock().error = Some(error.clone()),
            }
            drop(turn);
            return fetched;
        }
    }

    /// Sets the value, even while a flight is under way.
    pub(crate) fn put(&self, value: T) {
        self.lock().value = Some(value);
    }

    /// The value at hand, however old.
    pub(crate) fn at_hand(&self) -> Option<T> {
        self.lock().value.clone()
    }

    /// The value at hand if it is `usable`.
    pub(crate) fn usable(&self, usable: impl Fn(&T) -> bool) -> Option<T> {
        self.lock().value.as_ref().filter(|value| usable(value)).cloned()
    }

    /// The value at hand, unless somebody is just looking at it: after a fork nobody may be left
    /// who would let go of it.
    pub(crate) fn at_hand_after_fork(&self) -> Option<T> {
        self.state.try_lock().ok()?.value.clone()
    }

    fn look(&self, usable: impl Fn(&T) -> bool, waited: bool) -> Result<Found<'_, T>, Error> {
        let mut state = self.lock();
        if let Some(value) = state.value.as_ref().filter(|value| usable(value)) {
            return Ok(Found::Value(value.clone()));
        }
        if state.under_way {
            return Ok(Found::UnderWay(state.landed));
        }
        if let Some(error) = state.error.as_ref().filter(|_| waited) {
            return Err(error.clone());
        }
        (state.under_way, state.error) = (true, None);
        Ok(Found::Turn(Turn(self)))
    }

    /// Waits until this flight has ended.
    async fn landing(&self, flight: u64) {
        poll_fn(|context| {
            let mut state = self.lock();
            if state.landed != flight || !state.under_way {
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }
}

/// A call's turn to fetch. It ends when dropped, even by a panic.
struct Turn<'a, T: Clone>(&'a SingleFlight<T>);

impl<T: Clone> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.under_way = false;
        state.landed += 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}
