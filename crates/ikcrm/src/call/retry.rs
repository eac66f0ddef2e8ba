//! Decides whether a failed attempt is made again, and when. Pure, but for the jitter.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::Error;

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// What is to be done after a failed attempt.
#[derive(Debug, PartialEq)]
pub(crate) enum Decision {
    Stop,
    After(Duration),
}

/// Decides after the failure of the attempt number `attempt` (0 is the first), when the call has so
/// much time `left`. `jitter` in 0..1 spreads the waits of many callers.
pub(crate) fn decide(
    max_retries: u32,
    attempt: u32,
    error: &Error,
    retry_after: Option<Duration>,
    left: Duration,
    jitter: f64,
) -> Decision {
    let timed_out = matches!(error, Error::RequestTimeout { .. });
    if attempt >= max_retries || timed_out || !error.retryable() {
        return Decision::Stop;
    }
    let wait = retry_after.unwrap_or_else(|| backoff(attempt, jitter));
    if wait >= left { Decision::Stop } else { Decision::After(wait) }
}

/// A number in 0..1. Not of a generator of our own, whose state a fork would share.
pub(crate) fn jitter() -> f64 {
    let mut bytes = [0; 4];
    // Without random numbers all wait alike.
    SystemRandom::new().fill(&mut bytes).ok();
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
}

/// Half to all of 0.5 s, 1 s, 2 s, … 8 s.
fn backoff(attempt: u32, jitter: f64) -> Duration {
    let full = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_WAIT);
    full.mul_f64(0.5 + jitter / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn broken() -> Error {
        Error::Transport { message: String::new(), retryable: true, may_have_been_applied: false }
    }

    fn wait(attempt: u32, jitter: f64) -> Decision {
        decide(10, attempt, &broken(), None, TIMEOUT, jitter)
    }

    #[test]
    fn waits_double_up_to_eight_seconds() {
        let waits = [0.5, 1.0, 2.0, 4.0, 8.0, 8.0];
        for (attempt, seconds) in waits.into_iter().enumerate() {
            let full = Duration::from_secs_f64(seconds);
            let attempt = u32::try_from(attempt).unwrap();
            assert_eq!(wait(attempt, 1.0), Decision::After(full));
            assert_eq!(wait(attempt, 0.0), Decision::After(full / 2));
        }
    }

    #[test]
    fn a_wait_that_does_not_fit_the_deadline_is_not_begun() {
        let decide = |retry_after, left| {
            let left = Duration::from_secs(left);
            decide(10, 0, &broken(), Some(Duration::from_secs(retry_after)), left, 0.0)
        };
        assert_eq!(decide(20, 30), Decision::After(Duration::from_secs(20)));
        assert_eq!(decide(20, 20), Decision::Stop);
    }

    #[test]
    fn retries_are_limited() {
        let decide = |attempt| decide(2, attempt, &broken(), None, TIMEOUT, 0.0);
        assert_ne!(decide(1), Decision::Stop);
        assert_eq!(decide(2), Decision::Stop);
    }
}
