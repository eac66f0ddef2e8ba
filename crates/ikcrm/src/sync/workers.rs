//! `Workers`: threads that go on with calls nobody waits for on a thread of his own.
//!
//! A call is a future. A worker polls it, and while it waits for a slot or a time no thread is held:
//! what it waits for puts it back into the queue. Only a request under way blocks its worker, and the
//! pool then starts another.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::lock::lock;

/// How many threads that no request blocks are started for the calls in the queue.
const READY: usize = 2;
/// How many threads may be amid telling callers how their calls ended, before no more are started for
/// the others.
const TELLING: usize = 8;
/// How long an idle thread is kept.
const IDLE: Duration = Duration::from_secs(5);
const STACK: usize = 512 * 1024;

/// A call under way.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

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
    queue: VecDeque<Arc<Task>>,
    threads: usize,
    idle: usize,
    /// How many threads a request blocks.
    blocked: usize,
    /// How many threads tell a caller how his call ended.
    telling: usize,
    /// Whether idle threads are to end.
    closed: bool,
}

/// A call and where it is.
struct Task {
    work: Mutex<Option<Work>>,
    step: AtomicU8,
    pool: Arc<Shared>,
}

/// Waits for something that wakes it.
const WAITING: u8 = 0;
/// Stands in the queue.
const QUEUED: u8 = 1;
/// Is being polled.
const POLLED: u8 = 2;
/// Was woken while it was polled.
const WOKEN: u8 = 3;

thread_local! {
    /// The pool whose thread this is.
    static POOL: Cell<*const Shared> = const { Cell::new(std::ptr::null()) };
}

impl Workers {
    /// Goes on with the call on a thread of the pool.
    ///
    /// # Errors
    ///
    /// When there is no thread and none could be started; the call is dropped then.
    pub(crate) fn spawn(&self, work: Work) -> io::Result<()> {
        let work = Mutex::new(Some(work));
        let task = Task { work, step: AtomicU8::new(QUEUED), pool: Arc::clone(&self.0) };
        self.0.push(Arc::new(task))
    }

    /// Does what blocks, such as a request. Where a thread of the pool does so, another one goes on
    /// with the calls in the queue.
    pub(crate) fn block<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Counts the thread as free again, even when the work panics.
        struct Blocked<'a>(&'a Shared);
        impl Drop for Blocked<'_> {
            fn drop(&mut self) {
                lock(&self.0.state).blocked -= 1;
            }
        }
        if POOL.get() != Arc::as_ptr(&self.0) {
            return work();
        }
        let mut state = lock(&self.0.state);
        state.blocked += 1;
        // Without another thread those in the queue wait for this one.
        drop(self.0.call_thread(state));
        let _blocked = Blocked(&self.0);
        work()
    }

    /// Tells a caller how his call ended. That blocks, where it waits for Python, but thousands of
    /// calls that end at once are not told by thousands of threads.
    pub(crate) fn tell(&self, tell: impl FnOnce()) {
        /// Counts the telling as over, even when it panics.
        struct Telling<'a>(&'a Shared);
        impl Drop for Telling<'_> {
            fn drop(&mut self) {
                lock(&self.0.state).telling -= 1;
            }
        }
        let telling = {
            let mut state = lock(&self.0.state);
            state.telling += 1;
            state.telling
        };
        let _telling = Telling(&self.0);
        if telling <= TELLING { self.block(tell) } else { tell() }
    }

    /// Ends the threads when they are idle.
    pub(crate) fn close(&self) {
        lock(&self.0.state).closed = true;
        self.0.wake.notify_all();
    }
}

