//! A stand-in for the CRM 励销云/爱客CRM that keeps its documented contract in memory.
//!
//! For demos and for your own tests: it speaks `PUT` and `GET /api/v2/opportunities/:id` as the
//! vendor documents them, refuses unknown tokens, ids and values with the CRM's own codes, and
//! admits 10 calls in any 10 s unless told otherwise. It begins with the vendor's published sample:
//! opportunity 568587 of customer 1522636, and customer 1.
//!
//! ```
//! let sandbox = ikcrm_sandbox::Sandbox::builder().start()?;
//! assert!(sandbox.url().starts_with("http://127.0.0.1:"));
//! assert_eq!(sandbox.stats().calls, 0);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The binary of the same name prints its URL as its first line; `--help` tells its options.

mod answers;
mod quota;
mod server;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use quota::Window;
pub use quota::{Quota, Stats};
use server::State;
use store::Store;

/// The token that a sandbox accepts unless told otherwise.
pub const DEFAULT_TOKEN: &str = "sandbox-token";

/// Settings of a sandbox.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until start() is called"]
pub struct Builder {
    token: String,
    port: u16,
    quota: Option<Quota>,
    latency: Duration,
}

impl Builder {
    /// The one token to accept (default: [`DEFAULT_TOKEN`]).
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = token.into();
        self
    }

    /// The port to listen on, on 127.0.0.1 (default: 0, any free one).
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The calls to admit (default: 10 in any 10 s); `None` admits all.
    pub fn quota(mut self, quota: impl Into<Option<Quota>>) -> Self {
        self.quota = quota.into();
        self
    }

    /// How long each answer takes (default: no time).
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Starts the sandbox on a thread of its own.
    ///
    /// # Errors
    ///
    /// When the port cannot be had.
    pub fn start(self) -> std::io::Result<Sandbox> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", self.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let window = Window::new(self.quota);
        let state = Arc::new(State::new(&self.token, Store::seeded(), window, self.latency));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = Arc::clone(&state);
        std::thread::Builder::new()
            .name("ikcrm-sandbox".to_owned())
            .spawn(move || runtime.block_on(server::serve(listener, serving, stopped)))?;
        Ok(Sandbox { address, state, _stop: stop })
    }
}

/// A running sandbox. It stops when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    state: Arc<State>,
    /// Dropping the sender tells the server to stop.
    _stop: oneshot::Sender<()>,
}

impl Sandbox {
    /// Settings with their defaults.
    pub fn builder() -> Builder {
        Builder {
            token: DEFAULT_TOKEN.to_owned(),
            port: 0,
            quota: Some(Quota::default()),
            latency: Duration::ZERO,
        }
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the sandbox counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.state.stats()
    }

    /// An opportunity as the sandbox holds it now.
    #[must_use]
    pub fn opportunity(&self, id: u64) -> Option<Value> {
        self.state.opportunity(id)
    }
}
