//! `Permits`: how many may do something at once; the others wait their turn.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use super::lock::lock;

/// So many permits, given in the order of asking.
#[derive(Debug)]
pub(crate) struct Permits(Mutex<State>);

#[derive(Debug)]
struct State {
    free: usize,
    last: u64,
    waiting: BTreeMap<u64, Waker>,
}

/// A permit, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a>(&'a Permits);

/// A permit to come.
#[derive(Debug)]
pub(crate) struct Taking<'a> {
    permits: &'a Permits,
    /// Its place among those that wait, once it has one.
    place: Option<u64>,
}

impl Permits {
    pub(crate) fn new(count: usize) -> Self {
        Self(Mutex::new(State { free: count, last: 0, waiting: BTreeMap::new() }))
    }

    /// A permit, if one is free.
    pub(crate) fn take_now(&self) -> Option<Permit<'_>> {
        let mut state = lock(&self.0);
        if state.free == 0 || !state.waiting.is_empty() {
            return None;
        }
        state.free -= 1;
        Some(Permit(self))
    }

    /// Waits for a permit.
    pub(crate) fn take(&self) -> Taking<'_> {
        Taking { permits: self, place: None }
    }
}

impl State {
    /// Those whose turn it is.
    fn next(&self) -> impl Iterator<Item = (&u64, &Waker)> {
        self.waiting.iter().take(self.free)
    }
}

impl<'a> Future for Taking<'a> {
    type Output = Permit<'a>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Permit<'a>> {
        let mut state = lock(&self.permits.0);
        let place = self.place.unwrap_or(state.last + 1);
        state.last = state.last.max(place);
        state.waiting.insert(place, context.waker().clone());
        if state.next().all(|(next, _)| *next != place) {
            drop(state);
            self.place = Some(place);
            return Poll::Pending;
        }
        state.waiting.remove(&place);
        state.free -= 1;
        drop(state);
        self.place = None;
        Poll::Ready(Permit(self.permits))
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let mut state = lock(&self.permits.0);
        state.waiting.remove(&place);
        // It may have been woken; then the next must be.
        let wakers: Vec<_> = state.next().map(|(_, waker)| waker.clone()).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0);
        state.free += 1;
        let waker = state.next().last().map(|(_, waker)| waker.clone());
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn polled<'a>(taking: Pin<&mut Taking<'a>>) -> Option<Permit<'a>> {
        match taking.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => Some(permit),
            Poll::Pending => None,
        }
    }

    #[test]
    fn permits_go_to_those_who_came_first_and_are_still_there() {
        let permits = Permits::new(1);
        let held = polled(pin!(permits.take())).unwrap();
        let gone = Box::pin(permits.take());
        let (mut gone, mut first, mut second) = (gone, pin!(permits.take()), pin!(permits.take()));
        assert!(polled(gone.as_mut()).is_none());
        assert!(polled(first.as_mut()).is_none() && polled(second.as_mut()).is_none());
        drop(held);
        assert!(polled(second.as_mut()).is_none());
        drop(gone);
        assert!(polled(second.as_mut()).is_none());
        let permit = polled(first.as_mut()).unwrap();
        assert!(polled(second.as_mut()).is_none());
        drop(permit);
        assert!(polled(second.as_mut()).is_some());
    }
}
