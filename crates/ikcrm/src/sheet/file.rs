//! A sheet's file, whose reading ends when the call is cancelled.

use std::fs::File;
use std::io::{Error, Read, Result, Seek, SeekFrom};
use std::path::Path;

use crate::sync::Cancel;

/// A file that is read for a call.
pub(super) struct SheetFile {
    file: File,
    cancel: Option<Cancel>,
}

impl SheetFile {
    pub(super) fn open(path: &Path, cancel: Option<&Cancel>) -> Result<Self> {
        Ok(Self { file: File::open(path)?, cancel: cancel.cloned() })
    }

    /// The same file once more; the two share one place in it.
    #[cfg(feature = "csv")]
    pub(super) fn again(&self) -> Result<Self> {
        Ok(Self { file: self.file.try_clone()?, cancel: self.cancel.clone() })
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
        if self.cancel.as_ref().is_some_and(Cancel::poll) {
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
