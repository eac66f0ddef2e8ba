//! `Store`: where a quota's slots are kept, and the store of one process.

use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::window::{Fate, Limit, Request, Taken, Window};
use crate::sync::{clock, lock};

/// How long a store that failed is not asked again.
pub(crate) const AWAY: Duration = Duration::from_secs(1);

/// Tells the time: the machine's, or a simulation's.
pub(crate) type Clock = fn() -> Duration;

/// Keeps the slots of one quota, by a clock of its own: times go in and out as durations from now.
///
/// A call may take as long as the store's own bound, about a second.
pub(crate) trait Store: fmt::Debug + Send + Sync {
    /// Takes a slot if one is free and enough are left for others. Asked twice by the same id, it takes one.
    fn take(&self, request: Request, limit: Limit) -> Result<Taken, StoreError>;

    /// Tells the fate of the call that a slot was taken for.
    fn settle(&self, id: u64, fate: Fate, limit: Limit) -> Result<(), StoreError>;

    /// Lets nobody take a slot for some time, a few windows at most.
    fn block(&self, duration: Duration) -> Result<(), StoreError>;

    /// How many slots are taken, and how long it takes until one can be had when `ahead` others come
    /// first.
    fn usage(&self, limit: Limit, ahead: usize) -> Result<(usize, Duration), StoreError>;

    /// What the user should hear of and has not been told yet.
    fn warnings(&self) -> Vec<Warning>;
}

/// Why a store could not be used.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoreError {
    pub(crate) message: String,
    /// Whether it may work later as it is: a broken connection does, a wrong password does not.
    pub(crate) retryable: bool,
}

impl StoreError {
    pub(crate) fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), retryable: true }
    }

    pub(crate) fn permanent(message: impl Into<String>) -> Self {
        Self { message: message.into(), retryable: false }
    }
}

/// What a store works with but the user should know.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Warning {
    /// Somebody else's limit on the same key holds everybody back.
    Stricter {
        /// This quota's own.
        own: Limit,
        /// The one that holds.
        other: Limit,
    },
    /// Redis may forget the slots when its memory is full.
    #[cfg(feature = "quota-redis")]
    Evicts {
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// What others had taken was lost, so nobody passes until that is over.
    Lost,
}

impl Warning {
    /// A stable word for it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Stricter { .. } => "stricter",
            #[cfg(feature = "quota-redis")]
            Self::Evicts { .. } => "evicts",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stricter { own, other } => write!(
                f,
                "this client may make {} calls in {:?}, but another one with the same key only {} in \
                 {:?}; the stricter limit holds for both: give all of them the same quota",
                own.calls, own.per, other.calls, other.per,
            ),
            #[cfg(feature = "quota-redis")]
            Self::Evicts { policy } => write!(
                f,
                "the quota's Redis may forget slots when its memory is full: its maxmemory-policy is \
                 {policy}; set it to noeviction",
            ),
            Self::Lost => f.write_str(
                "the quota's store lost the slots that others had taken, so nobody sends anything until \
                 those would be free again",
            ),
        }
    }
}

/// The warnings of a store, each told once.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<(Vec<Warning>, Vec<Warning>)>);

impl Warnings {
    pub(crate) fn add(&self, warning: Warning) {
        let (told, new) = &mut *self.lock();
        if !told.contains(&warning) && !new.contains(&warning) {
            new.push(warning);
        }
    }

    /// Something that may happen again, and is told again then.
    pub(crate) fn add_again(&self, warning: Warning) {
        self.lock().0.retain(|told| *told != warning);
        self.add(warning);
    }

    pub(crate) fn add_stricter(&self, own: Limit, other: Option<Limit>) {
        if let Some(other) = other {
            self.add(Warning::Stricter { own, other });
        }
    }

    pub(crate) fn take(&self) -> Vec<Warning> {
        let (told, new) = &mut *self.lock();
        told.extend_from_slice(new);
        std::mem::take(new)
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<Warning>, Vec<Warning>)> {
        lock(&self.0)
    }
}

/// The store of one process.
#[derive(Debug)]
pub(crate) struct Local {
    window: Mutex<Window>,
    warnings: Warnings,
    clock: Clock,
}

impl Local {
    pub(crate) fn new() -> Self {
        Self::with_clock(clock::now)
    }

    pub(crate) fn with_clock(clock: Clock) -> Self {
        Self { window: Mutex::default(), warnings: Warnings::default(), clock }
    }

    /// The window and the time.
    fn now(&self) -> (MutexGuard<'_, Window>, Duration) {
        let window = lock(&self.window);
        (window, (self.clock)())
    }

    /// The slots that are taken now.
    fn held(&self, per: Duration) -> Vec<(u64, Fate)> {
        let (mut window, now) = self.now();
        window.arrive(now);
        window.held(per)
    }
}

