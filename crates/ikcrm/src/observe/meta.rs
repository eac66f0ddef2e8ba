//! `CallMeta`: what one call cost; `MetaSlot`: where a caller finds it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;

use super::event::CallId;

/// What a call cost, whether it brought an answer or an error.
#[derive(Clone)]
#[non_exhaustive]
pub struct CallMeta {
    /// Names the call among those of this machine, as its events do.
    pub call_id: CallId,
    /// How many requests it made: of its own, of look-ups, of sign-ins.
    pub attempts: u32,
    /// How long it took.
    pub elapsed: Duration,
    /// How much of that it waited for the quota.
    pub quota_wait: Duration,
    /// The HTTP status of the last answer.
    pub status: Option<u16>,
    /// How many look-ups it made.
    pub lookups: u32,
    pub(crate) headers: HeaderMap,
}

impl CallMeta {
    /// The headers of the last answer: lower-case names and values, in the order in which they came.
    /// A value that is no text is left out.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    /// The value of a header of the last answer, by its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Without the headers, which may hold a session's secret.
impl fmt::Debug for CallMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallMeta")
            .field("call_id", &self.call_id.to_string())
            .field("attempts", &self.attempts)
            .field("elapsed", &self.elapsed)
            .field("quota_wait", &self.quota_wait)
            .field("status", &self.status)
            .field("lookups", &self.lookups)
            .finish_non_exhaustive()
    }
}

/// Where a call leaves what it cost; see [`CallOptions::meta`](crate::CallOptions::meta).
///
/// Clones are one place. What ends later takes the place of what ended before.
#[derive(Debug, Clone, Default)]
pub struct MetaSlot(Arc<Mutex<Option<Box<CallMeta>>>>);

impl MetaSlot {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the call cost that ended last; nothing before, and nothing for values that were refused
    /// before a call began.
    #[must_use]
    pub fn get(&self) -> Option<CallMeta> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_deref().cloned()
    }

    /// The same, which is not kept: for the bindings, of which each slot has one call.
    #[doc(hidden)]
    #[must_use]
    pub fn take(&self) -> Option<CallMeta> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map(|meta| *meta)
    }

    pub(crate) fn set(&self, meta: CallMeta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(meta));
    }
}
