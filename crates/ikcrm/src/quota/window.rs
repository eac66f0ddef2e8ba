//! `Window`: which slots are taken and when each becomes free. Pure: the clock is an argument.
//!
//! Why no window on the CRM's side can hold more calls than there are slots: a slot is taken before
//! its call is sent and becomes free `per` after the answer arrived. The CRM counted the call at
//! some moment in between. Two calls of one slot are therefore counted more than `per` apart, so
//! any stretch of `per`, sliding or fixed, holds at most one call of each slot, whatever the
//! network's delays.

use std::num::NonZeroUsize;
use std::time::Duration;

#[cfg(feature = "quota-sqlite")]
use serde::{Deserialize, Serialize};

/// How many calls are admitted in any stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limit {
    pub(crate) calls: NonZeroUsize,
    pub(crate) per: Duration,
}

impl Limit {
    /// A part of the calls, at least one.
    pub(crate) fn part(self, part: f64) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 1000 calls, and a part from 0 to 1"
        )]
        let calls = (self.calls.get() as f64 * part) as usize;
        Self { calls: NonZeroUsize::new(calls).unwrap_or(NonZeroUsize::MIN), ..self }
    }
}

/// What became of the call that a slot was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Not a byte of it was sent: the slot is free at once.
    Unsent,
    /// The CRM answered: the slot is free `per` later.
    Answered,
    /// The CRM may count it at any time until its deadline: the slot is held as it was taken.
    Unknown,
}

/// Who wants a slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// The slot's name, unlike any other's.
    pub(crate) id: u64,
    /// How long the slot is taken should nobody tell the call's fate: its deadline and `per`.
    pub(crate) hold: Duration,
    /// How many others come first.
    pub(crate) ahead: usize,
}

/// What came of wanting a slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Taken {
    Slot,
    /// None before this much time has passed.
    Busy(Duration),
}

/// The slots of one quota. Times are counted from any one moment.
#[derive(Debug, Clone, Default)]
#[cfg_attr(feature = "quota-sqlite", derive(Serialize, Deserialize))]
pub(crate) struct Window {
    slots: Vec<Slot>,
    blocked_until: Duration,
}

#[derive(Debug, Clone)]
#[cfg_attr(feature = "quota-sqlite", derive(Serialize, Deserialize))]
struct Slot {
    id: u64,
    free_at: Duration,
    /// Whether the call is under way: then its answer will change `free_at`.
    in_flight: bool,
}

impl Window {
    /// Takes a slot, if one is free and nobody comes first.
    pub(crate) fn take(&mut self, request: Request, limit: Limit, now: Duration) -> Taken {
        // A slot of the same name was taken by this very request, and its answer got lost.
        self.slots.retain(|slot| slot.free_at > now && slot.id != request.id);
        let at = self.next(request.ahead, limit, now);
        if request.ahead > 0 || at > now {
            return Taken::Busy(at.saturating_sub(now));
        }
        let free_at = now + request.hold;
        self.slots.push(Slot { id: request.id, free_at, in_flight: true });
        Taken::Slot
    }

    /// The earliest time at which a slot can be had when `ahead` others come first.
    fn next(&self, ahead: usize, limit: Limit, now: Duration) -> Duration {
        let Limit { calls, per } = limit;
        let mut free_at: Vec<_> = self.taken(now).map(|slot| slot.earliest(now + per)).collect();
        free_at.resize(free_at.len().max(calls.get()), now);
        free_at.sort_unstable();
        // With more slots taken than there are, the first to become free are of no use.
        let usable = free_at.get(free_at.len() - calls.get()..).unwrap_or_default();
        let rounds = u32::try_from(ahead / calls).unwrap_or(u32::MAX);
        let at = usable.get(ahead % calls).copied().unwrap_or(now);
        at.max(self.blocked_until).saturating_add(per.saturating_mul(rounds))
    }

