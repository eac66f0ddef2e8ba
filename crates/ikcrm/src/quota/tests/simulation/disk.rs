//! What simulated processes share: a virtual clock, and a file that keeps their slots.

use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::super::file::state::{Here, Memory, Name, change};
use super::super::super::store::{Local, Store, StoreError, Warning};
use super::super::super::window::{Fate, LATE, Limit, Request, Taken, Window};
use crate::sync::lock;

thread_local! {
    /// The time that has passed, and how far the machine's clock is behind it (a day before).
    static TIME: Cell<(Duration, Duration)> = const { Cell::new((Duration::ZERO, Duration::ZERO)) };
}

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn set_time(now: Duration) {
    TIME.with(|time| time.set((now, time.get().1)));
}

/// Says when the machine started.
pub(super) fn set_start(at: Duration) {
    TIME.with(|time| time.set((time.get().0, at)));
}

/// Sets the machine's clock back.
pub(super) fn set_back_by(duration: Duration) {
    TIME.with(|time| time.set((time.get().0, time.get().1 + duration)));
}

/// The machine's clock.
pub(super) fn machine_time() -> Duration {
    let (now, back) = TIME.get();
    (DAY + now).saturating_sub(back)
}

/// The machine's file.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) bytes: Vec<u8>,
    /// Which file it is, and which of the machine's runs this is.
    pub(super) file: u64,
    pub(super) run: u8,
    pub(super) away: bool,
    /// How often a state began.
    begun: u64,
}

/// A process's way to the file.
#[derive(Debug, Default)]
pub(super) struct OnDisk {
    pub(super) disk: Arc<Mutex<Disk>>,
    pub(super) name: String,
    pub(super) memory: Mutex<Memory>,
    /// A fault to be seen: it never knows that anything was lost.
    pub(super) forgets: bool,
}

impl OnDisk {
    fn with<T>(
        &self,
        hold: Duration,
        work: impl FnOnce(&mut Window, Duration) -> T,
    ) -> Result<T, StoreError> {
        let mut disk = lock(&self.disk);
        if disk.away {
            return Err(StoreError::passing("away"));
        }
        disk.begun += 1;
        let mut salt = Name::default();
        salt[..8].copy_from_slice(&disk.begun.to_le_bytes());
        let file = Some((0, disk.file));
        let here = Here { now: machine_time(), clock: [disk.run; 16], file, hold, salt };
        let mut memory = lock(&self.memory);
        let used = change(&disk.bytes, here, &memory, &self.name, work).unwrap();
        disk.bytes = used.bytes;
        *memory = if self.forgets { Memory::default() } else { used.memory };
        Ok(used.result)
    }
}

impl Store for OnDisk {
    fn take(&self, request: Request, limit: Limit) -> Result<Taken, StoreError> {
        self.with(request.hold + LATE, |window, now| window.take(request, limit, now))
    }

    fn settle(&self, id: u64, fate: Fate, _: Limit) -> Result<(), StoreError> {
        self.with(Duration::ZERO, |window, now| window.settle(id, fate, now))
    }

    fn block(&self, duration: Duration) -> Result<(), StoreError> {
        self.with(Duration::ZERO, |window, now| window.block(duration, now))
    }

    fn usage(&self, limit: Limit, ahead: usize) -> Result<(usize, Duration), StoreError> {
        self.with(limit.per, |window, now| window.usage(limit, ahead, now))
    }

    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }
}

/// A fallback with a bug to be seen: what is sent while the store is away is known to nobody else.
#[derive(Debug)]
pub(super) struct Naive {
    pub(super) store: Box<OnDisk>,
    pub(super) local: Local,
    pub(super) part: Limit,
}

impl Store for Naive {
    fn take(&self, request: Request, limit: Limit) -> Result<Taken, StoreError> {
        self.store.take(request, limit).or_else(|_| self.local.take(request, self.part))
    }

    fn settle(&self, id: u64, fate: Fate, limit: Limit) -> Result<(), StoreError> {
        self.local.settle(id, fate, limit)?;
        self.store.settle(id, fate, limit)
    }

    fn block(&self, duration: Duration) -> Result<(), StoreError> {
        self.store.block(duration)
    }

    fn usage(&self, limit: Limit, ahead: usize) -> Result<(usize, Duration), StoreError> {
        self.store.usage(limit, ahead)
    }

    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }
}
