//! `Reply`: a value that another thread brings.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::lock::lock;

/// The place for one value. Clones share it: one is filled, the other waits.
#[derive(Debug)]
pub(crate) struct Reply<T>(Arc<Mutex<State<T>>>);

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    waker: Option<Waker>,
    /// Whether nobody waits any more.
    closed: bool,
}

impl<T> Clone for Reply<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Reply<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { value: None, waker: None, closed: false })))
    }

    /// Brings the value, and wakes who waits for it; gives it back when nobody does.
    pub(crate) fn fill(&self, value: T) -> Result<(), T> {
        let mut state = lock(&self.0);
        if state.closed {
            return Err(value);
        }
        state.value = Some(value);
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Waits no more; takes the value, if it came.
    pub(crate) fn close(&self) -> Option<T> {
        let mut state = lock(&self.0);
        state.closed = true;
        state.value.take()
    }

    /// Waits for the value.
    pub(crate) async fn value(&self) -> T {
        poll_fn(|context| self.poll(context)).await
    }

    /// The value, or a wake when it comes.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<T> {
        let mut state = lock(&self.0);
        if let Some(value) = state.value.take() {
            return Poll::Ready(value);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
