//! `Cache`: a value that is read when it is needed, and kept for a while.

use std::future::Future;
use std::time::{Duration, Instant};

use super::budget::Budget;
use super::single_flight::SingleFlight;
use crate::error::Error;

/// How long a value is kept: somebody may add or disable an option meanwhile.
const KEPT: Duration = Duration::from_secs(600);

/// A value and when it was read; calls that need it at once share one reading.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    flight: SingleFlight<(Instant, T)>,
    lasts: Duration,
}

impl<T: Clone> Cache<T> {
    /// `what` is read, for messages.
    pub(crate) fn new(what: &'static str) -> Self {
        Self { flight: SingleFlight::new(what, None), lasts: KEPT }
    }

    /// The value that is kept, or a new one when that is too old or is to be `refresh`ed.
    pub(crate) async fn get(
        &self,
        refresh: bool,
        budget: &Budget,
        fetch: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let stale = if refresh { self.flight.at_hand().map(|(read, _)| read) } else { None };
        let usable = |(read, _): &(Instant, T)| stale != Some(*read) && read.elapsed() < self.lasts;
        let fetch = async { Ok((Instant::now(), fetch.await?)) };
        self.flight.get(budget, usable, fetch).await.map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::block_on::block_on;
    use super::super::budget::Ends;
    use super::*;

    /// What is got of a value 1 that lasts so long, when a new one is 2.
    fn got(lasts: Duration, refresh: bool) -> u32 {
        let cache = Cache { lasts, ..Cache::new("a number") };
        cache.flight.put((Instant::now(), 1));
        let budget = Budget::new(Duration::from_secs(1), None, Ends::default());
        block_on(cache.get(refresh, &budget, async { Ok(2) }), None).unwrap()
    }

    #[test]
    fn what_is_kept_is_read_anew_when_it_is_old_or_told_to_be() {
        assert_eq!(got(KEPT, false), 1);
        assert_eq!(got(Duration::ZERO, false), 2);
        assert_eq!(got(KEPT, true), 2);
    }
}
