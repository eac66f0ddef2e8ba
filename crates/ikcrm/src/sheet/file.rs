//! A sheet's file, whose reading ends when the call is cancelled.

use std::fs::File;
use std::io::{Error, Read, Result, Seek, SeekFrom};
use std::path::Path;
use std::time::Instant;

use crate::sync::{Cancel, SLICE};

/// A file that is read for a call.
pub(super) struct SheetFile {
    file: File,
    cancel: Option<Cancel>,
    /// When the cancel's probe was asked last.
    polled: Option<Instant>,
}

impl SheetFile {
    pub(super) fn open(path: &Path, cancel: Option<&Cancel>) -> Result<Self> {
        Ok(Self { file: File::open(path)?, cancel: cancel.cloned(), polled: None })
    }

    /// The same file once more; the two share one place in it.
    #[cfg(feature = "csv")]
    pub(super) fn again(&self) -> Result<Self> {
        Ok(Self { file: self.file.try_clone()?, cancel: self.cancel.clone(), polled: self.polled })
    }

    /// Asked before every read. The probe is asked ten times a second, since in Python it takes the lock
    /// of the interpreter.
    fn is_cancelled(&mut self) -> bool {
        let Some(cancel) = &self.cancel else { return false };
        if self.polled.is_some_and(|polled| polled.elapsed() < SLICE) {
            return cancel.is_cancelled();
        }
        self.polled = Some(Instant::now());
        cancel.poll()
    }

    pub(super) fn is_folder(&self) -> Result<bool> {
        Ok(self.file.metadata()?.is_dir())
    }

    /// How many bytes it has.
    #[cfg(feature = "xlsx")]
    pub(super) fn size(&self) -> u64 {
        self.file.metadata().map(|file| file.len()).unwrap_or_default()
    }
}

impl Read for SheetFile {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.is_cancelled() {
            return Err(Error::other("cancelled"));
        }
        self.file.read(buffer)
    }
}

impl Seek for SheetFile {
    fn seek(&mut self, place: SeekFrom) -> Result<u64> {
        self.file.seek(place)
    }
}
