//! Where a test may let the process die: at the n-th point that it passes.

/// Dies here, if this is the point that the test names in the environment.
#[cfg(feature = "fault-points")]
pub(super) fn point() {
    use std::sync::atomic::{AtomicU64, Ordering};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    let place = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
    let wanted = std::env::var("IKCRM_DIE_AT").ok().and_then(|text| text.parse().ok());
    if wanted == Some(place) {
        std::process::abort();
    }
}

/// Nothing, outside of tests.
#[cfg(not(feature = "fault-points"))]
pub(super) fn point() {}
