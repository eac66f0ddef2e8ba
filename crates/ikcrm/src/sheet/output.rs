//! What results have in common, whatever file they are written to.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::write_options::WriteOptions;
use crate::error::{Error, FieldError, FieldErrorCode as Code};
use crate::job::{JobResult, UpdateJob};

/// Hands out the rows that the options choose, one after the other.
pub(super) fn each_result(
    job: &UpdateJob,
    options: &WriteOptions,
    mut take: impl FnMut(JobResult) -> Result<(), Error>,
) -> Result<(), Error> {
    let (mut after, mut more) = (0, true);
    let state = if let [state] = options.states.as_slice() { Some(*state) } else { None };
    while more {
        let results = job.results_after(state, after)?;
        more = results.last().is_some_and(|last| last.row.number > after);
        after = results.last().map_or(after, |last| last.row.number);
        for result in results.into_iter().filter(|result| options.takes(result.row.state)) {
            take(result)?;
        }
    }
    Ok(())
}

pub(super) fn fault(field: &str, code: Code, message: &str) -> Error {
    Error::Validation { fields: vec![FieldError::new(field, code, message)] }
}

/// An error of writing a result.
pub(super) fn unwritable(path: &Path, error: impl std::fmt::Display) -> Error {
    let message = format!("cannot write {}: {error}", path.display());
    Error::JobFile { message, path: path.to_owned() }
}

/// Writes a file beside its place and gives it its name when it is whole.
pub(super) fn whole(
    path: &Path,
    write: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut beside = OsString::from(path);
    beside.push("-writing");
    let beside = PathBuf::from(beside);
    let written = write(&beside)
        .and_then(|()| fs::rename(&beside, path).map_err(|error| unwritable(path, error)));
    if written.is_err() {
        fs::remove_file(&beside).ok();
    }
    written
}
