//! Spreads a job's calls evenly over its share of the quota. Pure.

use std::time::Duration;

/// When the next call may start.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The time from one call to the next; zero when there is no quota.
    pub(super) interval: Duration,
    next: Duration,
}

impl Pace {
    /// At most one call in `per / (calls × share)`.
    pub(super) fn new(limit: Option<(usize, Duration)>, share: f64) -> Self {
        let interval = limit.map_or(Duration::ZERO, |(calls, per)| {
            #[expect(clippy::cast_precision_loss, reason = "a quota has at most 1000 calls")]
            let calls = calls as f64 * share;
            per.div_f64(calls)
        });
        Self { interval, next: Duration::ZERO }
    }

    /// How long a call would have to wait `now`.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.next.saturating_sub(now)
    }

    /// How long a call must wait that would start `now`; it then takes its turn.
    pub(super) fn turn(&mut self, now: Duration) -> Duration {
        let wait = self.wait(now);
        self.next = now + wait + self.interval;
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_spread_evenly_and_time_lost_is_not_made_up() {
        let second = Duration::from_secs;
        let mut pace = Pace::new(Some((10, second(10))), 0.5);
        assert_eq!(pace.turn(second(0)), second(0));
        assert_eq!(pace.turn(second(0)), second(2));
        assert_eq!(pace.turn(second(3)), second(1));
        assert_eq!(pace.turn(second(60)), second(0));
        assert_eq!(pace.turn(second(61)), second(1));
        assert_eq!(Pace::new(None, 0.8).turn(second(0)), second(0));
    }
}
