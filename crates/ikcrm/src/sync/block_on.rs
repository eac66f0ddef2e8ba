//! `block_on`: goes on with a call on the caller's own thread.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use super::cancel::{Cancel, SLICE};

/// Wakes a thread that waits for its call.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    /// One for all calls of the thread: what wakes it after its call makes the next look once more.
    static WAKER: Waker = Waker::from(Arc::new(Unpark(thread::current())));
}

/// What the future brings. While it waits, the probe of `cancel` is asked ten times a second.
pub(crate) fn block_on<F: Future>(future: F, cancel: Option<&Cancel>) -> F::Output {
    let waker = WAKER.with(Waker::clone);
    let mut future = pin!(future);
    let probed = cancel.filter(|cancel| cancel.has_probe());
    let mut probed = probed.map(|cancel| (cancel, Instant::now()));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        match &mut probed {
            Some((cancel, probed_at)) => {
                thread::park_timeout(SLICE.saturating_sub(probed_at.elapsed()));
                if probed_at.elapsed() >= SLICE {
                    cancel.poll();
                    *probed_at = Instant::now();
                }
            }
            None => thread::park(),
        }
    }
}
