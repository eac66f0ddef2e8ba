//! `OpenQuota`: a quota in use.

use std::sync::Arc;
use std::time::Duration;

use super::gate::{self, Gate, Pass, Slot};
use super::settings::{Quota, SharedQuota, StoreUrl};
use super::store::{Fallback, Local, Store};
use super::window::Limit;
use crate::error::Error;
use crate::sync::Cancel;

impl SharedQuota {
    /// The way through the gate that all clients of the process with this name and store share.
    pub(crate) fn open(&self) -> OpenQuota {
        let Quota { store, limit, max_wait, fallback, .. } = &self.quota;
        let gate = gate::of_process(&format!("{store:?} {}", self.name), || match store {
            None => Gate::new(Box::new(Local::new()), false),
            Some(url) => Gate::new(with_fallback(url.open(&self.name), *limit, *fallback), true),
        });
        OpenQuota { limit: *limit, max_wait: *max_wait, gate }
    }
}

/// A quota in use.
#[derive(Debug)]
pub(crate) struct OpenQuota {
    limit: Limit,
    max_wait: Option<Duration>,
    gate: Arc<Gate>,
}

impl OpenQuota {
    /// Takes a slot for an attempt that ends within `timeout`.
    pub(crate) fn take(
        &self,
        timeout: Duration,
        cancel: Option<&Cancel>,
    ) -> Result<Slot<'_>, Error> {
        let hold = timeout + self.limit.per;
        self.gate.take(&Pass { limit: self.limit, hold, max_wait: self.max_wait, cancel })
    }

    /// Lets nobody pass for a whole window, or longer if asked: somebody else spends the quota too.
    pub(crate) fn back_off(&self, asked: Option<Duration>) {
        self.gate.block(asked.unwrap_or_default().max(self.limit.per));
    }

    pub(crate) fn status(&self) -> Result<QuotaStatus, Error> {
        let (used, next_free) = self.gate.usage(self.limit)?;
        Ok(QuotaStatus { calls: self.limit.calls.get(), used, next_free })
    }
}

fn with_fallback(store: Box<dyn Store>, limit: Limit, part: Option<f64>) -> Box<dyn Store> {
    match part {
        None => store,
        Some(part) => Box::new(Fallback::new(store, limit.part(part))),
    }
}

impl StoreUrl {
    /// The window of this name in the store.
    #[cfg_attr(
        not(any(feature = "quota-sqlite", feature = "quota-redis")),
        expect(unused_variables, reason = "without stores there is none to name")
    )]
    fn open(&self, name: &str) -> Box<dyn Store> {
        match *self {
            #[cfg(feature = "quota-sqlite")]
            Self::Sqlite(ref path) => Box::new(super::sqlite::Sqlite::new(path.clone(), name)),
            #[cfg(feature = "quota-redis")]
            Self::Redis(ref url) => Box::new(super::redis::Redis::new(url, name)),
        }
    }
}

/// How much of a quota is used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaStatus {
    /// How many calls are admitted in any stretch of the quota's length.
    pub calls: usize,
    /// How many slots are taken, by all who share the quota.
    pub used: usize,
    /// How long it takes at least until a slot can be had; zero when one is free.
    pub next_free: Duration,
}

impl QuotaStatus {
    /// How many slots are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.calls.saturating_sub(self.used)
    }
}
