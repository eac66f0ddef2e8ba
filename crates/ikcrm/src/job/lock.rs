//! The lock of the one process that works on a job: the system frees it when that dies.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, spelt};
use crate::sync::LockedFile;

/// How often a lock is asked for that may be held by somebody who only looks at the job.
const TRIES: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(10);

/// Held while a process works on a job.
#[derive(Debug)]
pub(super) struct Lock {
    _file: LockedFile,
}

impl Lock {
    /// The lock of a job, unless somebody holds it.
    pub(super) fn take(job: &Path) -> Result<Self, Error> {
        let mut file = open(job)?;
        for left in (0..TRIES).rev() {
            match file.try_lock() {
                Ok(()) => {
                    let noted = file.set_len(0).and_then(|()| write!(file, "{}", owner()));
                    return noted
                        .map(|()| Self { _file: LockedFile::keep(file) })
                        .map_err(|error| broken(job, &error));
                }
                Err(TryLockError::WouldBlock) if left > 0 => std::thread::sleep(BETWEEN),
                Err(TryLockError::WouldBlock) => return Err(in_use(job, &mut file)),
                Err(TryLockError::Error(error)) => return Err(broken(job, &error)),
            }
        }
        Err(in_use(job, &mut file))
    }

    /// Whether somebody works on the job.
    pub(super) fn is_held(job: &Path) -> bool {
        let Ok(file) = OpenOptions::new().read(true).open(path(job)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

/// The file beside the job that is locked; it holds nothing of the job.
pub(super) fn path(job: &Path) -> PathBuf {
    let mut path = OsString::from(job);
    path.push("-lock");
    path.into()
}

fn open(job: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path(job)).map_err(|error| broken(job, &error))
}

/// Who holds the lock, for people to read.
fn owner() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let place = Some(host.trim()).filter(|host| !host.is_empty());
    let place = place.map(|host| format!(" on {host}")).unwrap_or_default();
    format!("process {}{place}", std::process::id())
}

fn in_use(job: &Path, file: &mut File) -> Error {
    let mut owner = String::new();
    file.read_to_string(&mut owner).ok();
    let owner = Some(owner.trim()).filter(|owner| !owner.is_empty()).unwrap_or("another process");
    Error::JobInUse {
        message: format!(
            "{owner} is working on the job {}; wait for it, or look at the job with {}",
            job.display(),
            spelt("open_job")
        ),
        path: job.to_owned(),
    }
}

fn broken(job: &Path, error: &std::io::Error) -> Error {
    Error::JobFile {
        message: format!("the job {} cannot be locked: {error}", job.display()),
        path: job.to_owned(),
    }
}
