//! `HookThread`: runs the functions that a user gave, one after the other, so that a call that waits
//! for one can end by its own time.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::lock::lock;
use super::reply::Reply;

/// How long the idle thread is kept.
const IDLE: Duration = Duration::from_secs(5);
const STACK: usize = 512 * 1024;

type Hook = Box<dyn FnOnce() + Send>;

/// A thread that is started when it is needed.
#[derive(Default)]
pub(crate) struct HookThread(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    asked: Condvar,
}

#[derive(Default)]
struct State {
    hooks: VecDeque<Hook>,
    running: bool,
}

impl HookThread {
    /// Runs the function, and tells what it gave back; nothing when it panicked.
    ///
    /// # Errors
    ///
    /// When no thread could be started.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        hook: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Reply<Option<T>>> {
        let reply = Reply::new();
        let told = reply.clone();
        let hook = Box::new(move || drop(told.fill(catch_unwind(AssertUnwindSafe(hook)).ok())));
        let mut state = lock(&self.0.state);
        if !state.running {
            let shared = Arc::clone(&self.0);
            let thread = std::thread::Builder::new().name("ikcrm-hook".to_owned());
            thread.stack_size(STACK).spawn(move || shared.work())?;
            state.running = true;
        }
        state.hooks.push_back(hook);
        drop(state);
        self.0.asked.notify_one();
        Ok(reply)
    }
}

impl Shared {
    fn work(&self) {
        while let Some(hook) = self.next() {
            hook();
        }
    }

    /// The next function; nothing when the thread has signed off, since none came for long.
    fn next(&self) -> Option<Hook> {
        let state = lock(&self.state);
        let wait = self.asked.wait_timeout_while(state, IDLE, |state| state.hooks.is_empty());
        let (mut state, _) = wait.unwrap_or_else(PoisonError::into_inner);
        let hook = state.hooks.pop_front();
        state.running = hook.is_some();
        hook
    }
}
