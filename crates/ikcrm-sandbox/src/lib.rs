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
//! A test can put in data of its own, let calls fail and look at what was sent:
//!
//! ```
//! use ikcrm_sandbox::{Failure, Fault, Sandbox, Seed};
//! use serde_json::json;
//!
//! let sandbox = Sandbox::builder().quota(None).start()?;
//! sandbox.seed(Seed::new().opportunities([json!({"id": 1, "stage": "赢单"})]))?;
//! sandbox.fail_next(Failure::status(503).times(2).route("PUT /api/v2/opportunities/:id"))?;
//! sandbox.fail_next(Failure::fault(Fault::Hang))?;
//! // … the program that is tested …
//! assert!(sandbox.requests().is_empty());
//! sandbox.reset();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The binary of the same name (feature `cli`, on by default) prints its URL as its first line;
//! `--help` tells its options.

mod accounts;
mod answers;
mod choices;
mod crm;
mod endpoint;
mod failures;
mod http;
mod list;
mod quota;
mod requests;
mod seed;
mod server;
mod store;
mod wrong_input;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use accounts::Account;
use crm::{Crm, Setup};
pub use failures::{Failure, Fault};
pub use quota::{Quota, Stats};
pub use requests::SentRequest;
pub use seed::Seed;
use server::Server;
pub use wrong_input::WrongInput;

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
    setup: Setup,
    port: u16,
}

impl Builder {
    /// The token to accept for ever (default: [`DEFAULT_TOKEN`]), in the first enterprise.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.setup.token = token.into();
        self
    }

    /// An account that may sign in, with the ids of the enterprises that it belongs to, instead of
    /// the default ones; may be called again for more.
    pub fn account(mut self, login: &str, password: &str, corp_ids: &[&str]) -> Self {
        self.setup.accounts.push(Account {
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
        self.setup.quota = quota.into();
        self
    }

    /// How long each answer takes (default: no time).
    pub fn latency(mut self, latency: Duration) -> Self {
        self.setup.latency = latency;
        self
    }

    /// Whether the rows of a list have all that the opportunities have (default: only what the
    /// vendor's pages show).
    pub fn whole_list_rows(mut self, whole: bool) -> Self {
        self.setup.form.whole_rows = whole;
        self
    }

    /// Whether a list can be ordered by `updated_at` (default: it can); else that is ignored.
    pub fn sorts_by_update(mut self, sorts: bool) -> Self {
        self.setup.form.sorts_by_update = sorts;
        self
    }

    /// Starts the sandbox on threads of its own.
    ///
    /// # Errors
    ///
    /// When the port cannot be had.
    pub fn start(mut self) -> io::Result<Sandbox> {
        if self.setup.accounts.is_empty() {
            let (one, two) = (DEFAULT_ACCOUNT, GROUP_ACCOUNT);
            self = self.account(one.0, one.1, &["1001"]).account(two.0, two.1, &["1001", "1002"]);
        }
        let crm = Arc::new(Crm::new(self.setup));
        Ok(Sandbox { server: Server::start(self.port, Arc::clone(&crm))?, crm })
    }
}

/// A running sandbox. When it is dropped, it stops: its threads and sockets are gone then.
///
/// It belongs to the process that started it. A fork may call it by its URL, but has none of its
/// threads: use no method there.
#[derive(Debug)]
pub struct Sandbox {
    server: Server,
    crm: Arc<Crm>,
}

impl Sandbox {
    /// Settings with their defaults.
    pub fn builder() -> Builder {
        let setup = Setup {
            token: DEFAULT_TOKEN.to_owned(),
            // None until one is given; then the default ones are not there.
            accounts: Vec::new(),
            quota: Some(Quota::default()),
            latency: Duration::ZERO,
            form: list::Form::default(),
        };
        Builder { setup, port: 0 }
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The token that lives for ever.
    #[must_use]
    pub fn token(&self) -> &str {
        self.crm.token()
    }

    /// What the sandbox counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.crm.stats()
    }

    /// How many calls came for an endpoint, such as `POST /api/v2/auth/login` or
    /// `GET /api/v2/opportunities/:id`, refused ones too.
    #[must_use]
    pub fn calls_of(&self, endpoint: &str) -> usize {
        self.crm.calls_of(endpoint)
    }

    /// The requests that came, the oldest first, refused ones too; of more than 10,000 the newest.
    #[must_use]
    pub fn requests(&self) -> Vec<SentRequest> {
        self.crm.requests()
    }

    /// The same as JSON, for the bindings.
    #[doc(hidden)]
    #[must_use]
    pub fn requests_json(&self) -> String {
        self.crm.requests_json().to_string()
    }

    /// An opportunity as the sandbox holds it now.
    #[must_use]
    pub fn opportunity(&self, id: u64) -> Option<Value> {
        self.crm.opportunity(id)
    }

    /// Puts data into the first enterprise: all of it or, when something is wrong, nothing.
    ///
    /// # Errors
    ///
    /// What is wrong, and where.
    #[expect(clippy::needless_pass_by_value, reason = "a seed is made to be given away")]
    pub fn seed(&self, seed: Seed) -> Result<(), WrongInput> {
        self.crm.seed(&seed)
    }

    /// Lets the next calls fail. Failures that are planned for the same calls come in the order in
    /// which they were planned. A call that is refused over quota uses none up.
    ///
    /// # Errors
    ///
    /// When the failure cannot be: its status, its route.
    pub fn fail_next(&self, failure: Failure) -> Result<(), WrongInput> {
        self.crm.plan(failure)
    }

    /// How long each answer takes.
    #[must_use]
    pub fn latency(&self) -> Duration {
        self.crm.latency()
    }

    /// Lets each answer take so long from the next call on.
    pub fn set_latency(&self, latency: Duration) {
        self.crm.set_latency(latency);
    }

    /// The calls that are admitted; `None` when all are.
    #[must_use]
    pub fn quota(&self) -> Option<Quota> {
        self.crm.quota()
    }

    /// Admits so many calls from now on, counting those that were admitted before; `None` admits all.
    pub fn set_quota(&self, quota: impl Into<Option<Quota>>) {
        self.crm.set_quota(quota.into());
    }

    /// Makes all as it was at the start: data, tokens, settings, what was counted and what is planned.
    pub fn reset(&self) {
        self.crm.reset();
    }

    /// Stops, as dropping does.
    pub fn close(self) {}
}
