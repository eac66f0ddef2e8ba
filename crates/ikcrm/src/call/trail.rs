//! `Trail`: what happened in one call, until its observer is told, and what it cost. Without an observer and
//! a slot for that it is nothing.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use http::HeaderMap;

use crate::error::Error;
use crate::observe::{
    AttemptSpan, CallId, CallMeta, CallSpan, Event, LONG_WAIT, Level, Listener, MetaSlot, Place,
};
use crate::sync::clock::{self, Moment};
use crate::sync::{lock, timer};

/// What happened in one call.
pub(crate) struct Trail<'a>(Option<Box<Kept<'a>>>);

struct Kept<'a> {
    /// Who is told, from which level on.
    listener: Option<(&'a Listener, Level)>,
    meta: Option<&'a MetaSlot>,
    place: Option<Place>,
    call_id: CallId,
    begun: Moment,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is about the call as a whole; nothing before it starts and after it ended.
    endpoint: Option<(&'static str, &'static str)>,
    span: Option<CallSpan>,
    /// What was not told yet.
    events: Vec<Event>,
    attempts: u32,
    lookups: u32,
    quota_wait: Duration,
    status: Option<u16>,
    /// Of the last answer. Boxed, for a call that waits has none.
    headers: Option<Box<HeaderMap>>,
}

/// How an attempt ended.
pub(super) struct Answered {
    pub(super) elapsed: Duration,
    pub(super) status: Option<u16>,
    pub(super) reused: bool,
    pub(super) headers: HeaderMap,
}

/// An attempt under way.
pub(super) struct Attempted {
    number: u32,
    method: &'static str,
    route: &'static str,
    span: Option<AttemptSpan>,
}

impl<'a> Trail<'a> {
    /// The trail of this call.
    pub(super) fn new(
        listener: Option<&'a Listener>,
        meta: Option<&'a MetaSlot>,
        place: Option<Place>,
        call_id: CallId,
    ) -> Self {
        let level = |it: &'a Listener| Some((it, it.guarded(|observer| observer.level())?));
        let listener = listener.and_then(level);
        if listener.is_none() && meta.is_none() && place.is_none() {
            return Self(None);
        }
        let (begun, state) = (clock::now(), Mutex::default());
        Self(Some(Box::new(Kept { listener, meta, place, call_id, begun, state })))
    }

    /// The call starts.
    pub(crate) fn start(&self, method: &'static str, route: &'static str) {
        let Some(kept) = &self.0 else { return };
        let span = kept.place.as_ref().map(|place| place.open(kept.call_id, method, route));
        let mut state = lock(&kept.state);
        (state.endpoint, state.span) = (Some((method, route)), span);
        drop(state);
        kept.course(|call_id, at| Event::CallStarted { call_id, at, method, route });
    }

    /// The call ends.
    pub(super) fn end(&self, error: Option<&Error>) {
        if let Some(kept) = &self.0 {
            kept.end(error.map(Error::code), error.and_then(Error::api_code));
        }
    }

    /// An attempt begins.
    pub(super) fn send(&self, method: &'static str, route: &'static str) -> Option<Attempted> {
        let kept = self.0.as_ref()?;
        let mut state = lock(&kept.state);
        state.attempts += 1;
        let (attempt, span) = (state.attempts, state.span.clone());
        drop(state);
        kept.course(|call_id, at| Event::AttemptSent { call_id, at, attempt, method, route });
        let span = span.map(|span| span.attempt(attempt, method, route));
        Some(Attempted { number: attempt, method, route, span })
    }

    /// It ended so.
    pub(super) fn answer(
        &self,
        attempted: Option<Attempted>,
        answered: Answered,
        error: Option<&Error>,
    ) {
        let (Some(kept), Some(attempted)) = (&self.0, attempted) else { return };
        let Answered { elapsed, status, reused, headers } = answered;
        let status = status.or_else(|| error.and_then(Error::status));
        let mut state = lock(&kept.state);
        (state.status, state.headers) = (status, Some(Box::new(headers)));
        drop(state);
        let Attempted { number: attempt, method, route, span } = attempted;
        if let Some(span) = span {
            span.close(elapsed, status, reused, error);
        }
        let (api_code, error_code) = (error.and_then(Error::api_code), error.map(Error::code));
        kept.course(|call_id, at| Event::AttemptAnswered {
            call_id,
            at,
            attempt,
            method,
            route,
            elapsed,
            status,
            api_code,
            error_code,
            reused,
        });
    }

