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
        let held = self.0.made(|| {
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
        CallSpan(held, call_id)
    }
}

/// The span of a call. The last clone that is dropped closes it.
#[derive(Debug, Clone)]
pub(crate) struct CallSpan(Held, CallId);

impl CallSpan {
    /// The span of an attempt that begins.
    pub(crate) fn attempt(
        &self,
        attempt: u32,
        method: &'static str,
        route: &'static str,
    ) -> AttemptSpan {
        let held = self.0.made(|| {
            info_span!(
                target: TARGET,
                parent: &self.0.span,
                "attempt",
                otel.name = format!("{method} {route}"),
                otel.kind = "client",
                otel.status_code = Empty,
                call_id = %self.1,
                attempt,
                method,
                route,
                elapsed = Empty,
                status = Empty,
                api_code = Empty,
                error_code = Empty,
                reused = Empty,
            )
        });
        AttemptSpan(held)
    }

    /// Tells what happened in the call. What began or ended with a span is no event besides.
    pub(crate) fn tell(&self, event: &Event) {
        self.0.within(|| emit(&self.0.span, event));
    }
}

fn emit(span: &Span, event: &Event) {
    match event {
        Event::CallStarted { .. } | Event::AttemptSent { .. } | Event::AttemptAnswered { .. } => {}
        Event::CallFinished {
            elapsed,
            quota_wait,
            attempts,
            lookups,
            status,
            api_code,
            error_code,
            ..
        } => {
            span.record("elapsed", elapsed.as_secs_f64());
            span.record("quota_wait", quota_wait.as_secs_f64());
            span.record("attempts", attempts).record("lookups", lookups);
            ended(span, *status, *api_code, *error_code);
        }
        Event::QuotaWaitBegan { .. } => {
            debug!(target: TARGET, parent: span, "quota_wait_began");
        }
        Event::QuotaWaitLong { wait, .. } => {
            info!(target: TARGET, parent: span, wait = wait.as_secs_f64(), "quota_wait_long");
        }
        Event::QuotaWaitEnded { wait, .. } if *wait >= LONG_WAIT => {
            info!(target: TARGET, parent: span, wait = wait.as_secs_f64(), "quota_wait_ended");
        }
        Event::QuotaWaitEnded { wait, .. } => {
            debug!(target: TARGET, parent: span, wait = wait.as_secs_f64(), "quota_wait_ended");
        }
        Event::RetryPlanned { attempt, wait, status, api_code, error_code, .. } => {
            let wait = wait.as_secs_f64();
            warn!(
                target: TARGET, parent: span,
                attempt, wait, status, api_code, error_code,
                "retry_planned"
            );
        }
        Event::SignedIn { .. } => info!(target: TARGET, parent: span, "signed_in"),
        Event::LookupMade { route, .. } => {
            debug!(target: TARGET, parent: span, route, "lookup_made");
        }
        Event::QuotaBlocked { wait, .. } => {
            warn!(target: TARGET, parent: span, wait = wait.as_secs_f64(), "quota_blocked");
        }
        Event::StoreWarning { warning, message: what, .. } => {
            warn!(target: TARGET, parent: span, warning, what, "store_warning");
        }
        Event::TokenStoreAsked { action, elapsed, .. } => {
            let elapsed = elapsed.as_secs_f64();
            debug!(target: TARGET, parent: span, action, elapsed, "token_store_asked");
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
        self.0.span.record("elapsed", elapsed.as_secs_f64()).record("reused", reused);
        ended(&self.0.span, status, error.and_then(Error::api_code), error.map(Error::code));
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
