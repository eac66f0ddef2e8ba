//! Threads for calls that a caller does not wait for: started on demand, ended when idle for long
//! or with their client.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::cancel::{Cancel, SLICE};
use super::lock::lock;

/// The most threads at once; further calls wait for one.
const MOST: usize = 256;
/// How long an idle thread is kept.
const IDLE: Duration = Duration::from_secs(5);
const STACK: usize = 512 * 1024;

/// A call to make, and what cancels it.
struct Job {
    cancel: Option<Cancel>,
    call: Box<dyn FnOnce() + Send>,
}

/// A pool of threads.
#[derive(Default)]
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
    /// Whether a thread sweeps.
    sweeping: bool,
    /// Whether no further call comes.
    closed: bool,
}

impl Workers {
    /// Makes the call on a thread of the pool; one that is cancelled meanwhile need not wait for
    /// its turn.
    pub(crate) fn run(
        &self,
        cancel: Option<Cancel>,
        call: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<()> {
        let mut state = self.0.lock();
        if state.idle <= state.jobs.len() {
            if state.threads < MOST {
                match self.start(Shared::work) {
                    Ok(()) => state.threads += 1,
                    // The system has no more to give: one of those that are there comes to it.
                    Err(_) if state.threads > 0 => {}
                    Err(error) => return Err(error),
                }
            } else if cancel.is_some() && !state.sweeping {
                self.start(Shared::sweep)?;
                state.sweeping = true;
            }
        }
        state.jobs.push_back(Job { cancel, call: Box::new(call) });
        drop(state);
        self.0.wake.notify_one();
        Ok(())
    }

    /// Ends the idle threads; no call comes any more.
    pub(crate) fn close(&self) {
        self.0.lock().closed = true;
        self.0.wake.notify_all();
    }

    fn start(&self, work: fn(&Shared)) -> std::io::Result<()> {
        let shared = Arc::clone(&self.0);
        let thread = std::thread::Builder::new().name("ikcrm-call".to_owned()).stack_size(STACK);
        thread.spawn(move || work(&shared)).map(drop)
    }
}

impl Job {
    fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(Cancel::is_cancelled)
    }

    fn run(self) {
        // A panic ends its own call, whose caller sees it dropped, and not the thread.
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(self.call)));
    }
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.next() {
            job.run();
        }
    }

    /// Ends the calls that were cancelled before their turn, as long as any wait for it.
    fn sweep(&self) {
        while let Some(cancelled) = self.cancelled() {
            cancelled.into_iter().for_each(Job::run);
            std::thread::sleep(SLICE);
        }
    }

    /// The calls that were cancelled; nothing when none wait, and the sweeper has signed off.
    fn cancelled(&self) -> Option<VecDeque<Job>> {
        let mut state = self.lock();
        state.sweeping = !state.jobs.is_empty();
        let (cancelled, jobs) =
            std::mem::take(&mut state.jobs).into_iter().partition(Job::is_cancelled);
        state.jobs = jobs;
        state.sweeping.then_some(cancelled)
    }

    /// The next job, or nothing when the thread has signed off, since it was idle for long or no
    /// job can come.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
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
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::OnceCell;
    use std::sync::mpsc::{self, Sender};

    use super::*;

    /// Tells when the thread that keeps it has ended.
    struct Ended(Sender<()>);

    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.send(()).ok();
        }
    }

    thread_local! {
        static ENDED: OnceCell<Ended> = const { OnceCell::new() };
    }

    #[test]
    fn idle_threads_end_when_no_call_comes() {
        let workers = Workers::default();
        let (begun, calls) = mpsc::channel();
        let (sender, ended) = mpsc::channel();
        let call = move || {
            ENDED.with(|cell| cell.set(Ended(sender)).is_ok());
            begun.send(()).unwrap();
        };
        workers.run(None, call).unwrap();
        calls.recv().unwrap();
        workers.close();
        ended.recv_timeout(IDLE / 2).unwrap();
    }
}
