//! `Gate`: the calls of one process that share a quota pass it one after the other, in the order in
//! which they came.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::store::{Store, StoreError};
use super::window::{Fate, Limit, Request, Taken};
use crate::error::Error;
use crate::sync::{Cancel, PerProcess, lock};

/// How long to wait at most before a store that others use too is asked again: it does not tell
/// when one of them gives a slot back.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Where the calls wait that share a quota.
#[derive(Debug)]
pub(crate) struct Gate {
    store: Box<dyn Store>,
    /// Whether other processes use the store too.
    shared: bool,
    queue: Mutex<VecDeque<Waiting>>,
}

/// A call that waits for a slot, and how to wake it.
#[derive(Debug)]
struct Waiting {
    id: u64,
    cancel: Cancel,
}

/// What one call wants of the gate.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    pub(crate) limit: Limit,
    /// How long the slot is held when nobody tells the call's fate.
    pub(crate) hold: Duration,
    /// How long to wait for a slot; nothing for as long as it takes.
    pub(crate) max_wait: Option<Duration>,
    pub(crate) cancel: Option<&'a Cancel>,
}

impl Gate {
    pub(crate) fn new(store: Box<dyn Store>, shared: bool) -> Self {
        Self { store, shared, queue: Mutex::default() }
    }

    /// Takes a slot, when those that came before have theirs.
    ///
    /// # Errors
    ///
    /// [`Error::QuotaExceeded`] as soon as it is certain that there will be none in time,
    /// [`Error::QuotaStore`] when the store cannot be used, [`Error::Cancelled`].
    pub(crate) fn take(&self, pass: &Pass<'_>) -> Result<Slot<'_>, Error> {
        let ticket = self.join(pass.cancel.cloned().unwrap_or_default());
        let start = Instant::now();
        loop {
            // Before looking, so that no change goes unseen.
            let seen = ticket.cancel.wakes();
            if ticket.cancel.poll() {
                return Err(Error::Cancelled { may_have_been_applied: false });
            }
            let Some(wait) = self.try_take(&ticket, pass)? else {
                return Ok(Slot { gate: self, id: ticket.id, limit: pass.limit });
            };
            let left = pass.max_wait.map(|longest| longest.saturating_sub(start.elapsed()));
            if left.is_some_and(|left| left.is_zero() || wait > left) {
                return Err(Error::QuotaExceeded {
                    retry_after: wait,
                    may_have_been_applied: false,
                });
            }
            let wait = if self.shared { wait.min(ASK_AGAIN) } else { wait };
            ticket.cancel.wait_for_wake(seen, wait.min(left.unwrap_or(Duration::MAX)));
        }
    }

    /// How long to wait before trying again; nothing when a slot was taken.
    fn try_take(&self, ticket: &Ticket<'_>, pass: &Pass<'_>) -> Result<Option<Duration>, Error> {
        let ahead = self.ahead_of(ticket.id);
        if ahead > 0 && pass.max_wait.is_none() {
            // Woken when it comes first.
            return Ok(Some(Duration::MAX));
        }
        let request = Request { id: ticket.id, hold: pass.hold, ahead };
        match self.store.take(request, pass.limit)? {
            Taken::Slot => Ok(None),
            Taken::Busy(wait) => Ok(Some(wait)),
        }
    }

    /// Lets no call pass for some time.
    pub(crate) fn block(&self, duration: Duration) {
        // A store that is away tells so to the next call that wants a slot.
        drop(self.store.block(duration));
    }

    /// How many slots are taken, and how long it takes until one can be had.
    pub(crate) fn usage(&self, limit: Limit) -> Result<(usize, Duration), Error> {
        Ok(self.store.usage(limit)?)
    }

    fn join(&self, cancel: Cancel) -> Ticket<'_> {
        let id = fastrand::u64(..);
        self.queue().push_back(Waiting { id, cancel: cancel.clone() });
        Ticket { gate: self, id, cancel }
    }

