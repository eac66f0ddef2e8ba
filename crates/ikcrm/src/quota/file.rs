//! `FileStore`: the slots that the processes of one machine share, in a small file.
//!
//! Each use opens the file, locks it, reads it, changes it, writes it and lets it go: nothing is
//! open in between, so a forked process inherits no lock. Times are by the machine's clock.

mod place;
pub(super) mod state;

use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use ring::rand::{SecureRandom, SystemRandom};

use super::store::{Store, StoreError, Warning, Warnings};
use super::window::{Fate, LATE, Limit, Request, Taken, Window};
use crate::sync::{clock, lock};
use state::{FileId, Here, MOST_BYTES, Memory, Name, Refused, change};

pub(crate) use place::path_of;
#[cfg(feature = "fuzzing")]
pub(crate) use state::{passed_on, window_in};

/// How long a process waits for another one's lock, which is held for a few microseconds.
const LOCKED: Duration = Duration::from_secs(1);
/// How long it sleeps between two looks, at first and at last.
const NAPS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(10));

#[derive(Debug)]
pub(crate) struct FileStore {
    path: PathBuf,
    name: String,
    memory: Mutex<Memory>,
    /// The name of the clock; a process keeps to the one that it was started with.
    clock: OnceLock<Name>,
    warnings: Warnings,
}

/// A file that is ours until this is dropped.
struct Locked {
    file: fs::File,
    /// The file's own name, where files have one.
    id: Option<FileId>,
}

impl FileStore {
    /// The window of this name in the file, which is made when it is first used.
    pub(crate) fn new(path: PathBuf, name: &str) -> Self {
        Self {
            path,
            name: name.to_owned(),
            memory: Mutex::default(),
            clock: OnceLock::new(),
            warnings: Warnings::default(),
        }
    }

    /// Does something with the window, for all processes at once. `hold` is how long a slot is held
    /// that is wanted.
    fn with<T>(
        &self,
        hold: Duration,
        work: impl FnOnce(&mut Window, Duration) -> T,
    ) -> Result<T, StoreError> {
        let mut memory = lock(&self.memory);
        let mut locked = self.lock()?;
        let bytes = self.read(&locked)?;
        let here = self.here(&locked, hold)?;
        let used = change(&bytes, here, &memory, &self.name, work);
        let used = used.map_err(|refused| self.refused(refused))?;
        self.write(&mut locked, &used.bytes)?;
        *memory = used.memory;
        if used.lost {
            self.warnings.add_again(Warning::Lost);
        }
        Ok(used.result)
    }

    /// Opens and locks the file that the path leads to.
    fn lock(&self) -> Result<Locked, StoreError> {
        let end = Instant::now() + LOCKED;
        loop {
            let file = open(&self.path).map_err(|error| self.failed("opened", &error))?;
            self.wait_for(&file, end)?;
            let mut locked = Locked { file, id: None };
            place::check(&locked.file).map_err(|reason| self.unfit(&reason))?;
            match place::id(&locked.file, &self.path) {
                Ok(id) => {
                    locked.id = id;
                    return Ok(locked);
                }
                // Another one took its place before it was locked.
                Err(_) if Instant::now() < end => {}
                Err(error) => return Err(self.failed("found", &error)),
            }
        }
    }

    fn wait_for(&self, file: &fs::File, end: Instant) -> Result<(), StoreError> {
        let (mut nap, longest) = NAPS;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(fs::TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(nap),
                Err(fs::TryLockError::WouldBlock) => {
                    let message = "has been locked by another program for over a second; has that one stopped?";
                    return Err(StoreError::passing(self.about(message)));
                }
                Err(fs::TryLockError::Error(error)) => return Err(self.failed("locked", &error)),
            }
            nap = (nap * 2).min(longest);
        }
    }

    fn read(&self, locked: &Locked) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::with_capacity(4096);
        let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
        let read = (&locked.file).take(most).read_to_end(&mut bytes);
        read.map_err(|error| self.failed("read", &error))?;
        Ok(bytes)
    }

    fn here(&self, locked: &Locked, hold: Duration) -> Result<Here, StoreError> {
        let clock = match self.clock.get() {
            Some(clock) => *clock,
            None => place::clock().map_err(|reason| self.unfit(&reason))?,
        };
        self.clock.set(clock).ok();
        let salt = random().map_err(|reason| self.unfit(reason))?;
        Ok(Here { now: clock::now(), clock, file: locked.id, hold, salt })
    }

    fn write(&self, locked: &mut Locked, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.len() > MOST_BYTES {
            let message = "is full: give each key a file of its own";
            return Err(StoreError::passing(self.about(message)));
        }
        let written = locked.file.rewind().and_then(|()| locked.file.write_all(bytes));
        written.map_err(|error| self.failed("written", &error))
    }

    fn refused(&self, refused: Refused) -> StoreError {
        match refused {
            Refused::Version(version) => self.unfit(&format!(
                "was written by a newer ikcrm (form {version}): update this one, or name another file"
            )),
            Refused::Clocks => self.unfit(
                "is used by two systems that each have a clock of their own (machines, virtual \
                 machines, or containers with a kernel or a time namespace of their own): use \
                 redis:// for them, or give each system a file and a part of the calls",
            ),
        }
    }

    fn failed(&self, done: &str, error: &io::Error) -> StoreError {
        let message = self.about(&format!("cannot be {done}: {error}{}", advice(error)));
        StoreError { message, retryable: passes(error) }
    }

    fn unfit(&self, reason: &str) -> StoreError {
        StoreError::permanent(self.about(reason))
    }

    fn about(&self, what: &str) -> String {
        format!("the quota's file {} {what}", self.path.display())
    }
}

impl Drop for Locked {
    /// Said aloud: a process forked meanwhile has the same open file, and closing ours would leave it
    /// locked.
    fn drop(&mut self) {
        self.file.unlock().ok();
    }
}

impl Store for FileStore {
    fn take(&self, request: Request, limit: Limit) -> Result<Taken, StoreError> {
        let (taken, stricter) = self.with(request.hold + LATE, |window, now| {
            (window.take(request, limit, now), window.stricter(limit))
        })?;
        self.warnings.add_stricter(limit, stricter);
        Ok(taken)
    }

    fn settle(&self, id: u64, fate: Fate, limit: Limit) -> Result<(), StoreError> {
        self.with(Duration::ZERO, |window, now| {
            window.know(limit, now);
            window.settle(id, fate, now);
        })
    }

    fn block(&self, duration: Duration) -> Result<(), StoreError> {
        self.with(Duration::ZERO, |window, now| window.block(duration, now))
    }

    fn usage(&self, limit: Limit, ahead: usize) -> Result<(usize, Duration), StoreError> {
        self.with(limit.per, |window, now| window.usage(limit, ahead, now))
    }

    fn warnings(&self) -> Vec<Warning> {
        self.warnings.take()
    }
}

/// Opens the file, or makes it for its owner alone.
fn open(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    match options.read(true).write(true).open(path) {
        // Only now, since a folder may forbid to make a file where there is another one's.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.create(true).open(path)
        }
        opened => opened,
    }
}

/// Whether it may work later as it is.
fn passes(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidFilename
            | ErrorKind::Unsupported
    )
}

/// What helps.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "; create its folder first",
        ErrorKind::PermissionDenied => {
            "; to share it, its owner gives it to a group (chgrp, chmod 660), and the folder too"
        }
        _ => "",
    }
}

fn random() -> Result<Name, &'static str> {
    let mut bytes = Name::default();
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| "needs random numbers, and the system has none")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
