//! `Store`: where a quota's slots are kept, and the store of one process.

use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::window::{Fate, Limit, Request, Taken, Window};
use crate::sync::lock;

/// How long a store that failed is not asked again.
const AWAY: Duration = Duration::from_secs(1);

/// Keeps the slots of one quota, by a clock of its own: times go in and out as durations from now.
pub(crate) trait Store: fmt::Debug + Send + Sync {
    /// Takes a slot if one is free and nobody comes first. Asked twice by the same id, it takes one.
    fn take(&self, request: Request, limit: Limit) -> Result<Taken, StoreError>;

    /// Tells the fate of the call that a slot was taken for.
    fn settle(&self, id: u64, fate: Fate, limit: Limit) -> Result<(), StoreError>;

    /// Lets nobody take a slot for some time.
    fn block(&self, duration: Duration) -> Result<(), StoreError>;

    /// How many slots are taken, and how long it takes until one can be had.
    fn usage(&self, limit: Limit) -> Result<(usize, Duration), StoreError>;
}

/// Why a store could not be used.
#[derive(Debug)]
pub(crate) struct StoreError(pub(crate) String);

/// The store of one process, by its monotonic clock.
#[derive(Debug)]
pub(crate) struct Local {
    window: Mutex<Window>,
    start: Instant,
}

impl Local {
    pub(crate) fn new() -> Self {
        Self { window: Mutex::default(), start: Instant::now() }
    }

    /// The window and the time.
    fn now(&self) -> (MutexGuard<'_, Window>, Duration) {
        let window = lock(&self.window);
        (window, self.start.elapsed())
    }
}

impl Store for Local {
    fn take(&self, request: Request, limit: Limit) -> Result<Taken, StoreError> {
        let (mut window, now) = self.now();
        Ok(window.take(request, limit, now))
    }

    fn settle(&self, id: u64, fate: Fate, limit: Limit) -> Result<(), StoreError> {
        let (mut window, now) = self.now();
        window.settle(id, fate, limit.per, now);
        Ok(())
    }

    fn block(&self, duration: Duration) -> Result<(), StoreError> {
        let (mut window, now) = self.now();
        window.block(duration, now);
        Ok(())
    }

    fn usage(&self, limit: Limit) -> Result<(usize, Duration), StoreError> {
        let (window, now) = self.now();
        Ok(window.usage(limit, now))
    }
}

/// A store that is away now and then, and what this process may do by itself meanwhile.
#[derive(Debug)]
pub(crate) struct Fallback {
    store: Box<dyn Store>,
    local: Local,
    limit: Limit,
    /// Until when the store is taken to be away.
    away_until: Mutex<Option<Instant>>,
}

impl Fallback {
    pub(crate) fn new(store: Box<dyn Store>, limit: Limit) -> Self {
        Self { store, local: Local::new(), limit, away_until: Mutex::default() }
    }

    /// Asks the store unless it was away a moment ago.
    fn ask<T>(&self, ask: impl FnOnce(&dyn Store) -> Result<T, StoreError>) -> Option<T> {
        let mut away_until = lock(&self.away_until);
        if away_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let answer = ask(self.store.as_ref()).ok();
        if answer.is_none() && away_until.is_none() {
            // What the others have sent in the last window is not known here.
            drop(self.local.block(self.limit.per));
        }
        *away_until = answer.is_none().then(|| Instant::now() + AWAY);
        answer
    }
}

impl Store for Fallback {
    fn take(&self, request: Request, limit: Limit) -> Result<Taken, StoreError> {
        match self.ask(|store| store.take(request, limit)) {
            Some(taken) => Ok(taken),
            None => self.local.take(request, self.limit),
        }
    }

    fn settle(&self, id: u64, fate: Fate, limit: Limit) -> Result<(), StoreError> {
        drop(self.local.settle(id, fate, limit));
        self.ask(|store| store.settle(id, fate, limit));
        Ok(())
    }

    fn block(&self, duration: Duration) -> Result<(), StoreError> {
        self.ask(|store| store.block(duration));
        self.local.block(duration)
    }

    fn usage(&self, limit: Limit) -> Result<(usize, Duration), StoreError> {
        match self.ask(|store| store.usage(limit)) {
            Some(usage) => Ok(usage),
            None => self.local.usage(self.limit),
        }
    }
}
