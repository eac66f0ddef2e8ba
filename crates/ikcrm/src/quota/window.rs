//! `Window`: which slots are taken and when each becomes free. Pure: the clock is an argument.
//!
//! Why no window on the CRM's side can hold more calls than there are slots: a slot is taken before
//! its call is sent and becomes free `per` after the answer arrived. The CRM counted the call at
//! some moment in between. Two calls of one slot are therefore counted more than `per` apart, so
//! any stretch of `per`, sliding or fixed, holds at most one call of each slot, whatever the
//! network's delays.
//!
//! A slot keeps until when its call may be counted, not when the slot is free: who comes with
//! another `per` finds the same calls. Every limit that was seen within the last hour holds for all.

use std::num::NonZeroUsize;
use std::time::Duration;

/// How long a limit holds for everybody after it was last seen.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// How many limits are remembered at most, the newest ones.
const MOST_LIMITS: usize = 16;
/// How late the CRM may count a call of which nothing was heard any more. The network's delay has no
/// bound, so this is what is promised.
pub(crate) const LATE: Duration = Duration::from_secs(10);
/// The longest time that is believed to be left of a call: the longest timeout, and late.
const LONGEST_OPEN: Duration = Duration::from_secs(3600 + LATE.as_secs());
/// How long a block is at most, and that many windows.
const LONGEST_BLOCK: Duration = Duration::from_secs(600);
const BLOCKED_WINDOWS: u32 = 6;

/// How many calls are admitted in any stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limit {
    pub(crate) calls: NonZeroUsize,
    pub(crate) per: Duration,
}

impl Limit {
    pub(crate) const MOST_CALLS: usize = 1000;
    pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

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

    /// The time between two calls that are spread evenly.
    pub(crate) fn pace(self) -> Duration {
        self.per / u32::try_from(self.calls.get()).unwrap_or(u32::MAX)
    }

    /// Whether who keeps to `other` may break this limit.
    pub(crate) fn is_stricter_than(self, other: Self) -> bool {
        let windows = self.per.as_nanos().div_ceil(other.per.as_nanos().max(1));
        let calls = |limit: Self| u128::try_from(limit.calls.get()).unwrap_or(u128::MAX);
        calls(self) < calls(other).saturating_mul(windows)
    }

    /// The longest block by somebody with this limit.
    fn longest_block(self) -> Duration {
        LONGEST_BLOCK.max(self.per.saturating_mul(BLOCKED_WINDOWS))
    }
}

/// What became of the call that a slot was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Not a byte of it was sent: the slot is free at once.
    Unsent,
    /// The CRM answered: the slot is free `per` later.
    Answered,
    /// The call broke: the CRM may count it until its deadline, and a while from now at least.
    Unknown,
    /// It is under way with a slot of another store: the CRM may count it for so long yet.
    Elsewhere(Duration),
}

/// Who wants a slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// The slot's name, unlike any other's.
    pub(crate) id: u64,
    /// The call's deadline and `per`.
    pub(crate) hold: Duration,
    /// How many slots must be left for others.
    pub(crate) ahead: usize,
}

impl Request {
    /// How long the CRM may count the call, should nobody tell its fate.
    pub(crate) fn open(self, limit: Limit) -> Duration {
        self.hold.saturating_sub(limit.per).saturating_add(LATE).min(LONGEST_OPEN)
    }
}

/// What came of wanting a slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Taken {
    Slot,
    /// None before this much time has passed.
    Busy(Duration),
}

/// The slots of one quota. Times are counted from any one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Window {
    pub(super) slots: Vec<Slot>,
    /// The limits of those who took slots, and when each was last seen.
    pub(super) limits: Vec<(Limit, Duration)>,
    pub(super) blocked_until: Duration,
    /// The latest time that was seen.
    pub(super) now: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slot {
    pub(super) id: u64,
    /// When its call was taken, answered or broken: something that has been.
    pub(super) since: Duration,
    /// How long after that the CRM may count it.
    pub(super) open: Duration,
    /// Whether the call is under way: then its answer will end that time.
    pub(super) in_flight: bool,
}

