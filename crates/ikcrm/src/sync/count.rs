//! `Count`: how many are under way, and the wait until none is.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Poll, Waker};

use super::lock::lock;

/// How many are under way.
#[derive(Debug, Default)]
pub(crate) struct Count(Mutex<(usize, Vec<Waker>)>);

/// One that is under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted<'a>(&'a Count);

impl Count {
    pub(crate) fn one(&self) -> Counted<'_> {
        lock(&self.0).0 += 1;
        Counted(self)
    }

    /// Waits until none is under way.
    pub(crate) async fn none(&self) {
        poll_fn(|context| {
            let mut state = lock(&self.0);
            if state.0 == 0 {
                return Poll::Ready(());
            }
            state.1.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0);
        state.0 -= 1;
        let wakers = if state.0 == 0 { std::mem::take(&mut state.1) } else { Vec::new() };
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}
