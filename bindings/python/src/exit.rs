//! Keeps the core's threads out of Python while it ends: one that is amid Python code then would
//! take the process down.

use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

static ENDING: AtomicBool = AtomicBool::new(false);

/// How many threads are in Python, with the process's id in the upper half: a fork inherits the
/// number, but not the threads.
static INSIDE: AtomicU64 = AtomicU64::new(0);

/// Does the work in Python, unless there is none any more.
pub(crate) fn attach<T>(work: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _inside = Inside::enter();
    if is_ending() { None } else { Python::try_attach(work) }
}

/// Whether Python is about to end.
pub(crate) fn is_ending() -> bool {
    ENDING.load(SeqCst)
}

/// To be called before Python ends: lets no more threads in, and waits until all are out.
#[pyfunction]
pub(crate) fn prepare_exit(py: Python<'_>) {
    ENDING.store(true, SeqCst);
    py.detach(|| {
        while inside(INSIDE.load(SeqCst)) > 0 {
            thread::sleep(Duration::from_millis(1));
        }
    });
}

/// A thread that is in Python. It is out when this is dropped, even by a panic.
struct Inside;

impl Inside {
    fn enter() -> Self {
        count(|inside| inside + 1);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        count(|inside| inside.saturating_sub(1));
    }
}

fn count(change: impl Fn(u64) -> u64) {
    let changed = |word| u64::from(process::id()) << 32 | change(inside(word));
    INSIDE.fetch_update(SeqCst, SeqCst, |word| Some(changed(word))).ok();
}

fn inside(word: u64) -> u64 {
    if word >> 32 == u64::from(process::id()) { word & u64::from(u32::MAX) } else { 0 }
}