impl Window {
    /// Takes a slot, if one is free and enough are left for others.
    pub(crate) fn take(&mut self, request: Request, limit: Limit, now: Duration) -> Taken {
        self.arrive(now);
        self.see(limit, now);
        // A slot of the same name was taken by this very request, and its answer got lost.
        self.slots.retain(|slot| slot.id != request.id);
        self.forget();
        let at = self.next(request.ahead, limit);
        if at > now {
            return Taken::Busy(at.saturating_sub(now));
        }
        let open = request.open(limit);
        self.slots.push(Slot { id: request.id, since: now, open, in_flight: true });
        Taken::Slot
    }

    /// Goes on at this time. When the clock went back, no more time is left than was left then.
    pub(crate) fn arrive(&mut self, now: Duration) {
        if now < self.now {
            self.go_on_at(now);
        }
        self.now = now;
        self.limit_times();
    }

    /// Goes on by a clock of which it is now this time, as if none had passed meanwhile.
    pub(crate) fn go_on_at(&mut self, now: Duration) {
        let before = self.now;
        let moved = |at| moved(at, before, now);
        self.slots.iter_mut().for_each(|slot| slot.since = moved(slot.since));
        self.limits.iter_mut().for_each(|(_, seen)| *seen = moved(*seen));
        self.blocked_until = moved(self.blocked_until);
        self.now = now;
    }

    /// Believes no time that cannot be.
    fn limit_times(&mut self) {
        let (now, block) = (self.now, self.longest_block());
        for slot in &mut self.slots {
            slot.since = slot.since.min(now);
            slot.open = slot.open.min(LONGEST_OPEN);
        }
        self.limits.iter_mut().for_each(|(_, seen)| *seen = (*seen).min(now));
        self.blocked_until = self.blocked_until.min(now.saturating_add(block));
    }

    fn longest_block(&self) -> Duration {
        let blocks = self.limits.iter().map(|(limit, _)| limit.longest_block());
        blocks.max().unwrap_or(LONGEST_BLOCK)
    }

    /// Remembers a limit. What was sent longer ago than the windows known so far is not known, so a
    /// longer one begins when that is over.
    fn see(&mut self, limit: Limit, now: Duration) {
        self.limits.retain(|(_, seen)| seen.saturating_add(REMEMBERED) > now);
        let known = self.longest_window();
        let new = !self.limits.iter().any(|(other, _)| *other == limit);
        if new && !known.is_zero() && known < limit.per {
            self.blocked_until = self.blocked_until.max(now + limit.per.saturating_sub(known));
        }
        self.limits.retain(|(other, _)| *other != limit);
        self.limits.push((limit, now));
        if self.limits.len() > MOST_LIMITS {
            self.limits.remove(0);
        }
    }

    #[cfg(feature = "fuzzing")]
    pub(crate) fn has_limits(&self) -> bool {
        !self.limits.is_empty()
    }

    fn longest_window(&self) -> Duration {
        self.limits.iter().map(|(limit, _)| limit.per).max().unwrap_or_default()
    }

    /// Drops the slots that no limit counts any more.
    pub(crate) fn forget(&mut self) {
        let (now, longest) = (self.now, self.longest_window());
        self.slots.retain(|slot| slot.free_at(longest) > now);
    }

    /// Whether nothing of it is left that anybody must know.
    pub(crate) fn is_over(&self) -> bool {
        let seen = self.limits.iter().any(|(_, seen)| seen.saturating_add(REMEMBERED) > self.now);
        self.slots.is_empty() && !seen && self.blocked_until <= self.now
    }

    /// The earliest time at which a slot can be had when `ahead` others come first.
    fn next(&self, ahead: usize, limit: Limit) -> Duration {
        let others = self.limits.iter().map(|(limit, _)| *limit);
        let at = others.chain([limit]).map(|limit| self.next_under(limit, ahead));
        at.max().unwrap_or_default()
    }