    fn leave(&self, id: u64) {
        self.queue().retain(|waiting| waiting.id != id);
        self.wake_first();
    }

    fn ahead_of(&self, id: u64) -> usize {
        self.queue().iter().take_while(|waiting| waiting.id != id).count()
    }

    /// Lets the first in the queue look again.
    fn wake_first(&self) {
        if let Some(first) = self.queue().front() {
            first.cancel.wake();
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        lock(&self.queue)
    }
}

/// A place in the queue; it is left when dropped.
struct Ticket<'a> {
    gate: &'a Gate,
    id: u64,
    cancel: Cancel,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.gate.leave(self.id);
    }
}

/// A slot that was taken. Dropped without a word, it is held as if its call's fate were unknown.
#[must_use = "tell the call's fate"]
pub(crate) struct Slot<'a> {
    gate: &'a Gate,
    id: u64,
    limit: Limit,
}

impl Slot<'_> {
    /// Tells the fate of the call that the slot was taken for.
    pub(crate) fn settle(self, fate: Fate) {
        // A store that is away keeps the slot until its time is up.
        drop(self.gate.store.settle(self.id, fate, self.limit));
        if fate == Fate::Unsent {
            self.gate.wake_first();
        }
    }
}

impl From<StoreError> for Error {
    fn from(StoreError(message): StoreError) -> Self {
        Self::QuotaStore { message, may_have_been_applied: false }
    }
}

/// The gate of this name, which all clients of the process share; `make` makes it for the first.
pub(crate) fn of_process(name: &str, make: impl FnOnce() -> Gate) -> Arc<Gate> {
    type Gates = Mutex<HashMap<String, Arc<Gate>>>;
    static GATES: LazyLock<PerProcess<Gates>> = LazyLock::new(|| PerProcess::new(Gates::default()));
    let gates = GATES.current(|_| Gates::default());
    let mut gates = lock(gates);
    // A client may go while its slots are still taken, and only a shared store remembers them.
    gates.retain(|_, gate| Arc::strong_count(gate) > 1 || !gate.shared);
    Arc::clone(gates.entry(name.to_owned()).or_insert_with(|| Arc::new(make())))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::mpsc;
    use std::thread;

    use super::super::store::Local;
    use super::*;

    const ONE: Limit = Limit { calls: NonZeroUsize::MIN, per: Duration::from_millis(20) };

    fn pass(limit: Limit) -> Pass<'static> {
        Pass { limit, hold: Duration::from_secs(60), max_wait: None, cancel: None }
    }

    /// Waits until so many calls stand in the queue.
    fn wait_for_queue(gate: &Gate, length: usize) {
        while gate.queue().len() < length {
            thread::yield_now();
        }
    }

    #[test]
    fn who_comes_first_is_served_first() {
        let gate = Gate::new(Box::new(Local::new()), false);
        let held = gate.take(&pass(ONE)).unwrap();
        let (sender, served) = mpsc::channel();
        thread::scope(|scope| {
            for number in 0..10 {
                let (gate, sender) = (&gate, sender.clone());
                scope.spawn(move || {
                    let slot = gate.take(&pass(ONE)).unwrap();
                    sender.send(number).unwrap();
                    slot.settle(Fate::Answered);
                });
                wait_for_queue(gate, number + 1);
            }
            held.settle(Fate::Unsent);
        });
        drop(sender);
        assert_eq!(served.iter().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_slot_that_is_given_back_wakes_the_first() {
        let gate = Gate::new(Box::new(Local::new()), false);
        let hour = Limit { per: Duration::from_secs(3600), ..ONE };
        let held = gate.take(&pass(hour)).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.take(&pass(hour)).map(drop));
            wait_for_queue(&gate, 1);
            held.settle(Fate::Unsent);
            assert!(waiting.join().unwrap().is_ok());
        });
    }
}
