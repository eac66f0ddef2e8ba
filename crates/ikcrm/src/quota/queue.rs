//! `Queue`: who waits for a slot, and whose turn it is. Pure: the clock and the store's answers are
//! arguments.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Bound;
use std::time::Duration;

use super::store::StoreError;
use super::window::{Limit, Request, Taken};
use crate::sync::Reply;
use crate::sync::clock::Moment;

/// The calls of one gate that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Place, Waiting>,
    /// When a call of the second lane may start.
    batch_from: Moment,
    /// When the store is to be asked again for the first.
    ask_at: Moment,
}

/// A place in the queue: those of the first lane come first, then who started earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) lane: Lane,
    /// When the call started, by count: its retries keep their place.
    pub(crate) order: u64,
    /// The name of its slot.
    pub(crate) id: u64,
}

/// Who comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Lane {
    /// Calls that somebody waits for.
    #[default]
    Interactive,
    /// Calls that leave room for the others.
    Batch,
}

/// A call that waits for a slot.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) limit: Limit,
    /// How many slots it leaves for others.
    pub(super) reserve: usize,
    pub(super) hold: Duration,
    pub(super) reply: Reply<Verdict>,
}

impl Waiting {
    /// The time from one call to the next of those that leave slots for others.
    fn pace(&self) -> Duration {
        let calls = NonZeroUsize::new(self.limit.calls.get().saturating_sub(self.reserve));
        Limit { calls: calls.unwrap_or(NonZeroUsize::MIN), ..self.limit }.pace()
    }
}

/// What became of a wait.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    Slot,
    /// There will be none in time.
    TooLate(Duration),
    Failed(StoreError),
}

/// A verdict and who is told.
pub(super) struct Wakeup {
    pub(super) id: u64,
    pub(super) waiting: Waiting,
    pub(super) verdict: Verdict,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn get(&self, place: Place) -> Option<&Waiting> {
        self.waiting.get(&place)
    }

    /// When the store is to be asked again for the first.
    pub(super) fn ask_at(&self) -> Moment {
        self.ask_at
    }

    /// Lets the store be asked at once: a slot may have become free.
    pub(super) fn ask_now(&mut self) {
        self.ask_at = Moment::ZERO;
    }

    /// Takes a place; tells whether it is the first.
    pub(super) fn join(&mut self, place: Place, waiting: Waiting) -> bool {
        self.waiting.insert(place, waiting);
        self.ask_now_if_first(place)
    }

    /// Leaves a place; tells whether it was the first.
    pub(super) fn leave(&mut self, place: Place) -> bool {
        let was_first = self.ask_now_if_first(place);
        self.waiting.remove(&place);
        was_first
    }

    /// Stands for the time that the second lane's pace takes, which tests do not wait for.
    #[cfg(test)]
    pub(super) fn batch_now(&mut self) {
        (self.batch_from, self.ask_at) = (Moment::ZERO, Moment::ZERO);
    }

    fn ask_now_if_first(&mut self, place: Place) -> bool {
        let is_first = self.waiting.first_key_value().is_some_and(|(first, _)| *first == place);
        if is_first {
            self.ask_now();
        }
        is_first
    }

    /// Whom to ask the store for now, if it is time; otherwise `ask_at` says when.
    pub(super) fn next(&mut self, now: Moment) -> Option<(Place, Request, Limit)> {
        let (place, waiting) = self.waiting.first_key_value()?;
        if place.lane == Lane::Batch {
            self.ask_at = self.ask_at.max(self.batch_from);
        }
        if now < self.ask_at {
            return None;
        }
        let request = Request { id: place.id, hold: waiting.hold, ahead: waiting.reserve };
        Some((*place, request, waiting.limit))
    }

    /// What the store's answer means for the one it was asked for; whether to ask for the next.
    pub(super) fn decide(
        &mut self,
        place: Place,
        taken: Result<Taken, StoreError>,
        now: Moment,
    ) -> (Vec<Wakeup>, bool) {
        match taken {
            Ok(Taken::Slot) => {
                let waiting = self.waiting.get(&place);
                if let Some(waiting) = waiting.filter(|_| place.lane == Lane::Batch) {
                    self.batch_from = now + waiting.pace();
                }
                self.ask_at = Moment::ZERO;
                (self.tell(place, Verdict::Slot).into_iter().collect(), true)
            }
            Ok(Taken::Busy(wait)) => {
                self.ask_at = now.saturating_add(wait);
                (Vec::new(), false)
            }
            Err(error) => (self.fail_all(&error), false),
        }
    }

    /// Takes this one out of the queue and tells it.
    pub(super) fn tell(&mut self, place: Place, verdict: Verdict) -> Option<Wakeup> {
        let waiting = self.waiting.remove(&place)?;
        Some(Wakeup { id: place.id, waiting, verdict })
    }

    /// One failure for all who wait: nobody asks a store again that was away a moment ago.
    pub(super) fn fail_all(&mut self, error: &StoreError) -> Vec<Wakeup> {
        self.ask_at = Moment::ZERO;
        let failed = |(place, waiting): (Place, Waiting)| {
            let verdict = Verdict::Failed(error.clone());
            Wakeup { id: place.id, waiting, verdict }
        };
        std::mem::take(&mut self.waiting).into_iter().map(failed).collect()
    }

    pub(super) fn ahead_of(&self, place: Place) -> usize {
        self.waiting.range((Bound::Unbounded, Bound::Excluded(place))).count()
    }
}
