//! Threads for calls that a caller does not wait for: started on demand, ended when idle.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most threads at once; further calls wait for one.
const MOST: usize = 256;
/// How long an idle thread is kept.
const IDLE: Duration = Duration::from_secs(5);
const STACK: usize = 512 * 1024;

type Job = Box<dyn FnOnce() + Send>;

/// A pool of threads.
#[derive(Clone, Default)]
pub(crate) struct Workers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Workers {
    /// Runs the job on a thread of the pool.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let mut state = self.0.lock();
        if state.idle <= state.jobs.len() && state.threads < MOST {
            self.start()?;
            state.threads += 1;
        }
        state.jobs.push_back(Box::new(job));
        drop(state);
        self.0.wake.notify_one();
        Ok(())
    }

    fn start(&self) -> std::io::Result<()> {
        let shared = Arc::clone(&self.0);
        let thread = std::thread::Builder::new().name("ikcrm-call".to_owned()).stack_size(STACK);
        thread.spawn(move || shared.work()).map(drop)
    }
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.next() {
            // A panic ends its own call, whose caller sees it dropped, and not the thread.
            drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)));
        }
    }

    /// The next job, or nothing when the thread was idle for long and has signed off.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            let (woken, wait) =
                self.wake.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if wait.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
