//! Keeps the core's threads out of Python while it ends: one that is amid Python code then would
//! take the process down.

use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

static ENDING: AtomicBool = AtomicBool::new(false);
static ENDING_THREAD: OnceLock<ThreadId> = OnceLock::new();

/// How many threads are in Python for a moment, with the process's id in the upper half: a fork
/// inherits the number, but not the threads.
static INSIDE: AtomicU64 = AtomicU64::new(0);

/// The same of threads that are in a user's function, which may take its time or never return.
static IN_HOOKS: AtomicU64 = AtomicU64::new(0);

/// How long the end waits for users' functions.
const GRACE: Duration = Duration::from_secs(1);

/// Does the work in Python, unless there is none any more.
pub(crate) fn attach<T>(work: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    enter(&INSIDE, work)
}

/// Calls a user's function in the same way.
pub(crate) fn attach_hook<T>(work: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    enter(&IN_HOOKS, work)
}

fn enter<T>(count: &'static AtomicU64, work: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _inside = Inside::enter(count);
    // What the ending thread itself calls, in a handler of the exit, is safe there.
    let kept_out = is_ending() && ENDING_THREAD.get() != Some(&thread::current().id());
    if kept_out { None } else { Python::try_attach(work) }
}

/// Whether Python is about to end.
pub(crate) fn is_ending() -> bool {
    ENDING.load(SeqCst)
}

/// To be called before Python ends: lets no more threads in, and waits until all are out, but not
/// long for a user's function.
#[pyfunction]
pub(crate) fn prepare_exit(py: Python<'_>) {
    ENDING_THREAD.set(thread::current().id()).ok();
    ENDING.store(true, SeqCst);
    py.detach(|| {
        let end = Instant::now() + GRACE;
        let in_hooks = || inside(IN_HOOKS.load(SeqCst)) > 0 && Instant::now() < end;
        while inside(INSIDE.load(SeqCst)) > 0 || in_hooks() {
            thread::sleep(Duration::from_millis(1));
        }
    });
}

/// In a forked process nobody is in Python but who forked, even if its id is its parent's.
pub(crate) fn forget_threads() {
    INSIDE.store(0, SeqCst);
    IN_HOOKS.store(0, SeqCst);
}

/// A thread that is in Python. It is out when this is dropped, even by a panic.
struct Inside(&'static AtomicU64);

impl Inside {
    fn enter(count: &'static AtomicU64) -> Self {
        change(count, |inside| inside + 1);
        Self(count)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        change(self.0, |inside| inside.saturating_sub(1));
    }
}

fn change(count: &AtomicU64, to: impl Fn(u64) -> u64) {
    let changed = |word| u64::from(process::id()) << 32 | to(inside(word));
    count.fetch_update(SeqCst, SeqCst, |word| Some(changed(word))).ok();
}

fn inside(word: u64) -> u64 {
    if word >> 32 == u64::from(process::id()) { word & u64::from(u32::MAX) } else { 0 }
}