    fn taken(&self, now: Duration) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(move |slot| slot.free_at > now)
    }

    /// Tells the fate of the call that the slot was taken for.
    pub(crate) fn settle(&mut self, id: u64, fate: Fate, per: Duration, now: Duration) {
        match fate {
            Fate::Unsent => self.slots.retain(|slot| slot.id != id),
            Fate::Answered => {
                self.slots.retain(|slot| slot.free_at > now && slot.id != id);
                self.slots.push(Slot { id, free_at: now + per, in_flight: false });
            }
            Fate::Unknown => {}
        }
    }

    /// Lets nobody take a slot for some time.
    pub(crate) fn block(&mut self, duration: Duration, now: Duration) {
        self.blocked_until = self.blocked_until.max(now.saturating_add(duration));
    }

    /// How many slots are taken, and when the next can be had.
    pub(crate) fn usage(&self, limit: Limit, now: Duration) -> (usize, Duration) {
        (self.taken(now).count(), self.next(0, limit, now).saturating_sub(now))
    }

    /// Counts all times from `moment` on.
    #[cfg(feature = "quota-sqlite")]
    pub(crate) fn count_from(&mut self, moment: Duration) {
        self.slots.iter_mut().for_each(|slot| slot.free_at = slot.free_at.saturating_sub(moment));
        self.blocked_until = self.blocked_until.saturating_sub(moment);
    }
}

impl Slot {
    /// The earliest time at which it can be free, when an answer now frees it at `if_answered`.
    fn earliest(&self, if_answered: Duration) -> Duration {
        if self.in_flight { self.free_at.min(if_answered) } else { self.free_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = limit(2);

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const fn limit(calls: usize) -> Limit {
        Limit { calls: NonZeroUsize::new(calls).unwrap(), per: seconds(10) }
    }

    fn request(id: u64, ahead: usize) -> Request {
        Request { id, hold: seconds(40), ahead }
    }

    /// A window whose two slots were taken at 0 s.
    fn full() -> Window {
        let mut window = Window::default();
        assert_eq!(window.take(request(1, 0), LIMIT, seconds(0)), Taken::Slot);
        assert_eq!(window.take(request(2, 0), LIMIT, seconds(0)), Taken::Slot);
        window
    }

    #[test]
    fn a_slot_is_free_a_window_after_the_answer() {
        let mut window = full();
        window.settle(1, Fate::Answered, LIMIT.per, seconds(3));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(4)), Taken::Busy(seconds(9)));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(13)), Taken::Slot);
    }

    #[test]
    fn a_slot_whose_call_was_not_sent_is_free_at_once() {
        let mut window = full();
        window.settle(2, Fate::Unsent, LIMIT.per, seconds(3));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(3)), Taken::Slot);
    }

    #[test]
    fn a_slot_whose_fate_is_unknown_is_held_as_it_was_taken() {
        let mut window = full();
        window.settle(1, Fate::Unknown, LIMIT.per, seconds(3));
        window.settle(2, Fate::Unknown, LIMIT.per, seconds(3));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(39)), Taken::Busy(seconds(1)));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(40)), Taken::Slot);
    }

    #[test]
    fn a_call_under_way_may_be_answered_now() {
        assert_eq!(full().take(request(3, 0), LIMIT, seconds(1)), Taken::Busy(seconds(10)));
    }

    #[test]
    fn who_comes_later_waits_for_those_who_come_first() {
        let mut window = full();
        window.settle(1, Fate::Answered, LIMIT.per, seconds(2));
        window.settle(2, Fate::Answered, LIMIT.per, seconds(5));
        let waits = (0..5).map(|ahead| window.next(ahead, LIMIT, seconds(5)).as_secs());
        assert_eq!(waits.collect::<Vec<_>>(), [12, 15, 22, 25, 32]);
        assert_eq!(window.take(request(3, 1), LIMIT, seconds(14)), Taken::Busy(seconds(1)));
    }

    #[test]
    fn a_block_holds_everybody_back() {
        let mut window = Window::default();
        window.block(seconds(10), seconds(1));
        assert_eq!(window.take(request(1, 0), LIMIT, seconds(2)), Taken::Busy(seconds(9)));
        assert_eq!(window.take(request(1, 0), LIMIT, seconds(11)), Taken::Slot);
    }

    #[test]
    fn a_block_may_be_longer_than_all_time() {
        let mut window = Window::default();
        window.block(Duration::MAX, seconds(1));
        let Taken::Busy(wait) = window.take(request(1, 0), LIMIT, seconds(2)) else {
            panic!("a slot was taken")
        };
        assert!(wait > seconds(1 << 60));
    }

    #[test]
    fn fewer_slots_than_are_taken_are_waited_for() {
        let mut window = full();
        window.settle(1, Fate::Answered, LIMIT.per, seconds(2));
        window.settle(2, Fate::Answered, LIMIT.per, seconds(5));
        assert_eq!(window.take(request(3, 0), limit(1), seconds(12)), Taken::Busy(seconds(3)));
    }
}
