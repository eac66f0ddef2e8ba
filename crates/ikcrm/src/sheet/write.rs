//! Writes a job's result: the rows as they were given, and what became of them.

use std::fs;
use std::path::{Path, PathBuf};

use super::output::fault;
use super::sniff::FileKind;
use super::write_options::WriteOptions;
use crate::error::{Error, FieldErrorCode as Code};
use crate::job::UpdateJob;

impl UpdateJob {
    /// Writes the rows of the job to an `.xlsx` or `.csv` file: the columns as they were given, then
    /// the row's state, a message, what changes, and when it was sent. Tells which files it wrote.
    ///
    /// It works on a plan, too, before anything is sent: look at it, and then apply the job.
    ///
    /// # Errors
    ///
    /// [`Error::Validation`] when the options or the name do not fit; [`Error::JobFile`] when the job
    /// cannot be read or the file cannot be written.
    pub fn write(
        &self,
        path: impl AsRef<Path>,
        options: &WriteOptions,
    ) -> Result<Vec<PathBuf>, Error> {
        let path = path.as_ref();
        options.check()?;
        self.check_target(path)?;
        match FileKind::of_name(path)? {
            FileKind::Text { .. } if cfg!(not(feature = "csv")) => Err(no("csv")),
            FileKind::Xlsx if cfg!(not(feature = "xlsx")) => Err(no("xlsx")),
            #[cfg(feature = "csv")]
            FileKind::Text { tabs } if options.split => {
                super::write_csv::three(self, path, tabs, options)
            }
            #[cfg(feature = "csv")]
            FileKind::Text { tabs } => {
                let done = super::write_csv::one(self, path, tabs, options, &|_| true);
                done.map(|()| vec![path.to_owned()])
            }
            #[cfg(feature = "xlsx")]
            FileKind::Xlsx if !options.split => {
                super::write_xlsx::write(self, path, options).map(|()| vec![path.to_owned()])
            }
            FileKind::Xlsx => {
                let message =
                    "works only for .csv files; an .xlsx file has a filter for the states";
                Err(fault("split", Code::Conflict, message))
            }
            _ => Err(fault("path", Code::Format, "must end in .xlsx, .csv or .tsv")),
        }
    }

    /// Refuses to write over the sheet that the rows came from, and over the job.
    fn check_target(&self, path: &Path) -> Result<(), Error> {
        let source = self.source()?.map(PathBuf::from);
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let is = |other: &Path| fs::canonicalize(other).is_ok_and(|other| other == target);
        if source.as_deref().is_some_and(is) {
            let message = "is the sheet that the rows came from; give another name";
            return Err(fault("path", Code::Conflict, message));
        }
        Ok(())
    }
}

#[cfg(not(all(feature = "csv", feature = "xlsx")))]
fn no(feature: &str) -> Error {
    fault("path", Code::Format, &format!("needs the feature `{feature}` of ikcrm"))
}

#[cfg(all(feature = "csv", feature = "xlsx"))]
fn no(_: &str) -> Error {
    fault("path", Code::Format, "cannot be written")
}
