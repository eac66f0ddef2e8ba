//! `Budget`: what one call may spend, over all the requests that it makes.

use std::cell::Cell;
use std::time::Duration;

use crate::client::Resources;
use crate::retry::Policy;
use crate::{CallOptions, Cancel, Client, Error};

/// The means, the time and the patience of one call. Waits for the quota do not count.
pub(crate) struct Budget<'a> {
    /// Looked up once a call: it costs a system call to know the process.
    pub(crate) resources: &'a Resources,
    pub(crate) policy: Policy,
    pub(crate) cancel: Option<&'a Cancel>,
    spent: Cell<Duration>,
    renewed: Cell<bool>,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(client: &'a Client, options: &'a CallOptions) -> Self {
        let (config, resources) = (client.config(), client.resources());
        let policy = Policy {
            max_retries: options.max_retries.unwrap_or(config.max_retries),
            timeout: options.timeout.unwrap_or(config.timeout),
        };
        let (spent, renewed) = (Cell::default(), Cell::default());
        Self { resources, policy, cancel: options.cancel.as_ref(), spent, renewed }
    }

    pub(crate) fn spend(&self, time: Duration) {
        self.spent.set(self.spent.get() + time);
    }

    pub(crate) fn spent(&self) -> Duration {
        self.spent.get()
    }

    pub(crate) fn left(&self) -> Duration {
        self.policy.timeout.saturating_sub(self.spent.get())
    }

    /// Whether the call may ask for a new token: once.
    pub(crate) fn may_renew(&self) -> bool {
        !self.renewed.replace(true)
    }

    /// Fails when the call must end now, while it is `waiting` for something.
    pub(crate) fn check(&self, waiting: &str) -> Result<(), Error> {
        if self.cancel.is_some_and(Cancel::poll) {
            return Err(Error::Cancelled { may_have_been_applied: false });
        }
        if self.left().is_zero() {
            let message = format!("the call's time ran out while waiting for {waiting}");
            return Err(Error::RequestTimeout { message, may_have_been_applied: false });
        }
        Ok(())
    }
}
