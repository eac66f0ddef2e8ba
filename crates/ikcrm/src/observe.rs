//! What a call shows of itself: events, and who is told of them.

mod listener;
mod observer;
mod meta;
mod event;

pub(crate) use event::LONG_WAIT;
pub use event::{CallId, EVENTS, Event, Fact, Level};
pub(crate) use listener::Listener;
pub use meta::{CallMeta, MetaSlot};
pub use observer::Observer;