    fn next_under(&self, Limit { calls, per }: Limit, ahead: usize) -> Duration {
        let answered = self.now.saturating_add(per);
        let mut free_at: Vec<_> =
            self.taken(per).map(|slot| slot.earliest(per, answered)).collect();
        free_at.resize(free_at.len().max(calls.get()), self.now);
        free_at.sort_unstable();
        // With more slots taken than there are, the first to become free are of no use.
        let usable = free_at.get(free_at.len() - calls.get()..).unwrap_or_default();
        let rounds = u32::try_from(ahead / calls).unwrap_or(u32::MAX);
        let at = usable.get(ahead % calls).copied().unwrap_or(self.now);
        at.max(self.blocked_until).saturating_add(per.saturating_mul(rounds))
    }

    /// The slots whose calls may be in the window that ends now.
    fn taken(&self, per: Duration) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(move |slot| slot.free_at(per) > self.now)
    }

    /// Makes a limit known under which a slot was taken, so that none of it is forgotten too early.
    pub(crate) fn know(&mut self, limit: Limit, now: Duration) {
        self.arrive(now);
        self.see(limit, now);
    }

    /// Tells the fate of the call that the slot was taken for.
    pub(crate) fn settle(&mut self, id: u64, fate: Fate, now: Duration) {
        self.arrive(now);
        let taken = self.slots.iter().position(|slot| slot.id == id);
        let taken = taken.map(|index| self.slots.swap_remove(index));
        let (open, in_flight) = match fate {
            Fate::Unsent => return,
            Fate::Answered => (Duration::ZERO, false),
            Fate::Unknown => {
                let left =
                    taken.map_or(Duration::ZERO, |slot| slot.counted_by().saturating_sub(now));
                (left.saturating_sub(LATE).max(LATE), false)
            }
            Fate::Elsewhere(open) => (open, true),
        };
        self.slots.push(Slot { id, since: now, open, in_flight });
    }

    /// Lets nobody take a slot for some time, within bounds.
    pub(crate) fn block(&mut self, duration: Duration, now: Duration) {
        self.arrive(now);
        let duration = duration.min(self.longest_block());
        self.blocked_until = self.blocked_until.max(now.saturating_add(duration));
    }

    /// How many slots are taken, and when the next can be had.
    pub(crate) fn usage(&mut self, limit: Limit, ahead: usize, now: Duration) -> (usize, Duration) {
        self.arrive(now);
        // As who takes a slot finds it, but a look makes no limit known to others.
        let mut seen = self.clone();
        seen.see(limit, now);
        (self.taken(limit.per).count(), seen.next(ahead, limit).saturating_sub(now))
    }

    /// Another limit, seen within the last hour, that holds back who keeps to this one.
    pub(crate) fn stricter(&self, limit: Limit) -> Option<Limit> {
        let others = self.limits.iter().map(|(other, _)| *other);
        others.filter(|other| other.is_stricter_than(limit)).max_by_key(|other| other.per)
    }

    /// How long it takes at most until all that is taken now is over.
    pub(crate) fn longest_hold(&self) -> Duration {
        let open = self.slots.iter().map(|slot| slot.open).max().unwrap_or_default();
        open.saturating_add(self.longest_window())
    }

    /// The slots that are taken, as another store can be told of them.
    pub(crate) fn held(&self, per: Duration) -> Vec<(u64, Fate)> {
        let fate = |slot: &Slot| match slot.counted_by().saturating_sub(self.now) {
            Duration::ZERO => Fate::Answered,
            left => Fate::Elsewhere(left),
        };
        self.taken(per).map(|slot| (slot.id, fate(slot))).collect()
    }
}

/// What was `at` when it was `before`, by a clock of which that moment is `now`.
pub(super) fn moved(at: Duration, before: Duration, now: Duration) -> Duration {
    now.saturating_add(at.saturating_sub(before)).saturating_sub(before.saturating_sub(at))
}

impl Slot {
    /// The last moment at which the CRM may count the call.
    fn counted_by(&self) -> Duration {
        self.since.saturating_add(self.open)
    }

    fn free_at(&self, per: Duration) -> Duration {
        self.counted_by().saturating_add(per)
    }

    /// The earliest time at which it can be free, when an answer now frees it at `answered`.
    fn earliest(&self, per: Duration, answered: Duration) -> Duration {
        if self.in_flight { self.free_at(per).min(answered) } else { self.free_at(per) }
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
        limit_per(calls, 10)
    }

