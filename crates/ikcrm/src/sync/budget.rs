//! `Budget`: what one call may spend, over all the requests that it makes.

use std::future::{Future, poll_fn};
use std::iter;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::cancel::{Cancel, Flags, Waking};
use super::clock::{self, Moment};
use super::timer;
use crate::error::Error;

/// The time and the patience of one call.
#[derive(Debug)]
pub(crate) struct Budget {
    /// How long the call may take, without its waits for the quota.
    timeout: Duration,
    spent: AtomicU64,
    /// When the call must have ended, whatever it waits for.
    deadline: Option<Moment>,
    ends: Ends,
}

/// What ends a call from outside.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// Ends the call while it waits.
    pub(crate) waits: Cancel,
    /// Ends the call while a request is under way.
    pub(crate) requests: Cancel,
    /// Flags of its own, which end it at any time.
    pub(crate) own: [Option<Cancel>; 2],
}

impl Budget {
    pub(crate) fn new(timeout: Duration, deadline: Option<Duration>, ends: Ends) -> Self {
        let deadline = deadline.map(|deadline| clock::now() + deadline);
        Self { timeout, spent: AtomicU64::new(0), deadline, ends }
    }

    /// What ends the call while a request is under way.
    pub(crate) fn requests(&self) -> Flags {
        let Ends { requests, own: [first, second], .. } = &self.ends;
        Flags([Some(requests.clone()), first.clone(), second.clone()])
    }

    /// Whether the call is to end while it waits.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.waits().any(Cancel::is_cancelled)
    }

    /// Whether a flag of the call's own ended it, and not its client.
    pub(crate) fn is_ended_alone(&self) -> bool {
        self.ends.own.iter().flatten().any(Cancel::is_cancelled)
    }

    /// Lets `waker` be woken when the call is to end while it waits, as long as what is given back
    /// lives.
    pub(crate) fn wake(&self, waker: &Waker) -> Vec<Waking> {
        let mut wakings = Vec::with_capacity(self.waits().count());
        self.waits().for_each(|cancel| cancel.wake(waker, &mut wakings));
        wakings
    }

    fn waits(&self) -> impl Iterator<Item = &Cancel> {
        iter::once(&self.ends.waits).chain(self.ends.own.iter().flatten())
    }

    /// When the call must have ended.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.deadline
    }

    pub(crate) fn spend(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.spent.fetch_add(time, Ordering::AcqRel);
    }

    pub(crate) fn left(&self) -> Duration {
        let spent = Duration::from_nanos(self.spent.load(Ordering::Acquire));
        let left = self.timeout.saturating_sub(spent);
        self.deadline.map_or(left, |deadline| left.min(clock::left(deadline)))
    }

    /// Fails when the call must end now, while it is `waiting` for something.
    pub(crate) fn check(&self, waiting: &str) -> Result<(), Error> {
        if self.is_cancelled() {
            return Err(Error::cancelled(false));
        }
        if self.left().is_zero() {
            let message = format!("the call's time ran out while waiting for {waiting}");
            return Err(Error::RequestTimeout { message, may_have_been_applied: false });
        }
        Ok(())
    }

    /// Waits for what `event` brings, as long as the call may.
    pub(crate) async fn wait_for<T>(
        &self,
        what: &str,
        event: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let begun = clock::now();
        let end = begun + self.left();
        let mut event = pin!(event);
        let mut until = None;
        let result = poll_fn(|context| {
            if let Poll::Ready(value) = event.as_mut().poll(context) {
                return Poll::Ready(Ok(value));
            }
            // Before looking, so that nothing goes unseen.
            until = Some((self.wake(context.waker()), timer::wake_at(end, context.waker())));
            if self.is_cancelled() {
                return Poll::Ready(Err(Error::cancelled(false)));
            }
            if clock::now() >= end {
                let message = format!("the call's time ran out while waiting for {what}");
                let error = Error::RequestTimeout { message, may_have_been_applied: false };
                return Poll::Ready(Err(error));
            }
            Poll::Pending
        })
        .await;
        drop(until);
        self.spend(clock::now().saturating_sub(begun));
        result
    }

    /// Lets some time pass; fails only when the call is cancelled.
    pub(crate) async fn sleep(&self, time: Duration) -> Result<(), Error> {
        let end = clock::now() + time;
        let mut alarm = None;
        let sleep = poll_fn(|context| {
            if clock::now() >= end {
                return Poll::Ready(());
            }
            alarm = Some(timer::wake_at(end, context.waker()));
            Poll::Pending
        });
        self.wait_for("its next attempt", sleep).await
    }
}
