//! Points at which a test stops the process. No release has them.

/// Stops the process here if the environment's `IKCRM_STOP_AT` says so, until it is continued.
#[cfg(all(feature = "fault-points", unix))]
pub(crate) fn reach(point: &str) {
    use rustix::process::{Signal, getpid, kill_process};
    if std::env::var_os("IKCRM_STOP_AT").is_some_and(|stop_at| stop_at == point) {
        drop(kill_process(getpid(), Signal::STOP));
    }
}

#[cfg(not(all(feature = "fault-points", unix)))]
pub(crate) const fn reach(_: &str) {}
