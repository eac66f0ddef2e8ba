//! `SingleFlight`: a value that one call fetches while all others that need it wait.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

use super::budget::Budget;
use super::cancel::SLICE;
use super::lock::lock;
use crate::error::Error;

/// A value that is fetched when it is needed, by one call at a time.
#[derive(Debug)]
pub(crate) struct SingleFlight<T> {
    /// What is fetched, for messages.
    what: &'static str,
    state: Mutex<State<T>>,
    landed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    under_way: bool,
    /// Why the last flight failed, when that is no matter of the call that made it.
    error: Option<Error>,
}

impl<T: Clone> SingleFlight<T> {
    pub(crate) fn new(what: &'static str, value: Option<T>) -> Self {
        let state = State { value, under_way: false, error: None };
        Self { what, state: Mutex::new(state), landed: Condvar::new() }
    }

    /// The value at hand if it is `usable`, and otherwise what `fetch` brings, in this call or in
    /// one that is fetching already: then its failure is this call's too.
    pub(crate) fn get(
        &self,
        budget: &Budget<'_>,
        usable: impl Fn(&T) -> bool,
        fetch: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let Some(value) = self.at_hand_or_turn(budget, usable)? {
            return Ok(value);
        }
        let turn = Turn(self);
        let fetched = fetch();
        match &fetched {
            Ok(value) => self.put(value.clone()),
            Err(Error::Cancelled { .. } | Error::RequestTimeout { .. }) => {}
            Err(error) => self.lock().error = Some(error.clone()),
        }
        drop(turn);
        fetched
    }

    /// Sets the value, even while a flight is under way.
    pub(crate) fn put(&self, value: T) {
        self.lock().value = Some(value);
    }

    /// The value at hand, however old.
    pub(crate) fn at_hand(&self) -> Option<T> {
        self.lock().value.clone()
    }

    /// The value at hand, unless somebody is just looking at it: after a fork nobody may be left
    /// who would let go of it.
    pub(crate) fn at_hand_after_fork(&self) -> Option<T> {
        self.state.try_lock().ok()?.value.clone()
    }

    /// The value, or nothing when it is this call's turn to fetch it.
    fn at_hand_or_turn(
        &self,
        budget: &Budget<'_>,
        usable: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, Error> {
        let mut waited = false;
        let mut state = self.lock();
        loop {
            if let Some(value) = state.value.as_ref().filter(|value| usable(value)) {
                return Ok(Some(value.clone()));
            }
            if !state.under_way {
                if let Some(error) = state.error.as_ref().filter(|_| waited) {
                    return Err(error.clone());
                }
                (state.under_way, state.error) = (true, None);
                return Ok(None);
            }
            budget.check(self.what)?;
            let begun = Instant::now();
            let nap = budget.left().min(SLICE);
            state = match self.landed.wait_timeout(state, nap) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
            budget.spend(begun.elapsed());
            waited = true;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }
}

/// A call's turn to fetch. It ends when dropped, even by a panic.
struct Turn<'a, T: Clone>(&'a SingleFlight<T>);

impl<T: Clone> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.0.lock().under_way = false;
        self.0.landed.notify_all();
    }
}
