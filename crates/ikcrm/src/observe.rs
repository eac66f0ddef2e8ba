//! What a call shows of itself: events, and who is told of them.

mod listener;
mod observer;
mod event;

pub(crate) use event::LONG_WAIT;
pub use event::{CallId, EVENTS, Event, Fact, Level};
pub(crate) use listener::{Listener, ListenerSlot};
pub use observer::Observer;
