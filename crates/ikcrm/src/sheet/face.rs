//! The calls of a client that take sheets and tables.

use std::path::Path;

use super::file::SheetFile;
use super::line::{Line, Lines, Raw};
use super::options::SheetOptions;
use super::rows::SheetRows;
use super::sniff::{self, FileKind};
use crate::client::Client;
use crate::error::Error;
#[cfg(not(all(feature = "csv", feature = "xlsx")))]
use crate::error::FieldErrorCode as Code;
#[cfg(all(feature = "fuzzing", feature = "csv", feature = "xlsx"))]
use crate::job::Place;
use crate::job::{Cell, PlanOptions, UpdateJob};
#[cfg(all(feature = "fuzzing", feature = "csv", feature = "xlsx"))]
use crate::request::CustomFields;
use crate::sync::Cancel;

impl Client {
    /// Plans updates of the rows of a sheet, as [`plan_updates`](Self::plan_updates) does: an `.xlsx`,
    /// `.xls`, `.ods`, `.csv` or `.tsv` file.
    ///
    /// Columns are known by the names of fields, by their names on the CRM's page (`销售阶段`), or by
    /// the labels of custom fields. Any other column is an error, unless
    /// [`columns`](PlanOptions::columns) names those to use.
    ///
    /// ```no_run
    /// # let client = ikcrm::Client::builder().token("the open-API token").build()?;
    /// use ikcrm::{ApplyOptions, PlanOptions, SheetOptions, WriteOptions};
    ///
    /// let plan = PlanOptions::new().job("q3.job");
    /// let mut job = client.plan_updates_of_sheet("q3.xlsx", &SheetOptions::new(), plan)?;
    /// job.write("q3-plan.xlsx", &WriteOptions::new())?; // look at it
    /// client.apply_updates(&mut job, ApplyOptions::new())?;
    /// job.write("q3-result.xlsx", &WriteOptions::new())?;
    /// # Ok::<(), ikcrm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Validation`] when the file or its columns are not as they must be, with the place as
    /// Excel shows it; and as [`plan_updates`](Self::plan_updates).
    pub fn plan_updates_of_sheet(
        &self,
        path: impl AsRef<Path>,
        sheet: &SheetOptions,
        plan: PlanOptions<'_>,
    ) -> Result<UpdateJob, Error> {
        let path = path.as_ref();
        sheet.check()?;
        let cancel = plan.call.cancel.clone();
        let mut plan = Some(plan.source(path));
        with_lines(path, cancel.as_ref(), sheet, &mut |name, lines| {
            let mut plan = plan.take().unwrap_or_default();
            let call = plan.call.clone();
            let mut custom = || self.custom_fields(&call);
            let mut rows = SheetRows::of_sheet(name, lines, sheet, &mut plan, &mut custom)?;
            self.plan_updates_from(&mut rows, plan)
        })
    }

    /// Plans updates of the rows of a table, such as a data frame: the names of its columns, and rows
    /// with a cell for each. Cells are read as those of a sheet.
    ///
    /// # Errors
    ///
    /// As [`plan_updates_of_sheet`](Self::plan_updates_of_sheet), and what the rows fail with.
    pub fn plan_updates_of_table(
        &self,
        names: Vec<String>,
        rows: &mut dyn Iterator<Item = Result<Vec<Cell>, Error>>,
        sheet: &SheetOptions,
        mut plan: PlanOptions<'_>,
    ) -> Result<UpdateJob, Error> {
        sheet.check()?;
        let line = |(number, cells): (u64, Result<Vec<Cell>, Error>)| {
            Ok(Line { number, cells: cells?.into_iter().map(Raw::from).collect() })
        };
        let mut lines = (1..).zip(rows).map(line);
        let call = plan.call.clone();
        let mut custom = || self.custom_fields(&call);
        let mut rows = SheetRows::of_table(names, &mut lines, sheet, &mut plan, &mut custom)?;
        self.plan_updates_from(&mut rows, plan)
    }
}

/// What is done with the lines of a sheet of this name.
type Work<'w, T> = &'w mut dyn FnMut(&str, &mut Lines<'_>) -> Result<T, Error>;

/// Works with the lines of a file, until that is cancelled.
fn with_lines<T>(
    path: &Path,
    cancel: Option<&Cancel>,
    options: &SheetOptions,
    work: Work<'_, T>,
) -> Result<T, Error> {
    let worked = sniff::open(path, cancel)
        .and_then(|(file, kind)| with_lines_of(file, kind, path, options, work));
    match worked {
        // A file that cannot be read to its end says nothing of its rows.
        Err(Error::Validation { .. }) if cancel.is_some_and(Cancel::is_cancelled) => {
            Err(Error::cancelled(false))
        }
        worked => worked,
    }
}

fn with_lines_of<T>(
    file: SheetFile,
    kind: FileKind,
    path: &Path,
    options: &SheetOptions,
    work: Work<'_, T>,
) -> Result<T, Error> {
    match kind {
        #[cfg(feature = "csv")]
        FileKind::Text { tabs } => {
            options.without("a text file", &["sheet"])?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            work(&stem, &mut super::text::open(file, path, tabs, options)?)
        }
        #[cfg(feature = "xlsx")]
        FileKind::Xlsx | FileKind::Xls | FileKind::Ods => {
            super::workbook::with_lines(file, path, kind, options, work)
        }
        #[cfg(not(all(feature = "csv", feature = "xlsx")))]
        _ => {
            let message = "needs the features `csv` or `xlsx` of ikcrm";
            Err(super::line::fault_at(sniff::name(path), Code::Format, message))
        }
    }
}

/// The rows of a file with their numbers, as they were given.
#[cfg(all(feature = "fuzzing", feature = "csv", feature = "xlsx"))]
pub(crate) fn rows_of(
    path: &Path,
    options: &SheetOptions,
) -> Result<Vec<(u64, Vec<serde_json::Value>)>, Error> {
    with_lines(path, None, options, &mut |name, lines| {
        let (mut plan, mut custom) = (PlanOptions::new(), || Ok(CustomFields([].into())));
        let rows = SheetRows::of_sheet(name, lines, options, &mut plan, &mut custom)?;
        let number = |place: &Place| place.row;
        rows.map(|row| {
            let row = row?;
            Ok((
                row.place.as_ref().map(number).unwrap_or_default(),
                row.original.unwrap_or_default(),
            ))
        })
        .collect()
    })
}
