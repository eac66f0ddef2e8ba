//! Wakes what waits for a time: one thread of the process, started by the first wait and ended when
//! it is idle.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::clock::{self, Moment};
use super::lock::lock;
use super::per_process::PerProcess;

/// How long the thread is kept without an alarm.
const IDLE: Duration = Duration::from_secs(5);
/// How long it sleeps at most: its sleep does not count the machine's.
const NAP: Duration = Duration::from_secs(1);

static TIMER: PerProcess<Timer> = PerProcess::new();

#[derive(Default)]
struct Timer {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    alarms: BTreeMap<(Moment, u64), Waker>,
    last: u64,
    running: bool,
}

/// Wakes `waker` at this time, unless the alarm is dropped before.
pub(crate) fn wake_at(at: Moment, waker: &Waker) -> Alarm {
    let timer = Timer::of_process();
    let mut state = lock(&timer.state);
    state.last += 1;
    let key = (at, state.last);
    let first = state.alarms.first_key_value().is_none_or(|(next, _)| key < *next);
    state.alarms.insert(key, waker.clone());
    if !state.running {
        let thread = std::thread::Builder::new().name("ikcrm-timer".to_owned());
        let started = thread.stack_size(128 * 1024).spawn(|| Timer::of_process().run());
        state.running = started.is_ok();
    } else if first {
        timer.changed.notify_one();
    }
    Alarm(key)
}

/// A time that something waits for.
#[derive(Debug)]
pub(crate) struct Alarm((Moment, u64));

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(timer) = TIMER.existing() {
            lock(&timer.state).alarms.remove(&self.0);
        }
    }
}

impl Timer {
    fn of_process() -> &'static Self {
        TIMER.current(|_| Self::default())
    }

    fn run(&self) {
        while let Some(waker) = self.next() {
            waker.wake();
        }
    }

    /// The next that is due; nothing when the thread has signed off, since there was none for long.
    fn next(&self) -> Option<Waker> {
        let mut state = lock(&self.state);
        loop {
            let first = state.alarms.first_entry();
            let nap = match first {
                Some(first) if first.key().0 <= clock::now() => return Some(first.remove()),
                Some(first) => clock::left(first.key().0).min(NAP),
                None => IDLE,
            };
            let woken = self.changed.wait_timeout(state, nap);
            let (guard, wait) = woken.unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if wait.timed_out() && nap == IDLE && state.alarms.is_empty() {
                state.running = false;
                return None;
            }
        }
    }
}
