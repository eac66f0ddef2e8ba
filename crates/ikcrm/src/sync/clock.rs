//! The clock of slots and deadlines: it counts the time that the machine sleeps, where the system
//! has such a clock.

use std::time::Duration;

/// A point in time, counted from one that is the same for all processes of the machine.
pub(crate) type Moment = Duration;

/// The time now.
#[cfg(unix)]
pub(crate) fn now() -> Moment {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: ClockId = ClockId::Monotonic;
    Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
}

/// Where the clock since the start cannot be read without unsafe code, the time of day stands in.
#[cfg(not(unix))]
pub(crate) fn now() -> Moment {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// How much time is left until then.
pub(crate) fn left(until: Moment) -> Duration {
    until.saturating_sub(now())
}
