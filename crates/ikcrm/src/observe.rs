//! What a call shows of itself: events, and who is told of them.

mod listener;
#[cfg(feature = "tracing")]
mod spans;
#[cfg(not(feature = "tracing"))]
mod no_spans;
mod observer;
mod meta;
mod event;

pub(crate) use event::LONG_WAIT;
pub use event::{CallId, EVENTS, Event, Fact, Level};
pub(crate) use listener::Listener;
pub use meta::{CallMeta, MetaSlot};
#[cfg(not(feature = "tracing"))]
pub(crate) use no_spans::{AttemptSpan, CallSpan, Place};
pub use observer::Observer;
#[cfg(feature = "tracing")]
pub(crate) use spans::{AttemptSpan, CallSpan, Place};
