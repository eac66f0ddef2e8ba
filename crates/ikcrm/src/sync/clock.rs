//! The clock of slots and deadlines: it goes on while the machine sleeps and is the same for all its
//! processes.

use std::time::Duration;

/// A point in time, counted from one in the past.
pub(crate) type Moment = Duration;

/// What is counted from: a day before the machine's start, so that what was before it has a time too.
#[cfg(unix)]
const START: Duration = Duration::from_secs(24 * 3600);

/// The time now.
#[cfg(unix)]
pub(crate) fn now() -> Moment {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: ClockId = ClockId::Monotonic;
    START + Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
}

/// Where the clock since the start cannot be read without unsafe code, the time of day stands in.
/// It may go backwards; who keeps its times must expect that.
#[cfg(not(unix))]
pub(crate) fn now() -> Moment {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// How much time is left until then.
pub(crate) fn left(until: Moment) -> Duration {
    until.saturating_sub(now())
}
