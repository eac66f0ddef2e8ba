//! Where a test may stop the process, as a laptop's sleep does.

/// Stops the process once, if the test names this point in the environment, until it is continued.
#[cfg(all(feature = "fault-points", unix))]
pub(crate) fn stop(point: &str) {
    use rustix::process::{Signal, getpid, kill_process};
    use std::sync::atomic::{AtomicBool, Ordering};

    static STOPPED: AtomicBool = AtomicBool::new(false);
    let wanted = std::env::var_os("IKCRM_STOP_AT").is_some_and(|wanted| wanted == point);
    if wanted && !STOPPED.swap(true, Ordering::AcqRel) {
        kill_process(getpid(), Signal::STOP).ok();
        // The signal may reach another thread of the process first.
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Nothing, outside of tests.
#[cfg(not(all(feature = "fault-points", unix)))]
pub(crate) const fn stop(_: &str) {}
