//! `Observer`: who is told of events.

use super::event::{Event, Level};

/// Is told what happens in the calls of a client; see
/// [`ClientBuilder::observer`](crate::ClientBuilder::observer).
///
/// What happens in a call is kept and told in order when the call ends, or before with the first
/// event that does not wait: a quota wait of over a second, a retry, a block, a warning. It is told on
/// the thread that goes on with the call: that of the caller, or one of the library's own for a call
/// that was spawned.
///
/// An observer that panics is not asked again; its calls go on.
pub trait Observer: Send + Sync {
    /// Takes events of one call, in the order in which they happened.
    fn observe(&self, events: &[Event]);

    /// The least level that is of interest (default: all). Each call asks once, at its start.
    fn level(&self) -> Level {
        Level::Debug
    }
}
