//! `LockedFile`: a file that is locked, of which a forked process keeps no copy: it would keep the lock.

use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::lock;
use super::per_process::PerProcess;

type Files = Mutex<Vec<(u64, File)>>;

static FILES: PerProcess<Files> = PerProcess::new();

/// A locked file; the lock is free when this is dropped, or when the process dies.
#[derive(Debug)]
pub(crate) struct LockedFile(u64);

impl LockedFile {
    /// Keeps a file that is locked.
    pub(crate) fn keep(file: File) -> Self {
        static KEPT: AtomicU64 = AtomicU64::new(0);
        let number = KEPT.fetch_add(1, Ordering::Relaxed);
        lock(files()).push((number, file));
        Self(number)
    }
}

/// In a child the file is not there any more, and the lock stays its parent's.
impl Drop for LockedFile {
    fn drop(&mut self) {
        let mut files = lock(files());
        if let Some(place) = files.iter().position(|(number, _)| *number == self.0) {
            let (_, file) = files.swap_remove(place);
            // Closing it is not enough while a child that nobody told of has a copy.
            file.unlock().ok();
        }
    }
}

/// Closes the copies of a process that was just forked.
pub(super) fn forked() {
    files();
}

/// Those of this process; a child closes its copies of its parent's.
fn files() -> &'static Files {
    FILES.current(|parent| {
        if let Some(mut files) = parent.and_then(|files| files.try_lock().ok()) {
            files.clear();
        }
        Mutex::default()
    })
}