impl Shared {
    fn push(self: &Arc<Self>, task: Arc<Task>) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.queue.push_back(task);
        self.call_thread(state)
    }

    /// Sees to it that a thread takes what is in the queue.
    fn call_thread(
        self: &Arc<Self>,
        mut state: std::sync::MutexGuard<'_, State>,
    ) -> io::Result<()> {
        if state.queue.is_empty() {
            return Ok(());
        }
        if state.idle == 0 && state.threads - state.blocked < READY {
            let pool = Arc::clone(self);
            let thread = std::thread::Builder::new().name("ikcrm-call".to_owned());
            match thread.stack_size(STACK).spawn(move || pool.work()) {
                Ok(_) => state.threads += 1,
                // The system has no more to give: one of those that are there comes to it.
                Err(_) if state.threads > 0 => {}
                Err(error) => {
                    let left = std::mem::take(&mut state.queue);
                    drop(state);
                    for task in left {
                        drop(lock(&task.work).take());
                    }
                    return Err(error);
                }
            }
        }
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    fn work(self: Arc<Self>) {
        POOL.set(Arc::as_ptr(&self));
        while let Some(task) = self.next() {
            task.poll();
        }
    }

    /// The next task, or nothing when the thread has signed off, since it was idle for long or the
    /// pool is closed.
    fn next(&self) -> Option<Arc<Task>> {
        let mut state = lock(&self.state);
        loop {
            if let Some(task) = state.queue.pop_front() {
                return Some(task);
            }
            if state.closed {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            let (woken, wait) =
                self.wake.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if wait.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}

impl Task {
    fn poll(self: Arc<Self>) {
        self.step.store(POLLED, Ordering::Release);
        let mut work = lock(&self.work);
        let Some(future) = work.as_mut() else { return };
        let waker = Waker::from(Arc::clone(&self));
        let polled = catch_unwind(AssertUnwindSafe(|| {
            future.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        // A panic ends its own call, whose caller sees it dropped, and not the thread.
        if !matches!(polled, Ok(Poll::Pending)) {
            *work = None;
            return;
        }
        drop(work);
        let waits =
            self.step.compare_exchange(POLLED, WAITING, Ordering::AcqRel, Ordering::Acquire);
        if waits.is_err() {
            self.step.store(QUEUED, Ordering::Release);
            let pool = Arc::clone(&self.pool);
            pool.push(self).ok();
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let next = |step| match step {
            WAITING => Some(QUEUED),
            POLLED => Some(WOKEN),
            _ => None,
        };
        let woken = self.step.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        if woken == Ok(WAITING) {
            let pool = Arc::clone(&self.pool);
            // Without a thread the call is dropped, and whoever waits for it is told.
            pool.push(self).ok();
        }
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
    fn idle_threads_end_when_the_pool_is_closed() {
        let workers = Workers::default();
        let (begun, calls) = mpsc::channel();
        let (sender, ended) = mpsc::channel();
        let call = async move {
            ENDED.with(|cell| cell.set(Ended(sender)).is_ok());
            begun.send(()).unwrap();
        };
        workers.spawn(Box::pin(call)).unwrap();
        calls.recv().unwrap();
        workers.close();
        ended.recv_timeout(IDLE / 2).unwrap();
    }

    #[test]
    fn many_calls_that_end_at_once_are_told_by_few_threads() {
        let workers = Arc::new(Workers::default());
        let (release, blocked) = mpsc::channel::<()>();
        let blocked = Arc::new(Mutex::new(blocked));
        let (sender, told) = mpsc::channel();
        for _ in 0..1000 {
            let (pool, blocked, sender) = (Arc::clone(&workers), blocked.clone(), sender.clone());
            let work = async move {
                pool.tell(|| {
                    lock(&blocked).recv().unwrap();
                    sender.send(()).unwrap();
                });
            };
            workers.spawn(Box::pin(work)).unwrap();
        }
        for _ in 0..1000 {
            release.send(()).unwrap();
            told.recv().unwrap();
            assert!(lock(&workers.0.state).threads <= TELLING + READY);
        }
    }

    #[test]
    fn a_call_that_waits_holds_no_thread_and_one_that_blocks_does_not_hold_the_others() {
        let workers = Arc::new(Workers::default());
        let (release, blocked) = mpsc::channel::<()>();
        let (sender, ended) = mpsc::channel();
        let reply = super::super::reply::Reply::new();
        for number in 0..1000 {
            let (reply, sender) = (super::super::reply::Reply::clone(&reply), sender.clone());
            if number > 0 {
                let waiting = async move { std::future::pending::<()>().await };
                workers.spawn(Box::pin(waiting)).unwrap();
                continue;
            }
            let work = async move { sender.send(reply.value().await).unwrap() };
            workers.spawn(Box::pin(work)).unwrap();
        }
        let pool = Arc::clone(&workers);
        let blocking = async move { pool.block(|| blocked.recv().unwrap()) };
        workers.spawn(Box::pin(blocking)).unwrap();
        reply.fill(7).unwrap();
        assert_eq!(ended.recv(), Ok(7));
        release.send(()).unwrap();
        assert!(lock(&workers.0.state).threads <= READY + 1);
    }
}