    pub(super) fn retry(&self, wait: Duration, error: &Error) {
        let Some(kept) = &self.0 else { return };
        let attempt = lock(&kept.state).attempts;
        let (status, api_code, error_code) = (error.status(), error.api_code(), error.code());
        kept.add(|call_id, at| Event::RetryPlanned {
            call_id,
            at,
            attempt,
            wait,
            status,
            api_code,
            error_code,
        });
    }

    pub(super) fn signed_in(&self) {
        self.add(|call_id, at| Event::SignedIn { call_id, at });
    }

    pub(crate) fn looked_up(&self, route: &'static str) {
        let Some(kept) = &self.0 else { return };
        lock(&kept.state).lookups += 1;
        kept.add(|call_id, at| Event::LookupMade { call_id, at, route });
    }

    pub(super) fn blocked(&self, wait: Duration) {
        self.add(|call_id, at| Event::QuotaBlocked { call_id, at, wait });
    }

    /// What the quota's store has to say.
    pub(super) fn warn(&self, warnings: impl FnOnce() -> Vec<(&'static str, String)>) {
        let Some(kept) = &self.0 else { return };
        for (warning, message) in warnings() {
            kept.add(|call_id, at| Event::StoreWarning { call_id, at, warning, message });
        }
    }

    /// What `work` brings, which asks the token store.
    pub(super) async fn asking<T>(
        &self,
        action: &'static str,
        work: Pin<&mut impl Future<Output = T>>,
    ) -> T {
        let Some(kept) = &self.0 else { return work.await };
        let begun = clock::now();
        let value = work.await;
        let elapsed = clock::now().saturating_sub(begun);
        kept.add(|call_id, at| Event::TokenStoreAsked { call_id, at, action, elapsed });
        value
    }

    /// What `slot` brings, for which the call may have to wait.
    pub(super) async fn waiting<T>(&self, mut slot: impl Future<Output = T> + Unpin) -> T {
        let Some(kept) = &self.0 else { return slot.await };
        let (mut begun, mut told, mut alarm) = (None, !kept.hears(Level::Info), None);
        let value = poll_fn(|context| {
            if let Poll::Ready(value) = Pin::new(&mut slot).poll(context) {
                return Poll::Ready(value);
            }
            let now = clock::now();
            let since = *begun.get_or_insert_with(|| {
                kept.add(|call_id, at| Event::QuotaWaitBegan { call_id, at });
                now
            });
            let wait = now.saturating_sub(since);
            if !told && wait >= LONG_WAIT {
                told = true;
                kept.add(|call_id, at| Event::QuotaWaitLong { call_id, at, wait });
            }
            alarm = (!told).then(|| timer::wake_at(since + LONG_WAIT, context.waker()));
            Poll::Pending
        })
        .await;
        drop(alarm);
        if let Some(begun) = begun {
            let wait = clock::now().saturating_sub(begun);
            lock(&kept.state).quota_wait += wait;
            kept.add(|call_id, at| Event::QuotaWaitEnded { call_id, at, wait });
        }
        value
    }

    fn add(&self, event: impl FnOnce(CallId, Duration) -> Event) {
        if let Some(kept) = &self.0 {
            kept.add(event);
        }
    }
}

impl Kept<'_> {
    /// Whether somebody is told of events of this level.
    fn hears(&self, level: Level) -> bool {
        self.listener.is_some_and(|(_, least)| least <= level)
    }

    /// Adds an event that every call has, unless nobody hears of those.
    fn course(&self, event: impl FnOnce(CallId, Duration) -> Event) {
        if self.place.is_some() || self.hears(Level::Debug) {
            self.add(event);
        }
    }

