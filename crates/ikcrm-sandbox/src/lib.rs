//! A stand-in for the CRM 励销云/爱客CRM that keeps its documented contract in memory.
//!
//! For demos and for your own tests: it speaks what this library speaks, refuses unknown tokens, ids
//! and values with the CRM's own codes, and admits 10 calls in any 10 s unless told otherwise.
//!
//! | endpoint | |
//! |---|---|
//! | `POST /api/v2/auth/login` | a new token kills the account's older one |
//! | `PUT`, `GET /api/v2/opportunities/:id` | as the vendor documents them |
//! | `GET /api/v2/opportunities` | `page`, `per_page`, `stage`, `query`, `sort`, `order`, `created_at[]` |
//! | `GET /api/v2/field_maps/opportunity` | with options that are disabled |
//! | `GET /api/v2/custom_fields/opportunity/by_group` | with one that may not be edited |
//! | `GET /sandbox/stats` | what was counted, in all and for each endpoint |
//!
//! It begins with the vendor's published sample, opportunity 568587 of customer 1522636, with 60
//! opportunities from 600001 on, and with the customers 1, 11, 12 and 13. Each enterprise has data of its own,
//! and each but the first has ids that are larger by a million: 1568587, stage 1003514.
//!
//! Two accounts may sign in unless told otherwise: [`DEFAULT_ACCOUNT`] belongs to the enterprise
//! 1001, [`GROUP_ACCOUNT`] to 1001 and 1002. [`DEFAULT_TOKEN`] is of 1001 and lives for ever.
//!
//! ```
//! let sandbox = ikcrm_sandbox::Sandbox::builder().start()?;
//! assert!(sandbox.url().starts_with("http://127.0.0.1:"));
//! assert_eq!(sandbox.stats().calls, 0);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The binary of the same name prints its URL as its first line; `--help` tells its options.

mod accounts;
mod answers;
mod choices;
mod list;
mod quota;
mod server;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use accounts::{Account, Accounts};
use quota::Window;
pub use quota::{Quota, Stats};
use server::State;

/// The token that a sandbox accepts unless told otherwise. It belongs to no account.
pub const DEFAULT_TOKEN: &str = "sandbox-token";
/// Login and password of an account in one enterprise.
pub const DEFAULT_ACCOUNT: (&str, &str) = ("demo@example.com", "demo-password");
/// Login and password of an account in two enterprises.
pub const GROUP_ACCOUNT: (&str, &str) = ("group@example.com", "group-password");

/// Settings of a sandbox.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until start() is called"]
pub struct Builder {
    token: String,
    /// None until one is given; then the default ones are not there.
    accounts: Vec<Account>,
    port: u16,
    quota: Option<Quota>,
    latency: Duration,
    form: list::Form,
}

impl Builder {
    /// The token to accept for ever (default: [`DEFAULT_TOKEN`]), in the first enterprise.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = token.into();
        self
    }

    /// An account that may sign in, with the ids of the enterprises that it belongs to, instead of
    /// the default ones; may be called again for more.
    pub fn account(mut self, login: &str, password: &str, corp_ids: &[&str]) -> Self {
        self.accounts.push(Account {
            login: login.to_owned(),
            password: password.to_owned(),
            corp_ids: corp_ids.iter().map(|corp_id| (*corp_id).to_owned()).collect(),
        });
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

    /// Whether the rows of a list have all that the opportunities have (default: only what the
    /// vendor's pages show).
    pub fn whole_list_rows(mut self, whole: bool) -> Self {
        self.form.whole_rows = whole;
        self
    }

    /// Whether a list can be ordered by `updated_at` (default: it can); else that is ignored.
    pub fn sorts_by_update(mut self, sorts: bool) -> Self {
        self.form.sorts_by_update = sorts;
        self
    }

    /// Starts the sandbox on a thread of its own.
    ///
    /// # Errors
    ///
    /// When the port cannot be had.
    pub fn start(mut self) -> std::io::Result<Sandbox> {
        if self.accounts.is_empty() {
            let (one, two) = (DEFAULT_ACCOUNT, GROUP_ACCOUNT);
            self = self.account(one.0, one.1, &["1001"]).account(two.0, two.1, &["1001", "1002"]);
        }
        let listener = std::net::TcpListener::bind(("127.0.0.1", self.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let window = Window::new(self.quota);
        let accounts = Accounts::new(self.accounts, &self.token);
        let state = Arc::new(State::new(accounts, window, self.latency, self.form));
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
            accounts: Vec::new(),
            port: 0,
            quota: Some(Quota::default()),
            latency: Duration::ZERO,
            form: list::Form::default(),
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

    /// How many calls came for an endpoint, such as `POST /api/v2/auth/login` or
    /// `GET /api/v2/opportunities/:id`, refused ones too.
    #[must_use]
    pub fn calls_of(&self, endpoint: &str) -> usize {
        self.state.calls_of(endpoint)
    }

    /// An opportunity as the sandbox holds it now.
    #[must_use]
    pub fn opportunity(&self, id: u64) -> Option<Value> {
        self.state.opportunity(id)
    }
}
