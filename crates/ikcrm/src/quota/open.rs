//! `OpenQuota`: a quota in use.

use std::sync::Arc;
use std::time::Duration;

use super::gate::{self, Gate, Joined, Pass};
use super::queue::Lane;
use super::settings::{Quota, SharedQuota, StoreUrl};
use super::store::{Fallback, Local, Store};
use super::window::Limit;
use crate::error::Error;
use crate::sync::Budget;

/// What part of the calls those of the second lane may use.
const BATCH_SHARE: f64 = 0.8;
/// How long a client that goes waits at most until a shared store knows what became of its calls.
const FLUSH: Duration = Duration::from_millis(200);

impl SharedQuota {
    /// The way through the gate that all clients of the process with this name and store share.
    pub(crate) fn open(&self) -> OpenQuota {
        let Quota { store, limit, max_wait, fallback, .. } = &self.quota;
        let place = store.as_ref().map(StoreUrl::identity);
        let gate =
            gate::of_process(&format!("{place:?} {fallback:?} {}", self.name), || match store {
                None => Gate::new(Box::new(Local::new()), false),
                Some(url) => {
                    Gate::new(with_fallback(url.open(&self.name), *limit, *fallback), true)
                }
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

/// How a call stands in the queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) lane: Lane,
    /// When the call started, by count.
    pub(crate) order: u64,
    /// How long it waits for a slot, if that is not as the quota says.
    pub(crate) max_wait: Option<Duration>,
}

impl OpenQuota {
    /// A slot for an attempt that ends within what is left of the budget, or the wait for one.
    ///
    /// # Errors
    ///
    /// As [`Gate::join`].
    pub(crate) fn join<'a>(&self, turn: Turn, budget: &'a Budget) -> Result<Joined<'a>, Error> {
        let Turn { lane, order, max_wait } = turn;
        let (limit, calls) = (self.limit, self.limit.calls.get());
        let reserve = match lane {
            Lane::Interactive => 0,
            Lane::Batch => calls - limit.part(BATCH_SHARE).calls.get(),
        };
        let hold = budget.left() + self.limit.per;
        let max_wait = max_wait.or(self.max_wait);
        self.gate.join(&Pass { limit, reserve, hold, max_wait, lane, order, budget })
    }

    /// Lets nobody pass for a whole window, or longer if asked: somebody else spends the quota too.
    /// Tells for how long.
    pub(crate) fn back_off(&self, asked: Option<Duration>) -> Duration {
        let wait = asked.unwrap_or_default().max(self.limit.per);
        self.gate.block(wait);
        wait
    }

    /// What the user should hear of the store and was not told yet: a word for it, and what it means.
    pub(crate) fn warnings(&self) -> Vec<(&'static str, String)> {
        self.gate.warnings().iter().map(|warning| (warning.name(), warning.to_string())).collect()
    }

    pub(crate) async fn status(&self, budget: &Budget) -> Result<QuotaStatus, Error> {
        let (used, waiting, next_free) = self.gate.usage(self.limit, budget).await?;
        Ok(QuotaStatus { calls: self.limit.calls.get(), used, waiting, next_free })
    }
}

/// A client that goes lets a shared store know what became of its calls.
impl Drop for OpenQuota {
    fn drop(&mut self) {
        self.gate.leave(FLUSH);
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
    fn open(&self, name: &str) -> Box<dyn Store> {
        match *self {
            Self::File(ref path) => Box::new(super::file::FileStore::new(path.clone(), name)),
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
    /// How many calls of this process wait for a slot.
    pub waiting: usize,
    /// How long it takes at least until one more call can have a slot; zero when one is free.
    pub next_free: Duration,
}

impl QuotaStatus {
    /// How many slots are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.calls.saturating_sub(self.used)
    }
}