    fn add(&self, event: impl FnOnce(CallId, Duration) -> Event) {
        if self.listener.is_none() && self.place.is_none() {
            return;
        }
        let event = event(self.call_id, clock::now().saturating_sub(self.begun));
        let span = lock(&self.state).span.clone();
        if let Some(span) = span {
            span.tell(&event);
        }
        let Some((_, level)) = self.listener else { return };
        if event.level() < level {
            return;
        }
        let urgent = event.is_urgent();
        lock(&self.state).events.push(event);
        if urgent {
            self.tell();
        }
    }

    fn end(&self, error_code: Option<&'static str>, api_code: Option<i64>) {
        let mut state = lock(&self.state);
        let Some((method, route)) = state.endpoint.take() else { return };
        let State { attempts, lookups, quota_wait, status, .. } = *state;
        let headers = state.headers.take().map(|headers| *headers).unwrap_or_default();
        drop(state);
        let (call_id, elapsed) = (self.call_id, clock::now().saturating_sub(self.begun));
        if let Some(slot) = self.meta {
            let meta =
                CallMeta { call_id, attempts, elapsed, quota_wait, status, lookups, headers };
            slot.set(meta);
        }
        self.course(|call_id, at| Event::CallFinished {
            call_id,
            at,
            method,
            route,
            elapsed: at,
            quota_wait,
            attempts,
            lookups,
            status,
            api_code,
            error_code,
        });
        // Closed when all is told, and not under the lock.
        let _span = lock(&self.state).span.take();
        self.tell();
    }

    /// Tells the observer what it does not know yet; not under the lock.
    fn tell(&self) {
        let Some((listener, _)) = self.listener else { return };
        let events = std::mem::take(&mut lock(&self.state).events);
        if !events.is_empty() {
            listener.guarded(|observer| observer.observe(&events));
        }
    }
}

/// A call that is dropped amid its work, such as by a panic, ends for its observer too.
impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.end(Some("cancelled"), None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::Observer;

    /// Keeps the names of events, a list for each time that it was told; fails if it is to.
    #[derive(Clone, Default)]
    struct Names {
        told: Arc<Mutex<Vec<Vec<&'static str>>>>,
        level: Option<Level>,
        panics: bool,
    }

    impl Observer for Names {
        fn observe(&self, events: &[Event]) {
            lock(&self.told).push(events.iter().map(Event::name).collect());
            assert!(!self.panics, "as it is to");
        }

        fn level(&self) -> Level {
            self.level.unwrap_or(Level::Debug)
        }
    }

    fn told(names: &Names, calls: impl Fn(&Trail<'_>)) -> Vec<Vec<&'static str>> {
        let listener = Listener::new(names.clone());
        for number in 0..2 {
            calls(&Trail::new(Some(&listener), None, None, CallId::new(1, number)));
        }
        lock(&names.told).clone()
    }

    fn call(trail: &Trail<'_>) {
        trail.start("GET", "/");
        trail.signed_in();
        trail.retry(Duration::ZERO, &Error::cancelled(false));
        trail.looked_up("/");
        trail.end(None);
    }

    #[test]
    fn a_retry_is_told_at_once_and_brings_along_what_came_before() {
        let first = ["call_started", "signed_in", "retry_planned"].to_vec();
        let last = ["lookup_made", "call_finished"].to_vec();
        let calls = [first.clone(), last.clone(), first, last];
        assert_eq!(told(&Names::default(), call), calls);
    }

    #[test]
    fn only_what_matters_enough_is_told() {
        let names = Names { level: Some(Level::Warning), ..Names::default() };
        assert_eq!(told(&names, call), [["retry_planned"], ["retry_planned"]]);
    }

    #[test]
    fn an_observer_that_panics_fails_no_call_and_is_not_asked_again() {
        let names = Names { panics: true, ..Names::default() };
        assert_eq!(told(&names, call).len(), 1);
    }

    #[test]
    fn a_call_that_is_dropped_amid_its_work_ends_for_its_observer() {
        let told = told(&Names::default(), |trail| trail.start("GET", "/"));
        assert_eq!(told[0], ["call_started", "call_finished"]);
    }
}