impl Store for Local {
    fn take(&self, request: Request, limit: Limit) -> Result<Taken, StoreError> {
        let (mut window, now) = self.now();
        let taken = window.take(request, limit, now);
        self.warnings.add_stricter(limit, window.stricter(limit));
        Ok(taken)
    }

    fn settle(&self, id: u64, fate: Fate, _: Limit) -> Result<(), StoreError> {
        let (mut window, now) = self.now();
        window.settle(id, fate, now);
        Ok(())
    }

    fn block(&self, duration: Duration) -> Result<(), StoreError> {
        let (mut window, now) = self.now();
        window.block(duration, now);
        Ok(())
    }

    fn usage(&self, limit: Limit, ahead: usize) -> Result<(usize, Duration), StoreError> {
        let (mut window, now) = self.now();
        Ok(window.usage(limit, ahead, now))
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.take()
    }
}

/// A store that is away now and then, and what this process may do by itself meanwhile.
///
/// The promise holds while the store is away for everybody or for nobody, and the parts add up to 1.
#[derive(Debug)]
pub(crate) struct Fallback {
    store: Box<dyn Store>,
    /// This process's calls, whichever store their slots are of.
    local: Local,
    limit: Limit,
    away: Mutex<Option<Away>>,
    /// The longest time that a slot was held for a call.
    hold: Mutex<Duration>,
    clock: Clock,
}

/// Since when the store is away, and until when it is not asked again.
#[derive(Debug, Clone, Copy)]
struct Away {
    since: Duration,
    until: Duration,
}

impl Fallback {
    pub(crate) fn new(store: Box<dyn Store>, limit: Limit) -> Self {
        Self::with_clock(store, limit, clock::now)
    }

    pub(crate) fn with_clock(store: Box<dyn Store>, limit: Limit, clock: Clock) -> Self {
        let local = Local::with_clock(clock);
        let away = Mutex::default();
        Self { store, local, limit, away, hold: Mutex::new(limit.per), clock }
    }

    /// Asks the store unless it was away a moment ago. An error that will not pass is told.
    fn ask<T>(
        &self,
        ask: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut away = lock(&self.away);
        let now = (self.clock)();
        // A clock that went back must not keep the store away.
        if away.is_some_and(|away| (away.until.saturating_sub(AWAY)..away.until).contains(&now)) {
            return Ok(None);
        }
        let healed = away.map_or(Ok(()), |away| self.hand_over(now.saturating_sub(away.since)));
        match healed.and_then(|()| ask(self.store.as_ref())) {
            Ok(answer) => {
                *away = None;
                Ok(Some(answer))
            }
            Err(error) if !error.retryable => Err(error),
            Err(_) => {
                if away.is_none() {
                    // What the others have sent, and have under way, is not known here.
                    self.local.block(*lock(&self.hold))?;
                }
                let now = (self.clock)();
                let since = away.map_or(now, |away| away.since);
                *away = Some(Away { since, until: now + AWAY });
                Ok(None)
            }
        }
    }

    /// Tells the store, which was away for so long, what was sent meanwhile. If that was long enough
    /// for anybody to send by himself, nobody passes until the others have told it too.
    fn hand_over(&self, away: Duration) -> Result<(), StoreError> {
        if away + AWAY > self.limit.per {
            self.store.block(AWAY + self.limit.per)?;
        }
        for (id, fate) in self.local.held(self.limit.per) {
            self.store.settle(id, fate, self.limit)?;
        }
        Ok(())
    }
}

impl Store for Fallback {
    fn take(&self, request: Request, limit: Limit) -> Result<Taken, StoreError> {
        let hold = request.open(limit) + limit.per;
        let longest = hold.max(*lock(&self.hold));
        *lock(&self.hold) = longest;
        let Some(taken) = self.ask(|store| store.take(request, limit))? else {
            return self.local.take(request, self.limit);
        };
        if taken == Taken::Slot {
            // Should the store go away while the call is under way, it is one of this process's.
            self.local.settle(request.id, Fate::Elsewhere(request.open(limit)), limit)?;
        }
        Ok(taken)
    }

    fn settle(&self, id: u64, fate: Fate, limit: Limit) -> Result<(), StoreError> {
        self.local.settle(id, fate, limit)?;
        self.ask(|store| store.settle(id, fate, limit)).map(drop)
    }

    fn block(&self, duration: Duration) -> Result<(), StoreError> {
        self.local.block(duration)?;
        self.ask(|store| store.block(duration)).map(drop)
    }

    fn usage(&self, limit: Limit, ahead: usize) -> Result<(usize, Duration), StoreError> {
        match self.ask(|store| store.usage(limit, ahead))? {
            Some(usage) => Ok(usage),
            None => self.local.usage(self.limit, ahead),
        }
    }

    fn warnings(&self) -> Vec<Warning> {
        self.store.warnings()
    }
}
