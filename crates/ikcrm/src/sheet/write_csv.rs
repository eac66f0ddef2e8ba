//! Results as `.csv`: UTF-8 with a BOM, so that Excel reads Chinese.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::output::{each_result, unwritable, whole};
use super::result;
use super::write_options::WriteOptions;
use crate::error::Error;
use crate::job::{JobResult, RowState, UpdateJob};

/// Which rows go into a file.
pub(super) type Chosen<'c> = &'c dyn Fn(RowState) -> bool;

/// Writes three files: what is done, what is wrong, and what is still to be done.
pub(super) fn three(
    job: &UpdateJob,
    path: &Path,
    tabs: bool,
    options: &WriteOptions,
) -> Result<Vec<PathBuf>, Error> {
    let groups: [(&str, Chosen<'_>); 3] = [
        ("-done", &|state| state.is_ok()),
        ("-wrong", &|state| !state.is_ok() && !state.is_open()),
        ("-open", &|state| state.is_open()),
    ];
    let mut paths = Vec::new();
    for (end, chosen) in groups {
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(end);
        name.push(".");
        name.push(path.extension().unwrap_or_default());
        let file = path.with_file_name(name);
        one(job, &file, tabs, options, chosen)?;
        paths.push(file);
    }
    Ok(paths)
}

/// Writes one file.
pub(super) fn one(
    job: &UpdateJob,
    path: &Path,
    tabs: bool,
    options: &WriteOptions,
    chosen: Chosen<'_>,
) -> Result<(), Error> {
    let columns = job.columns()?;
    whole(path, |beside| {
        let failed = |error: &dyn std::fmt::Display| unwritable(path, error);
        let mut file = BufWriter::new(File::create(beside).map_err(|error| failed(&error))?);
        file.write_all(b"\xef\xbb\xbf").map_err(|error| failed(&error))?;
        let delimiter = if tabs { b'\t' } else { b',' };
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(file);
        let headers = columns.iter().map(String::as_str).chain(result::headers(options.language));
        writer.write_record(headers).map_err(|error| failed(&error))?;
        each_result(job, options, |row| {
            if !chosen(row.row.state) {
                return Ok(());
            }
            let record = record(&row, columns.len(), options);
            writer.write_record(record).map_err(|error| failed(&error))
        })?;
        writer.flush().map_err(|error| failed(&error))
    })
}

fn record(row: &JobResult, width: usize, options: &WriteOptions) -> Vec<String> {
    let given = row.cells.iter().map(text).chain(std::iter::repeat_with(String::new)).take(width);
    given.chain(result::cells(row, options.language).map(harmless)).collect()
}

/// A cell as text.
fn text(cell: &Json) -> String {
    match cell {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Object(date) => {
            date.values().filter_map(Json::as_str).collect::<String>().replace('T', " ")
        }
        other => other.to_string(),
    }
}

/// What others wrote is no formula for Excel.
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}
