//! Tells the core that the process was forked.

use pyo3::prelude::*;

use crate::exit;

/// To be called in a forked process, whose parent's threads it has not.
#[pyfunction]
pub(crate) fn forked() {
    exit::forget_threads();
    ikcrm::forked();
}
