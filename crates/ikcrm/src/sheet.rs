//! Sheets: rows of a job from files and tables, and a job's results back into files.

mod face;
mod write;
#[cfg(feature = "xlsx")]
mod write_xlsx;
#[cfg(feature = "csv")]
mod write_csv;
mod output;
mod rows;
#[cfg(feature = "xlsx")]
mod workbook;
#[cfg(feature = "xlsx")]
mod guard;
#[cfg(feature = "xlsx")]
mod guard_ods;
#[cfg(feature = "xlsx")]
mod guard_xls;
#[cfg(feature = "xlsx")]
mod compound;
#[cfg(feature = "xlsx")]
mod weight;
#[cfg(feature = "csv")]
mod text;
#[cfg(feature = "csv")]
mod encoding;
mod sniff;
mod file;
mod header;
mod result;
mod cells;
mod line;
mod options;
mod write_options;

#[cfg(all(feature = "fuzzing", feature = "csv", feature = "xlsx"))]
pub(crate) use face::rows_of;
pub use options::{SHEET_OPTIONS, SheetOptions};
pub use write_options::{Language, WRITE_OPTIONS, WriteOptions};