    const fn limit_per(calls: usize, per: u64) -> Limit {
        Limit { calls: NonZeroUsize::new(calls).unwrap(), per: seconds(per) }
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
        window.settle(1, Fate::Answered, seconds(3));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(4)), Taken::Busy(seconds(9)));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(13)), Taken::Slot);
    }

    #[test]
    fn a_slot_whose_call_was_not_sent_is_free_at_once() {
        let mut window = full();
        window.settle(2, Fate::Unsent, seconds(3));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(3)), Taken::Slot);
    }

    #[test]
    fn a_call_that_broke_early_may_be_counted_until_its_deadline() {
        let mut window = full();
        window.settle(1, Fate::Unknown, seconds(3));
        window.settle(2, Fate::Unknown, seconds(3));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(39)), Taken::Busy(seconds(1)));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(40)), Taken::Slot);
    }

    #[test]
    fn a_call_that_broke_late_may_be_counted_for_a_while() {
        let mut window = full();
        window.settle(1, Fate::Unknown, seconds(29));
        window.settle(2, Fate::Unknown, seconds(29));
        let busy = window.take(request(3, 0), LIMIT, seconds(48));
        assert_eq!(busy, Taken::Busy(seconds(1)), "29 s, late by 10 s, and a window");
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(49)), Taken::Slot);
    }

    #[test]
    fn a_call_of_which_nothing_is_heard_may_be_late_as_well() {
        let mut window = full();
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(49)), Taken::Busy(seconds(1)));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(50)), Taken::Slot);
    }

    #[test]
    fn a_call_under_way_may_be_answered_now() {
        assert_eq!(full().take(request(3, 0), LIMIT, seconds(1)), Taken::Busy(seconds(10)));
    }

    #[test]
    fn who_comes_later_waits_for_those_who_come_first() {
        let mut window = full();
        window.settle(1, Fate::Answered, seconds(2));
        window.settle(2, Fate::Answered, seconds(5));
        let waits = (0..5).map(|ahead| window.next(ahead, LIMIT).as_secs());
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
    fn a_block_lasts_a_few_windows_at_most() {
        for asked in [Duration::MAX, seconds(u64::MAX), seconds(999_999_999)] {
            let mut window = Window::default();
            window.block(asked, seconds(1));
            assert_eq!(window.take(request(1, 0), LIMIT, seconds(1)), Taken::Busy(seconds(600)));
            // As an older version may have written it.
            window.blocked_until = Duration::MAX;
            assert_eq!(window.take(request(1, 0), LIMIT, seconds(5)), Taken::Busy(seconds(600)));
        }
        let mut window = Window::default();
        let hour = limit_per(1, 3600);
        assert_eq!(window.take(request(1, 0), hour, seconds(0)), Taken::Slot);
        window.block(Duration::MAX, seconds(0));
        assert_eq!(window.take(request(2, 0), hour, seconds(0)), Taken::Busy(seconds(6 * 3600)));
    }

    #[test]
    fn fewer_slots_than_are_taken_are_waited_for() {
        let mut window = full();
        window.settle(1, Fate::Answered, seconds(2));
        window.settle(2, Fate::Answered, seconds(5));
        assert_eq!(window.take(request(3, 0), limit(1), seconds(12)), Taken::Busy(seconds(3)));
    }

    #[test]
    fn the_stricter_of_two_limits_holds_for_an_hour() {
        let (strict, loose) = (limit_per(1, 10), limit_per(5, 10));
        let mut window = Window::default();
        assert_eq!(window.take(request(1, 0), strict, seconds(0)), Taken::Slot);
        window.settle(1, Fate::Answered, seconds(1));
        assert_eq!(window.take(request(2, 0), loose, seconds(5)), Taken::Busy(seconds(6)));
        assert_eq!(window.stricter(loose), Some(strict));
        assert_eq!(window.stricter(strict), None);
        assert_eq!(window.usage(loose, 0, seconds(6)), (1, seconds(5)));
        let later = seconds(3600);
        window.block(seconds(0), later);
        assert_eq!(window.usage(loose, 1, later).1, seconds(0), "as a take would find it");
        assert_eq!(window.take(request(2, 0), loose, later), Taken::Slot);
        assert_eq!(window.take(request(3, 0), loose, later), Taken::Slot, "forgotten by now");
        assert_eq!(window.stricter(loose), None);
    }

    #[test]
    fn a_longer_window_begins_when_what_it_does_not_know_is_over() {
        let (short, long) = (limit_per(10, 1), limit_per(10, 60));
        let mut window = Window::default();
        assert_eq!(window.take(request(1, 0), long, seconds(0)), Taken::Slot, "nobody came before");
        let mut window = Window::default();
        assert_eq!(window.take(request(1, 0), short, seconds(0)), Taken::Slot);
        window.settle(1, Fate::Answered, seconds(0));
        assert_eq!(window.usage(long, 0, seconds(5)), (1, seconds(59)));
        assert_eq!(window.limits.len(), 1, "a look makes no limit known");
        assert_eq!(window.take(request(2, 0), long, seconds(5)), Taken::Busy(seconds(59)));
        assert_eq!(window.take(request(2, 0), long, seconds(6)), Taken::Busy(seconds(58)));
    }

    #[test]
    fn a_slot_counts_by_the_window_of_who_asks() {
        let (short, long) = (limit_per(1, 1), limit_per(1, 60));
        let mut window = Window::default();
        assert_eq!(window.take(request(1, 0), long, seconds(0)), Taken::Slot);
        window.settle(1, Fate::Answered, seconds(1));
        assert_eq!(window.take(request(2, 0), short, seconds(3)), Taken::Busy(seconds(58)));
        assert_eq!(window.usage(short, 0, seconds(3)).0, 0);
        assert_eq!(window.usage(long, 0, seconds(3)).0, 1);
    }

    #[test]
    fn stricter_is_what_another_limit_does_not_imply() {
        let cases = [
            (limit_per(10, 1), limit_per(20, 1), true),
            (limit_per(20, 1), limit_per(10, 1), false),
            (limit_per(10, 10), limit_per(10, 10), false),
            (limit_per(100, 100), limit_per(10, 10), false),
            (limit_per(50, 60), limit_per(10, 10), true),
            (limit_per(10, 1), limit_per(10, 60), false),
        ];
        for (one, other, stricter) in cases {
            assert_eq!(one.is_stricter_than(other), stricter, "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_leaves_no_more_time_than_was_left() {
        let mut window = full();
        window.settle(1, Fate::Answered, seconds(5000));
        window.settle(2, Fate::Answered, seconds(5000));
        window.arrive(seconds(5003));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(100)), Taken::Busy(seconds(7)));
        assert_eq!(window.take(request(3, 0), LIMIT, seconds(107)), Taken::Slot);
    }

    #[test]
    fn times_that_cannot_be_do_not_hold_anybody_for_long() {
        let mut window = full();
        window.slots.iter_mut().for_each(|slot| {
            (slot.since, slot.open, slot.in_flight) = (Duration::MAX, Duration::MAX, false);
        });
        let Taken::Busy(wait) = window.take(request(3, 0), LIMIT, seconds(1)) else { panic!() };
        assert_eq!(wait, LONGEST_OPEN + LIMIT.per);
    }

    #[test]
    fn another_store_is_told_what_is_taken() {
        let mut window = full();
        window.settle(1, Fate::Answered, seconds(5));
        window.arrive(seconds(6));
        let mut other = Window::default();
        for (id, fate) in window.held(LIMIT.per) {
            other.settle(id, fate, seconds(106));
        }
        assert_eq!(other.usage(LIMIT, 0, seconds(106)).0, 2);
        assert_eq!(other.take(request(3, 0), LIMIT, seconds(115)), Taken::Busy(seconds(1)));
        assert_eq!(other.take(request(3, 0), LIMIT, seconds(116)), Taken::Slot);
        let busy = other.take(request(4, 0), LIMIT, seconds(149));
        assert_eq!(
            busy,
            Taken::Busy(seconds(1)),
            "taken at 0 s of the other's time, so until 150 s"
        );
    }
}
