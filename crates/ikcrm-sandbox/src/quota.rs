//! The quota: how many calls are admitted in any window of time, and what was counted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many calls are admitted in any window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The most calls.
    pub calls: usize,
    /// In any stretch of this length.
    pub per: Duration,
}

impl Default for Quota {
    /// The CRM's: 10 calls in any 10 s.
    fn default() -> Self {
        Self { calls: 10, per: Duration::from_secs(10) }
    }
}

/// What a sandbox counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Calls that came.
    pub calls: usize,
    /// Calls that were refused over quota.
    pub refused: usize,
    /// The most calls that came within any one window, refused ones too.
    pub max_in_window: usize,
    /// The time from the first call to the last.
    pub span: Duration,
}

/// A sliding window over the calls that came.
#[derive(Debug)]
pub(crate) struct Window {
    quota: Option<Quota>,
    came: VecDeque<Instant>,
    admitted: VecDeque<Instant>,
    first: Option<Instant>,
    stats: Stats,
}

impl Window {
    pub(crate) fn new(quota: Option<Quota>) -> Self {
        let (came, admitted) = (VecDeque::new(), VecDeque::new());
        Self { quota, came, admitted, first: None, stats: Stats::default() }
    }

    pub(crate) fn quota(&self) -> Option<Quota> {
        self.quota
    }

    /// Admits so many calls from now on, counting those that were admitted before.
    pub(crate) fn set_quota(&mut self, quota: Option<Quota>) {
        self.quota = quota;
    }

    pub(crate) fn stats(&self) -> Stats {
        self.stats
    }

    /// Counts a call that came at `now`, and tells whether it is admitted.
    pub(crate) fn admit(&mut self, now: Instant) -> bool {
        let Quota { calls, per } = self.quota.unwrap_or_default();
        forget(&mut self.came, now, per);
        forget(&mut self.admitted, now, per);
        self.came.push_back(now);
        self.stats.calls += 1;
        self.stats.span = now.duration_since(*self.first.get_or_insert(now));
        self.stats.max_in_window = self.stats.max_in_window.max(self.came.len());
        let admitted = self.quota.is_none() || self.admitted.len() < calls;
        if admitted {
            self.admitted.push_back(now);
        } else {
            self.stats.refused += 1;
        }
        admitted
    }
}

/// Drops what lies outside the window that ends `now`.
fn forget(times: &mut VecDeque<Instant>, now: Instant, per: Duration) {
    while times.front().is_some_and(|time| now.duration_since(*time) >= per) {
        times.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_window_admits_ten_calls() {
        let mut window = Window::new(Some(Quota::default()));
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        assert!((0..10).all(|call| window.admit(at(call * 900))));
        assert!(!window.admit(at(9_999)));
        // The first call has left the window, the second has not.
        assert!(window.admit(at(10_000)));
        assert!(!window.admit(at(10_001)));
        let span = Duration::from_millis(10_001);
        let stats = Stats { calls: 13, refused: 2, max_in_window: 12, span };
        assert_eq!(window.stats(), stats);
    }

    #[test]
    fn without_a_quota_all_are_admitted() {
        let mut window = Window::new(None);
        let now = Instant::now();
        assert!((0..100).all(|_| window.admit(now)));
        assert_eq!(window.stats().max_in_window, 100);
    }
}
