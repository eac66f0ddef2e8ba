//! Spans of calls and of their attempts, and their events, for the subscriber that the caller had.

use std::time::Duration;

use tracing::dispatcher::{self, Dispatch};
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Span, debug, info, info_span, warn};

use super::event::{CallId, Event, LONG_WAIT};
use crate::error::Error;

/// What filters know the spans and events by.
const TARGET: &str = "ikcrm";

/// A span, and the subscriber that it is of.
#[derive(Debug, Clone)]
struct Held {
    span: Span,
    dispatch: Dispatch,
}

impl Held {
    /// Does what is told to the subscriber of this thread.
    fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        dispatcher::with_default(&self.dispatch, work)
    }

    fn made(&self, make: impl FnOnce() -> Span) -> Self {
        Self { span: self.within(make), dispatch: self.dispatch.clone() }
    }
}

/// A registry lets go of the span above by the subscriber of the thread on which this one is dropped.
impl Drop for Held {
    fn drop(&mut self) {
        let span = std::mem::replace(&mut self.span, Span::none());
        self.within(|| drop(span));
    }
}

/// Where a call was prepared: the span and the subscriber of then.
#[derive(Debug, Clone)]
pub(crate) struct Place(Held);

impl Place {
    /// Here; nothing when no program collects spans.
    pub(crate) fn here() -> Option<Self> {
        if LevelFilter::current() == LevelFilter::OFF {
            return None;
        }
        let dispatch = dispatcher::get_default(Dispatch::clone);
        Some(Self(Held { span: Span::current(), dispatch }))
    }

    /// The span of a call that begins, below that of the place.
    pub(crate) fn open(
        &self,
        call_id: CallId,
        method: &'static str,
        route: &'static str,
    ) -> CallSpan {
        let own = self.0.made(|| {
            info_span!(
                target: TARGET,
                parent: &self.0.span,
                "call",
                otel.name = format!("{method} {route}"),
                otel.kind = "internal",
                otel.status_code = Empty,
                call_id = %call_id,
                method,
                route,
                elapsed = Empty,
                quota_wait = Empty,
                attempts = Empty,
                lookups = Empty,
                status = Empty,
                api_code = Empty,
                error_code = Empty,
            )
        });
        CallSpan { own, above: self.0.clone(), call_id }
    }
}

/// The span of a call. The last clone that is dropped closes it.
#[derive(Debug, Clone)]
pub(crate) struct CallSpan {
    own: Held,
    above: Held,
    call_id: CallId,
}

impl CallSpan {
    /// Below which span the call's events and attempts are: that of the caller where a filter leaves the
    /// call's own out.
    fn below(&self) -> &Span {
        if self.own.span.is_disabled() { &self.above.span } else { &self.own.span }
    }

    /// The span of an attempt that begins.
    pub(crate) fn attempt(
        &self,
        attempt: u32,
        method: &'static str,
        route: &'static str,
    ) -> AttemptSpan {
        AttemptSpan(self.own.made(|| {
            info_span!(
                target: TARGET,
                parent: self.below(),
                "attempt",
                otel.name = format!("{method} {route}"),
                otel.kind = "client",
                otel.status_code = Empty,
                call_id = %self.call_id,
                attempt,
                method,
                route,
                elapsed = Empty,
                status = Empty,
                api_code = Empty,
                error_code = Empty,
                reused = Empty,
            )
        }))
    }

    /// Tells what happened in the call. What began or ended with a span is no event besides.
    pub(crate) fn tell(&self, event: &Event) {
        let Event::CallFinished {
            elapsed,
            quota_wait,
            attempts,
            lookups,
            status,
            api_code,
            error_code,
            ..
        } = event
        else {
            return self.own.within(|| emit(self.below(), self.call_id, event));
        };
        let span = &self.own.span;
        span.record("elapsed", elapsed.as_secs_f64());
        span.record("quota_wait", quota_wait.as_secs_f64());
        span.record("attempts", attempts).record("lookups", lookups);
        ended(span, *status, *api_code, *error_code);
    }
}

fn emit(span: &Span, call_id: CallId, event: &Event) {
    macro_rules! tell {
        ($at:ident, $name:literal $(, $field:ident)*) => {
            $at!(target: TARGET, parent: span, call_id = %call_id, $($field,)* $name)
        };
    }
    let seconds = Duration::as_secs_f64;
    match event {
        Event::CallStarted { .. }
        | Event::CallFinished { .. }
        | Event::AttemptSent { .. }
        | Event::AttemptAnswered { .. } => {}
        Event::QuotaWaitBegan { .. } => tell!(debug, "quota_wait_began"),
        Event::QuotaWaitLong { wait, .. } => {
            let wait = seconds(wait);
            tell!(info, "quota_wait_long", wait);
        }
        Event::QuotaWaitEnded { wait: long, .. } => {
            let wait = seconds(long);
            if *long >= LONG_WAIT {
                tell!(info, "quota_wait_ended", wait);
            } else {
                tell!(debug, "quota_wait_ended", wait);
            }
        }
        Event::RetryPlanned { attempt, wait, status, api_code, error_code, .. } => {
            let wait = seconds(wait);
            tell!(warn, "retry_planned", attempt, wait, status, api_code, error_code);
        }
        Event::SignedIn { .. } => tell!(info, "signed_in"),
        Event::LookupMade { route, .. } => tell!(debug, "lookup_made", route),
        Event::QuotaBlocked { wait, .. } => {
            let wait = seconds(wait);
            tell!(warn, "quota_blocked", wait);
        }
        Event::StoreWarning { warning, message: what, .. } => {
            tell!(warn, "store_warning", warning, what);
        }
        Event::TokenStoreAsked { action, elapsed, .. } => {
            let elapsed = seconds(elapsed);
            tell!(debug, "token_store_asked", action, elapsed);
        }
    }
}

/// The span of an attempt, which closes when it is dropped.
#[derive(Debug)]
pub(crate) struct AttemptSpan(Held);

impl AttemptSpan {
    /// The attempt ended so.
    pub(crate) fn close(
        self,
        elapsed: Duration,
        status: Option<u16>,
        reused: bool,
        error: Option<&Error>,
    ) {
        let span = &self.0.span;
        span.record("elapsed", elapsed.as_secs_f64()).record("reused", reused);
        ended(span, status, error.and_then(Error::api_code), error.map(Error::code));
    }
}

fn ended(
    span: &Span,
    status: Option<u16>,
    api_code: Option<i64>,
    error_code: Option<&'static str>,
) {
    span.record("status", status).record("api_code", api_code).record("error_code", error_code);
    if error_code.is_some() {
        span.record("otel.status_code", "ERROR");
    }
}
